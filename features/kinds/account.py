"""What colleagues of the lead, people of the same account, did in ``(cutoff - window, cutoff]``.

How many of them acted, how often, the furthest step of the journey that one reached, and how many
converted: reached the step that is predicted, or a later one, which ``plan.steps`` does not have.
Missing where colleagues' events were not given; the step also where nobody reached one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from features.kinds.folding import replace
from features.kinds.journey import steps
from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature, Plan

_CHOICES = ("events", "people", "converted", "step")
_BEYOND = math.inf
"""The step of events that reach one which ``plan.steps`` does not have."""


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    """Cells by bucket: acts; people, by the bucket of their latest act; those who converted, likewise;
    the furthest step. Then who was seen to act or to convert."""
    width = len(setting.windows)
    return Layout(
        cells=4 * width,
        places=[
            (_CHOICES.index(f.choice) * width + setting.window(f.parameter), 0) for f in features
        ],
        numbers=[float(width), *_steps(setting.plan)],
    )


def _steps(plan: Plan) -> list[float]:
    """The step that each known type reaches, counted from 1: 0 for none."""
    beyond = {name for name, step in plan.step_of_type.items() if step not in plan.steps}
    return [
        _BEYOND if name in beyond else step
        for name, step in zip(plan.known_types, steps(plan), strict=True)
    ]


def update(memory: Any, numbers: Any, event: Any) -> None:
    width, step = int(numbers[0]), numbers[1 + event.type]
    if not event.by_us:
        memory[event.bucket] += 1.0
        # The bucket of the colleague's act before this one, if any: it counts once, by its latest.
        before = replace(memory, 4 * width, 2 * event.who, event.bucket)
        if before >= 0:
            memory[width + int(before)] -= 1.0
        memory[width + event.bucket] += 1.0
    if step == _BEYOND:
        before = replace(memory, 4 * width, 2 * event.who + 1, event.bucket)
        if before >= 0:
            memory[2 * width + int(before)] -= 1.0
        memory[2 * width + event.bucket] += 1.0
    else:
        cell = 3 * width + event.bucket
        memory[cell] = max(memory[cell], step)


def settle(memory: Any, numbers: Any, groups: Any) -> None:
    width = int(numbers[0])
    for place in range(1, width):
        for sums in range(0, 3 * width, width):
            memory[sums + place] += memory[sums + place - 1]
        memory[3 * width + place] = max(memory[3 * width + place], memory[3 * width + place - 1])


def finish(memory: Any, numbers: Any, lead_age: float, cell: int, _: int) -> float:
    if cell >= 3 * numbers[0] and memory[cell] == 0.0:
        return math.nan
    return memory[cell]


def reference(seen: Seen, feature: Feature) -> float:
    window = feature.parameter
    inside = [event for event in seen.colleagues if window is None or event.age < window]
    if feature.choice == "events":
        return float(sum(not event.by_us for event in inside))
    if feature.choice == "people":
        return float(len({event.who for event in inside if not event.by_us}))
    step_of = dict(zip(seen.plan.known_types, _steps(seen.plan), strict=True))
    if feature.choice == "converted":
        return float(len({event.who for event in inside if step_of[event.type] == _BEYOND}))
    reached = [step_of[event.type] for event in inside if step_of[event.type] < _BEYOND]
    return max(reached, default=0.0) or math.nan


KIND = Kind(
    name="account",
    per="lead",
    choices={
        "people": Choice("people", 0.0),
        "events": Choice("events", 0.0),
        "step": Choice("step", math.nan),
        "converted": Choice("people", 0.0),
    },
    takes="window",
    lay_out=lay_out,
    update=update,
    settle=settle,
    finish=finish,
    reference=reference,
    source="colleagues",
    per_event=6,
)
