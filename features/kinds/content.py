"""How many different contents (pages, mails, webinars) the lead's acts were about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from features.kinds.folding import is_new
from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    return Layout(cells=2, places=[(0, 0)] * len(features))


def update(memory: Any, numbers: Any, event: Any) -> None:
    if event.content >= 0 and is_new(memory, 1, event.content):
        memory[0] += 1.0


def finish(memory: Any, numbers: Any, lead_age: float, _a: int, _b: int) -> float:
    return memory[0]


def reference(seen: Seen, feature: Feature) -> float:
    return float(len({event.content for event in seen.acts if event.content}))


KIND = Kind(
    name="content",
    per="lead",
    choices={"": Choice("contents", 0.0)},
    lay_out=lay_out,
    update=update,
    finish=finish,
    reference=reference,
    source="acts",
    per_event=2,
)
