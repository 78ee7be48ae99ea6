"""Hours from the creation of the lead to the cutoff; missing when its creation is not known."""

from __future__ import annotations

import math

from features.instants import HOUR
from features.kinds.kind import Kind, Seen


def reference(seen: Seen, _: int | None) -> float:
    return math.nan if seen.lead_age is None else seen.lead_age / HOUR


KIND = Kind(
    "age", per_group=False, parameter=None, unit="hours", empty=math.nan, reference=reference
)
