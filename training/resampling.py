"""Intervals that resample leads: rows of one lead are not independent, so they move together."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_AT_ONCE = 4_000_000
"""Leads drawn at once: 32 MB of them."""


class Interval(NamedTuple):
    """A mean over rows, with the 2.5% and 97.5% quantiles of its resamples."""

    mean: float
    low: float
    high: float


def mean_interval(
    value: npt.NDArray[np.floating[Any] | np.integer[Any]],
    lead: npt.NDArray[np.int64],
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """The mean of rows, with a 95% interval from drawing leads with replacement.

    The percentile bootstrap of whole clusters (Efron 1979; Davison and Hinkley 1997, section 3.8).
    For the paired difference of two models, `value` is the difference of their losses in each row.

    Parameters
    ----------
    value : ndarray of shape (n_rows,), n_rows >= 1, finite
    lead : ndarray of shape (n_rows,)
        Which rows are one lead.
    resamples, seed : int

    Examples
    --------
    >>> mean_interval(np.array([1.0, 1.0, 1.0]), np.array([4, 4, 9]))
    Interval(mean=1.0, low=1.0, high=1.0)
    """
    of_row = np.unique(lead, return_inverse=True)[1]
    rows = np.bincount(of_row)
    total = np.bincount(of_row, weights=value)
    rng = np.random.default_rng(seed)
    means = []
    for n in _portions(resamples, max(1, _AT_ONCE // len(rows))):
        drawn = rng.integers(len(rows), size=(n, len(rows)))
        means.append(total[drawn].sum(axis=1) / rows[drawn].sum(axis=1))
    low, high = np.quantile(np.concatenate(means), (0.025, 0.975))
    return Interval(float(np.mean(value)), float(low), float(high))


def _portions(whole: int, most: int) -> list[int]:
    """`whole` as a sum of parts of at most `most`."""
    return [most] * (whole // most) + [whole % most] * (whole % most > 0)
