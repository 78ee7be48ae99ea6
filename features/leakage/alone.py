"""What one column alone tells of the outcome, out of sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.cells import numbers, text_column
from features.leakage.bounds import auc, auc_error

Codes = npt.NDArray[np.int64]

BINS = 32
FOLDS = 5
PRIOR = 5.0
"""Leads at the general rate that are added to every level, so that a rare level says little."""


@dataclass(frozen=True)
class Alone:
    """How well one column predicts by itself; bounds are one-sided, of `features.leakage.bounds`.

    Attributes
    ----------
    auc, auc_low, auc_high : float
        Of out-of-fold predictions; bounds by Hanley and McNeil (1982). Cross-fitting costs AUC in
        small data, so from about .75 on, where thresholds are, the lower bound is above the truth
        less often than stated; at .5 the folds add a variance that the bound leaves out, and a
        column of noise passes .5 four times as often as stated, but never comes near a threshold.
    share, share_low, share_high : float
        The share of what there is to know that it tells: 1 - log loss / log loss of the base rate
        (McFadden 1974; of a category, Theil's uncertainty coefficient), out of fold. Bounds by
        the central limit theorem over leads.
    """

    auc: float
    auc_low: float
    auc_high: float
    share: float
    share_low: float
    share_high: float

    def __str__(self) -> str:
        return (
            f"alone it predicts the outcome with AUC {self.auc:.3f} ({self.auc_low:.3f} to "
            f"{self.auc_high:.3f}) and tells {self.share:.0%} of all there is to know "
            f"({max(self.share_low, 0):.0%} to {self.share_high:.0%})"
        )


def codes(column: pa.Array | pa.ChunkedArray, *, number: bool) -> Codes:
    """Levels of a column from 0, a missing cell being a level of its own.

    Numbers of more than `BINS` different values are divided at their quantiles, which knows
    nothing of the outcome.
    """
    if number:
        value = numbers(column)[0]
        known = np.isfinite(value)
        distinct = np.unique(value[known])
        if len(distinct) > BINS:
            # Quantiles of all rows and of the different values: many zeros hide neither.
            steps = np.linspace(0, 1, BINS + 1)[1:-1]
            edges = np.unique(np.r_[np.quantile(value[known], steps), distinct[0]])
        else:
            edges = distinct
        return np.where(known, np.searchsorted(edges, value, side="left"), len(edges) + 1)
    encoded = text_column(column).dictionary_encode()
    filled = pc.fill_null(encoded.indices, len(encoded.dictionary))
    return np.asarray(filled.to_numpy(zero_copy_only=False), dtype=np.int64)


def folds(converted: npt.NDArray[np.bool_], seed: int = 0) -> npt.NDArray[np.int64]:
    """A fold for each lead, alike in leads that converted; shape (n_leads,)."""
    rng = np.random.default_rng(seed)
    fold = np.empty(len(converted), dtype=np.int64)
    for rows in (np.flatnonzero(converted), np.flatnonzero(~converted)):
        fold[rng.permutation(rows)] = np.arange(len(rows)) % FOLDS
    return fold


def predicted(
    code: Codes, converted: npt.NDArray[np.bool_], fold: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The rate of each lead's level among the leads of other folds, shape (n_leads,)."""
    n_levels = int(code.max()) + 1
    cell = code * FOLDS + fold
    leads = np.bincount(cell, minlength=n_levels * FOLDS).reshape(n_levels, FOLDS)
    yes = np.bincount(cell, weights=converted, minlength=n_levels * FOLDS).reshape(n_levels, FOLDS)
    others, others_yes = leads.sum(1, keepdims=True) - leads, yes.sum(1, keepdims=True) - yes
    rate = others_yes.sum(0) / others.sum(0)
    smoothed = (others_yes + PRIOR * rate) / (others + PRIOR)
    return np.asarray(smoothed[code, fold], dtype=np.float64)


def alone(code: Codes, converted: npt.NDArray[np.bool_], z: float, seed: int = 0) -> Alone:
    """How well levels predict, cross-fitted by lead.

    Parameters
    ----------
    code : ndarray of shape (n_leads,), from `codes`, one row per lead
    converted : ndarray of shape (n_leads,), bool, both classes
    z : float
        Standard errors to a bound.
    """
    fold = folds(converted, seed)
    p = predicted(code, converted, fold)
    base = predicted(np.zeros(len(code), dtype=np.int64), converted, fold)
    loss, base_loss = (-np.log(np.where(converted, q, 1 - q)) for q in (p, base))
    entropy = base_loss.mean()
    share = float(1 - loss.mean() / entropy)
    share_error = float(np.std(base_loss - loss) / np.sqrt(len(code)) / entropy)
    yes = int(converted.sum())
    area = auc(p, converted)
    error = float(auc_error(area, yes, len(code) - yes))
    return Alone(
        area,
        area - z * error,
        min(area + z * error, 1.0),
        share,
        share - z * share_error,
        share + z * share_error,
    )
