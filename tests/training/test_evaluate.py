"""Figures: those of scikit-learn, and those worked out by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import mannwhitneyu
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from training.evaluate import metrics


def drawn(n: int, seed: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float64]]:
    """Labels drawn from their own probabilities."""
    rng = np.random.default_rng(seed)
    p = rng.beta(0.6, 4, n)
    return (rng.random(n) < p).astype(np.int8), p


@pytest.mark.parametrize("n", [20, 333, 5000])
def test_figures_are_the_field_s(n: int) -> None:
    label, p = drawn(n, 1)
    p = np.round(p, 2).clip(0.01, 0.99)  # with ties
    found = metrics(label, p)
    assert found.auc == pytest.approx(roc_auc_score(label, p))
    statistic = mannwhitneyu(p[label == 1], p[label == 0]).statistic
    assert found.auc == pytest.approx(statistic / (label.sum() * (1 - label).sum()))
    assert found.log_loss == pytest.approx(log_loss(label, p))
    assert found.brier == pytest.approx(brier_score_loss(label, p))
    assert (found.n, found.positives) == (n, label.sum())


def test_calibrated_probabilities_have_slope_one_and_little_error() -> None:
    label, p = drawn(40_000, 2)
    found = metrics(label, p)
    log_odds = np.log(p / (1 - p))
    weight = p * (1 - p)
    centred = log_odds - np.average(log_odds, weights=weight)
    error = 1 / np.sqrt((weight * centred**2).sum())
    assert found.calibration_slope is not None
    assert abs(found.calibration_slope - 1) < 4 * error < 0.2
    assert found.ece < 0.01


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_the_slope_undoes_what_was_done_to_the_log_odds(factor: float) -> None:
    label, p = drawn(8000, 3)
    log_odds = np.log(p / (1 - p))
    bent = 1 / (1 + np.exp(-factor * log_odds))
    slope, straight = (metrics(label, q).calibration_slope for q in (bent, p))
    assert slope is not None
    assert straight is not None
    assert slope == pytest.approx(straight / factor, rel=1e-3)
    by_hand = LogisticRegression(C=np.inf, tol=1e-8).fit(log_odds[:, None], label)
    assert straight == pytest.approx(by_hand.coef_[0, 0], rel=1e-3)


def test_calibration_error_by_hand() -> None:
    """Two rows a bin: the lower nine bins promise 0 and keep it, the last promises .8 and gives .5."""
    label = np.array([0] * 18 + [1, 0], dtype=np.int8)
    p = np.array([0.0] * 18 + [0.8, 0.8])
    assert metrics(label, p).ece == pytest.approx(0.3 / 10)
    few = metrics(np.array([1, 0, 1], dtype=np.int8), np.array([0.5, 0.25, 1.0]))
    assert few.ece == pytest.approx((0.5 + 0.25 + 0.0) / 3)


def test_the_order_of_rows_changes_nothing() -> None:
    label, p = drawn(997, 5)
    shuffled = np.random.default_rng(0).permutation(997)
    one, other = metrics(label, p), metrics(label[shuffled], p[shuffled])
    for name, value in one.to_json().items():
        assert value == pytest.approx(other.to_json()[name], rel=1e-9)


def test_with_one_class_or_one_probability_what_is_undefined_is_none() -> None:
    p = np.array([0.2, 0.3, 0.4])
    for label in (np.zeros(3, np.int8), np.ones(3, np.int8)):
        found = metrics(label, p)
        assert (found.auc, found.calibration_slope) == (None, None)
        assert np.isfinite([found.log_loss, found.brier, found.ece]).all()
    flat = metrics(np.array([0, 1, 0], np.int8), np.full(3, 0.3))
    assert (flat.auc, flat.calibration_slope) == (0.5, None)


def test_a_certain_mistake_costs_much_but_stays_finite() -> None:
    found = metrics(np.array([0, 1], np.int8), np.array([1.0, 0.0]))
    assert 30 < found.log_loss < 40
    assert (found.brier, found.auc) == (1.0, 0.0)
