"""Shapley values: those of LightGBM, those of the definition, and the same bits however asked."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import Any

import lightgbm as lgb
import numba
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.forest import averaged
from models.shapley.difference import difference
from models.shapley.nodes import Nodes, nodes
from models.shapley.product import Quadrature, product, scratch
from models.shapley.values import Shapley

Matrix = npt.NDArray[np.float32]

N_FEATURES = 9
CATEGORIES = [6, 7, 8]


def rows(n: int, rng: np.random.Generator) -> Matrix:
    """Numbers, counts with many zeros, and codes; some missing."""
    X = rng.normal(size=(n, N_FEATURES)) * 10.0 ** rng.integers(-2, 3, N_FEATURES)
    X[:, 3:6] = rng.poisson(1.0, (n, 3))
    X[:, CATEGORIES] = rng.integers(0, [3, 40, 90], (n, 3))
    X[rng.random(X.shape) < 0.15] = np.nan
    return X.astype(np.float32)


def strange(n: int, rng: np.random.Generator) -> Matrix:
    """Rows with what training never had: infinities, all but zeros, codes unseen, below 0 and broken."""
    X = rows(n, rng)
    odd = np.array([np.inf, -np.inf, 0.0, -0.0, 1e-36, -1e-36, 1e-34, 3e38, -1.0, -0.5, 2.5, 4e9])
    at = rng.random(X.shape) < 0.3
    X[at] = rng.choice(odd, at.sum()).astype(np.float32)
    return X


def grown(rng: np.random.Generator, **parameters: Any) -> lgb.Booster:
    """Trees on rows whose label depends on several features together."""
    X = rows(1200, rng)
    known = np.nan_to_num(X)
    signal = known[:, 0] * known[:, 3] + known[:, 4] * (known[:, 7] % 2) + known[:, 8] % 5
    label = (signal + rng.normal(size=len(X)) * 2 > np.median(signal)).astype(int)
    fixed = {
        "objective": "binary",
        "verbosity": -1,
        "num_threads": 1,
        "seed": int(rng.integers(99)),
    }
    return lgb.train(
        {**fixed, **parameters},
        lgb.Dataset(X, label, categorical_feature=CATEGORIES, params=parameters),
        num_boost_round=int(rng.integers(1, 12)),
    )


def agree(text: str, reference: npt.NDArray[np.float64], X: Matrix, table_bytes: int) -> None:
    ours = Shapley.of(text, table_bytes)(X)
    off = np.abs(ours - reference).max(axis=1)
    assert (off <= 1e-9 * (1 + np.abs(reference).sum(axis=1))).all()


@given(
    st.integers(0, 2**31),
    st.fixed_dictionaries(
        {
            "num_leaves": st.sampled_from([2, 3, 8, 31, 90]),
            "max_depth": st.sampled_from([-1, 1, 4, 6]),
            "min_data_in_leaf": st.sampled_from([1, 5, 60]),
            "use_missing": st.booleans(),
            "zero_as_missing": st.booleans(),
            "max_cat_to_onehot": st.sampled_from([1, 4, 100]),
            "min_data_per_group": st.just(5),
            "extra_trees": st.booleans(),
            "feature_fraction": st.sampled_from([0.4, 1.0]),
            "bagging_fraction": st.sampled_from([0.5, 1.0]),
            "bagging_freq": st.just(1),
            "boosting": st.sampled_from(["gbdt", "dart"]),
        }
    ),
    st.sampled_from([0, 4_000, 2**26]),
)
@settings(max_examples=40, deadline=None)
def test_values_are_those_of_lightgbm(
    seed: int, parameters: dict[str, Any], table_bytes: int
) -> None:
    rng = np.random.default_rng(seed)
    booster = grown(rng, **parameters)
    for X in (rows(60, rng), strange(60, rng)):
        reference: Any = booster.predict(X, pred_contrib=True)
        agree(booster.model_to_string(num_iteration=-1), reference, X, table_bytes)


def test_of_averaged_models_they_are_the_means() -> None:
    rng = np.random.default_rng(1)
    boosters = [grown(rng, num_leaves=n, max_depth=d) for n, d in ((31, -1), (15, 4), (3, 2))]
    X = rows(200, rng)
    told: list[Any] = [booster.predict(X, pred_contrib=True) for booster in boosters]
    text = averaged([booster.model_to_string() for booster in boosters])
    agree(text, np.mean(told, axis=0), X, 2**26)


def test_they_add_up_to_the_raw_score_from_the_base() -> None:
    rng = np.random.default_rng(2)
    booster = grown(rng, num_leaves=60)
    X = strange(300, rng)
    values = Shapley.of(booster.model_to_string())(X)
    assert np.ptp(values[:, -1]) == 0
    raw: Any = booster.predict(X, raw_score=True)
    np.testing.assert_allclose(values.sum(axis=1), raw, rtol=0, atol=1e-9)


@pytest.mark.parametrize("table_bytes", [0, 2**26])
def test_a_row_has_the_same_bits_alone_and_among_others(table_bytes: int) -> None:
    rng = np.random.default_rng(3)
    shapley = Shapley.of(grown(rng, num_leaves=90).model_to_string(), table_bytes)
    X = strange(700, rng)
    together = shapley(X)
    for row in range(0, len(X), 50):
        assert shapley(X[row : row + 1]).tobytes() == together[row : row + 1].tobytes()
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        assert shapley(X).tobytes() == together.tobytes()
        assert shapley(np.asfortranarray(X)).tobytes() == together.tobytes()
    finally:
        numba.set_num_threads(threads)


def test_tables_keep_to_their_memory_and_the_rest_is_computed() -> None:
    rng = np.random.default_rng(4)
    text = grown(rng, num_leaves=90, min_data_in_leaf=1).model_to_string()
    sizes = [0, 1_000, 100_000, 10_000_000]
    found = [Shapley.of(text, size) for size in sizes]
    assert [one.table_bytes <= size for one, size in zip(found, sizes, strict=True)] == [True] * 4
    assert found[0].table_bytes == 0
    assert found[0].computed_leaves == len(found[0].nodes.value)
    assert found[3].table_bytes > found[0].table_bytes
    assert found[3].computed_leaves < found[0].computed_leaves


def by_definition(trees: Nodes, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The mean over all orders of what a feature adds when it becomes known; numbers only."""

    def worth(known: frozenset[int], node: int) -> float:
        if node < 0:
            return float(trees.value[~node])
        feature, (right, left) = int(trees.feature[node]), trees.child[node]
        if feature in known:
            return worth(known, int(left if x[feature] <= trees.threshold[node] else right))
        rows = [trees.rows[c] if c >= 0 else trees.leaf_rows[~c] for c in (left, right)]
        both = [worth(known, int(left)), worth(known, int(right))]
        return float(np.dot(rows, both) / trees.rows[node])

    n = len(x)
    out = np.zeros(n)
    for feature in range(n):
        others = [other for other in range(n) if other != feature]
        for size in range(n):
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            for known in map(frozenset, combinations(others, size)):
                gained = [
                    worth(known | {feature}, int(root)) - worth(known, int(root))
                    for root in trees.first_split[:-1]
                ]
                out[feature] += weight * sum(gained)
    return out


def test_they_are_what_the_definition_says() -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(800, 4)).astype(np.float32)
    label = (X[:, 0] * X[:, 1] + X[:, 2] + rng.normal(size=800) > 0).astype(int)
    booster = lgb.train(
        {"objective": "binary", "verbosity": -1, "num_leaves": 12, "num_threads": 1},
        lgb.Dataset(X, label),
        num_boost_round=3,
    )
    text = booster.model_to_string()
    values = Shapley.of(text)(X[:20])
    for row in range(20):
        expected = by_definition(nodes(text), X[row])
        np.testing.assert_allclose(values[row, :-1], expected, rtol=0, atol=1e-12)


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0.01, 1)), min_size=1, max_size=9),
    st.floats(-3, 3),
)
@settings(deadline=None)
def test_a_product_is_shared_out_as_the_definition_says(
    features: list[tuple[bool, float]], leaf: float
) -> None:
    n, quadrature = len(features), Quadrature.up_to(9)
    memory = scratch(quadrature)
    memory.on[:n] = [on for on, _ in features]
    product(leaf, np.array([share for _, share in features]), n, quadrature, memory)

    def worth(known: tuple[int, ...]) -> float:
        factors = [float(on) if i in known else share for i, (on, share) in enumerate(features)]
        return leaf * float(np.prod(factors))

    for i in range(n):
        others = [j for j in range(n) if j != i]
        expected = 0.0
        for size in range(n):
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            for known in combinations(others, size):
                expected += weight * (worth((*known, i)) - worth(known))
        assert memory.value[i] == pytest.approx(expected, abs=1e-12)


def test_differences_are_what_the_definition_says() -> None:
    """Of trees small enough to try every subset: features as they are, the others as they were."""
    rng = np.random.default_rng(8)
    booster = grown(rng, num_leaves=20, zero_as_missing=True)
    trees = nodes(booster.model_to_string())
    before, after = strange(6, rng), strange(6, rng)
    after[:, :3] = before[:, :3]
    values = difference(trees, before, after)
    assert (values[:, :3] == 0).all()

    def worth(row: int, known: tuple[int, ...]) -> float:
        mixed = before[row : row + 1].copy()
        mixed[0, list(known)] = after[row, list(known)]
        raw: Any = booster.predict(mixed, raw_score=True)
        return float(raw[0])

    changed = range(3, N_FEATURES)
    n = len(changed)
    for row in range(6):
        for feature in changed:
            others = [other for other in changed if other != feature]
            expected = 0.0
            for size in range(n):
                weight = factorial(size) * factorial(n - size - 1) / factorial(n)
                for known in combinations(others, size):
                    expected += weight * (worth(row, (*known, feature)) - worth(row, known))
            assert values[row, feature] == pytest.approx(expected, abs=1e-9)


def test_trees_of_one_leaf_only_move_the_base() -> None:
    rng = np.random.default_rng(6)
    booster = grown(rng, num_leaves=4)
    X = rows(30, rng)
    constant = lgb.train(
        {"objective": "binary", "verbosity": -1, "min_data_in_leaf": 10**6, "num_threads": 1},
        lgb.Dataset(X, np.arange(30) % 3 == 0),
        num_boost_round=2,
    )
    for text in (
        constant.model_to_string(),
        averaged([booster.model_to_string(), constant.model_to_string()]),
    ):
        reference: Any = lgb.Booster(model_str=text).predict(X, pred_contrib=True)
        agree(text, reference, X, 2**26)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"objective": "multiclass", "num_class": 3}, "several raw scores"),
        ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "average_output"),
        ({"objective": "regression", "linear_tree": True}, "is_linear=1"),
    ],
)
def test_other_models_are_refused(parameters: dict[str, Any], said: str) -> None:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(300, 3))
    label = np.arange(300) % 3
    booster = lgb.train(
        {"verbosity": -1, "num_threads": 1, "objective": "binary", **parameters},
        lgb.Dataset(X, label if "multi" in str(parameters) else label > 0, params=parameters),
        num_boost_round=2,
    )
    with pytest.raises(ValueError, match=said):
        Shapley.of(booster.model_to_string())
