"""Fitting target statistics: for training rows without their own label, for later rows from all.

What a training row is told must be as new to it as to a lead that is scored. Where time is known, a
row is told of labels whose horizon had ended by its cutoff; in a flat export, of other folds' labels,
where a lead and its equal rows are in one fold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from features.instants import Instants
from models.calibration import row_losses
from models.statistics import Key, Statistic, cells, columns

WEIGHT = 10.0
"""Leads of the prior that stand before a cell's own."""
FOLDS = 8
PAIRS = 10
"""The most pairs that are kept."""
_LOOKED_AT = 100_000
"""Rows on which pairs are compared; more would choose the same."""
_SURE = 2.0
"""Standard errors by which a pair must beat the better of its two."""

Figures = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """What a row may be told of other rows.

    Attributes
    ----------
    lead : ndarray of shape (n_rows,), int64
        Rows that stand or fall together.
    cutoff, ended : ndarray of shape (n_rows,), int64, or None
        When a row is looked at, and when its horizon has ended; None for a flat export.
    """

    lead: npt.NDArray[np.int64]
    cutoff: Instants | None = None
    ended: Instants | None = None

    def take(self, rows: npt.NDArray[np.int64]) -> Known:
        """Some of the rows, by position."""
        if self.cutoff is None or self.ended is None:
            return Known(self.lead[rows])
        return Known(self.lead[rows], self.cutoff[rows], self.ended[rows])


@dataclass(frozen=True)
class Counts:
    """Rows and positives of each row's cell, as far as the row may be told; shape (n_rows,).

    `prior` is the rate of all rows of which it may be told.
    """

    rows: Figures
    positives: Figures
    prior: Figures

    def rate(self, weight: float) -> Figures:
        """See `models.statistics`."""
        rate: Figures = (self.positives + weight * self.prior) / (self.rows + weight)
        return rate


def weight_of(lead: npt.NDArray[np.int64]) -> float:
    """`WEIGHT` leads in rows, since a lead has as many as there were cutoffs."""
    return WEIGHT * len(lead) / len(np.unique(lead))


def fitted(
    keys: Mapping[str, Key], of: tuple[str, ...], label: npt.NDArray[np.int8], weight: float
) -> Statistic:
    """The statistic of all rows."""
    prior = float(label.mean())
    found, place, rows = np.unique(cells(keys, of), return_inverse=True, return_counts=True)
    positives = np.bincount(place, weights=label, minlength=len(found))
    rate = (positives + weight * prior) / (rows + weight)
    return Statistic(of, prior, weight, found, rate, rows.astype(np.int64))


def told(
    keys: Mapping[str, Key],
    of: tuple[str, ...],
    label: npt.NDArray[np.int8],
    known: Known,
    weight: float,
    seed: int,
) -> npt.NDArray[np.float32]:
    """The two columns of a statistic as training rows are told them: (n_rows, 2)."""
    cell = np.unique(cells(keys, of), return_inverse=True)[1]
    seen = _counts(cell, label, known, seed)
    rows = seen.rows if known.cutoff is not None else np.bincount(cell)[cell].astype(np.float64)
    return columns(seen.rate(weight), rows)


def _counts(
    cell: npt.NDArray[np.int64], label: npt.NDArray[np.int8], known: Known, seed: int
) -> Counts:
    if known.cutoff is None or known.ended is None:
        return _of_other_folds(cell, label, known.lead, seed)
    return _of_ended(cell, label, known.cutoff, known.ended)


def _of_other_folds(
    cell: npt.NDArray[np.int64],
    label: npt.NDArray[np.int8],
    lead: npt.NDArray[np.int64],
    seed: int,
) -> Counts:
    of_lead = np.unique(lead, return_inverse=True)[1]
    drawn = np.random.default_rng(seed).permutation(int(of_lead.max()) + 1) % FOLDS
    fold, n = drawn[of_lead], int(cell.max()) + 1
    place = fold * n + cell
    rows = np.bincount(place, minlength=FOLDS * n).reshape(FOLDS, n)
    positives = np.bincount(place, weights=label, minlength=FOLDS * n).reshape(FOLDS, n)
    others, converted = rows.sum(axis=0) - rows, positives.sum(axis=0) - positives
    rate = converted.sum(axis=1) / np.maximum(others.sum(axis=1), 1)
    return Counts(
        others[fold, cell].astype(np.float64),
        converted[fold, cell],
        np.where(others.sum(axis=1) > 0, rate, label.mean())[fold],
    )


def _of_ended(
    cell: npt.NDArray[np.int64], label: npt.NDArray[np.int8], cutoff: Instants, ended: Instants
) -> Counts:
    rows, positives = _ended(cell, label, cutoff, ended)
    everywhere, converted = _ended(np.zeros_like(cell), label, cutoff, ended)
    # The first rows can be told nothing; what they are told instead must not be their own label.
    none = np.full(len(label), 0.5)
    prior = np.divide(converted + 0.5, everywhere + 1, out=none, where=everywhere > 0)
    return Counts(rows, positives, prior)


def _ended(
    cell: npt.NDArray[np.int64], label: npt.NDArray[np.int8], cutoff: Instants, ended: Instants
) -> tuple[Figures, Figures]:
    """For each row, how many rows of its cell had ended by its cutoff, and their positives."""
    moments, rank = np.unique(np.concatenate([ended, cutoff]), return_inverse=True)
    when = cell * len(moments)
    place = when + rank[: len(cell)]
    order = np.argsort(place, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(label[order], dtype=np.float64)])
    ordered = place[order]
    first = np.searchsorted(ordered, when, side="left")
    last = np.searchsorted(ordered, when + rank[len(cell) :], side="right")
    return (last - first).astype(np.float64), total[last] - total[first]


def telling_pairs(
    keys: Mapping[str, Key], label: npt.NDArray[np.int8], known: Known, seed: int
) -> list[tuple[str, str]]:
    """The pairs of attributes that tell more than the better of the two alone, the best first.

    And more than the rate of all: of many values that tell nothing a pair tells less wrong than one
    alone, because its cells are nearly empty.
    Compared by the log loss of the rates that training rows are told, leads being the units.
    """
    if len(label) > _LOOKED_AT:
        some = np.sort(np.random.default_rng(seed).choice(len(label), _LOOKED_AT, replace=False))
        label, known = label[some], known.take(some)
        keys = {name: Key(key.codes[some], key.size) for name, key in keys.items()}
    weight = weight_of(known.lead)

    def losses(*of: str) -> Figures:
        whole = np.zeros(len(label), dtype=np.int64)
        cell = np.unique(cells(keys, of), return_inverse=True)[1] if of else whole
        return row_losses(label, _counts(cell, label, known, seed).rate(weight))

    alone, of_all = {name: losses(name) for name in keys}, losses()
    of_lead = np.unique(known.lead, return_inverse=True)[1]
    found = []
    for pair in combinations(keys, 2):
        better = min((of_all, *(alone[name] for name in pair)), key=np.mean)
        gain = np.bincount(of_lead, weights=better - losses(*pair))
        if gain.sum() > _SURE * gain.std() * np.sqrt(len(gain)):
            found.append((gain.sum(), pair))
    return [pair for _, pair in sorted(found, key=lambda told: (-told[0], told[1]))[:PAIRS]]


def candidates(
    keys: Mapping[str, Key], label: npt.NDArray[np.int8], known: Known, seed: int
) -> list[tuple[str, ...]]:
    """What statistics are of: every attribute that has codes, and the telling pairs."""
    names: Sequence[tuple[str, ...]] = [(name,) for name in keys]
    return [*names, *telling_pairs(keys, label, known, seed)]
