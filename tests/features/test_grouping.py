"""Rows brought together by lead: what a stable sort would give, however many threads there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pytest

from features import grouping
from features.grouping import Room, group


@pytest.fixture(params=[(1, 1 << 14), (1, 8), (2, 8)], ids=["at once", "by region", "2 threads"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    threads, near = request.param
    before = numba.get_num_threads()
    numba.set_num_threads(min(threads, before))
    monkeypatch.setattr(grouping, "_NEAR", near)
    monkeypatch.setattr(grouping, "_SHARE", 8)
    yield
    numba.set_num_threads(before)


def columns_of(n: int) -> dict[str, npt.NDArray[Any]]:
    """Columns of each width, whose every row is another."""
    row = np.arange(n)
    return {
        "long": row * 3,
        "short": row.astype(np.int32),
        "real": row / 7,
        "hash": row.astype(np.uint64) << np.uint64(33),
    }


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("n_leads", [1, 3, 1000, 5000])
@pytest.mark.parametrize("n", [0, 1, 50, 3000])
@pytest.mark.parametrize("kind", ["unsorted", "grouped", "one lead", "some left out", "none taken"])
def test_rows_are_grouped_as_by_a_stable_sort(n_leads: int, n: int, kind: str) -> None:
    rng = np.random.default_rng(n + n_leads)
    lead = rng.integers(0, n_leads, n).astype(np.int32)
    if kind == "one lead":
        lead[:] = n_leads - 1
    if kind == "grouped":
        lead.sort()
    if kind in ("grouped", "some left out"):
        lead[rng.random(n) < 0.3] = -rng.integers(1, 3)
    if kind == "none taken":
        lead[:] = -1
    expected = np.argsort(lead, kind="stable")
    expected = expected[lead[expected] >= 0]
    columns, wanted = columns_of(n), columns_of(n)
    offsets = group(lead, n_leads, columns, Room.of(n))
    np.testing.assert_array_equal(offsets, np.searchsorted(lead[expected], np.arange(n_leads + 1)))
    for name, column in columns.items():
        np.testing.assert_array_equal(column, wanted[name][expected], err_msg=name)
        assert column.dtype == wanted[name].dtype


def test_rows_that_are_grouped_stay_in_their_memory() -> None:
    columns = columns_of(100)
    before = dict(columns)
    group(np.repeat(np.arange(10, dtype=np.int32), 10), 10, columns, Room.of(100))
    assert all(columns[name] is before[name] for name in before)


def test_there_may_be_no_leads() -> None:
    columns = columns_of(4)
    assert group(np.full(4, -1, dtype=np.int32), 0, columns, Room.of(4)).tolist() == [0]
    assert all(len(column) == 0 for column in columns.values())
