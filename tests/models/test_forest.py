"""One text of trees says what the mean of several models says."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pytest

from models.conversion import Trees
from models.forest import averaged

RNG = np.random.default_rng(3)
X = RNG.normal(size=(2000, 5)).astype(np.float32)
X[:, 4] = RNG.integers(0, 8, 2000)
X[RNG.random(2000) < 0.1, 1] = np.nan
LABEL = (RNG.random(2000) < 1 / (1 + np.exp(-X[:, 0] - (X[:, 4] == 3)))).astype(np.int8)


def trees(seed: int, n_trees: int, hidden: int | None = None) -> str:
    seen = X.copy()
    if hidden is not None:
        seen[:, hidden] = np.nan
    dataset = lgb.Dataset(seen, LABEL, categorical_feature=[4])
    parameters = {"objective": "binary", "verbosity": -1, "seed": seed, "bagging_fraction": 0.7}
    return lgb.train({**parameters, "bagging_freq": 1}, dataset, n_trees).model_to_string()


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [trees(1, 30), trees(2, 12, hidden=0), trees(3, 21, hidden=4)]


def test_scores_and_contributions_are_the_means(texts: list[str]) -> None:
    together, each = Trees(averaged(texts)), [Trees(text) for text in texts]
    np.testing.assert_allclose(
        together.raw(X), np.mean([one.raw(X) for one in each], axis=0), atol=1e-12
    )
    np.testing.assert_allclose(
        together.contributions(X),
        np.mean([one.contributions(X) for one in each], axis=0),
        atol=1e-9,
    )


def test_the_text_is_as_lightgbm_writes_it(texts: list[str]) -> None:
    text = averaged(texts)
    assert lgb.Booster(model_str=text).model_to_string() == text
    assert lgb.Booster(model_str=text).num_trees() == 30 + 12 + 21


def test_one_model_is_its_own_mean(texts: list[str]) -> None:
    assert averaged(texts[:1]) == texts[0]
