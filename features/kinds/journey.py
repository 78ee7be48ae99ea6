"""Where a lead is on the journey: the furthest step, the current one, steps back, hours in the step.

A step is current from the first of the events that reached it without another step between. Steps are
counted from 1; missing before the first of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from features.instants import HOUR
from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature, Plan

_CHOICES = ("furthest", "current", "back", "hours")
_OF_FURTHEST, _OF_CURRENT, _OF_BACK, _OF_HOURS = range(4)
_FURTHEST, _CURRENT, _BACK, _SINCE = range(4)


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    return Layout(
        cells=4,
        places=[(_CHOICES.index(f.choice), 0) for f in features],
        numbers=steps(setting.plan),
    )


def steps(plan: Plan) -> list[float]:
    """The step, counted from 1, that each known type reaches; 0 for none."""
    place = {name: float(number) for number, name in enumerate(plan.steps, 1)}
    return [place.get(plan.step_of_type.get(name, ""), 0.0) for name in plan.known_types]


def update(memory: Any, step_of: Any, event: Any) -> None:
    step = step_of[event.type]
    if step == 0.0 or step == memory[_CURRENT]:
        return
    if step < memory[_CURRENT]:
        memory[_BACK] += 1.0
    memory[_FURTHEST] = max(memory[_FURTHEST], step)
    memory[_CURRENT] = step
    memory[_SINCE] = event.age


def finish(memory: Any, step_of: Any, lead_age: float, choice: int, _: int) -> float:
    if choice == _OF_BACK:
        return memory[_BACK]
    if memory[_CURRENT] == 0.0:
        return math.nan
    if choice == _OF_HOURS:
        return memory[_SINCE] / HOUR
    return memory[_FURTHEST if choice == _OF_FURTHEST else _CURRENT]


def reference(seen: Seen, feature: Feature) -> float:
    step_of = dict(zip(seen.plan.known_types, steps(seen.plan), strict=True))
    path = [(step_of[event.type], event.age) for event in seen.events if step_of[event.type]]
    runs = [next(run) for _, run in groupby(path, key=itemgetter(0))]
    if feature.choice == "back":
        return float(sum(after[0] < before[0] for before, after in pairwise(runs)))
    if not runs:
        return math.nan
    if feature.choice == "furthest":
        return max(step for step, _ in runs)
    return runs[-1][0] if feature.choice == "current" else runs[-1][1] / HOUR


KIND = Kind(
    name="journey",
    per="lead",
    choices={
        "furthest": Choice("step", math.nan),
        "current": Choice("step", math.nan),
        "back": Choice("steps", 0.0),
        "hours": Choice("hours", math.nan),
    },
    lay_out=lay_out,
    update=update,
    finish=finish,
    reference=reference,
    slim=True,
)
