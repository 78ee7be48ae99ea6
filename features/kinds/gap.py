"""Hours between acts of the lead: the longest and mean pause, their spread, and the pause now.

The spread is the standard deviation of the pauses (Welford's running form, 1962)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

from features.instants import HOUR
from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature

_CHOICES = ("current", "longest", "mean", "spread")
_OF_CURRENT, _OF_LONGEST, _OF_MEAN, _OF_SPREAD = range(4)
_AGE, _LONGEST, _N, _MEAN, _SQUARES = range(5)


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    return Layout(cells=5, places=[(_CHOICES.index(f.choice), 0) for f in features])


def update(memory: Any, numbers: Any, event: Any) -> None:
    memory[_AGE] = event.age + 1.0
    if event.pause >= 0.0:
        gap = event.pause / HOUR
        memory[_N] += 1.0
        off = gap - memory[_MEAN]
        memory[_LONGEST] = max(memory[_LONGEST], gap)
        memory[_MEAN] += off / memory[_N]
        memory[_SQUARES] += off * (gap - memory[_MEAN])


def finish(memory: Any, numbers: Any, lead_age: float, choice: int, _: int) -> float:
    if choice == _OF_CURRENT:
        return (memory[_AGE] - 1.0) / HOUR if memory[_AGE] > 0.0 else math.nan
    if memory[_N] == 0.0:
        return math.nan
    if choice == _OF_LONGEST:
        return memory[_LONGEST]
    if choice == _OF_MEAN:
        return memory[_MEAN]
    return math.sqrt(memory[_SQUARES] / memory[_N])


def reference(seen: Seen, feature: Feature) -> float:
    ages = [event.age for event in seen.acts]
    if feature.choice == "current":
        return min(ages) / HOUR if ages else math.nan
    gaps = [(before - after) / HOUR for before, after in pairwise(ages)]
    if not gaps:
        return math.nan
    if feature.choice == "longest":
        return max(gaps)
    return fmean(gaps) if feature.choice == "mean" else pstdev(gaps)


KIND = Kind(
    name="gap",
    per="lead",
    choices={
        "current": Choice("hours", math.nan),
        "longest": Choice("hours", math.nan),
        "mean": Choice("hours", math.nan),
        "spread": Choice("hours", math.nan),
    },
    lay_out=lay_out,
    update=update,
    finish=finish,
    reference=reference,
    source="acts",
)
