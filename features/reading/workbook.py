"""Excel workbooks: the cells of one sheet as text, dates as dates."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from features.cells import as_text
from features.errors import InputError
from features.reading.declared import Declared
from features.reading.layout import FIRST, LAST, footers_of, header_of
from features.reading.table import Aside, Table, check_header

_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


def read_workbook(path: Path, declared: Declared, rows_are: str) -> Table:
    """Read one sheet; every cell is text, numbers without the point of a whole one.

    Raises
    ------
    InputError
        When the file is no workbook, holds no rows, or more than one sheet of them and none is
        declared.
    """
    try:
        book = CalamineWorkbook.from_path(str(path))
        name = _sheet(path, book, declared)
        sheet = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except CalamineError as error:
        raise InputError(
            f"{path}: cannot be read as a workbook: {error}. Save it again as .xlsx without a password, or as CSV."
        ) from error
    rows = [[_text(cell) for cell in row] for row in sheet]
    n = len(rows)
    header = (
        min(declared.header, n) - 1
        if declared.header
        else header_of([_trimmed(row) for row in rows[:FIRST]])
    )
    names = _trimmed(rows[header])
    check_header(path, names, header + 1)
    first = max(header + 1, n - LAST)
    end = n - footers_of([_trimmed(row) for row in rows[first:]], len(names))
    beyond = [row for row in range(header + 1, end) if any(rows[row][len(names) :])]
    if beyond:
        raise InputError(
            f"{path}, sheet {name!r}, row {beyond[0] + 1}: a cell stands to the right of the last named "
            f"column, {names[-1]!r}. Name its column in row {header + 1}, or remove it."
        )
    kept = [row for row in range(header + 1, end) if any(rows[row])]
    columns = {
        called: pa.array([rows[row][place] or None for row in kept], pa.string())
        for place, called in enumerate(names)
    }
    aside = tuple(
        Aside(kind, row + 1, " ".join(filter(None, rows[row])))
        for kind, places in (("title", range(header)), ("footer", range(end, n)))
        for row in places
        if any(rows[row])
    )
    shown = f"workbook, sheet {name!r}"
    lines = np.array(kept, dtype=np.int64) + 1
    return Table(str(path), pa.table(columns), lines, [], shown, rows_are, aside=aside)


def _sheet(path: Path, book: CalamineWorkbook, declared: Declared) -> str:
    there = ", ".join(map(repr, book.sheet_names))
    if declared.sheet is not None:
        if declared.sheet not in book.sheet_names:
            raise InputError(f"{path}: no sheet is called {declared.sheet!r}; there are {there}.")
        return declared.sheet
    filled = [name for name in book.sheet_names if book.get_sheet_by_name(name).height]
    if not filled:
        raise InputError(f"{path}: the file is empty; expected a header row with column names.")
    if len(filled) > 1:
        raise InputError(f"{path}: several sheets hold rows. Say which with --sheet: {there}.")
    return filled[0]


def _text(cell: object) -> str:
    """A cell as text; a length of time is its hours, minutes and seconds.

    Letters that XML has not stand as ``_x001B_`` (ST_Xstring of ECMA-376).
    """
    if isinstance(cell, timedelta):
        return str(cell)
    return _ESCAPED.sub(lambda code: chr(int(code[1], 16)), as_text(cell) or "")


def _trimmed(row: list[str]) -> list[str]:
    """A row without the empty cells at its end."""
    filled = [place for place, cell in enumerate(row) if cell.strip()]
    return row[: filled[-1] + 1] if filled else []
