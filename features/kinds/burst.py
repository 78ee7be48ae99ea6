"""Acts of the lead, of any type, in ``(cutoff - window, cutoff]``: bursts show in the shortest windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from features.kinds.folding import accumulate
from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    places = [(setting.window(f.parameter), 0) for f in features]
    return Layout(cells=len(setting.windows), places=places)


def update(memory: Any, numbers: Any, event: Any) -> None:
    memory[event.bucket] += 1.0


def settle(memory: Any, numbers: Any, groups: Any) -> None:
    accumulate(memory, 1, len(memory))


def finish(memory: Any, numbers: Any, lead_age: float, cell: int, _: int) -> float:
    return memory[cell]


def reference(seen: Seen, feature: Feature) -> float:
    window = feature.parameter
    return float(sum(window is None or event.age < window for event in seen.acts))


KIND = Kind(
    name="burst",
    per="lead",
    choices={"": Choice("events", 0.0)},
    takes="window",
    lay_out=lay_out,
    update=update,
    settle=settle,
    finish=finish,
    reference=reference,
    source="acts",
)
