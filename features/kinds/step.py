"""Whether a step of the journey was seen: 1 or 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from features.kinds.journey import steps
from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    cell = {name: number for number, name in enumerate(setting.plan.steps, 1)}
    return Layout(
        cells=1 + len(cell),
        places=[(cell[f.of or ""], 0) for f in features],
        numbers=steps(setting.plan),
    )


def update(memory: Any, step_of: Any, event: Any) -> None:
    memory[int(step_of[event.type])] = 1.0


def finish(memory: Any, step_of: Any, lead_age: float, cell: int, _: int) -> float:
    return memory[cell]


def reference(seen: Seen, feature: Feature) -> float:
    return float(any(seen.plan.step_of_type.get(e.type) == feature.of for e in seen.events))


KIND = Kind(
    name="step",
    per="step",
    choices={"": Choice("yes or no", 0.0)},
    lay_out=lay_out,
    update=update,
    finish=finish,
    reference=reference,
    slim=True,
)
