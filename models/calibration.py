"""Calibrators: from a raw score (log-odds) to a probability, fitted on out-of-time predictions.

References
----------
Platt, J. (1999). Probabilistic outputs for support vector machines.
Zadrozny, B. and Elkan, C. (2002). Transforming classifier scores into accurate multiclass
probability estimates.
Kull, M., Silva Filho, T. and Flach, P. (2017). Beta calibration: a well-founded and easily
implemented improvement on logistic calibration for binary classifiers.
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
FREER_FROM = 200
"""Leads of either class among the calibration rows from which a sigmoid, and from which freer forms
may be fitted."""

_FOLDS = 5


@dataclass(frozen=True)
class Calibrator:
    """A strictly increasing map from raw score to probability.

    Attributes
    ----------
    form : {"none", "sigmoid", "beta", "isotonic"}
    knots, values : tuple of float
        What makes of a raw score r the log-odds z of p = 1 / (1 + exp(-z)).
        For "none" and "sigmoid", ``values = (slope, intercept)``: z = slope * r + intercept.
        For "beta", ``values = (a, b, c)``: z = a * ln(q) - b * ln(1 - q) + c, where q is r as a
        probability.
        For "isotonic", z is interpolated between `values` at `knots`, the mean raw scores of the
        blocks that pooling adjacent violators leaves; outside them it rises as r does.
    """

    form: Literal["none", "sigmoid", "beta", "isotonic"] = "none"
    knots: tuple[float, ...] = ()
    values: tuple[float, ...] = (1.0, 0.0)

    def __call__(self, raw: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Probabilities in [0, 1] of raw scores, both of shape (n,)."""
        raw = np.asarray(raw, dtype=np.float64)
        if self.form == "isotonic":
            outside = raw - np.clip(raw, self.knots[0], self.knots[-1])
            raw = np.interp(raw, self.knots, self.values) + outside
            return np.asarray(_sigmoid(raw, 1.0, 0.0))
        if self.form == "beta":
            return np.asarray(_beta(raw, *self.values))
        return np.asarray(_sigmoid(raw, *self.values))

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
        """A sigmoid, or a freer form where held-out leads ask for one.

        Regularised and averaged models fitted by log loss say too little, on leads not fitted on
        their slope is above 1: a sigmoid mends that for the price of two parameters. Beta and
        isotonic must earn their place: lower the log loss of leads they were not fitted on, by
        more than the noise (one standard error of the sum over leads).

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
        if min(positives, others) < SIGMOID_FROM:
            return cls()
        if min(positives, others) < FREER_FROM:
            return cls._sigmoid(raw, label)
        forms = [cls._sigmoid, cls._beta, cls._isotonic]
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
            return cls("sigmoid", values=(1e-6, _log_odds(float(label.mean()))))
        return cls("sigmoid", values=(slope, intercept))

    @classmethod
    def _beta(cls, raw: npt.NDArray[np.float64], label: npt.NDArray[np.int8]) -> Calibrator:
        from sklearn.linear_model import LogisticRegression

        terms = np.column_stack([-np.logaddexp(0, -raw), np.logaddexp(0, raw)])
        fitted = LogisticRegression(C=np.inf, max_iter=1000).fit(terms, label)
        # A term that would fall is left out, as in Kull et al.
        if (fitted.coef_[0] <= 0).any():
            terms[:, fitted.coef_[0] <= 0] = 0.0
            fitted = LogisticRegression(C=np.inf, max_iter=1000).fit(terms, label)
        a, b = map(float, fitted.coef_[0])
        if min(a, b) < 0 or a == b == 0:
            return cls._sigmoid(raw, label)
        return cls("beta", values=(a, b, float(fitted.intercept_[0])))

    @classmethod
    def _isotonic(cls, raw: npt.NDArray[np.float64], label: npt.NDArray[np.int8]) -> Calibrator:
        from sklearn.isotonic import IsotonicRegression

        order = np.argsort(raw, kind="stable")
        levels = IsotonicRegression().fit(raw, label).predict(raw[order])
        block = np.cumsum(np.r_[0, levels[1:] > levels[:-1]])
        n = np.bincount(block)
        at = np.bincount(block, weights=raw[order]) / n
        # Jeffreys' mean: no probability is 0 or 1 on the strength of n rows.
        rate = (np.bincount(block, weights=label[order]) + 0.5) / (n + 1)
        rate = IsotonicRegression().fit(at, rate, sample_weight=n).predict(at)
        # Blocks that this made equal are one, so that no two scores share a probability.
        same = np.cumsum(np.r_[0, rate[1:] > rate[:-1]])
        knots = np.bincount(same, weights=at * n) / np.bincount(same, weights=n)
        values = map(_log_odds, rate[np.unique(same, return_index=True)[1]])
        return cls("isotonic", tuple(map(float, knots)), tuple(values))


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


def _log_odds(rate: float) -> float:
    return math.log(rate / (1 - rate))


@numba.njit(cache=True, nogil=True)
def _sigmoid(raw: Any, slope: float, intercept: float) -> Any:
    """Row by row, so that one lead alone has the bits it has in a list."""
    p = np.empty(len(raw))
    for row in range(len(raw)):
        p[row] = 1.0 / (1.0 + math.exp(-(slope * raw[row] + intercept)))
    return p


@numba.njit(cache=True, nogil=True)
def _beta(raw: Any, a: float, b: float, c: float) -> Any:
    p = np.empty(len(raw))
    for row in range(len(raw)):
        # Of q = 1 / (1 + exp(-raw)): ln(q) and -ln(1 - q), neither overflowing.
        beyond = math.log1p(math.exp(-abs(raw[row])))
        log_q = min(raw[row], 0.0) - beyond
        minus_log_rest = max(raw[row], 0.0) + beyond
        p[row] = 1.0 / (1.0 + math.exp(-(a * log_q + b * minus_log_rest + c)))
    return p
