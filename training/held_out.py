"""The test rows of a training run, with what each answerer says of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.build import Matrix
from features.spine import Spine
from training.evaluate import Metrics, metrics
from training.split import Split

Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True)
class HeldOut:
    """Rows that nothing was fitted on.

    Attributes
    ----------
    split : Split
        Positions on the spine of the material.
    matrix : Matrix
        Features of every row of that spine, by the plan of the model.
    spine : Spine
        The test rows, with their labels.
    label : ndarray of shape (n_rows,), int8
    group : ndarray of shape (n_rows,), int64
        Rows that stand or fall together: those of one lead; in a flat export, equal rows.
    probability : dict of str to ndarray of shape (n_rows,)
        Of ``model`` (where there is one), ``scorecard`` and ``base rate``, in this order.
    points : ndarray of shape (n_rows,), int64
        Of the scorecard: they rank more finely than the probabilities observed for them.
    """

    split: Split
    matrix: Matrix
    spine: Spine
    label: npt.NDArray[np.int8]
    group: npt.NDArray[np.int64]
    probability: dict[str, Probabilities]
    points: npt.NDArray[np.int64]

    @property
    def best(self) -> Probabilities:
        """Of whoever answers: the model, else the scorecard."""
        return next(iter(self.probability.values()))

    def metrics(self, name: str, rows: npt.NDArray[np.bool_] | slice = slice(None)) -> Metrics:
        """The figures of one answerer, on some of the rows."""
        return metrics(self.label[rows], self.probability[name][rows])
