"""Changes of a tracked attribute by the cutoff: hours since the last one, and how many there were.

Missing where changes are not known, and hours also where there was none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from features.instants import HOUR
from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    names = setting.plan.tracked
    return Layout(
        cells=2 * len(names),
        places=[(2 * names.index(f.of or ""), int(f.choice == "count")) for f in features],
    )


def update(memory: Any, numbers: Any, change: Any) -> None:
    memory[2 * change.type] = change.age
    memory[2 * change.type + 1] += 1.0


def finish(memory: Any, numbers: Any, lead_age: float, cell: int, count: int) -> float:
    if count == 1:
        return memory[cell + 1]
    return memory[cell] / HOUR if memory[cell + 1] > 0.0 else math.nan


def reference(seen: Seen, feature: Feature) -> float:
    ages = [change.age for change in seen.changes if change.type == feature.of]
    if feature.choice == "count":
        return float(len(ages))
    return ages[-1] / HOUR if ages else math.nan


KIND = Kind(
    name="changed",
    per="attribute",
    choices={
        "hours": Choice("hours", math.nan),
        "count": Choice("changes", 0.0),
    },
    lay_out=lay_out,
    update=update,
    finish=finish,
    reference=reference,
    source="changes",
)
