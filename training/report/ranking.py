"""How well probabilities sort rows: AUC and average precision, of the data and of every resample."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from training.resampling import Resamples, Values


def ranking(
    resamples: Resamples, label: npt.NDArray[np.int8], probability: npt.NDArray[np.float64]
) -> tuple[Values, Values]:
    """AUC and average precision, each of shape (1 + n_resamples,); NaN where there is one class.

    Rows are sorted once; each resample is one pass over them.
    """
    order = np.argsort(-probability, kind="stable")
    sorted_ = probability[order]
    last = np.r_[sorted_[1:] != sorted_[:-1], True]
    found = np.empty((2, len(resamples.times)))
    _ranking(resamples.times, resamples.group[order], label[order], last, found)
    return found[0], found[1]


@numba.njit(cache=True, nogil=True)
def _ranking(times: Any, group: Any, label: Any, last: Any, found: Any) -> None:
    """`last` marks the last row of each run of equal probabilities, most likely first."""
    for draw in range(times.shape[0]):
        positives, others, wins, precision = 0.0, 0.0, 0.0, 0.0
        tied_positives, tied_others = 0.0, 0.0
        for row in range(len(group)):
            drawn = times[draw, group[row]]
            if label[row]:
                tied_positives += drawn
            else:
                tied_others += drawn
            if last[row]:
                # Each other row loses to every positive above it, and half to those beside it.
                wins += tied_others * (positives + tied_positives / 2)
                positives += tied_positives
                others += tied_others
                if tied_positives:
                    precision += tied_positives * positives / (positives + others)
                tied_positives, tied_others = 0.0, 0.0
        found[0, draw] = wins / (positives * others) if positives * others else np.nan
        found[1, draw] = precision / positives if positives * others else np.nan
