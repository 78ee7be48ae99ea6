"""Which pairs of events, one right after the other, tell most about the outcome."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from features.kernel import behaviour
from features.plan import Plan, expand
from features.program import compile_plan
from features.spine import labels_of
from models.points_map import drawn_rows
from training.sources import Material

KEPT = 10
"""How many pairs a plan counts."""
_TYPES = 16
"""Pairs of so many of the most frequent types are tried."""
_RIDGE = 1.0


def telling_bigrams(
    plan: Plan, material: Material, rows: npt.NDArray[np.int64], seed: int = 0
) -> tuple[tuple[str, str], ...]:
    """The pairs that tell most beyond how often each event type occurred.

    How much a pair tells is the correlation of log(1 + its count) with what is left of the label
    after a ridge regression on log(1 + count) of every type, over at most one row of each lead (see `drawn_rows`).

    Parameters
    ----------
    rows : ndarray of int64
        Training rows of the material's spine, by position.
    """
    spine = material.spine
    lead = spine.lead[rows]
    rows = rows[np.unique(drawn_rows(lead, (spine.cutoff[rows],), seed))]
    frequent = plan.event_types[:_TYPES]
    pairs = tuple((before, after) for before in frequent for after in frequent)
    tried = replace(plan, bigrams=pairs)
    tried = replace(
        tried,
        features=expand(["count ever"], {"group": plan.event_types})
        + expand(["bigram"], tried.subjects),
    )
    X = np.log1p(
        behaviour(
            compile_plan(tried),
            material.log,
            material.leads.created_at,
            spine.lead[rows],
            spine.cutoff[rows],
        ).astype(np.float64)
    )
    X -= X.mean(axis=0)
    label = labels_of(spine)[rows].astype(np.float64)
    counts, of_pairs = np.split(X, [len(plan.event_types)], axis=1)
    gram = counts.T @ counts + _RIDGE * np.eye(counts.shape[1])
    left = label - label.mean()
    left -= counts @ np.linalg.solve(gram, counts.T @ left)
    norm = np.sqrt((of_pairs**2).sum(axis=0) + _RIDGE)
    telling = np.abs(of_pairs.T @ left) / norm
    order = np.lexsort((np.arange(len(pairs)), -telling))
    return tuple(pairs[place] for place in order[:KEPT] if telling[place] > 0)
