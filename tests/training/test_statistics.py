"""Target statistics: no row is told its own label, and pairs are found where they tell more."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.statistics import Key, Statistic, cells
from training.statistics import FOLDS, Known, fitted, telling_pairs, told, weight_of

Row = tuple[int, int, int, int]
ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 9), st.integers(0, 12)),
    min_size=2,
    max_size=60,
)


def key(codes: list[int]) -> dict[str, Key]:
    return {"a": Key(np.array(codes, dtype=np.int64), 4)}


@given(ROWS)
@settings(max_examples=80, deadline=None, derandomize=True)
def test_a_row_is_told_of_labels_whose_horizon_had_ended(rows: list[Row]) -> None:
    code, label, lead, cutoff = (np.array(part, dtype=np.int64) for part in zip(*rows, strict=True))
    horizon = 3
    known = Known(lead, cutoff, cutoff + horizon)
    found = told(key(code.tolist()), ("a",), label.astype(np.int8), known, 2.0, seed=0)
    for row in range(len(rows)):
        ended = cutoff + horizon <= cutoff[row]
        mine = ended & (code == code[row])
        prior = (label[ended].sum() + 0.5) / (ended.sum() + 1) if ended.any() else 0.5
        rate = (label[mine].sum() + 2.0 * prior) / (mine.sum() + 2.0)
        assert found[row, 0] == pytest.approx(rate, rel=1e-6)
        assert found[row, 1] == pytest.approx(np.log1p(mine.sum()), rel=1e-6)


@given(ROWS, st.integers(0, 5))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_in_a_flat_export_no_lead_s_label_moves_what_its_rows_are_told(
    rows: list[Row], seed: int
) -> None:
    code, label, lead, _ = (np.array(part, dtype=np.int64) for part in zip(*rows, strict=True))
    known = Known(lead)
    keys = key(code.tolist())
    before = told(keys, ("a",), label.astype(np.int8), known, 2.0, seed)
    changed = np.where(lead == lead[0], 1 - label, label)
    after = told(keys, ("a",), changed.astype(np.int8), known, 2.0, seed)
    mine = lead == lead[0]
    alone = len(np.unique(lead)) <= FOLDS  # then each lead is a fold of its own
    if alone and (~mine).any():
        np.testing.assert_array_equal(before[mine], after[mine])


def test_later_rows_are_told_of_all_training_rows_and_unseen_cells_the_prior() -> None:
    keys = key([0, 0, 0, 1])
    statistic = fitted(keys, ("a",), np.array([1, 1, 0, 0], dtype=np.int8), weight=2.0)
    found = statistic.columns(key([0, 1, 3]))
    np.testing.assert_allclose(found[:, 0], [(2 + 2 * 0.5) / 5, (0 + 2 * 0.5) / 3, 0.5])
    np.testing.assert_allclose(found[:, 1], np.log1p([3, 1, 0]), rtol=1e-6)
    again = Statistic.from_json(json.loads(json.dumps(statistic.to_json())))
    np.testing.assert_array_equal(again.columns(key([0, 1, 3])), found)


def test_a_pair_has_a_cell_of_its_own() -> None:
    a, b = np.divmod(np.arange(12), 3)
    keys = {"a": Key(a, 4), "b": Key(b, 3)}
    assert len(np.unique(cells(keys, ("a", "b")))) == 12


def test_a_pair_that_tells_more_than_its_two_is_found_and_noise_is_not() -> None:
    rng = np.random.default_rng(8)
    n = 6000
    codes = {name: rng.integers(0, 12, n) for name in ("a", "b", "c", "noise")}
    keys = {name: Key(code, 12) for name, code in codes.items()}
    together = (codes["a"] * 5 + codes["b"] * 7) % 12 < 4
    rate = np.where(together, 0.5, 0.1) + 0.1 * (codes["c"] < 3)
    label = (rng.random(n) < rate).astype(np.int8)
    assert telling_pairs(keys, label, Known(np.arange(n)), seed=0)[0] == ("a", "b")
    shuffled = rng.permutation(label)
    assert telling_pairs(keys, shuffled, Known(np.arange(n)), seed=0) == []


def test_pairs_of_many_values_that_tell_nothing_do_not_crowd_out_one_that_tells() -> None:
    rng = np.random.default_rng(3)
    n = 20_000
    codes = {f"noise{k}": rng.integers(0, 400, n) for k in range(6)}
    codes |= {name: rng.integers(0, 12, n) for name in ("a", "b")}
    keys = {name: Key(code, int(code.max()) + 1) for name, code in codes.items()}
    rate = np.where((codes["a"] * 5 + codes["b"] * 7) % 12 < 4, 0.35, 0.15)
    label = (rng.random(n) < rate).astype(np.int8)
    assert telling_pairs(keys, label, Known(np.arange(n)), seed=0) == [("a", "b")]
    assert telling_pairs(keys, rng.permutation(label), Known(np.arange(n)), seed=0) == []


def test_a_lead_of_many_rows_counts_once_against_the_prior() -> None:
    assert weight_of(np.arange(50)) == weight_of(np.repeat(np.arange(50), 4)) / 4
