"""Events counted with weight 2^(-age / half-life): one event now is 1, one a half-life old is 1/2."""

from __future__ import annotations

import math

from features.kinds.kind import Kind, Seen


def reference(seen: Seen, half_life: int | None) -> float:
    assert half_life is not None
    return sum(math.exp(-math.log(2.0) / half_life * age) for age in seen.ages)


KIND = Kind(
    "decay", per_group=True, parameter="half_life", unit="events", empty=0.0, reference=reference
)
