"""Days with an act of the lead, of the days (24 hours each, back from the cutoff) of a window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from features.instants import DAY
from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    """Cells: the day last seen and its bucket, then the days by the bucket of their latest act."""
    places = [(2 + setting.window(f.parameter), 0) for f in features]
    return Layout(cells=2 + len(setting.windows), places=places)


def update(memory: Any, numbers: Any, event: Any) -> None:
    day = np.uint64(event.age) // np.uint64(DAY) + 1.0
    if memory[0] == day:
        memory[2 + int(memory[1])] -= 1.0
    memory[0] = day
    memory[1] = event.bucket
    memory[2 + event.bucket] += 1.0


def settle(memory: Any, numbers: Any, groups: Any) -> None:
    for cell in range(3, len(memory)):
        memory[cell] += memory[cell - 1]


def finish(memory: Any, numbers: Any, lead_age: float, cell: int, _: int) -> float:
    return memory[cell]


def reference(seen: Seen, feature: Feature) -> float:
    window = feature.parameter
    return float(len({e.age // DAY for e in seen.acts if window is None or e.age < window}))


KIND = Kind(
    name="active",
    per="lead",
    choices={"": Choice("days", 0.0)},
    takes="window",
    lay_out=lay_out,
    update=update,
    settle=settle,
    finish=finish,
    reference=reference,
    source="acts",
)
