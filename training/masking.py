"""Inputs that an answer may have to do without are hidden from a part of the training rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from features.build import Matrix
from features.kinds import KINDS

SHARE = 0.3
"""The share of training rows that do without an input."""

_INPUTS = ("colleagues", "changes")


def masked(matrix: Matrix, seed: int) -> Matrix:
    """The same rows, some without the features of colleagues and some without those of changes.

    A lead is scored with them where they are given; a model that never had to do without would
    take their absence for something else.
    """
    behaviour = matrix.behaviour.copy()
    rng = np.random.default_rng(seed)
    for source in _INPUTS:
        hidden = rng.random(len(matrix)) < SHARE
        columns = [
            place
            for place, feature in enumerate(matrix.plan.features)
            if KINDS[feature.kind].source == source
        ]
        behaviour[np.ix_(hidden, np.array(columns, dtype=np.int64))] = np.nan
    return replace(matrix, behaviour=behaviour)
