"""The conversion model: from encoded features to a calibrated probability of conversion."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from models.calibration import Calibrator
from models.logistic import Logistic
from models.shapley.difference import difference
from models.shapley.values import Shapley

BATCH = 256
"""Rows from which LightGBM may use all threads; fewer are not worth waking them for."""


@dataclass(frozen=True)
class Trees:
    """LightGBM trees, held as the text they are stored as."""

    text: str

    @cached_property
    def booster(self) -> lgb.Booster:
        """The trees, parsed."""
        return lgb.Booster(model_str=self.text)

    @cached_property
    def shapley(self) -> Shapley:
        """The trees, laid out for their Shapley values."""
        return Shapley.of(self.text)

    def raw(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Raw scores (log-odds) of shape (n_rows,)."""
        threads = 0 if len(X) >= BATCH else 1
        predicted: Any = self.booster.predict(X, raw_score=True, num_threads=threads)
        return np.asarray(predicted, dtype=np.float64)

    def contributions(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Shapley values of each feature, and the base last: shape (n_rows, n_features + 1)."""
        return self.shapley(X)

    def difference(
        self, before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float64]:
        """What each feature did to the way from one raw score to another: (n_rows, n_features)."""
        return difference(self.shapley.nodes, before, after)


@dataclass(frozen=True)
class ConversionModel:
    """P(label event in (cutoff, cutoff + horizon]) from encoded features.

    Attributes
    ----------
    estimator : Trees or Logistic
    calibrator : Calibrator
        Fitted on out-of-time predictions of models trained the same way.
    """

    estimator: Trees | Logistic
    calibrator: Calibrator

    @property
    def kind(self) -> str:
        """``"lightgbm"`` or ``"logistic"``."""
        return "lightgbm" if isinstance(self.estimator, Trees) else "logistic"

    def prepare(self) -> None:
        """Do now what the first questions would otherwise wait for; after the artefact's check."""
        if isinstance(self.estimator, Trees):
            _ = self.estimator.booster, self.estimator.shapley

    def raw(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Raw scores of shape (n_rows,), float64: they break ties between equal probabilities."""
        return self.estimator.raw(X)

    def probability(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Probabilities of shape (n_rows,), in [0, 1]."""
        return self.calibrator(self.raw(X))
