"""The types of the lead's last five acts, ``1`` being the last: codes, missing where there were fewer.

Code 1 is the first of ``plan.event_types``; all rarer types share the last code."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature

_PLACES = ("1", "2", "3", "4", "5")
_RING = 8
"""Cells that acts take in turn: a power of two, and enough."""


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    return Layout(
        cells=_RING + 1,
        places=[(int(f.choice), 0) for f in features],
        numbers=[len(setting.plan.event_types) + 1.0],
    )


def update(memory: Any, rare: Any, event: Any) -> None:
    memory[event.nth & (_RING - 1)] = event.slot
    memory[_RING] = event.nth + 1.0


def finish(memory: Any, rare: Any, lead_age: float, place: int, _: int) -> float:
    n = int(memory[_RING])
    return min(memory[(n - place) & (_RING - 1)] + 1.0, rare[0]) if place <= n else math.nan


def reference(seen: Seen, feature: Feature) -> float:
    types = seen.plan.event_types
    codes = [types.index(e.type) if e.type in types else len(types) for e in seen.acts]
    place = int(feature.choice)
    return codes[-place] + 1.0 if place <= len(codes) else math.nan


KIND = Kind(
    name="recent",
    per="lead",
    choices={
        "1": Choice("type", math.nan),
        "2": Choice("type", math.nan),
        "3": Choice("type", math.nan),
        "4": Choice("type", math.nan),
        "5": Choice("type", math.nan),
    },
    lay_out=lay_out,
    update=update,
    finish=finish,
    reference=reference,
    source="acts",
)
