"""Calibrators: from a raw score (log-odds) to a probability, fitted on out-of-time predictions.

References
----------
Platt, J. (1999). Probabilistic outputs for support vector machines.
Zadrozny, B. and Elkan, C. (2002). Transforming classifier scores into accurate multiclass
probability estimates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numba
import numpy as np
import numpy.typing as npt

SIGMOID_FROM = 30
ISOTONIC_FROM = 200
"""Positive leads among the calibration rows from which each form may be fitted."""

_FOLDS = 5


@dataclass(frozen=True)
class Calibrator:
    """An increasing map from raw score to probability.

    Attributes
    ----------
    form : {"none", "sigmoid", "isotonic"}
    knots, values : tuple of float
        For "none" and "sigmoid": ``values = (slope, intercept)`` and
        p = 1 / (1 + exp(-(slope * raw + intercept))).
        For "isotonic": p is interpolated between `values` at `knots`, the mean raw scores of the
        blocks that pooling adjacent violators leaves, and constant outside them.
    """

    form: Literal["none", "sigmoid", "isotonic"] = "none"
    knots: tuple[float, ...] = ()
    values: tuple[float, ...] = (1.0, 0.0)

    def __call__(self, raw: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Probabilities in [0, 1] of raw scores, both of shape (n,)."""
        if self.form == "isotonic":
            return np.asarray(np.interp(raw, self.knots, self.values), dtype=np.float64)
        return np.asarray(_sigmoid(np.asarray(raw, dtype=np.float64), *self.values))

    def slope_at(self, raw: float) -> float:
        """The derivative of the probability by the raw score."""
        step = 1e-4
        low, high = self(np.array([raw - step, raw + step]))
        return float(high - low) / (2 * step)

    def to_json(self) -> dict[str, Any]:
        """Plain values, as stored in an artefact."""
        return {"form": self.form, "knots": list(self.knots), "values": list(self.values)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Calibrator:
        """The calibrator that `to_json` wrote."""
        return cls(stored["form"], tuple(stored["knots"]), tuple(stored["values"]))

    @classmethod
    def fit(
        cls,
        raw: npt.NDArray[np.float64],
        label: npt.NDArray[np.int8],
        lead: npt.NDArray[np.int64],
    ) -> Calibrator:
        """The simplest form that held-out leads do not refute.

        The raw score of a model fitted by log loss is a log-odds already. A freer form must earn
        its place: lower the log loss of leads it was not fitted on, by more than the noise (one
        standard error of the sum over leads).

        Parameters
        ----------
        raw : ndarray of shape (n_rows,)
            Predictions for rows that the model was not fitted on.
        label : ndarray of shape (n_rows,)
        lead : ndarray of shape (n_rows,)
            Folds never divide a lead.
        """
        positives = len(np.unique(lead[label == 1]))
        others = len(np.unique(lead[label == 0]))
        forms = [lambda raw, label: cls()]
        if min(positives, others) >= SIGMOID_FROM:
            forms.append(cls._sigmoid)
        if min(positives, others) >= ISOTONIC_FROM:
            forms.append(cls._isotonic)
        row_lead = np.unique(lead, return_inverse=True)[1]
        # Shuffled: in a list ordered by outcome, or one lead in so many, a fold by place has one class.
        n_leads = int(row_lead.max()) + 1
        fold = (np.random.default_rng(0).permutation(n_leads) % _FOLDS)[row_lead]
        losses = [_held_out(form, raw, label, fold) for form in forms]
        chosen = 0
        for freer in range(1, len(forms)):
            gain = np.bincount(row_lead, weights=losses[chosen] - losses[freer])
            if gain.sum() > gain.std() * np.sqrt(len(gain)):
                chosen = freer
        return forms[chosen](raw, label)

    @classmethod
    def _sigmoid(cls, raw: npt.NDArray[np.float64], label: npt.NDArray[np.int8]) -> Calibrator:
        from sklearn.linear_model import LogisticRegression

        fitted = LogisticRegression(C=np.inf, max_iter=1000).fit(raw[:, None], label)
        slope, intercept = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
        # Scores that do not rise with the label are no scores: only the level is learnt from them.
        if slope <= 0:
            rate = float(label.mean())
            return cls(values=(1e-6, math.log(rate / (1 - rate))), form="sigmoid")
        return cls(values=(slope, intercept), form="sigmoid")

    @classmethod
    def _isotonic(cls, raw: npt.NDArray[np.float64], label: npt.NDArray[np.int8]) -> Calibrator:
        from sklearn.isotonic import IsotonicRegression

        order = np.argsort(raw, kind="stable")
        levels = IsotonicRegression().fit(raw, label).predict(raw[order])
        block = np.cumsum(np.r_[0, levels[1:] > levels[:-1]])
        n = np.bincount(block)
        knots = np.bincount(block, weights=raw[order]) / n
        # Jeffreys' mean: no probability is 0 or 1 on the strength of n rows.
        rate = (np.bincount(block, weights=label[order]) + 0.5) / (n + 1)
        values = IsotonicRegression().fit(knots, rate, sample_weight=n).predict(knots)
        return cls("isotonic", tuple(map(float, knots)), tuple(map(float, values)))


def _held_out(
    form: Callable[[npt.NDArray[np.float64], npt.NDArray[np.int8]], Calibrator],
    raw: npt.NDArray[np.float64],
    label: npt.NDArray[np.int8],
    fold: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """The log loss of each row under a calibrator fitted on the other folds."""
    losses = np.empty(len(raw))
    for held_out in np.unique(fold):
        inside, outside = fold != held_out, fold == held_out
        losses[outside] = row_losses(label[outside], form(raw[inside], label[inside])(raw[outside]))
    return losses


def row_losses(
    label: npt.NDArray[Any], probability: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Negative log-likelihood of each row, in nats; probabilities are kept off 0 and 1 by 1e-15."""
    p = np.clip(probability, 1e-15, 1 - 1e-15)
    return np.where(label == 1, -np.log(p), -np.log1p(-p))


def log_loss(label: npt.NDArray[Any], probability: npt.NDArray[np.float64]) -> float:
    """Mean of `row_losses`."""
    return float(row_losses(label, probability).mean())


@numba.njit(cache=True, nogil=True)
def _sigmoid(raw: Any, slope: float, intercept: float) -> Any:
    """Row by row, so that one lead alone has the bits it has in a list."""
    p = np.empty(len(raw))
    for row in range(len(raw)):
        p[row] = 1.0 / (1.0 + math.exp(-(slope * raw[row] + intercept)))
    return p
