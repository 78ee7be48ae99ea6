"""Intervals that resample leads: rows of one lead are not independent, so they move together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

_AT_ONCE = 4_000_000
"""Leads drawn at once: 32 MB of them."""

_MOST, _LEAST, _ROWS = 500, 200, 60_000_000
"""Resamples for a report: as many as read so many rows in all, within these bounds."""


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


Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Resamples:
    """Draws of leads with replacement, the same draws for every figure of a report.

    A figure worked out on row 0 of `times` is that of the data, on each later row that of a
    resample: its differences between answerers, or parts of the rows, are paired.

    Attributes
    ----------
    times : ndarray of shape (1 + n_resamples, n_groups), uint8
        How often each group was drawn; ones in row 0.
    group : ndarray of shape (n_rows,), int64
        The group of each row, a column of `times`.
    """

    times: npt.NDArray[np.uint8]
    group: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls, group: npt.NDArray[np.int64], resamples: int | None = None, seed: int = 0
    ) -> Resamples:
        """Draw the groups of rows; by default 500 times, up to a million rows 200 times at least."""
        code = np.unique(group, return_inverse=True)[1]
        n = int(code.max()) + 1
        if resamples is None:
            resamples = int(np.clip(_ROWS // len(code), _LEAST, _MOST))
        rng = np.random.default_rng(seed)
        times = np.ones((1 + resamples, n), dtype=np.uint8)
        for row in range(1, 1 + resamples):
            times[row] = np.bincount(rng.integers(n, size=n), minlength=n)
        return cls(times, code)

    def take(self, rows: npt.NDArray[Any]) -> Resamples:
        """The same draws, of some of the rows."""
        return Resamples(self.times, self.group[rows])

    def sums(
        self, value: npt.NDArray[Any], code: npt.NDArray[np.int64] | None = None, n_codes: int = 1
    ) -> Values:
        """Sums over the rows of each code.

        Parameters
        ----------
        value : ndarray of shape (n_rows, n_values)
        code : ndarray of shape (n_rows,), in [0, n_codes)

        Returns
        -------
        ndarray of shape (1 + n_resamples, n_codes, n_values), float64
        """
        value = np.ascontiguousarray(value, dtype=np.float64)
        if code is None:
            code = np.zeros(len(value), dtype=np.int64)
        found = np.zeros((len(self.times), n_codes, value.shape[1]))
        _sums(self.times, self.group, value, code, found)
        return found


def interval(figures: Values) -> Interval | None:
    """The figure of the data (first) with the 2.5% and 97.5% quantiles of its resamples.

    None where the figure of the data, or of most resamples, is not a number.
    """
    drawn = figures[1:][np.isfinite(figures[1:])]
    if not np.isfinite(figures[0]) or 2 * len(drawn) < len(figures) - 1 or not len(drawn):
        return None
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(float(figures[0]), float(low), float(high))


@numba.njit(cache=True, nogil=True)
def _sums(times: Any, group: Any, value: Any, code: Any, found: Any) -> None:
    for draw in range(times.shape[0]):
        for row in range(len(group)):
            drawn = times[draw, group[row]]
            if drawn:
                for k in range(value.shape[1]):
                    found[draw, code[row], k] += drawn * value[row, k]
