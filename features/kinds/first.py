"""Hours from the first event to the cutoff; missing when there is none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from features.instants import HOUR
from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    places = [(setting.group[f.of or ""], 0) for f in features]
    return Layout(cells=len(setting.group), places=places, initial=math.nan)


def update(memory: Any, numbers: Any, event: Any) -> None:
    if math.isnan(memory[event.slot]):
        memory[event.slot] = event.age


def settle(memory: Any, numbers: Any, groups: Any) -> None:
    for g in range(len(groups.start) - 1):
        total = groups.n_slots + g
        for m in range(groups.start[g], groups.start[g + 1]):
            memory[total] = np.fmax(memory[total], memory[groups.members[m]])


def finish(memory: Any, numbers: Any, lead_age: float, cell: int, _: int) -> float:
    return memory[cell] / HOUR


def reference(seen: Seen, feature: Feature) -> float:
    ages = [event.age for event in seen.of(feature.of)]
    return max(ages) / HOUR if ages else math.nan


KIND = Kind(
    name="first",
    per="group",
    choices={"": Choice("hours", math.nan)},
    lay_out=lay_out,
    update=update,
    settle=settle,
    finish=finish,
    reference=reference,
    slim=True,
)
