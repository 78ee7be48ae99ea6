"""What is odd about a playbook that can be read: where, how much it matters, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from models.playbook.lines import Path

Level = Literal["wrong", "likely a mistake", "note"]
"""``wrong``: refused. ``likely a mistake``: readable, and hardly meant. ``note``: good to know."""


@dataclass(frozen=True)
class Finding:
    """Something odd at one key.

    Attributes
    ----------
    level : Level
    path : tuple of str and int
        The key, from the top of the playbook.
    what : str
        The name of its text in ``[playbook.findings]`` of the files of texts.
    facts : dict
        What the text says, by the names of its braces: text, numbers, or lists of texts.
    """

    level: Level
    path: Path
    what: str
    facts: dict[str, Any] = field(default_factory=dict)


def mistake(path: Path, what: str, **facts: Any) -> Finding:
    """Something that is hardly meant."""
    return Finding("likely a mistake", path, what, facts)


def note(path: Path, what: str, **facts: Any) -> Finding:
    """Something that is good to know."""
    return Finding("note", path, what, facts)


def mistakes(findings: Iterable[Finding]) -> list[Finding]:
    """Those that are hardly meant."""
    return [finding for finding in findings if finding.level == "likely a mistake"]
