"""Share of the lead's acts that are inbound, in [0, 1]; missing without acts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    inbound = set(setting.plan.inbound)
    flags = [float(name in inbound) for name in setting.plan.known_types]
    return Layout(cells=2, places=[(0, 0)] * len(features), numbers=flags)


def update(memory: Any, inbound: Any, event: Any) -> None:
    memory[0] += 1.0
    memory[1] += inbound[event.type]


def finish(memory: Any, inbound: Any, lead_age: float, _a: int, _b: int) -> float:
    return memory[1] / memory[0] if memory[0] > 0.0 else math.nan


def reference(seen: Seen, feature: Feature) -> float:
    inbound = [event.type in seen.plan.inbound for event in seen.acts]
    return sum(inbound) / len(inbound) if inbound else math.nan


KIND = Kind(
    name="inbound",
    per="lead",
    choices={"": Choice("share", math.nan)},
    lay_out=lay_out,
    update=update,
    finish=finish,
    reference=reference,
    source="acts",
)
