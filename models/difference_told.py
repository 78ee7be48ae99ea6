"""What two playbooks say differently, as plain values and for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from models.playbook.difference import Difference
from models.wording import texts


def difference_json(difference: Difference) -> dict[str, Any]:
    """A difference as plain values."""
    return {
        "kind": difference.kind,
        "key": difference.key,
        "old": difference.old,
        "new": difference.new,
        "effect": difference.effect,
    }


def print_difference(console: Console, difference: Difference, lang: str) -> None:
    """Print what is said otherwise: what, from what to what, and when it takes effect."""
    words = texts(lang)["playbook"]
    kind, effect = words[f"kind.{difference.kind}"], words[f"effect.{difference.effect}"]
    said = words["difference"].format(kind=kind, key=difference.key, effect=effect)
    console.print(f"  {said}")
    if difference.kind in ("changed", "order"):
        old, new = (text or words["not_said"] for text in (difference.old, difference.new))
        if len(old) + len(new) < 90:
            console.print(f"      {old} → {new}")
        else:
            console.print(f"      {old}\n    → {new}")
    else:
        console.print(f"      {difference.new or difference.old}")
