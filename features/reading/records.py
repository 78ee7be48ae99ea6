"""Where each record of a delimited text begins, and what is wrong with it.

Arrow reads the cells; this says what Arrow lets pass: text after a closing quotation mark, a NUL, a
quotation mark that is never closed, and rows that ended up inside a quoted cell.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

AFTER_QUOTE, NUL = 1, 2
"""Flags: text after a closing quotation mark, a NUL."""
_NONE = 256
"""No byte."""


class Records(NamedTuple):
    """The records of a text, blank lines being records too.

    Attributes
    ----------
    start, end : ndarray of shape (n,), int64
        The bytes of each, `end` being that of its line end, or the text's.
    line : ndarray of shape (n,), int64
        The line on which it begins, counted from 1.
    cells : ndarray of shape (n,), int64
        How many cells it has; 1 for a blank line.
    flags : ndarray of shape (n,), int64
    unclosed : int
        The line of a quotation mark that is never closed; 0 for none.
    suspect : int
        The line of the first quotation mark whose cell spans lines and either holds rows or is
        followed by text; 0 for none.
    """

    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    line: npt.NDArray[np.int64]
    cells: npt.NDArray[np.int64]
    flags: npt.NDArray[np.int64]
    unclosed: int
    suspect: int

    def __len__(self) -> int:
        return len(self.start)


def records(text: bytes, delimiter: str, quote: str | None) -> Records:
    """Find the records of a text.

    A cell begins with a quotation mark or has none that counts, as Arrow reads it: two in a quoted
    cell are one letter, and one inside an unquoted cell is a letter like any other.
    """
    raw = np.frombuffer(text, dtype=np.uint8)
    n = 1 + text.count(b"\n") + (text.count(b"\r") if b"\r" in text else 0)
    columns = [np.empty(n, dtype=np.int64) for _ in range(5)]
    count, unclosed, suspect = _scan(raw, ord(delimiter), ord(quote) if quote else _NONE, *columns)
    start, end, line, cells, flags = (column[:count] for column in columns)
    return Records(start, end, line, cells, flags, unclosed, suspect)


@numba.njit(cache=True, nogil=True)
def _scan(
    raw: Any, delimiter: int, quote: int, start: Any, end: Any, line: Any, cells: Any, flags: Any
) -> tuple[int, int, int]:
    n, at, count, now = len(raw), 0, 0, 1
    width, suspect = 0, 0
    while at < n:
        start[count], line[count] = at, now
        n_cells, flag = 1, 0
        while at < n:  # a cell
            if raw[at] == quote:
                opened, inner, inside, held = now, 0, 0, 0
                at += 1
                while at < n:
                    byte = raw[at]
                    if byte == quote:
                        if at + 1 < n and raw[at + 1] == quote:
                            at += 1
                        else:
                            break
                    elif byte == delimiter:
                        inner += 1
                    elif byte == 10 or byte == 13:
                        if byte == 13 and at + 1 < n and raw[at + 1] == 10:
                            at += 1
                        now += 1
                        inside += 1
                        # The first line of a cell holds what stands before its first line end.
                        if inside > 1 and width > 2 and inner == width - 1:
                            held += 1
                        inner = 0
                    elif byte == 0:
                        flag |= NUL
                    at += 1
                if at >= n:
                    end[count], cells[count], flags[count] = n, n_cells, flag
                    return count + 1, opened, suspect
                at += 1
                followed = at < n and raw[at] != delimiter and raw[at] != 10 and raw[at] != 13
                if followed:
                    flag |= AFTER_QUOTE
                if inside and (followed or held) and suspect == 0:
                    suspect = opened
            while at < n and raw[at] != delimiter and raw[at] != 10 and raw[at] != 13:
                if raw[at] == 0:
                    flag |= NUL
                at += 1
            if at < n and raw[at] == delimiter:
                n_cells += 1
                at += 1
            else:
                break
        end[count], cells[count], flags[count] = at, n_cells, flag
        width = max(width, n_cells)
        count += 1
        now += 1
        if at < n:
            at += 2 if raw[at] == 13 and at + 1 < n and raw[at + 1] == 10 else 1
    return count, 0, suspect
