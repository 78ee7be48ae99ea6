"""What only the ids of events decide: which of equal events comes first, and which are versions of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.ordering import REPEATED, TIED

Rows = npt.NDArray[np.int64]


def later_versions(
    offsets: Rows,
    columns: dict[str, npt.NDArray[Any]],
    marks: npt.NDArray[np.uint8],
    texts: Callable[[Rows], pa.Array],
) -> Rows:
    """Finish the canonical order where it depends on ids, and find what an earlier version replaces.

    Equal hashes only say which ids to read and compare; nothing is concluded from them.

    Parameters
    ----------
    offsets : ndarray of shape (n_leads + 1,), int64
    columns, marks
        As `features.ordering.order` has left them; events marked as tied are put into order.
    texts : callable
        The ids themselves of some rows of the source.

    Returns
    -------
    ndarray of int64, ascending
        Events whose `event_id` another event of their lead has that was recorded before them, or
        at once and comes before them in canonical order.
    """
    marked = np.flatnonzero(marks)
    if not len(marked):
        return marked
    lead = np.searchsorted(offsets, marked, side="right") - 1
    rank = _ranks(texts(columns["row"][marked].astype(np.int64)))
    _settle(marked, lead, rank, columns, marks)
    repeated = np.flatnonzero((marks[marked] & REPEATED).astype(bool) & (rank >= 0))
    event, lead, rank = marked[repeated], lead[repeated], rank[repeated]
    known_at = columns["occurred_at"][event]
    if len(columns["recorded_at"]):
        known_at = np.maximum(known_at, columns["recorded_at"][event])
    by_version = np.lexsort((event, known_at, rank, lead))
    lead, rank = lead[by_version], rank[by_version]
    again = (lead[1:] == lead[:-1]) & (rank[1:] == rank[:-1])
    return np.sort(event[by_version[1:][again]])


def _settle(
    marked: Rows,
    lead: Rows,
    rank: Rows,
    columns: dict[str, npt.NDArray[Any]],
    marks: npt.NDArray[np.uint8],
) -> None:
    """Order the events marked as tied by id, then as before; `rank` moves with them."""
    tied = np.flatnonzero(marks[marked] & TIED)
    event = marked[tied]
    if not len(event):
        return

    def given(name: str) -> npt.NDArray[Any]:
        column = columns[name]
        return column[event] if len(column) else np.zeros(len(event), dtype=np.int32)

    order = np.lexsort(
        (
            given("account"),
            given("recorded_at"),
            rank[tied],
            given("value"),
            given("content"),
            given("channel"),
            given("event_type"),
            given("occurred_at"),
            lead[tied],
        )
    )
    rank[tied] = rank[tied[order]]
    for column in (*columns.values(), marks):
        if len(column):
            column[event] = column[event[order]]


def _ranks(ids: pa.Array) -> Rows:
    """The place of each id among the distinct ones in the order of their texts; -1 for null."""
    coded = ids.dictionary_encode()
    rank = np.empty(len(coded.dictionary) + 1, dtype=np.int64)
    rank[pc.sort_indices(coded.dictionary).to_numpy()] = np.arange(len(coded.dictionary))
    rank[-1] = -1
    return np.asarray(rank[pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)])
