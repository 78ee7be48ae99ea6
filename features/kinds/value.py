"""The values of the lead's events in ``(cutoff - window, cutoff]``: their sum, mean, largest and last."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature

LIMIT = 1e38
"""Larger values, either way, count as this one, so that sums stay finite."""
_CHOICES = ("sum", "mean", "max", "last")
_OF_SUM, _OF_MEAN, _OF_MAX, _OF_LAST = range(4)


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    """Cells by bucket: sums, how many, the largest; then the last value's bucket, and itself."""
    places = [(_CHOICES.index(f.choice), setting.window(f.parameter)) for f in features]
    return Layout(cells=3 * len(setting.windows) + 2, places=places, numbers=setting.windows)


def update(memory: Any, windows: Any, event: Any) -> None:
    if math.isnan(event.value):
        return
    width, value = len(windows), min(max(event.value, -LIMIT), LIMIT)
    count = memory[width + event.bucket]
    if count == 0.0 or value > memory[2 * width + event.bucket]:
        memory[2 * width + event.bucket] = value
    memory[event.bucket] += value
    memory[width + event.bucket] = count + 1.0
    memory[3 * width] = event.bucket + 1.0
    memory[3 * width + 1] = value


def settle(memory: Any, windows: Any, groups: Any) -> None:
    width = len(windows)
    for place in range(1, width):
        before, count = memory[width + place - 1], memory[width + place]
        largest = memory[2 * width + place - 1]
        if before > 0.0 and (count == 0.0 or largest > memory[2 * width + place]):
            memory[2 * width + place] = largest
        memory[place] += memory[place - 1]
        memory[width + place] = before + count


def finish(memory: Any, windows: Any, lead_age: float, choice: int, window: int) -> float:
    width = len(windows)
    if choice == _OF_SUM:
        return memory[window]
    if memory[width + window] == 0.0:
        return math.nan
    if choice == _OF_MEAN:
        return memory[window] / memory[width + window]
    return memory[2 * width + window] if choice == _OF_MAX else memory[3 * width + 1]


def reference(seen: Seen, feature: Feature) -> float:
    window = feature.parameter
    inside = [e.value for e in seen.events if window is None or e.age < window]
    values = [min(max(value, -LIMIT), LIMIT) for value in inside if not math.isnan(value)]
    if feature.choice == "sum":
        return math.fsum(values)
    if not values:
        return math.nan
    if feature.choice == "mean":
        return fmean(values)
    return max(values) if feature.choice == "max" else values[-1]


KIND = Kind(
    name="value",
    per="lead",
    choices={
        "sum": Choice("value", 0.0, grows=False),
        "mean": Choice("value", math.nan, grows=False),
        "max": Choice("value", math.nan),
        "last": Choice("value", math.nan, grows=False),
    },
    takes="window",
    lay_out=lay_out,
    update=update,
    settle=settle,
    finish=finish,
    reference=reference,
)
