"""What one model adds to another on the same rows, with intervals that resample leads or accounts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from training.resampling import Interval

RESAMPLES = 1000

Figures = npt.NDArray[np.float64]


class Resampled:
    """Rows whose leads are drawn again, the same draws for every figure.

    The percentile bootstrap of whole clusters, as in `training.resampling`.

    Parameters
    ----------
    unit : ndarray of shape (n_rows,)
        Rows that move together: those of one lead, or of one account.
    """

    def __init__(self, unit: npt.NDArray[np.int64], seed: int = 0) -> None:
        self._of_row = np.unique(unit, return_inverse=True)[1]
        n = int(self._of_row.max()) + 1
        rng = np.random.default_rng(seed)
        drawn = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float64)
        self._times = np.vstack([np.ones(n), drawn])

    def mean(self, value: npt.NDArray[np.floating[Any]]) -> Figures:
        """The mean over rows and its resamples: ndarray of shape (1 + RESAMPLES,)."""
        rows = np.bincount(self._of_row).astype(np.float64)
        total = np.bincount(self._of_row, weights=value)
        means: Figures = (self._times @ total) / (self._times @ rows)
        return means

    def auc(self, label: npt.NDArray[np.int8], probability: npt.NDArray[np.float64]) -> Figures:
        """P(a positive row exceeds a negative one), ties one half: of shape (1 + RESAMPLES,)."""
        order = np.argsort(probability, kind="stable")
        of_row, positive = self._of_row[order], label[order] == 1
        begins = np.flatnonzero(np.diff(probability[order], prepend=-np.inf))
        found = np.empty(len(self._times))
        for i, times in enumerate(self._times):
            weight = times[of_row]
            above = np.add.reduceat(np.where(positive, weight, 0.0), begins)
            below = np.add.reduceat(np.where(positive, 0.0, weight), begins)
            wins = above @ (below.cumsum() - below / 2)
            found[i] = wins / (above.sum() * below.sum())
        return found


def interval(figures: Figures) -> Interval:
    """The figure itself, with the 2.5% and 97.5% quantiles of its resamples."""
    low, high = np.quantile(figures[1:], (0.025, 0.975))
    return Interval(float(figures[0]), float(low), float(high))


def error(figures: Figures) -> float:
    """The standard error: the standard deviation of the resamples."""
    return float(figures[1:].std())
