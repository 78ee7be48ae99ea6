"""How many of some leads convert: the distribution of a sum of independent yes-or-no outcomes."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
import numpy.typing as npt

SHARE = 0.9
"""Of the prediction intervals."""


class Expected(TypedDict):
    """How many of `of` leads are expected to convert, and the 90% prediction interval, ends included.

    It holds if the probabilities are calibrated and leads convert independently of each other.
    """

    of: int
    mean: float
    low: int
    high: int


def expected(probability: npt.NDArray[np.float64]) -> Expected | None:
    """What to expect of leads with these probabilities; None where none has one.

    Parameters
    ----------
    probability : ndarray of shape (n,), NaN where not known: those leads are not counted
    """
    known = probability[~np.isnan(probability)]
    if not len(known):
        return None
    low, high = interval(poisson_binomial(known))
    return Expected(of=len(known), mean=float(known.sum()), low=low, high=high)


def poisson_binomial(probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The probability of each number of successes, shape (n + 1,), exactly: one trial is added after
    the other (Barlow and Heidtmann 1984, "Computing k-out-of-n system reliability")."""
    found = np.ones(1)
    for p in probability:
        found = np.convolve(found, [1 - p, p])
    return found


def interval(distribution: npt.NDArray[np.float64], share: float = SHARE) -> tuple[int, int]:
    """The interval between the quantiles (1 - share) / 2 and (1 + share) / 2, both ends included.

    It holds at least the share; numbers are whole, so usually somewhat more.
    """
    below = np.cumsum(distribution)
    tail = (1 - share) / 2
    low, high = np.searchsorted(below, [tail * (1 + 1e-12), (1 - tail) * (1 - 1e-12)])
    return int(low), int(min(high, len(distribution) - 1))
