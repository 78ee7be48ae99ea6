"""How many of some leads convert, how many leads come in a week: distributions of whole numbers.

A distribution is an ndarray of shape (most + 1,), the probability of each of 0, 1, ..., most.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, gammaln, logit

Floats = npt.NDArray[np.float64]

SHARE = 0.9
"""Of the prediction intervals."""

_NODES = 15
"""Of Gauss-Hermite quadrature."""
_NEAREST = 1e-12
_VARIATION = 0.1
"""Scale of the half-Cauchy prior of how much the weeks' rates vary, as a share of their mean."""


class Interval(NamedTuple):
    """A prediction interval of a whole number; both ends are included."""

    low: int
    high: int

    @property
    def width(self) -> int:
        """The distance of its ends."""
        return self.high - self.low

    def holds(self, number: float) -> bool:
        """Whether it holds a number."""
        return self.low <= number <= self.high


class Shift(NamedTuple):
    """By how much the log-odds of all predictions together are off: normal, by mean and spread."""

    mean: float = 0.0
    spread: float = 0.0

    def nodes(self) -> tuple[Floats, Floats]:
        """Shifts and their weights, which sum to 1, of Gauss-Hermite quadrature (Abramowitz and
        Stegun 1964, "Handbook of Mathematical Functions", 25.4.46)."""
        if not self.spread:
            return np.array([self.mean]), np.ones(1)
        x, weight = np.polynomial.hermite.hermgauss(_NODES)
        return self.mean + math.sqrt(2) * self.spread * x, weight / weight.sum()

    def of(self, probability: Floats) -> Floats:
        """Shifted probabilities, shape (n_nodes, n)."""
        odds = logit(np.clip(probability, _NEAREST, 1 - _NEAREST))
        return np.asarray(expit(odds + self.nodes()[0][:, None]))


SURE = Shift()
"""No shift at all: probabilities are taken to be exactly right."""


def poisson_binomial(probability: Floats) -> Floats:
    """How many convert of independent leads with these probabilities, exactly: one lead is added
    after the other (Barlow and Heidtmann 1984, "Computing k-out-of-n system reliability").

    Parameters
    ----------
    probability : ndarray of shape (..., n)

    Returns
    -------
    ndarray of shape (..., n + 1)
    """
    n = probability.shape[-1]
    found = np.zeros((*probability.shape[:-1], n + 1))
    found[..., 0] = 1.0
    for lead in range(n):
        p = probability[..., lead, None]
        found[..., 1 : lead + 2] = found[..., 1 : lead + 2] * (1 - p) + found[..., : lead + 1] * p
        found[..., :1] *= 1 - p
    return found


def of_called(probability: Floats, shift: Shift = SURE) -> Floats:
    """How many convert of leads that are called, shape (n + 1,): `poisson_binomial`, averaged over
    how far all their probabilities may be off together."""
    return np.asarray(shift.nodes()[1] @ poisson_binomial(shift.of(probability)))


class Weeks:
    """How many leads come in a week, as learnt from a few weeks.

    The week's rate varies about a mean m with the coefficient of variation v, so that its count is
    negative binomial with mean m and variance m + (v m)^2 (Greenwood and Yule 1920, "An inquiry into
    the nature of frequency distributions representative of multiple happenings"). Both are unknown:
    log m has a flat prior, v a half-Cauchy one (Gelman 2006, "Prior distributions for variance
    parameters in hierarchical models"), and what is predicted is averaged over the posterior.

    Parameters
    ----------
    counts : ndarray of shape (n_weeks,), whole numbers
    """

    def __init__(self, counts: npt.NDArray[np.int64]) -> None:
        total, n = counts.sum() + 0.5, len(counts)
        wide = 5 * math.sqrt(1 / total + 0.1 / n)
        mean = total / n * np.exp(np.linspace(-wide, wide, 61))
        # Equal steps of the prior's distribution function, so that every one weighs the same.
        variation = _VARIATION * np.tan(np.pi / 2 * (np.arange(40) + 0.5) / 40)
        self._mean, self._size = (
            x.ravel() for x in np.meshgrid(mean, variation**-2.0, indexing="ij")
        )
        log = _negative_binomial(counts, self._mean, self._size).sum(axis=1)
        weight = np.exp(log - log.max())
        kept = weight > 1e-6
        self._mean, self._size = self._mean[kept], self._size[kept]
        self._weight = weight[kept] / weight[kept].sum()
        self._most = int(3 * counts.max(initial=0) + 40)

    def coming(self, share: float = 1.0) -> Floats:
        """How many come in a week not seen; of those of whom a share counts, each independently.

        A share of a negative binomial count is one again, of the same variation.
        """
        k = np.arange(self._most + 1)
        pmf = np.exp(_negative_binomial(k, share * self._mean, self._size))
        found = self._weight @ pmf
        return np.asarray(found / found.sum())

    def converting(self, probability: Floats, shift: Shift = SURE) -> Floats:
        """How many of those who come in a week not seen convert, when they are like leads with these
        probabilities, which may be off together by a shift."""
        rates, weights = shift.of(probability).mean(axis=1), shift.nodes()[1]
        each = [w * self.coming(float(rate)) for rate, w in zip(rates, weights, strict=True)]
        return np.asarray(np.sum(each, axis=0))


def _negative_binomial(k: npt.NDArray[np.int64], mean: Floats, size: Floats) -> Floats:
    """Log-probabilities of counts: ndarray of shape (len(mean), len(k))."""
    m, r = mean[:, None], size[:, None]
    return np.asarray(
        gammaln(k + r)
        - gammaln(r)
        - gammaln(k + 1)
        + r * np.log(r / (r + m))
        + k * np.log(m / (r + m))
    )


def mean_of(distribution: Floats) -> float:
    """The expectation."""
    return float(distribution @ np.arange(len(distribution)))


def interval(distribution: Floats, share: float = SHARE) -> Interval:
    """The shortest interval that holds the share; of equally short ones the one that holds most."""
    below = np.concatenate([[0.0], np.cumsum(distribution)])
    enough = share * below[-1] * (1 - 1e-12)
    low = np.arange(len(distribution))
    high = np.searchsorted(below, below[:-1] + enough, side="left") - 1
    possible = high < len(distribution)
    low, high = low[possible], high[possible]
    place = np.lexsort((-(below[high + 1] - below[low]), high - low))[0]
    return Interval(int(low[place]), int(high[place]))
