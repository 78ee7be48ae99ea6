"""Families of behavioural features: what of a lead's behaviour each group of kinds looks at.

A family is a name and its lines of the feature catalogue. Which of them a playbook gets that lists
none is not a matter of taste: `training.worth` measures what each adds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

BASE = "counts"
"""The family without which there is no other: how much, how lately, for how long."""

FAMILIES: Mapping[str, tuple[str, ...]] = {
    BASE: ("count 1d 7d 30d 90d ever", "decay 3d 14d 45d", "recency", "age"),
    "momentum": ("first", "share", "momentum"),
    "rhythm": ("active 7d 30d 90d", "gap", "burst 1h 1d"),
    "sessions": ("session",),
    "channels": ("channel", "content", "inbound"),
    "value": ("value 30d 90d ever",),
    "clock": ("clock",),
    "journey": ("journey", "step"),
    "order": ("recent", "bigram"),
    "responses": ("response rate",),
    "changes": ("changed",),
    "account": ("account 30d ever",),
}
"""Every family with its catalogue lines; each kind of feature is in exactly one of them."""

DEFAULT = (BASE, "momentum", "sessions", "clock", "order", "responses", "account")
"""Those of a playbook that lists no catalogue: what `training.worth.choosing` chose."""


def lines_of(families: Iterable[str]) -> tuple[str, ...]:
    """The catalogue lines of some families, in the order of `FAMILIES`.

    Examples
    --------
    >>> lines_of(["journey", "sessions"])
    ('session', 'journey', 'step')
    """
    asked = set(families)
    return tuple(line for name, lines in FAMILIES.items() if name in asked for line in lines)


def family_of(line: str) -> str:
    """The family of the kind that a catalogue line begins with.

    Examples
    --------
    >>> family_of("count 1h")
    'counts'
    """
    kind = line.split(maxsplit=1)[0]
    return next(name for name, lines in FAMILIES.items() if kind in kinds_of(lines))


def kinds_of(lines: Sequence[str]) -> tuple[str, ...]:
    """The kinds that catalogue lines begin with, each once."""
    return tuple(dict.fromkeys(line.split()[0] for line in lines))
