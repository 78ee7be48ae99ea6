"""Hours from the last event to the cutoff; missing when there is none."""

from __future__ import annotations

import math

from features.instants import HOUR
from features.kinds.kind import Kind, Seen


def reference(seen: Seen, _: int | None) -> float:
    return min(seen.ages) / HOUR if seen.ages else math.nan


KIND = Kind(
    "recency", per_group=True, parameter=None, unit="hours", empty=math.nan, reference=reference
)
