"""Logistic regression as a sum of terms: exact contributions, and the same bits anywhere."""

from __future__ import annotations

import json
import math

import numpy as np
import numpy.typing as npt
import pytest

from features.build import Matrix
from models.encode import Encoder
from models.logistic import Logistic

Inputs = npt.NDArray[np.float32]


@pytest.fixture(scope="session", name="X")
def inputs(matrix: Matrix, encoder: Encoder) -> Inputs:
    return encoder.encode(matrix)


def reference(model: Logistic, row: Inputs) -> float:
    """The formula of the docstring, in plain Python."""
    terms = []
    for place, value in enumerate(row.astype(float).tolist()):
        if math.isnan(value):
            terms.append(model.missing[place])
        elif not math.isnan(model.levels[place, 0]):
            terms.append(model.levels[place, int(value)])
        else:
            squashed = math.copysign(math.log1p(abs(value)), value)
            z = (squashed - model.centre[place]) / model.scale[place]
            terms.append(model.coefficient[place] * min(max(z, -5.0), 5.0))
    return model.intercept + math.fsum(terms)


def test_the_raw_score_is_the_sum_of_its_terms(logistic: Logistic, X: Inputs) -> None:
    assert np.isnan(X).any()
    assert (X[:, -1] == 0).any() or np.nanmax(X[:, -1]) >= 2
    expected = [reference(logistic, row) for row in X[:200]]
    assert logistic.raw(X[:200]) == pytest.approx(expected, abs=1e-10)


def test_contributions_sum_to_the_raw_score_and_to_nothing_over_training(
    logistic: Logistic, X: Inputs
) -> None:
    contributions = logistic.contributions(X)
    assert contributions.shape == (len(X), X.shape[1] + 1)
    assert contributions.sum(axis=1) == pytest.approx(logistic.raw(X), abs=1e-10)
    assert contributions[:, :-1].mean(axis=0) == pytest.approx(0, abs=1e-10)
    assert np.ptp(contributions[:, -1]) == 0
    assert contributions[0, -1] == pytest.approx(logistic.raw(X).mean(), abs=1e-10)


def test_fitted_probabilities_add_up_to_the_conversions(
    logistic: Logistic, X: Inputs, label: npt.NDArray[np.int8]
) -> None:
    """The intercept is not penalised, so its score equation holds at the optimum."""
    p = 1 / (1 + np.exp(-logistic.raw(X)))
    assert p.sum() == pytest.approx(label.sum(), rel=1e-3)
    assert p[label == 1].mean() > p[label == 0].mean() + 0.05


def test_one_row_alone_has_its_bits_of_the_list(logistic: Logistic, X: Inputs) -> None:
    together, contributions = logistic.raw(X), logistic.contributions(X)
    for row in range(0, len(X), 7):
        assert logistic.raw(X[row : row + 1]).tobytes() == together[row : row + 1].tobytes()
        assert logistic.contributions(X[row : row + 1]).tobytes() == contributions[row].tobytes()


def test_a_stored_model_has_the_same_bits(logistic: Logistic, X: Inputs) -> None:
    again = Logistic.from_json(json.loads(json.dumps(logistic.to_json())))
    assert again.raw(X).tobytes() == logistic.raw(X).tobytes()
    assert again.contributions(X).tobytes() == logistic.contributions(X).tobytes()


def test_missing_unseen_and_known_are_three_different_things(
    logistic: Logistic, X: Inputs, encoder: Encoder
) -> None:
    row = X[:1].copy()
    found = []
    for value in (np.nan, 0.0, *range(1, 1 + len(encoder.categories["industry"]))):
        row[0, -1] = value
        found.append(float(logistic.raw(row)[0]))
    assert np.isfinite(found).all()
    known = found[2:]
    assert len(set(known)) == len(known)
    assert known[encoder.categories["industry"].index("machinery")] == max(known)
    # No training row was unseen: nothing was learnt of it, so its term is that of no knowledge.
    assert logistic.levels[-1, 0] == pytest.approx(0, abs=1e-6)
    missing = X[:1].copy()
    missing[0, -2] = np.nan
    given = missing.copy()
    given[0, -2] = np.float32(np.nanmedian(X[:, -2]))
    assert logistic.raw(missing) < logistic.raw(given)


def test_extreme_values_stay_finite(logistic: Logistic, X: Inputs) -> None:
    row = np.full((1, X.shape[1]), np.finfo(np.float32).max, dtype=np.float32)
    row[0, -1] = 0
    assert np.isfinite(logistic.raw(row)).all()
    assert np.isfinite(logistic.raw(-row)).all()


def test_a_column_that_never_varies_or_never_came_is_harmless(encoder: Encoder) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3)).astype(np.float32)
    x[:, 1], x[:, 2] = 4.0, np.nan
    label = (rng.random(300) < 1 / (1 + np.exp(-2 * x[:, 0]))).astype(np.int8)
    model = Logistic.fit(x, label, np.ones(300), Encoder({}), ["a", "b", "c"], 1.0)
    assert np.isfinite(model.raw(x)).all()
    assert model.coefficient[0] > 0
    for value in (0.0, 9.0, np.nan):
        assert np.isfinite(model.raw(np.array([[0.0, value, value]], dtype=np.float32))).all()


def test_a_column_that_hardly_varied_in_training_does_not_decide_alone() -> None:
    """An old event's decayed trace in one training row; later a lead with a fresh one."""
    rng = np.random.default_rng(1)
    x = np.zeros((2000, 2), dtype=np.float32)
    x[:, 0] = rng.normal(size=2000)
    x[3, 1] = 1e-7
    label = (rng.random(2000) < 1 / (1 + np.exp(2 - x[:, 0]))).astype(np.int8)
    label[3] = 1
    model = Logistic.fit(x, label, np.ones(2000), Encoder({}), ["a", "b"], 0.1)
    stale, fresh = model.raw(np.array([[0.0, 0.0], [0.0, 1.0]], dtype=np.float32))
    assert abs(fresh - stale) < 3
