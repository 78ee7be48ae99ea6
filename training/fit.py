"""Fitting: a ladder by how many leads converted, and calibration on predictions of later rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from models.calibration import Calibrator, log_loss
from models.conversion import ConversionModel, Trees
from models.encode import Encoder
from models.logistic import Logistic

MODEL_FROM = 40
"""Leads of either class in the fitted span from which there is a model at all."""
TREES_FROM = 120
"""Converted leads from which it is trees; with fewer, logistic regression."""

PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "min_data_in_leaf": 40,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "cat_smooth": 20.0,
    "cat_l2": 20.0,
    "min_data_per_group": 50,
    "max_bin": 127,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
    "num_threads": 0,
}
"""Slow and strongly regularised, because positives are few."""

SHAPES: dict[str, dict[str, Any]] = {
    "deep": {"num_leaves": 15},
    "shallow": {"num_leaves": 7, "extra_trees": True},
}
"""Sizes of tree, of which held-out rows choose: many features that interact, or few that add up."""

LARGE = 50_000
RATES = (0.03, 0.06)
"""Learning rate below and from `LARGE` rows, where half as many trees cost half the time."""

MOST_TREES = 800
TREES_UNTRIED = 200
"""Trees where the data are too short for any later row to choose their number."""
PATIENCE = 60
_STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3)

Rung = Literal["rules", "logistic", "lightgbm"]
Folds = Sequence[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]
Report = Callable[[str], None]


@dataclass(frozen=True)
class Rows:
    """Training rows as a model reads them.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_features), float32
    label : ndarray of shape (n_rows,), int8
    lead : ndarray of shape (n_rows,), int64
    """

    X: npt.NDArray[np.float32]
    label: npt.NDArray[np.int8]
    lead: npt.NDArray[np.int64]

    def take(self, rows: npt.NDArray[np.int64]) -> Rows:
        """Some of the rows, by position."""
        return Rows(self.X[rows], self.label[rows], self.lead[rows])


@dataclass(frozen=True)
class Fitted:
    """A model and how it came about.

    Attributes
    ----------
    model : ConversionModel
    parameters : dict
        What was chosen, and by which out-of-time log loss.
    held_out : ndarray of int64
        Rows whose out-of-time predictions chose and calibrated.
    predicted : ndarray of shape (n_held_out,), float64
        Those predictions, calibrated: probabilities.
    """

    model: ConversionModel
    parameters: dict[str, Any]
    held_out: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.float64]


def rung(label: npt.NDArray[np.int8], lead: npt.NDArray[np.int64]) -> tuple[Rung, int, int]:
    """Which rung of the ladder the data reach, and the leads that converted and that did not."""
    converted = len(np.unique(lead[label == 1]))
    others = len(np.setdiff1d(lead, lead[label == 1]))
    if min(converted, others) < MODEL_FROM:
        return "rules", converted, others
    return ("logistic" if converted < TREES_FROM else "lightgbm"), converted, others


def fit(
    rows: Rows,
    folds: Folds,
    form: Rung,
    encoder: Encoder,
    names: list[str],
    seed: int,
    report: Report,
) -> Fitted:
    """Choose and calibrate on held-out predictions, then fit on all rows.

    Parameters
    ----------
    rows : Rows
    folds : pairs of positions to fit on and to predict
        Those without both classes on either side are passed over.
    form : {"logistic", "lightgbm"}
    encoder : Encoder
        Its attributes are the categories among `names`, the columns of ``rows.X``.
    report : callable
        Told what is being done.
    """
    usable = [
        (inside, outside)
        for inside, outside in folds
        if _both(rows.label[inside]) and _both(rows.label[outside])
    ]
    if form == "logistic":
        return _fit_logistic(rows, usable, encoder, names, report)
    return _fit_trees(rows, usable, encoder, names, seed, report)


def _both(label: npt.NDArray[np.int8]) -> bool:
    return bool(0 < label.sum() < len(label))


def _fit_trees(
    rows: Rows, folds: Folds, encoder: Encoder, names: list[str], seed: int, report: Report
) -> Fitted:
    categorical = [place for place, name in enumerate(names) if name in encoder.levels]
    rate = RATES[len(rows.label) >= LARGE]
    always = {**PARAMETERS, "learning_rate": rate, "seed": seed}
    tried = [
        _tried(rows, folds, {**always, **shape}, categorical, name, report)
        for name, shape in SHAPES.items()
    ]
    best = min(tried, key=lambda t: t.loss)
    report(f"{best.n_trees} trees on all {len(rows.label):,} rows")
    dataset = _dataset(rows, categorical, best.parameters)
    final = lgb.train(best.parameters, dataset, best.n_trees)
    chosen = {**best.parameters, "n_trees": best.n_trees}
    return _calibrated(Trees(final.model_to_string(num_iteration=-1)), best.raw, rows, chosen)


@dataclass(frozen=True)
class _Tried:
    """Parameters, the number of trees that suits them, and their predictions of held-out rows."""

    parameters: dict[str, Any]
    n_trees: int
    raw: npt.NDArray[np.float64]
    loss: float


def _tried(
    rows: Rows,
    folds: Folds,
    parameters: dict[str, Any],
    categorical: list[int],
    name: str,
    report: Report,
) -> _Tried:
    raw = np.full(len(rows.label), np.nan)
    boosters, curves = [], []
    for place, (inside, outside) in enumerate(folds, 1):
        report(f"{name} trees, fold {place} of {len(folds)}: {len(inside):,} rows")
        curve: dict[str, dict[str, list[float]]] = {}
        train = _dataset(rows.take(inside), categorical, parameters)
        later = rows.take(outside)
        stop = lgb.early_stopping(PATIENCE, verbose=False)
        boosters.append(
            lgb.train(
                {**parameters, "metric": "binary_logloss"},
                train,
                MOST_TREES,
                valid_sets=[lgb.Dataset(later.X, later.label, reference=train, params=parameters)],
                callbacks=[stop, lgb.record_evaluation(curve)],
            )
        )
        curves.append(np.array(curve["valid_0"]["binary_logloss"]))
    if not folds:
        return _Tried(parameters, TREES_UNTRIED, raw, np.inf)
    length = min(len(curve) for curve in curves)
    weights = [len(outside) for _, outside in folds]
    losses = np.average([curve[:length] for curve in curves], axis=0, weights=weights)
    n_trees = int(np.argmin(losses)) + 1
    for booster, (_, outside) in zip(boosters, folds, strict=True):
        predicted: Any = booster.predict(rows.X[outside], raw_score=True, num_iteration=n_trees)
        raw[outside] = predicted
    return _Tried(parameters, n_trees, raw, float(losses[n_trees - 1]))


def _dataset(rows: Rows, categorical: list[int], parameters: dict[str, Any]) -> lgb.Dataset:
    return lgb.Dataset(rows.X, rows.label, categorical_feature=categorical, params=parameters)


def _fit_logistic(
    rows: Rows, folds: Folds, encoder: Encoder, names: list[str], report: Report
) -> Fitted:
    def fitted(part: Rows, strength: float) -> Logistic:
        weight = np.ones(len(part.label))
        return Logistic.fit(part.X, part.label, weight, encoder, names, strength)

    best, best_raw, best_loss = _STRENGTHS[0], np.full(len(rows.label), np.nan), np.inf
    for strength in _STRENGTHS if folds else ():
        report(f"logistic regression, C = {strength:g}")
        raw = np.full(len(rows.label), np.nan)
        for inside, outside in folds:
            raw[outside] = fitted(rows.take(inside), strength).raw(rows.X[outside])
        known = np.isfinite(raw)
        loss = log_loss(rows.label[known], Calibrator()(raw[known]))
        if loss < best_loss:
            best, best_raw, best_loss = strength, raw, loss
    return _calibrated(fitted(rows, best), best_raw, rows, {"C": best})


def _calibrated(
    estimator: Trees | Logistic,
    raw: npt.NDArray[np.float64],
    rows: Rows,
    parameters: dict[str, Any],
) -> Fitted:
    held_out = np.flatnonzero(np.isfinite(raw))
    if not len(held_out):
        return Fitted(ConversionModel(estimator, Calibrator()), parameters, held_out, raw[:0])
    calibrator = Calibrator.fit(raw[held_out], rows.label[held_out], rows.lead[held_out])
    predicted = calibrator(raw[held_out])
    loss = log_loss(rows.label[held_out], predicted)
    chosen = {**parameters, "calibrator": calibrator.form, "held_out_log_loss": loss}
    return Fitted(ConversionModel(estimator, calibrator), chosen, held_out, predicted)
