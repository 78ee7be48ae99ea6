"""How many events lie in ``(cutoff - window, cutoff]``; without a window, how many ever."""

from __future__ import annotations

from features.kinds.kind import Kind, Seen


def reference(seen: Seen, window: int | None) -> float:
    return float(sum(window is None or age < window for age in seen.ages))


KIND = Kind(
    "count", per_group=True, parameter="window", unit="events", empty=0.0, reference=reference
)
