"""Events brought together by lead: rows are counted and put where they belong, none is compared."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from features.threads import in_threads, shares

Column = npt.NDArray[Any]

_NEAR = 1 << 14
"""So many rows stay in the processor's cache and are put straight where they belong."""
_REGION_BITS = 10
"""More rows are first brought to one of up to 1024 regions of leads, so that they too are near."""
_SHARE = 1 << 16
"""Fewer rows than this are not worth another thread."""
_BITS: dict[int, Any] = {4: np.int32, 8: np.int64}


class _Piece(NamedTuple):
    """Leads ``first:last`` and the rows ``start:stop``, which are theirs in any order."""

    start: int
    stop: int
    first: int
    last: int


class Room(NamedTuple):
    """Memory to work in, of 8 and of 4 bytes a row; what it holds afterwards means nothing.

    Memory touched for the first time is dear: it is handed on to whoever needs some next.
    """

    long: npt.NDArray[np.int64]
    short: npt.NDArray[np.int32]

    @classmethod
    def of(cls, n: int) -> Room:
        """Room for n rows."""
        return cls(np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int32))


def group(
    lead: npt.NDArray[np.int32], n_leads: int, columns: dict[str, Column], room: Room
) -> npt.NDArray[np.int64]:
    """Group rows by lead, those of one lead in the order in which they came.

    Time is linear in rows and leads. Rows that are grouped already are recognised in one pass and
    stay where they are.

    Parameters
    ----------
    lead : ndarray of shape (n,), int32
        The lead of each row; below 0 for a row to be left out.
    n_leads : int
    columns : dict of ndarray of shape (n,), of 4 or 8 bytes a row
        Each is grouped in its own memory, and replaced by that part of it which is still needed.
    room : Room
        For n rows.

    Returns
    -------
    ndarray of shape (n_leads + 1,), int64
        The rows of lead i are ``offsets[i]:offsets[i + 1]``.
    """
    ascending, left_out = _order_of(lead)
    if ascending and left_out:
        taken = lead >= 0
        lead = lead[taken]
        for name in columns:
            columns[name] = columns[name][taken]
    pieces, near, regions = [_Piece(0, len(lead), 0, n_leads)], lead, None
    if not ascending and len(lead) > _NEAR:
        regions = _Regions(lead, n_leads)
        pieces = regions.pieces()
        near = room.short[: regions.n]
        regions.put(lead, near)
    del lead

    def count(piece: _Piece) -> None:
        start, stop, first, last = piece
        _count(near[start:stop], 0, first, offsets[1 + first : 1 + last])

    offsets = np.zeros(n_leads + 1, dtype=np.int64)
    in_threads(count, pieces)
    np.cumsum(offsets, out=offsets)
    if ascending:
        return offsets
    for name, column in columns.items():
        bits = column.view(_BITS[column.itemsize])
        apart = room.long.view(bits.dtype)[: len(near)]
        if regions is None:
            apart[:] = bits
        else:
            regions.put(bits, apart)
        _to_leads(near, apart, offsets, pieces, bits)
        columns[name] = column[: offsets[-1]]
    return offsets


class _Regions:
    """The regions of up to 1024 leads or groups of leads that stand beside each other.

    Attributes
    ----------
    n : int
        Rows that are not left out.
    """

    def __init__(self, lead: npt.NDArray[np.int32], n_leads: int) -> None:
        self._lead, self._n_leads = lead, n_leads
        self._shift = shift = max(0, (n_leads - 1).bit_length() - _REGION_BITS)
        self._shares = shares(len(lead), _SHARE)
        counts = np.zeros((len(self._shares), (n_leads - 1 >> shift) + 1), dtype=np.int64)

        def count(share: int) -> None:
            start, stop = self._shares[share]
            _count(lead[start:stop], shift, 0, counts[share])

        in_threads(count, range(len(self._shares)))
        # Region after region, and in each the rows of the first share before those of the second.
        ends = np.cumsum(counts.T).reshape(counts.shape[::-1]).T
        self._starts = np.ascontiguousarray(ends - counts)
        self.n = int(ends[-1, -1])

    def put(self, column: Column, out: Column) -> None:
        """Bring the rows of a column to the regions of their leads."""
        cursors = self._starts.copy()

        def put(share: int) -> None:
            start, stop = self._shares[share]
            _put(self._lead[start:stop], column[start:stop], self._shift, 0, cursors[share], out)

        in_threads(put, range(len(self._shares)))

    def pieces(self) -> list[_Piece]:
        """Regions to share out among threads."""
        begins = np.append(self._starts[0], self.n)
        cuts = np.searchsorted(begins, [start for start, _ in shares(self.n, _SHARE)])
        cuts = np.unique(np.concatenate([[0], cuts, [len(begins) - 1]]))
        return [
            _Piece(
                int(begins[a]),
                int(begins[b]),
                a << self._shift,
                min(self._n_leads, b << self._shift),
            )
            for a, b in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True)
        ]


def _to_leads(
    lead: npt.NDArray[np.int32],
    column: Column,
    offsets: npt.NDArray[np.int64],
    pieces: list[_Piece],
    out: Column,
) -> None:
    """Put every row of a column where those of its lead belong."""

    def put(piece: _Piece) -> None:
        start, stop, first, last = piece
        _put(lead[start:stop], column[start:stop], 0, first, offsets[first:last].copy(), out)

    in_threads(put, pieces)


@numba.njit(cache=True, nogil=True)
def _order_of(lead: Any) -> Any:
    """Whether the rows not left out ascend by lead, and whether any is left out."""
    latest, left_out, ascending = 0, False, True
    for row in range(len(lead)):
        if lead[row] < 0:
            left_out = True
        elif lead[row] < latest:
            ascending = False
            break
        else:
            latest = lead[row]
    return ascending, left_out


@numba.njit(cache=True, nogil=True)
def _count(lead: Any, shift: int, first: int, counts: Any) -> None:
    """Count the rows of each lead from `first` on, or of each region of ``2 ** shift`` leads."""
    for row in range(len(lead)):
        if lead[row] >= 0:
            counts[(lead[row] >> shift) - first] += 1


@numba.njit(cache=True, nogil=True)
def _put(lead: Any, column: Any, shift: int, first: int, cursors: Any, out: Any) -> None:
    """Put every row at the cursor of its lead or region, and that cursor forward by one."""
    for row in range(len(lead)):
        if lead[row] >= 0:
            place = (lead[row] >> shift) - first
            out[cursors[place]] = column[row]
            cursors[place] += 1
