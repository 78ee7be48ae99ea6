"""What was observed for a score: how many leads converted, in bins that rise with it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

from models.wording import texts

AT_LEAST = 100
"""Leads in a bin, where there are as many."""


class Basis(TypedDict):
    """Comparable leads: how many, how many converted, and the Wilson 95% interval of their rate."""

    n: int
    converted: int
    low: float
    high: float


def wilson(n: int, converted: int) -> Basis:
    """So many leads, and the interval of Wilson (1927), "Probable inference, the law of succession,
    and statistical inference", of their rate of conversion; 95%, both ends included."""
    low, high = _wilson(n, converted)
    return Basis(n=n, converted=converted, low=low, high=high)


@lru_cache(10_000)
def _wilson(n: int, converted: int) -> tuple[float, float]:
    from scipy.stats import binomtest

    interval = binomtest(converted, n).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)


class Bin(NamedTuple):
    """Leads observed with a value in [start, end); the last bin includes its end."""

    start: float
    end: float
    n: int
    converted: int

    @property
    def probability(self) -> float:
        """(k + 1/2) / (n + 1), the posterior mean under Jeffreys' prior Beta(1/2, 1/2).

        Never 0 or 1, which no number of leads can show. Jeffreys (1946), "An invariant form for the
        prior probability in estimation problems"; Brown, Cai, DasGupta (2001), "Interval estimation
        for a binomial proportion", section 4.
        """
        return (self.converted + 0.5) / (self.n + 1)

    @property
    def basis(self) -> Basis:
        """What was observed."""
        return wilson(self.n, self.converted)

    def merged(self, other: Bin) -> Bin:
        """This bin and the next."""
        return Bin(self.start, other.end, self.n + other.n, self.converted + other.converted)


@dataclass(frozen=True)
class Evidence:
    """Conversions observed for a score (points, or a predicted probability), in rising bins.

    Attributes
    ----------
    bins : tuple of Bin
        Adjoining, ascending; neither rate nor probability ever falls. Empty before anything was
        observed.
    """

    bins: tuple[Bin, ...]

    @classmethod
    def of(
        cls,
        value: npt.NDArray[Any],
        label: npt.NDArray[Any],
        *,
        at_least: int = AT_LEAST,
    ) -> Evidence:
        """The bins of leads observed, one row for each lead.

        Adjacent values are pooled until their rates rise (Ayer et al. 1955, "An empirical
        distribution function for sampling with incomplete information"), then each pool too small
        joins the neighbour whose rate is nearest.

        Parameters
        ----------
        value : ndarray of shape (n,), finite
        label : ndarray of shape (n,), 1 for converted, else 0
        at_least : int
            Fewest leads in a bin; one bin of all when there are fewer.
        """
        if not len(value):
            return cls(())
        distinct, place = np.unique(np.asarray(value, dtype=np.float64), return_inverse=True)
        n = np.bincount(place)
        converted = np.bincount(place, weights=np.asarray(label, dtype=np.float64)).astype(np.int64)
        starts = isotonic_regression(converted / n, weights=n).blocks[:-1]
        edges = [*distinct[starts], distinct[-1]]
        bins = [
            Bin(float(low), float(high), int(leads), int(positives))
            for low, high, leads, positives in zip(
                edges[:-1],
                edges[1:],
                np.add.reduceat(n, starts),
                np.add.reduceat(converted, starts),
                strict=True,
            )
        ]
        return cls(tuple(_pooled(_large_enough(bins, at_least))))

    @cached_property
    def probability(self) -> npt.NDArray[np.float64]:
        """Of each bin, shape (n_bins,), never falling."""
        return np.array([b.probability for b in self.bins], dtype=np.float64)

    def find(self, value: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """The bin of each value, shape (n,): the last that starts at or below it, else the first.

        -1 for NaN, and for every value when there are no bins.
        """
        value = np.asarray(value, dtype=np.float64)
        if not self.bins:
            return np.full(len(value), -1)
        starts = np.array([b.start for b in self.bins[1:]], dtype=np.float64)
        return np.where(np.isnan(value), -1, np.searchsorted(starts, value, side="right"))

    def basis(self, value: npt.NDArray[Any]) -> list[Basis | None]:
        """What was observed for each value; None where nothing was."""
        return [self._basis_of_bin[place] for place in self.find(value)]

    def unlike(self, value: npt.NDArray[np.float64], lang: str) -> list[list[str]]:
        """For each probability a warning, if it lies outside [low, high] of its comparable leads."""
        basis = self._basis_of_bin
        return [
            unlike_observed(float(p), self.bins[place], observed, lang)
            if (observed := basis[place])
            else []
            for p, place in zip(value, self.find(value), strict=True)
        ]

    @cached_property
    def _basis_of_bin(self) -> list[Basis | None]:
        """Of each bin, and None last, where `find` says -1."""
        return [*(b.basis for b in self.bins), None]

    def to_json(self) -> list[dict[str, Any]]:
        """Plain values, with the interval for those who read the file."""
        return [{"from": b.start, "to": b.end, **b.basis} for b in self.bins]

    @classmethod
    def from_json(cls, stored: Sequence[dict[str, Any]]) -> Evidence:
        """The evidence that `to_json` wrote; ValueError when it contradicts itself."""
        bins = tuple(
            Bin(float(b["from"]), float(b["to"]), int(b["n"]), int(b["converted"])) for b in stored
        )
        evidence = cls(bins)
        counts = all(0 <= b.converted <= b.n and b.n > 0 for b in bins)
        ascending = all(a.start < b.start for a, b in itertools.pairwise(bins))
        if not (counts and ascending and np.all(np.diff(evidence.probability) >= 0)):
            raise ValueError("bins of evidence that do not rise")
        return evidence


def unlike_observed(probability: float, observed: Bin, basis: Basis, lang: str) -> list[str]:
    """A warning where a probability lies outside [low, high] of a bin's rate, else none.

    Figures have one decimal, or as many as it takes to tell the probability from the end that it
    lies beyond.
    """
    if basis["low"] <= probability <= basis["high"]:
        return []
    end = basis["low"] if probability < basis["low"] else basis["high"]
    places = next(n for n in range(1, 18) if n == 17 or f"{probability:.{n}%}" != f"{end:.{n}%}")
    figures = {"probability": probability, "low": basis["low"], "high": basis["high"]}
    shown = {name: f"{figure:.{places}%}" for name, figure in figures.items()}
    return [
        texts(lang)["warnings"]["unlike_observed"].format(
            **shown,
            start=f"{observed.start:.1%}",
            end=f"{observed.end:.1%}",
            n=f"{basis['n']:,}",
            converted=f"{basis['converted']:,}",
            rate=f"{basis['converted'] / basis['n']:.1%}",
        )
    ]


def _large_enough(bins: list[Bin], at_least: int) -> list[Bin]:
    """Bins of rising rate, each of `at_least` leads; merging neighbours keeps rates rising."""
    bins = list(bins)
    while len(bins) > 1 and min(b.n for b in bins) < at_least:
        small = min(range(len(bins)), key=lambda i: bins[i].n)
        rate = [b.converted / b.n for b in bins]
        below = small > 0 and (
            small == len(bins) - 1 or rate[small] - rate[small - 1] <= rate[small + 1] - rate[small]
        )
        first = small - 1 if below else small
        bins[first : first + 2] = [bins[first].merged(bins[first + 1])]
    return bins


def _pooled(bins: list[Bin]) -> list[Bin]:
    """Bins whose probabilities rise too: the prior pulls a small bin further than a large one."""
    done: list[Bin] = []
    for after in bins:
        done.append(after)
        while len(done) > 1 and done[-2].probability >= done[-1].probability:
            last = done.pop()
            done[-1] = done[-1].merged(last)
    return done
