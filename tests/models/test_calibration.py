"""Calibration: rising, inside [0, 1], the form that the number of leads allows, the same bits anywhere."""

from __future__ import annotations

import json
import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss as sklearn_log_loss

from models.calibration import FREER_FROM, SIGMOID_FROM, Calibrator, log_loss, row_losses

Array = npt.NDArray[np.float64]


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def drawn(
    n: int, slope: float, intercept: float, seed: int
) -> tuple[Array, npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    """Raw scores of n leads, and labels whose log-odds are linear in them."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 2, n)
    label = (rng.random(n) < sigmoid(slope * raw + intercept)).astype(np.int8)
    return raw, label, np.arange(n)


@st.composite
def fitted(draw: st.DrawFn) -> Calibrator:
    """Calibrators of data of all kinds: few and many leads, steps, ties, scores that mislead."""
    raw, label, lead = drawn(
        draw(st.sampled_from([50, 300, 1200])),
        draw(st.sampled_from([-1.0, 0.0, 0.5, 3.0])),
        draw(st.floats(-2, 1)),
        draw(st.integers(0, 99)),
    )
    if draw(st.booleans()):
        raw = np.round(raw)
    if draw(st.booleans()):
        label = ((raw > 0.5) & (label == 1)).astype(np.int8)
    return Calibrator.fit(raw, label, lead)


@given(fitted(), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_a_probability_is_one_and_never_falls_with_the_raw_score(
    calibrator: Calibrator, seed: int
) -> None:
    raw = np.sort(np.r_[-1e4, np.random.default_rng(seed).normal(0, 5, 500), 1e4])
    p = calibrator(raw)
    assert ((p >= 0) & (p <= 1)).all()
    assert (np.diff(p) >= 0).all()
    below = calibrator(np.linspace(-8, 8, 200))
    assert (np.diff(below)[below[1:] < 1 - 1e-9] > 0).all()  # nearer to 1 a double says no more


@given(fitted(), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_one_row_alone_and_a_stored_calibrator_have_the_same_bits(
    calibrator: Calibrator, seed: int
) -> None:
    raw = np.random.default_rng(seed).normal(0, 3, 400)
    p = calibrator(raw)
    alone = np.array([calibrator(raw[i : i + 1])[0] for i in range(len(raw))])
    again = Calibrator.from_json(json.loads(json.dumps(calibrator.to_json())))
    assert alone.tobytes() == p.tobytes()
    assert again(raw).tobytes() == p.tobytes()
    assert again == calibrator


@pytest.mark.parametrize(("slope", "intercept"), [(0.6, -1.5), (2.0, 0.4)])
def test_the_sigmoid_finds_a_planted_slope_and_intercept(slope: float, intercept: float) -> None:
    raw, label, lead = drawn(10_000, slope, intercept, 4)
    found = Calibrator.fit(raw, label, lead)
    assert found.form == "sigmoid"  # isotonic does not earn its place where the truth is a sigmoid
    p = sigmoid(slope * raw + intercept)
    weight = p * (1 - p)
    information = np.array(
        [[(weight * raw**2).sum(), (weight * raw).sum()], [(weight * raw).sum(), weight.sum()]]
    )
    error = np.sqrt(np.diag(np.linalg.inv(information)))
    assert abs(found.values[0] - slope) < 4 * error[0]
    assert abs(found.values[1] - intercept) < 4 * error[1]


def test_beta_finds_a_planted_bend() -> None:
    raw, _, lead = drawn(40_000, 1.0, 0.0, 5)
    q = sigmoid(raw)
    truth = sigmoid(0.4 * np.log(q) - 2.0 * np.log1p(-q) - 1.0)
    label = (np.random.default_rng(6).random(len(raw)) < truth).astype(np.int8)
    found = Calibrator.fit(raw, label, lead)
    assert found.form == "beta"
    assert np.abs(found(raw) - truth).max() < 0.03
    np.testing.assert_allclose(found.values, [0.4, 2.0, -1.0], atol=0.15)


def test_a_beta_that_would_fall_leaves_that_term_out() -> None:
    raw, _, _ = drawn(20_000, 1.0, 0.0, 5)
    q = sigmoid(raw)
    truth = sigmoid(-0.3 * np.log(q) - 1.5 * np.log1p(-q) - 1.0)
    label = (np.random.default_rng(6).random(len(raw)) < truth).astype(np.int8)
    found = Calibrator._beta(raw, label)
    assert found.values[0] == 0
    assert found.values[1] > 0
    assert (np.diff(found(np.linspace(-9, 9, 500))) > 0).all()


def test_a_raw_score_that_is_a_log_odds_already_is_left_about_as_it_is() -> None:
    found = Calibrator.fit(*drawn(10_000, 1.0, 0.0, 4))
    assert found.form == "sigmoid"
    np.testing.assert_allclose(found.values, [1, 0], atol=0.1)


def stepped(positives: int, others: int) -> tuple[Array, npt.NDArray[np.int8]]:
    """Scores of which only one step says anything: no sigmoid fits them."""
    rng = np.random.default_rng(2)
    raw = np.r_[rng.uniform(2, 2.2, positives), rng.uniform(-6, 2.2, others)]
    label = np.r_[np.ones(positives, np.int8), np.zeros(others, np.int8)]
    flipped = rng.random(positives) < 0.1
    raw[:positives][flipped] = rng.uniform(-6, 2, int(flipped.sum()))
    return raw, label


@pytest.mark.parametrize(
    ("positives", "others", "form"),
    [
        (SIGMOID_FROM - 1, 500, "none"),
        (SIGMOID_FROM, 500, "sigmoid"),
        (500, SIGMOID_FROM - 1, "none"),
        (FREER_FROM - 1, 1500, "sigmoid"),
        (FREER_FROM, 1500, "isotonic"),
    ],
)
@pytest.mark.parametrize("rows_per_lead", [1, 4])
def test_the_form_follows_the_number_of_leads_not_of_rows(
    positives: int, others: int, form: str, rows_per_lead: int
) -> None:
    assert (SIGMOID_FROM, FREER_FROM) == (30, 200)
    raw, label = (np.repeat(x, rows_per_lead) for x in stepped(positives, others))
    lead = np.repeat(np.arange(positives + others), rows_per_lead)
    assert Calibrator.fit(raw, label, lead).form == form


def test_isotonic_is_closer_to_a_stepped_truth_than_the_sigmoid_and_never_certain() -> None:
    rng = np.random.default_rng(6)
    raw = rng.uniform(-3, 3, 8000)
    truth = np.where(raw > 1, 0.6, 0.05)
    label = (rng.random(8000) < truth).astype(np.int8)
    found = Calibrator.fit(raw, label, np.arange(8000))
    assert found.form == "isotonic"
    assert np.abs(found(raw) - truth).mean() < 0.02
    never = raw < 0.9  # nobody at all converted here, and everybody above 2
    label[never], label[raw > 2] = 0, 1
    p = Calibrator.fit(raw, label, np.arange(8000))(raw)
    assert ((p > 0) & (p < 1)).all()


@pytest.mark.parametrize("seed", range(3))
def test_scores_that_say_nothing_give_the_base_rate(seed: int) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 2, 5000)
    label = (rng.random(5000) < 0.1).astype(np.int8)
    base = label.mean()
    for uninformative in (raw, np.full(5000, 1.5)):
        p = Calibrator.fit(uninformative, label, np.arange(5000))(uninformative)
        assert np.abs(p - base).max() < 0.05
        assert abs(p.mean() - base) < 1e-3


@pytest.mark.parametrize("n", [150, 5000])
def test_scores_that_mislead_are_not_turned_round(n: int) -> None:
    raw, label, lead = drawn(n, -2.0, -1.0, 8)
    p = Calibrator.fit(raw, label, lead)(raw)
    assert np.ptp(p) < 1e-3
    assert p.mean() == pytest.approx(label.mean(), abs=5e-3)


@pytest.mark.parametrize("stride", [2, 5, 10])
def test_converted_leads_at_regular_places_of_the_list_do_no_harm(stride: int) -> None:
    lead = np.arange(3000)
    label = (lead % stride == 0).astype(np.int8)
    raw = np.random.default_rng(3).normal(label, 1.0)
    p = Calibrator.fit(raw, label, lead)(raw)
    assert p.mean() == pytest.approx(label.mean(), abs=0.01)


def test_the_slope_is_the_derivative() -> None:
    calibrator = Calibrator("sigmoid", values=(0.7, -1.0))
    for raw in (-4.0, 0.0, 2.5):
        p = calibrator(np.array([raw]))[0]
        assert calibrator.slope_at(raw) == pytest.approx(0.7 * p * (1 - p), rel=1e-5)


def test_losses_are_the_field_s_and_finite() -> None:
    rng = np.random.default_rng(0)
    label, p = rng.integers(0, 2, 300), rng.random(300)
    assert log_loss(label, p) == pytest.approx(sklearn_log_loss(label, p), rel=1e-12)
    assert row_losses(np.array([1, 0]), np.array([1.0, 1.0])).tolist() == [
        pytest.approx(0, abs=1e-12),
        pytest.approx(-math.log(1e-15), abs=0.2),
    ]
