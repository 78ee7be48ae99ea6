"""How held-out leads converted with and without each touch of ours: a landmark analysis.

Counting every touch up to the conversion would favour touches: who converts late has had more time
to be touched, who converts early is touched no more (immortal time). So groups are told apart in a
window after the cutoff among leads that neither converted nor closed by its end, the landmark, and
only what comes after it counts as conversion.
Anderson, Cain, Gelber (1983), "Analysis of survival by tumor response".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from features.instants import DAY, SECOND
from features.log import EventLog
from features.spine import Spine, labels
from features.task import Task
from models.touches import TERCILES, Count, Pair, Touches

_LONGEST = 7 * DAY
_MINUTE = 60 * SECOND


def window_of(horizon: int) -> int:
    """How long after the cutoff a touch is looked for: 7 days, at most a quarter of the horizon.

    In microseconds; whole minutes, 0 for a horizon under four of them.
    """
    return min(_LONGEST, horizon // 4 // _MINUTE * _MINUTE)


def measured(
    log: EventLog,
    task: Task,
    test: Spine,
    raw: npt.NDArray[np.float64],
    rows: npt.NDArray[np.int64],
    touches: Sequence[str],
) -> Touches | None:
    """What became of test rows with and without each touch; None for a task without times.

    Parameters
    ----------
    test : Spine
        Rows on which nothing was fitted.
    raw : ndarray of shape (n_test,)
        The model's raw score of each of them, whose terciles tell similar leads.
    rows : ndarray of int64
        Positions of the test rows that are counted, one for each lead (`models.points_map.drawn_rows`).
    touches : sequence of str
        Event types done by us.
    """
    window = window_of(task.horizon) if task.horizon else 0
    if task.horizon is None or not window or not len(rows):
        return None
    low, high = np.quantile(raw, [1 / 3, 2 / 3])
    bounds = (float(low), float(high))
    lead, cutoff = test.lead[rows], test.cutoff[rows]
    in_window = replace(task, horizon=window)
    ended = replace(in_window, label=(*task.label, *task.closes))
    gone = labels(log, ended, lead, cutoff) == 1
    lead, cutoff = lead[~gone], cutoff[~gone]
    tercile = np.searchsorted(bounds, raw[rows][~gone], side="right")
    after = replace(task, horizon=task.horizon - window)
    converted = labels(log, after, lead, cutoff + window) == 1
    pairs = {}
    for touch in touches:
        touched = labels(log, replace(in_window, label=(touch,)), lead, cutoff) == 1
        first, second, third = (
            Pair(
                _count(converted[(tercile == place) & touched]),
                _count(converted[(tercile == place) & ~touched]),
            )
            for place in range(len(TERCILES))
        )
        pairs[touch] = (first, second, third)
    return Touches(window, bounds, pairs)


def _count(converted: npt.NDArray[np.bool_]) -> Count:
    return Count(len(converted), int(converted.sum()))
