"""A table as an Excel workbook: header frozen, filters set, temperatures in their colours."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import xlsxwriter

from features.cells import as_text
from features.errors import InputError

_ROWS, _COLUMNS, _LETTERS = 1_048_575, 16_384, 32_767
"""What a sheet holds below its header, and what a cell does."""
_COLOURS = {"hot": "#F8CBAD", "warm": "#FFE699", "cold": "#DDEBF7"}
_WIDEST = 48
_MEASURED = 200


def write_workbook(data: pa.Table, file: IO[bytes], path: Path) -> None:
    """Write a table as the one sheet of a workbook.

    Texts are written as texts, whatever they begin with: a workbook runs nothing that is not marked
    as a formula. Cells of columns whose name ends in ``temperature`` have the colour of theirs.

    Raises
    ------
    InputError
        When a sheet has no room for the rows, the columns, or the letters of a cell.
    """
    if data.num_rows > _ROWS or data.num_columns > _COLUMNS:
        raise InputError(
            f"{path}: a sheet holds {_ROWS:,} rows and {_COLUMNS:,} columns, and there are "
            f"{data.num_rows:,} and {data.num_columns:,}. Write .csv or .parquet."
        )
    options = {"constant_memory": False, "in_memory": True, "nan_inf_to_errors": True}
    with xlsxwriter.Workbook(file, options) as book:
        sheet = book.add_worksheet("leads")
        bold = book.add_format({"bold": True, "bottom": 1})
        for place, name in enumerate(data.column_names):
            sheet.write_string(0, place, name, bold)
            cells = data[place].to_pylist()
            _write_column(sheet, place, cells, path, name)
            shown = [name, *(as_text(cell) or "" for cell in cells[:_MEASURED])]
            sheet.set_column(place, place, min(2 + max(map(_width, shown)), _WIDEST))
            if name.endswith("temperature"):
                for band, colour in _COLOURS.items():
                    sheet.conditional_format(
                        1,
                        place,
                        max(data.num_rows, 1),
                        place,
                        {
                            "type": "cell",
                            "criteria": "==",
                            "value": f'"{band}"',
                            "format": book.add_format({"bg_color": colour}),
                        },
                    )
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(data.num_rows, 1), data.num_columns - 1)


def _write_column(
    sheet: xlsxwriter.worksheet.Worksheet, place: int, cells: list[object], path: Path, name: str
) -> None:
    for row, cell in enumerate(cells, 1):
        if cell is None:
            continue
        if isinstance(cell, bool):
            sheet.write_boolean(row, place, cell)
        elif isinstance(cell, int | float) and np.isfinite(cell) and abs(cell) < 1e15:
            sheet.write_number(row, place, cell)
        else:
            text = as_text(cell) or ""
            if len(text) > _LETTERS:
                raise InputError(
                    f"{path}: a cell holds {_LETTERS:,} letters, and row {row} of column {name!r} has "
                    f"{len(text):,}. Write .csv or .parquet."
                )
            sheet.write_string(row, place, text)


def _width(text: str) -> int:
    """The width of a text, full-width letters counting twice."""
    return sum(1 + (ord(letter) > 0x2E7F) for letter in text.split("\n", maxsplit=1)[0])
