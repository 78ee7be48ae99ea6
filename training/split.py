"""Which rows are trained on and which are only ever tested on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from features.errors import TrainingRefused
from features.instants import DAY, iso
from features.spine import Spine

TEST_SHARE = 0.2
RANDOM_TEST_SHARE = 0.3
_BLOCKS = (0.55, 0.70, 0.85, 1.0)
"""Quantiles of the training cutoffs between which rolling-origin predictions are made."""
_ROUNDS = 5
_SLICES = 10

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Positions of rows on a spine.

    Attributes
    ----------
    train, test : ndarray of int64
    between : int
        Rows of neither: their horizon ends after the first test cutoff, or another lead of probably
        the same person is tested on.
    by : {"time", "order", "random"}
    first_test_cutoff : int or None
        Every training horizon has ended by then.
    """

    train: Rows
    test: Rows
    between: int
    by: Literal["time", "order", "random"]
    first_test_cutoff: int | None = None


def split_by_time(spine: Spine, horizon: int, share: float = TEST_SHARE) -> Split:
    """Test on the latest rows by cutoff, of each age where the task has ages.

    A training row's window ``(cutoff, cutoff + horizon]`` ends at or before the first test cutoff.

    Raises
    ------
    TrainingRefused
        When there are no rows, or nothing is left to train on.
    """
    if not len(spine):
        raise TrainingRefused("There are no rows to split into training and test. Give more leads.")
    test = np.zeros(len(spine), dtype=bool)
    for age in np.unique(spine.age):
        rows = np.flatnonzero(spine.age == age)
        n_test = int(np.ceil(share * len(rows)))
        first = np.sort(spine.cutoff[rows])[len(rows) - n_test]
        test[rows[spine.cutoff[rows] >= first]] = True
    first_test = int(spine.cutoff[test].min())
    train = ~test & (spine.cutoff + horizon <= first_test)
    if not train.any():
        raise TrainingRefused(
            f"No row's horizon of {horizon / DAY:g} days ends before the first test cutoff, "
            f"{iso(first_test)}: the rows' cutoffs begin at {iso(int(spine.cutoff.min()))}, which is too "
            "little time for this horizon. Give more history, or a shorter horizon in the playbook."
        )
    between = int((~test & ~train).sum())
    return Split(np.flatnonzero(train), np.flatnonzero(test), between, "time", first_test)


def one_side(split: Split, lead: Rows, person: Rows) -> Split:
    """The same without training rows of people of whom another lead is tested on.

    Of one lead earlier rows may be trained on: it is what the model knows of it then. Two leads
    that are probably one person share what is tested, without being known to be one.
    """
    tested = np.unique(person[split.test])
    leads = np.unique(np.column_stack([person, lead]), axis=0)[:, 0]
    several = np.flatnonzero(np.bincount(leads, minlength=1) > 1)
    divided = np.isin(person[split.train], np.intersect1d(tested, several))
    if not divided.any():
        return split
    return replace(split, train=split.train[~divided], between=split.between + int(divided.sum()))


def split_by_order(n_rows: int) -> Split:
    """Test on the last rows of a flat export that is in the order of time."""
    n_test = int(np.ceil(TEST_SHARE * n_rows))
    if not 0 < n_test < n_rows:
        raise TrainingRefused(f"{n_rows:,} rows cannot be split into training and test.")
    rows = np.arange(n_rows)
    return Split(rows[:-n_test], rows[-n_test:], 0, "order")


def rolling_by_place(place: Rows) -> list[tuple[Rows, Rows]]:
    """Pairs of rows to fit on and later rows to predict, by their place in the order of time."""
    nothing = np.zeros(len(place), dtype=np.int64)
    return rolling_origins(Spine(nothing, place, None, nothing), horizon=1)


def split_at_random(label: npt.NDArray[np.int8], group: npt.NDArray[np.int64], seed: int) -> Split:
    """Test on a random share of the groups, stratified by label; no group is divided.

    Raises
    ------
    TrainingRefused
        When nothing is left to train or to test on.
    """
    folds = _grouped(label, group, _SLICES, seed)
    n_test = round(RANDOM_TEST_SHARE * _SLICES)
    test = np.isin(folds, np.arange(n_test))
    if not 0 < test.sum() < len(test):
        raise TrainingRefused(
            f"Nothing is left to {'test' if not test.any() else 'train'} on: the {len(test):,} rows are "
            f"{len(np.unique(group)):,} different ones, and equal rows stay together. Give more rows, or "
            "more columns that tell them apart."
        )
    return Split(np.flatnonzero(~test), np.flatnonzero(test), 0, "random")


def rolling_origins(spine: Spine, horizon: int) -> list[tuple[Rows, Rows]]:
    """Pairs of rows to fit on and later rows to predict, all inside one training span.

    Each row fitted on has its horizon ended by the first cutoff predicted.
    """
    edges = np.quantile(spine.cutoff, _BLOCKS, method="higher")
    edges[-1] += 1  # the last block holds its end
    folds = []
    for start, end in itertools.pairwise(edges):
        held_out = (spine.cutoff >= start) & (spine.cutoff < end)
        fitted = spine.cutoff + horizon <= start
        folds.append((np.flatnonzero(fitted), np.flatnonzero(held_out)))
    return folds


def grouped_folds(
    label: npt.NDArray[np.int8], group: npt.NDArray[np.int64], seed: int
) -> list[tuple[Rows, Rows]]:
    """Pairs of rows to fit on and other groups' rows to predict, for data without usable time."""
    fold = _grouped(label, group, _ROUNDS, seed)
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(_ROUNDS)]


def of_some_leads(
    folds: Sequence[tuple[Rows, Rows]], lead: npt.NDArray[np.int64], most: int, seed: int
) -> list[tuple[Rows, Rows]]:
    """The same folds where none has more than about `most` rows; else those of a share of the leads.

    Parameters
    ----------
    lead : ndarray of shape (n_rows,)
        Leads are drawn whole, and the same ones for every fold.
    """
    largest = max((len(inside) + len(outside) for inside, outside in folds), default=0)
    if largest <= most:
        return list(folds)
    leads, of_row = np.unique(lead, return_inverse=True)
    drawn = np.random.default_rng(seed).random(len(leads)) < most / largest
    return [
        (inside[drawn[of_row[inside]]], outside[drawn[of_row[outside]]])
        for inside, outside in folds
    ]


def _grouped(
    label: npt.NDArray[np.int8], group: npt.NDArray[np.int64], n_folds: int, seed: int
) -> npt.NDArray[np.int64]:
    """A fold for each row: groups whole, folds alike in positives and in rows.

    Groups with positives go first, the largest before the others, each to the fold with the fewest
    positives so far; then the rest, each to the fold with the fewest rows.
    """
    rng = np.random.default_rng(seed)
    groups, of_row, size = np.unique(group, return_inverse=True, return_counts=True)
    positives = np.bincount(of_row, weights=label, minlength=len(groups))
    fold = np.empty(len(groups), dtype=np.int64)
    rows, found = np.zeros(n_folds), np.zeros(n_folds)
    for stratum, weight, load in ((positives > 0, positives, found), (positives == 0, size, rows)):
        members = rng.permutation(np.flatnonzero(stratum))
        for member in members[np.argsort(-weight[members], kind="stable")]:
            chosen = np.argmin(load)
            fold[member] = chosen
            rows[chosen] += size[member]
            found[chosen] += positives[member]
    # The largest groups went to the first folds: which folds are tested on is drawn anew.
    return rng.permutation(n_folds)[fold][of_row]
