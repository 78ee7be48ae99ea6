"""Hours from the creation of the lead to the cutoff; missing when its creation is not known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from features.instants import HOUR
from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    return Layout(cells=0, places=[(0, 0)] * len(features))


def finish(memory: Any, numbers: Any, lead_age: float, _a: int, _b: int) -> float:
    return lead_age / HOUR


def reference(seen: Seen, feature: Feature) -> float:
    return math.nan if seen.lead_age is None else seen.lead_age / HOUR


KIND = Kind(
    name="age",
    per="lead",
    choices={"": Choice("hours", math.nan)},
    lay_out=lay_out,
    finish=finish,
    reference=reference,
    slim=True,
)
