"""The conversion model: stored as text, and the same bits whoever asks, alone or in a list."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from features.build import Matrix
from models.calibration import Calibrator
from models.conversion import BATCH, ConversionModel, Trees
from models.encode import Encoder
from models.logistic import Logistic

Inputs = npt.NDArray[np.float32]


@pytest.fixture(scope="session")
def many(matrix: Matrix, encoder: Encoder) -> Inputs:
    """10,000 rows around those of training, with missing numbers and every category code."""
    rng = np.random.default_rng(12)
    X = encoder.encode(matrix)[rng.integers(len(matrix), size=10_000)]
    X[:, :-1] *= rng.choice(np.float32([0.5, 1, 1, 2]), size=(10_000, X.shape[1] - 1))
    X[:, :-1][rng.random((10_000, X.shape[1] - 1)) < 0.1] = np.nan
    codes = np.float32([np.nan, *range(1 + len(encoder.categories["industry"]))])
    X[:, -1] = rng.choice(codes, size=10_000)
    return X


def test_trees_kept_as_text_have_the_same_bits(trees: Trees, many: Inputs) -> None:
    again = Trees(trees.booster.model_to_string())
    assert again.raw(many).tobytes() == trees.raw(many).tobytes()
    assert again.contributions(many[:600]).tobytes() == trees.contributions(many[:600]).tobytes()


def test_a_row_alone_in_a_small_list_and_among_10_000_has_the_same_bits(
    estimator: Trees | Logistic, many: Inputs
) -> None:
    """One thread or all: 10,000 rows go to every thread there is."""
    model = ConversionModel(estimator, Calibrator("sigmoid", values=(0.8, -0.2)))
    raw, p = model.raw(many), model.probability(many)
    for row in range(0, len(many), 97):
        assert model.raw(many[row : row + 1]).tobytes() == raw[row : row + 1].tobytes()
        assert model.probability(many[row : row + 1]).tobytes() == p[row : row + 1].tobytes()
    for size in (BATCH - 1, BATCH, BATCH + 1):
        assert model.raw(many[:size]).tobytes() == raw[:size].tobytes()


def test_the_order_of_rows_changes_nothing(estimator: Trees | Logistic, many: Inputs) -> None:
    shuffled = np.random.default_rng(1).permutation(len(many))
    assert estimator.raw(many[shuffled]).tobytes() == estimator.raw(many)[shuffled].tobytes()


def test_contributions_sum_to_the_raw_score_alone_and_in_a_list(
    estimator: Trees | Logistic, many: Inputs
) -> None:
    some = many[: 2 * BATCH]
    contributions = estimator.contributions(some)
    assert contributions.shape == (len(some), many.shape[1] + 1)
    assert contributions.sum(axis=1) == pytest.approx(estimator.raw(some), abs=1e-9)
    assert np.ptp(contributions[:, -1]) == 0
    for row in range(0, len(some), 101):
        alone = estimator.contributions(some[row : row + 1])
        assert alone.tobytes() == contributions[row : row + 1].tobytes()


def test_missing_numbers_and_categories_have_paths_of_their_own(
    trees: Trees, many: Inputs, encoder: Encoder
) -> None:
    row = np.nan_to_num(many[:200])

    def with_value(place: int, value: float) -> npt.NDArray[np.float64]:
        changed = row.copy()
        changed[:, place] = value
        return trees.raw(changed)

    assert (with_value(-2, np.nan) != with_value(-2, 100.0)).any()
    machinery = 1 + encoder.categories["industry"].index("machinery")
    others = [code for code in range(len(encoder.categories["industry"]) + 1) if code != machinery]
    for code in (*others, float("nan")):
        assert with_value(-1, machinery).mean() > with_value(-1, code).mean()


def test_a_probability_is_the_calibrated_raw_score(
    estimator: Trees | Logistic, many: Inputs
) -> None:
    calibrator = Calibrator("isotonic", knots=(-2.0, 0.0, 3.0), values=(-2.2, -0.8, 2.2))
    model = ConversionModel(estimator, calibrator)
    assert model.probability(many).tobytes() == calibrator(model.raw(many)).tobytes()
    assert model.kind == ("lightgbm" if isinstance(estimator, Trees) else "logistic")
