"""Columns that tell little but the calendar: what they mean drifts through the training span.

A column whose value goes with time names the period a row is from. Whatever the rate of conversion was
then is learnt as if it were a property of the lead, and the periods to come have values that training
never saw. Which columns do so is found in the training span alone, and without labels; whether a model
does better without them is for the held-out rows to say.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

TELLS = 0.5
"""Share of the variance of time, as ranks, from which a column tells the calendar."""
_BINS = 50
"""Groups of values, of about as many rows each."""


def calendar_columns(
    X: npt.NDArray[np.float32], names: list[str], when: npt.NDArray[np.int64]
) -> tuple[str, ...]:
    """The columns that tell the calendar.

    Of each column the correlation ratio (Pearson 1905) of time with groups of its values: the share
    of the variance of time that lies between the groups.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns)
    when : ndarray of shape (n_rows,)
        The time of each row, or its place in the order of rows.
    """
    rank = np.argsort(np.argsort(when, kind="stable"), kind="stable") / max(len(when) - 1, 1)
    return tuple(name for place, name in enumerate(names) if _told(X[:, place], rank) >= TELLS)


def _told(value: npt.NDArray[np.float32], rank: npt.NDArray[np.float64]) -> float:
    known = np.isfinite(value)
    if not known.any():
        return 0.0
    edges = np.unique(np.quantile(value[known], np.linspace(0, 1, _BINS + 1)))
    group = np.where(known, np.searchsorted(edges, value, side="right"), -1) + 1
    n = np.bincount(group)
    mean = np.bincount(group, weights=rank) / np.maximum(n, 1)
    return float((n * (mean - rank.mean()) ** 2).sum() / len(rank) / rank.var())
