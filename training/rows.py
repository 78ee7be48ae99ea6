"""Training rows as a model reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models.statistics import Key
from training.statistics import Known

Folds = Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]
"""Pairs of positions to fit on and to predict."""


@dataclass(frozen=True)
class Rows:
    """Training rows.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_features), float32
        Without target statistics.
    label : ndarray of shape (n_rows,), int8
    lead : ndarray of shape (n_rows,), int64
        Rows that stand or fall together.
    keys : mapping of str to Key
        The attributes that target statistics can be of.
    cutoff, ended : ndarray of shape (n_rows,), int64, or None
        See `training.statistics.Known`; of rows that only have an order, their places.
    """

    X: npt.NDArray[np.float32]
    label: npt.NDArray[np.int8]
    lead: npt.NDArray[np.int64]
    keys: Mapping[str, Key] = field(default_factory=dict)
    cutoff: npt.NDArray[np.int64] | None = None
    ended: npt.NDArray[np.int64] | None = None

    @property
    def timed(self) -> bool:
        """Whether cutoffs are moments, and not the places of rows in an order."""
        if self.cutoff is None or self.ended is None or not len(self.cutoff):
            return False
        return int(self.ended[0] - self.cutoff[0]) > 1

    @property
    def known(self) -> Known:
        """What each row may be told of the others."""
        return Known(self.lead, self.cutoff, self.ended)

    def take(self, rows: npt.NDArray[np.int64]) -> Rows:
        """Some of the rows, by position."""
        return Rows(
            self.X[rows],
            self.label[rows],
            self.lead[rows],
            {name: Key(key.codes[rows], key.size) for name, key in self.keys.items()},
            None if self.cutoff is None else self.cutoff[rows],
            None if self.ended is None else self.ended[rows],
        )

    def weight(
        self, rows: npt.NDArray[np.int64], half_life: int | None
    ) -> npt.NDArray[np.float64] | None:
        """What some rows weigh in fitting: 1 the latest, one half those a half-life before it."""
        if half_life is None or self.cutoff is None:
            return None
        before = (self.cutoff[rows].max() - self.cutoff[rows]) / half_life
        weight: npt.NDArray[np.float64] = np.exp2(-before)
        return weight
