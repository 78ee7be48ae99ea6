"""Splits: nothing that is tested on was known when what is fitted was fitted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import TrainingRefused
from features.instants import DAY
from features.spine import Spine
from training.split import (
    grouped_folds,
    of_some_leads,
    one_side,
    rolling_origins,
    split_at_random,
    split_by_time,
)


@st.composite
def spines(draw: st.DrawFn) -> Spine:
    """Rows over a year or so, by the calendar (many cutoffs alike) or by ages (all different)."""
    n = draw(st.integers(5, 400))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    ages = draw(st.sampled_from([1, 3]))
    age = rng.integers(ages, size=n)
    step = draw(st.sampled_from([1, DAY, 7 * DAY]))
    cutoff = rng.integers(400 * DAY // step, size=n) * step
    label = (rng.random(n) < 0.2).astype(np.int8)
    return Spine(rng.integers(n, size=n), cutoff, label, age * DAY)


@given(spines(), st.integers(1, 90))
@settings(max_examples=150, deadline=None)
def test_training_horizons_end_by_the_first_test_cutoff(spine: Spine, days: int) -> None:
    horizon = days * DAY
    try:
        split = split_by_time(spine, horizon)
    except TrainingRefused:
        return
    first = spine.cutoff[split.test].min()
    assert split.first_test_cutoff == first
    assert (spine.cutoff[split.train] + horizon <= first).all()
    left_out = np.setdiff1d(np.arange(len(spine)), np.r_[split.train, split.test])
    assert (spine.cutoff[left_out] + horizon > first).all()
    assert len(left_out) == split.between
    assert len(np.r_[split.train, split.test]) == len(np.union1d(split.train, split.test))


@given(spines())
@settings(max_examples=150, deadline=None)
def test_the_test_is_the_latest_fifth_of_each_age(spine: Spine) -> None:
    try:
        split = split_by_time(spine, 1)
    except TrainingRefused:
        return
    for age in np.unique(spine.age):
        mine = np.flatnonzero(spine.age == age)
        tested = np.intersect1d(mine, split.test)
        rest = np.setdiff1d(mine, tested)
        fifth = -(-len(mine) // 5)
        assert len(tested) >= fifth
        # More than a fifth only where rows of one cutoff stay together.
        assert (spine.cutoff[tested] > spine.cutoff[tested].min()).sum() < fifth
        assert not len(rest) or spine.cutoff[rest].max() < spine.cutoff[tested].min()


def test_the_shares_of_the_loan_leads() -> None:
    """Of 6,200, 5,025 and 3,065 rows at three ages: 1,240, 1,005 and 613 tested."""
    counts = {1: 6200, 7: 5025, 14: 3065}
    age = np.concatenate([np.full(n, days * DAY) for days, n in counts.items()])
    cutoff = np.random.default_rng(0).permutation(len(age)) * DAY
    rows = np.arange(len(age))
    split = split_by_time(Spine(rows, cutoff, None, age), DAY)
    tested = [int((age[split.test] == days * DAY).sum()) for days in counts]
    assert tested == [1240, 1005, 613]


def test_data_shorter_than_the_horizon_are_refused() -> None:
    rows = np.arange(10)
    spine = Spine(rows, rows * DAY, None, np.zeros(10, dtype=np.int64))
    with pytest.raises(
        TrainingRefused,
        match=(
            r"horizon of 30 days ends before the first test cutoff, 1970-01-09T00:00:00Z: "
            r"the rows' cutoffs begin at 1970-01-01T00:00:00Z"
        ),
    ):
        split_by_time(spine, 30 * DAY)
    assert len(split_by_time(spine, 2 * DAY).train) == 7


@given(spines(), st.integers(1, 90))
@settings(max_examples=150, deadline=None)
def test_rolling_origins_never_look_ahead(spine: Spine, days: int) -> None:
    horizon = days * DAY
    folds = rolling_origins(spine, horizon)
    predicted = np.concatenate([outside for _, outside in folds])
    assert len(predicted) == len(np.unique(predicted))
    assert (spine.cutoff == spine.cutoff.max())[predicted].any()
    for inside, outside in folds:
        if len(inside) and len(outside):
            assert spine.cutoff[inside].max() + horizon <= spine.cutoff[outside].min()


Labels = npt.NDArray[np.int8]


@given(spines(), st.integers(0, 20))
@settings(max_examples=100, deadline=None)
def test_no_group_straddles_a_random_split_or_a_fold(spine: Spine, seed: int) -> None:
    label = spine.label
    assert label is not None
    group = spine.lead // 2
    try:
        split = split_at_random(label, group, seed)
    except TrainingRefused:
        assert len(np.unique(group)) < 10  # fewer than slices: one side may get none
        return
    parts = [(split.train, split.test), *grouped_folds(label, group, seed)]
    for inside, outside in parts:
        assert not set(group[inside]) & set(group[outside])
        assert sorted(np.r_[inside, outside]) == list(range(len(spine)))
    held_out = np.concatenate([outside for _, outside in parts[1:]])
    assert sorted(held_out) == list(range(len(spine)))
    again = split_at_random(label, group, seed)
    assert (again.test.tolist(), again.by) == (split.test.tolist(), "random")


def test_rows_that_are_all_alike_cannot_be_split() -> None:
    label = np.array([0, 1] * 10, dtype=np.int8)
    with pytest.raises(TrainingRefused, match=r"Nothing is left to .* the 20 rows are 1 different"):
        split_at_random(label, np.zeros(20, dtype=np.int64), 0)


def test_without_rows_there_is_no_split() -> None:
    with pytest.raises(TrainingRefused, match="no rows to split"):
        split_by_time(Spine.none(), DAY)


def test_a_random_split_is_thirty_percent_of_either_class() -> None:
    label = np.repeat([0, 1], [9000, 1000]).astype(np.int8)
    split = split_at_random(label, np.arange(10_000), 4)
    assert len(split.test) == 3000
    assert label[split.test].sum() == 300
    other = split_at_random(label, np.arange(10_000), 5)
    assert set(other.test) != set(split.test)


def test_the_split_does_not_follow_the_order_of_the_file() -> None:
    label = np.repeat([0, 1], 500).astype(np.int8)
    test = split_at_random(label, np.arange(1000), 0).test
    for start in range(0, 1000, 250):
        assert 0.2 < ((test >= start) & (test < start + 250)).mean() * len(test) / 250 < 0.4


def test_folds_of_many_rows_are_those_of_some_leads_whole() -> None:
    rng = np.random.default_rng(0)
    lead = np.repeat(np.arange(2000), 5)
    label = (rng.random(len(lead)) < 0.3).astype(np.int8)
    folds = grouped_folds(label, lead, 1)
    assert of_some_leads(folds, lead, len(lead), 1) is not folds
    for same, fold in zip(of_some_leads(folds, lead, len(lead), 1), folds, strict=True):
        assert all(a is b for a, b in zip(same, fold, strict=True))
    some = of_some_leads(folds, lead, 3000, 1)
    used = [np.unique(lead[np.r_[inside, outside]]) for inside, outside in some]
    assert all(np.array_equal(used[0], other) for other in used)
    for inside, outside in some:
        assert 2500 < len(inside) + len(outside) < 3500
        rows = np.bincount(lead[np.r_[inside, outside]], minlength=2000)
        assert set(rows) == {0, 5}
        assert not np.intersect1d(lead[inside], lead[outside]).size


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 300)), min_size=8, max_size=40),
    st.lists(st.integers(0, 6), min_size=10, max_size=10),
)
def test_people_with_several_leads_stay_on_one_side_of_a_split_by_time(
    rows: list[tuple[int, int]], people: list[int]
) -> None:
    lead = np.array([row[0] for row in rows])
    cutoff = np.array([row[1] for row in rows]) * DAY
    spine = Spine(
        lead, cutoff, np.zeros(len(rows), dtype=np.int8), np.zeros(len(rows), dtype=np.int64)
    )
    try:
        split = split_by_time(spine, DAY)
    except TrainingRefused:
        return
    person = np.array(people)[lead]
    apart = one_side(split, lead, person)
    assert np.array_equal(apart.test, split.test)
    assert len(apart.train) + apart.between == len(split.train) + split.between
    for one in set(person[apart.train]) & set(person[apart.test]):
        # Only a person of one lead is on both sides: earlier rows of it are what is known of it.
        assert len(set(lead[person == one])) == 1
    alone = one_side(split, lead, lead)
    assert np.array_equal(alone.train, split.train)
