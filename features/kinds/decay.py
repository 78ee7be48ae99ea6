"""Events counted with weight 2^(-age / half-life): one event now is 1, one a half-life old is 1/2."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from features.kinds.folding import add_up
from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature

_BITS = 10
_PARTS = 1 << _BITS
_FRACTION = np.exp2(-np.arange(_PARTS) / _PARTS)
_WHOLE = np.exp2(-np.arange(1100.0))  # from 2^-1075 on it is 0
_LAST = float(_PARTS * (len(_WHOLE) - 1))


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    half_lives = sorted({f.parameter for f in features if f.parameter})
    width = len(half_lives)
    return Layout(
        cells=len(setting.group) * width,
        places=[
            (setting.group[f.of or ""] * width + half_lives.index(f.parameter or 0), 0)
            for f in features
        ],
        numbers=[_PARTS / half_life for half_life in half_lives],
    )


@numba.njit(nogil=True)
def halved(parts: float) -> float:
    """``2^(-parts / 1024)`` to 10 digits, for parts >= 0: tables, and a series for the rest.

    What the series leaves out is at most (ln 2 / 1024)^3 / 6 = 5e-11 of the value.
    """
    if parts >= _LAST:
        return 0.0
    whole = np.uint32(parts)
    x = (parts - whole) * (math.log(2.0) / _PARTS)
    rest = 1.0 - x * (1.0 - 0.5 * x)
    return _WHOLE[whole >> np.uint32(_BITS)] * _FRACTION[whole & np.uint32(_PARTS - 1)] * rest


def update(memory: Any, rates: Any, event: Any) -> None:
    cell = event.slot * len(rates)
    for place in range(len(rates)):
        memory[cell + place] += halved(event.age * rates[place])


def settle(memory: Any, rates: Any, groups: Any) -> None:
    add_up(memory, len(rates), groups)


def finish(memory: Any, rates: Any, lead_age: float, cell: int, _: int) -> float:
    return memory[cell]


def reference(seen: Seen, feature: Feature) -> float:
    assert feature.parameter is not None
    return sum(2.0 ** -(event.age / feature.parameter) for event in seen.of(feature.of))


KIND = Kind(
    name="decay",
    per="group",
    choices={
        "": Choice("events", 0.0),
    },
    takes="half_life",
    lay_out=lay_out,
    update=update,
    settle=settle,
    finish=finish,
    reference=reference,
    slim=True,
)
