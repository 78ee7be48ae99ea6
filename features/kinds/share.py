"""Share of the lead's events that are of this group, in [0, 1]; missing when there is no event."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from features.groups import ANY
from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    width, ever = len(setting.windows), len(setting.windows) - 1
    total = setting.group.get(ANY, 0) * width + ever
    return Layout(
        cells=len(setting.group) * width,
        places=[(setting.group[f.of or ""] * width + ever, total) for f in features],
    )


def finish(memory: Any, numbers: Any, lead_age: float, cell: int, total: int) -> float:
    return memory[cell] / memory[total] if memory[total] > 0.0 else math.nan


def reference(seen: Seen, feature: Feature) -> float:
    return len(seen.of(feature.of)) / len(seen.events) if seen.events else math.nan


KIND = Kind(
    name="share",
    per="group",
    choices={"": Choice("share", math.nan)},
    lay_out=lay_out,
    finish=finish,
    reference=reference,
    slim=True,
    shares="count",
    beside_all=True,
)
