"""Fitting: a ladder by how many leads converted, and calibration on predictions of later rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from features.build import Matrix
from features.plan import Plan
from features.spine import Spine, labels_of
from models.calibration import Calibrator, log_loss
from models.conversion import ConversionModel, Trees
from models.encode import Encoder
from models.logistic import Logistic
from models.terminal import Report
from training.masking import masked
from training.rows import Folds, Rows
from training.split import grouped_folds, of_some_leads, rolling_by_place, rolling_origins
from training.stability import calendar_columns
from training.trees import Bench, Candidate, blended
from training.tune import NONE, Budget, Trial, search

MODEL_FROM = 40
"""Leads of either class in the fitted span from which there is a model at all."""
TREES_FROM = 120
"""Converted leads from which it is trees; with fewer, logistic regression."""
TRIED_ON = 250_000
"""Rows of a fold on which candidates are tried at most; all rows are fitted on in the end."""

_STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3)

Rung = Literal["rules", "logistic", "lightgbm"]


@dataclass(frozen=True)
class Fitted:
    """A model and how it came about.

    Attributes
    ----------
    model : ConversionModel
    encoder : Encoder
        With the target statistics that the model reads.
    parameters : dict
        What was chosen, and by which out-of-time log loss.
    held_out : ndarray of int64
        Rows whose out-of-time predictions chose and calibrated.
    predicted : ndarray of shape (n_held_out,), float64
        Those predictions, calibrated: probabilities.
    trials : list of Trial
        Every candidate that was tried.
    """

    model: ConversionModel
    encoder: Encoder
    parameters: dict[str, Any]
    held_out: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.float64]
    trials: list[Trial] = field(default_factory=list)


@dataclass(frozen=True)
class Tuning:
    """How the parameters of trees are found.

    Attributes
    ----------
    budget : Budget
    calendar : tuple of str
        Columns that tell little but the calendar.
    given : tuple of Candidate
        Those to take instead of looking for any.
    rising : mapping of str to int
        Columns with which the raw score may only rise, 1, or only fall, -1.
    """

    budget: Budget = NONE
    calendar: tuple[str, ...] = ()
    given: tuple[Candidate, ...] = ()
    rising: Mapping[str, int] = field(default_factory=dict)


DEFAULT = Tuning()
"""The default set of parameters alone."""


def fit_matrix(
    matrix: Matrix,
    spine: Spine,
    group: npt.NDArray[np.int64],
    horizon: int | None,
    form: Rung,
    seed: int,
    report: Report,
    tuning: Tuning = DEFAULT,
    *,
    ordered: bool = False,
) -> Fitted:
    """Encode training rows and fit a model on them.

    Parameters
    ----------
    matrix, spine, group
        Features, labels and leads (or equal rows) of the training rows.
    horizon : int or None
        Microseconds; None for a flat export, whose rows have no time.
    form : {"logistic", "lightgbm"}
    ordered : bool
        Whether rows without a time are in the order of time.
    """
    seen, label = masked(matrix, seed), labels_of(spine)
    encoder = Encoder.fit(seen, group)
    X = encoder.encode(seen)
    keys = encoder.keys(seen) if form == "lightgbm" else {}
    tuning = replace(tuning, rising=directions(matrix.plan))
    when = spine.cutoff if horizon is not None else np.arange(len(label)) if ordered else None
    if when is None:
        rows = Rows(X, label, group, keys)
        folds: Folds = grouped_folds(label, group, seed)
    else:
        rows = Rows(X, label, group, keys, when, when + (horizon or 1))
        folds = rolling_origins(spine, horizon) if horizon else rolling_by_place(when)
        n = len(matrix.plan.features)
        drifting = calendar_columns(X[:, n:], matrix.plan.names[n:], when)
        tuning = replace(tuning, calendar=drifting)
    return fit(rows, folds, form, encoder, matrix.plan.names, seed, report, tuning)


def directions(plan: Plan) -> dict[str, int]:
    """The attributes that the playbook declares monotone: 1 where what is learnt of them may only
    raise the raw score, -1 where it may only lower it."""
    direction = {"increasing": 1, "decreasing": -1}
    # A later date has fewer days to the cutoff.
    turned = {a.name: -1 if a.type == "date" else 1 for a in plan.attributes}
    return {a.name: direction[a.monotone] * turned[a.name] for a in plan.attributes if a.monotone}


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
    tuning: Tuning = DEFAULT,
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
    tuning : Tuning
    """
    usable = [
        (inside, outside)
        for inside, outside in folds
        if _both(rows.label[inside]) and _both(rows.label[outside])
    ]
    if form == "logistic":
        return _fit_logistic(rows, usable, encoder, names, report, tuning.rising)
    usable = of_some_leads(usable, rows.lead, TRIED_ON, seed)
    return _fit_trees(rows, usable, encoder, names, seed, report, tuning)


def _both(label: npt.NDArray[np.int8]) -> bool:
    return bool(0 < label.sum() < len(label))


def _fit_trees(
    rows: Rows,
    folds: Folds,
    encoder: Encoder,
    names: list[str],
    seed: int,
    report: Report,
    tuning: Tuning,
) -> Fitted:
    bench = Bench(rows, folds, encoder, names, seed, tuning.budget.threads, tuning.rising)
    if tuning.given:
        trials: list[Trial] = []
        members = [bench.tried(candidate) for candidate in tuning.given]
    else:
        tried, trials = search(bench, tuning.budget, tuning.calendar, report)
        members = blended(tried, rows.label)
    text, encoder = bench.final(members, report)
    chosen = {
        "members": [
            {"n_trees": m.n_trees, "log_loss": m.loss, **m.candidate.to_json()} for m in members
        ]
    }
    raw = np.mean([member.raw for member in members], axis=0)
    return _calibrated(Trees(text), raw, rows, chosen, encoder, trials)


def _fit_logistic(
    rows: Rows,
    folds: Folds,
    encoder: Encoder,
    names: list[str],
    report: Report,
    rising: Mapping[str, int],
) -> Fitted:
    def fitted(part: Rows, strength: float) -> Logistic:
        weight = np.ones(len(part.label))
        return Logistic.fit(part.X, part.label, weight, encoder, names, strength, rising)

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
    return _calibrated(fitted(rows, best), best_raw, rows, {"C": best}, encoder, [])


def _calibrated(
    estimator: Trees | Logistic,
    raw: npt.NDArray[np.float64],
    rows: Rows,
    parameters: dict[str, Any],
    encoder: Encoder,
    trials: list[Trial],
) -> Fitted:
    held_out = np.flatnonzero(np.isfinite(raw))
    if not len(held_out):
        model = ConversionModel(estimator, Calibrator())
        return Fitted(model, encoder, parameters, held_out, raw[:0], trials)
    calibrator = Calibrator.fit(raw[held_out], rows.label[held_out], rows.lead[held_out])
    predicted = calibrator(raw[held_out])
    loss = log_loss(rows.label[held_out], predicted)
    chosen = {**parameters, "calibrator": calibrator.form, "held_out_log_loss": loss}
    model = ConversionModel(estimator, calibrator)
    return Fitted(model, encoder, chosen, held_out, predicted, trials)
