"""Fitting: the ladder counts leads, the seed decides everything, and probabilities come out calibrated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

import training.trees
from features.plan import Attribute, Plan
from models.conversion import Trees
from models.encode import Encoder
from models.logistic import Logistic
from training.evaluate import metrics
from training.fit import MODEL_FROM, TREES_FROM, Fitted, Rung, Tuning, directions, fit, rung
from training.rows import Rows
from training.split import grouped_folds

pytestmark = pytest.mark.usefixtures("few_trees")

NAMES = ["x", "y", "noise", "industry"]
ENCODER = Encoder({"industry": ("a", "b")})


def invented(n_leads: int, seed: int, rows_per_lead: int = 2) -> Rows:
    """Rows whose log-odds are a curved sum of two numbers and a category, with holes."""
    rng = np.random.default_rng(seed)
    n = n_leads * rows_per_lead
    X = rng.normal(size=(n, 4)).astype(np.float32)
    X[:, 3] = rng.integers(0, 3, n)
    log_odds = -2.2 + 1.1 * X[:, 0] + 0.8 * np.abs(X[:, 1]) - 0.7 * (X[:, 3] == 2)
    X[rng.random(n) < 0.1, 1] = np.nan
    label = (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(np.int8)
    return Rows(X, label, np.repeat(np.arange(n_leads), rows_per_lead))


def fitted(rows: Rows, form: Rung, seed: int = 1, n_folds: int = 2) -> Fitted:
    folds = grouped_folds(rows.label, rows.lead, 0)[:n_folds]
    return fit(rows, folds, form, ENCODER, NAMES, seed, lambda step: None)


@pytest.fixture(scope="module", params=["lightgbm", "logistic"])
def form(request: pytest.FixtureRequest) -> Rung:
    found: Rung = request.param
    return found


@pytest.fixture(scope="module")
def training_rows() -> Rows:
    return invented(1500, 1)


@pytest.fixture
def result(training_rows: Rows, form: Rung) -> Fitted:
    return fitted(training_rows, form)


@pytest.mark.parametrize(
    ("converted", "others", "reached"),
    [
        (MODEL_FROM - 1, 1000, "rules"),
        (MODEL_FROM, 1000, "logistic"),
        (1000, MODEL_FROM - 1, "rules"),
        (1000, MODEL_FROM, "lightgbm"),
        (TREES_FROM - 1, 1000, "logistic"),
        (TREES_FROM, 1000, "lightgbm"),
    ],
)
@pytest.mark.parametrize("rows_per_lead", [1, 5])
def test_the_ladder_counts_leads_and_not_rows(
    converted: int, others: int, reached: str, rows_per_lead: int
) -> None:
    assert (MODEL_FROM, TREES_FROM) == (40, 120)
    lead = np.repeat(np.arange(converted + others), rows_per_lead)
    label = (lead < converted).astype(np.int8)
    assert rung(label, lead) == (reached, converted, others)


def test_a_lead_that_converted_in_any_row_is_no_other() -> None:
    lead = np.array([0, 0, 1, 1, 2])
    label = np.array([0, 1, 0, 0, 1], dtype=np.int8)
    assert rung(label, lead) == ("rules", 2, 1)


def test_the_form_is_the_one_asked_for(result: Fitted, form: Rung) -> None:
    expected = Trees if form == "lightgbm" else Logistic
    assert isinstance(result.model.estimator, expected)
    assert result.model.calibrator.form == result.parameters["calibrator"]


def test_the_same_seed_gives_the_same_bits(training_rows: Rows, result: Fitted, form: Rung) -> None:
    again = fitted(training_rows, form)
    X = invented(300, 9).X
    assert again.model.probability(X).tobytes() == result.model.probability(X).tobytes()
    assert again.parameters == result.parameters
    if form == "lightgbm":
        other = fitted(training_rows, form, seed=2)
        assert other.model.probability(X).tobytes() != result.model.probability(X).tobytes()


def standard_error(p: npt.NDArray[np.float64]) -> float:
    """Of a calibration slope, from the information of a logistic regression at slope 1."""
    log_odds, weight = np.log(p / (1 - p)), p * (1 - p)
    return float(
        1 / np.sqrt((weight * (log_odds - np.average(log_odds, weights=weight)) ** 2).sum())
    )


def test_new_leads_are_answered_by_calibrated_probabilities(
    training_rows: Rows, form: Rung, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slope is 1 within noise: that of the new rows, and that of the rows calibrated on."""
    monkeypatch.setattr(training.trees, "MOST_TREES", 800)
    monkeypatch.setattr(training.trees, "PATIENCE", 60)
    model = fitted(training_rows, form, n_folds=5).model
    new = invented(8000, 77, rows_per_lead=1)
    p = model.probability(new.X)
    noise = np.hypot(standard_error(p), standard_error(model.probability(training_rows.X)))
    found = metrics(new.label, p)
    assert found.calibration_slope is not None
    assert noise < 0.1
    assert abs(found.calibration_slope - 1) < 3 * noise
    assert abs(p.mean() - new.label.mean()) < 0.02
    assert found.auc is not None
    assert found.auc > 0.7


def test_the_model_beats_the_base_rate_and_trees_see_what_a_sum_cannot(
    training_rows: Rows,
) -> None:
    new = invented(8000, 78, rows_per_lead=1)
    base = metrics(new.label, np.full(len(new.label), training_rows.label.mean())).log_loss
    trees, logistic = (
        metrics(new.label, fitted(training_rows, form).model.probability(new.X)).log_loss
        for form in ("lightgbm", "logistic")
    )
    assert trees < logistic < 0.97 * base


def test_what_is_held_out_is_what_the_folds_predict(training_rows: Rows, form: Rung) -> None:
    folds = grouped_folds(training_rows.label, training_rows.lead, 0)[:2]
    found = fit(training_rows, folds, form, ENCODER, NAMES, 1, lambda step: None)
    expected = np.sort(np.concatenate([outside for _, outside in folds]))
    assert found.held_out.tolist() == expected.tolist()


def test_folds_of_one_class_are_passed_over_and_without_any_the_model_is_not_calibrated(
    training_rows: Rows, form: Rung
) -> None:
    only_no = np.flatnonzero(training_rows.label == 0)
    everything = np.arange(len(training_rows.label))
    nothing = np.empty(0, dtype=np.int64)
    folds = [(only_no, everything), (everything, only_no), (nothing, everything)]
    found = fit(training_rows, folds, form, ENCODER, NAMES, 1, lambda step: None)
    assert len(found.held_out) == 0
    assert found.model.calibrator.form == "none"
    p = found.model.probability(training_rows.X)
    assert ((p > 0) & (p < 1)).all()


def test_labels_that_say_nothing_are_answered_by_about_the_base_rate(form: Rung) -> None:
    rows = invented(1500, 5)
    label = np.random.default_rng(0).permutation(rows.label)
    p = fitted(replace(rows, label=label), form).model.probability(rows.X)
    assert np.abs(p - label.mean()).mean() < 0.04


def test_steps_are_reported(training_rows: Rows, form: Rung) -> None:
    said: list[str] = []
    folds = grouped_folds(training_rows.label, training_rows.lead, 0)[:1]
    fit(training_rows, folds, form, ENCODER, NAMES, 1, said.append)
    assert said
    assert all(said)


def test_a_later_date_has_fewer_days() -> None:
    attributes = (
        Attribute("n", "number", monotone="increasing"),
        Attribute("d", "date", monotone="increasing"),
        Attribute("t", "text", monotone="decreasing"),
        Attribute("x", "number"),
    )
    plan = Plan((), (), (), (), attributes, "UTC", {}, {})
    assert directions(plan) == {"n": 1, "d": -1, "t": -1}


@pytest.mark.parametrize("sign", [1, -1])
def test_a_column_declared_monotone_never_goes_the_other_way(form: Rung, sign: int) -> None:
    rows = invented(1500, 3)
    folds = grouped_folds(rows.label, rows.lead, 0)[:2]
    names, tuning = list(NAMES), Tuning(rising={"x": sign, "y": sign})
    found = fit(rows, folds, form, ENCODER, names, 1, lambda step: None, tuning).model
    X = np.repeat(rows.X[:50], 40, axis=0)
    for place, planted in ((0, 1), (1, 0)):
        moved = X.copy()
        moved[:, place] = np.tile(np.linspace(-4, 4, 40, dtype=np.float32), 50)
        step = np.diff(found.probability(moved).reshape(50, 40), axis=1)
        assert (sign * step >= 0).all()
        if sign == planted:
            assert (step > 0).any()
