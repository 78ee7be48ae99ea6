"""How many events lie in ``(cutoff - window, cutoff]``; without a window, how many ever."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from features.kinds.folding import accumulate, add_up
from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    width = len(setting.windows)
    return Layout(
        cells=len(setting.group) * width,
        places=[
            (setting.group[f.of or ""] * width + setting.window(f.parameter), 0) for f in features
        ],
        numbers=setting.windows,
    )


def update(memory: Any, windows: Any, event: Any) -> None:
    memory[event.slot * len(windows) + event.bucket] += 1.0


def settle(memory: Any, windows: Any, groups: Any) -> None:
    accumulate(memory, groups.n_slots, len(windows))
    add_up(memory, len(windows), groups)


def finish(memory: Any, windows: Any, lead_age: float, cell: int, _: int) -> float:
    return memory[cell]


def reference(seen: Seen, feature: Feature) -> float:
    window = feature.parameter
    return float(sum(window is None or event.age < window for event in seen.of(feature.of)))


KIND = Kind(
    name="count",
    per="group",
    choices={
        "": Choice("events", 0.0),
    },
    takes="window",
    lay_out=lay_out,
    update=update,
    settle=settle,
    finish=finish,
    reference=reference,
    slim=True,
)
