"""Rows as they were read, and the rows that were refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.cells import as_text
from features.errors import InputError

FORMULA = r"^[=+\-@\t\r＝＋－＠]"
"""How a text begins that a spreadsheet would run as a formula."""
OWN_PREFIX = "tegakari_"
"""Columns that Tegakari itself wrote; they are dropped when such a file is read again."""


@dataclass(frozen=True)
class Refusal:
    """One lead, event or change that was not taken, and why."""

    lost: str
    file: str
    line: int
    column: str
    value: str
    reason: str
    cells: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}, column {self.column!r}: {self.reason} (came: {self.value!r})"


class Aside(NamedTuple):
    """A row that is no row of the table: ``"title"`` above the header, ``"footer"`` below the rows."""

    kind: str
    line: int
    text: str


@dataclass(frozen=True)
class Table:
    """A file as it was read, or several of the same columns.

    Attributes
    ----------
    path : str
        Where it came from, for messages.
    data : pyarrow.Table
        The rows that could be read. From text every cell is text and an empty cell is null.
    lines : ndarray of shape (n_rows,), int64
        Where each row stands: in text the line of the file on which it begins, counted from 1; in
        Parquet the row, the first being 1.
    refused : list of Refusal
        Rows that could not be read.
    understood : str
        Format, encoding and delimiter, to be shown.
    rows_are : str
        What a refused row loses: ``"lead"``, ``"event"`` or ``"change"``.
    file_names : mapping
        The name that the file gives a column, where `data` has the contract's.
    aside : tuple of Aside
        Title rows and footers.
    files : tuple of str
        Of a folder, the files; else empty.
    file : ndarray of shape (n_rows,), int32, or None
        Of a folder, which of `files` each row is from.
    partial : bool
        Whether these are some rows of a file, read in batches.
    """

    path: str
    data: pa.Table
    lines: npt.NDArray[np.int64]
    refused: list[Refusal]
    understood: str
    rows_are: str = "lead"
    file_names: Mapping[str, str] = field(default_factory=dict)
    aside: tuple[Aside, ...] = ()
    files: tuple[str, ...] = ()
    file: npt.NDArray[np.int32] | None = None
    partial: bool = False

    @property
    def rows_in(self) -> int:
        """Rows the file holds, those refused included."""
        return int(self.data.num_rows) + len(self.refused)

    def place(self, row: int) -> str:
        """Where a row stands, for messages: ``leads.csv, line 3``."""
        return f"{self._path(row)}, line {self.lines[row]}"

    def _path(self, row: int) -> str:
        return self.path if self.file is None else self.files[self.file[row]]

    def refusals(self, bad: npt.NDArray[np.bool_], column: str, reason: str) -> list[Refusal]:
        """A refusal for each row marked in `bad`, naming the cell in `column`."""
        rows = np.flatnonzero(bad)
        if not len(rows):
            return []
        theirs = self.data.rename_columns(
            [self.file_names.get(name, name) for name in self.data.column_names]
        )
        cells = theirs.take(pa.array(rows)).to_pylist()
        named = self.file_names.get(column, column)
        return [
            Refusal(
                self.rows_are,
                self._path(int(row)),
                int(self.lines[row]),
                named,
                as_text(mine.get(named)) or "",
                reason,
                mine,
            )
            for row, mine in zip(rows, cells, strict=True)
        ]

    def keep(self, mask: npt.NDArray[np.bool_]) -> Table:
        """The rows marked in `mask`."""
        return self.take(np.flatnonzero(mask))

    def take(self, rows: npt.NDArray[np.int64]) -> Table:
        """Some rows, by position."""
        if len(rows) == len(self.lines) and (rows == np.arange(len(rows))).all():
            return self
        return replace(
            self,
            data=self.data.take(pa.array(rows)),
            lines=self.lines[rows],
            file=None if self.file is None else self.file[rows],
        )

    def without_own(self) -> Table:
        """Without the columns that Tegakari itself wrote, and what it did to keep spreadsheets safe."""
        own = [name for name in self.data.column_names if name.startswith(OWN_PREFIX)]
        kept = self.data.drop_columns(own)
        if not kept.num_columns:
            raise InputError(f"{self.path}: expected a header with column names; none was found.")
        return replace(self, data=_unmarked(kept) if own else kept)


def _unmarked(data: pa.Table) -> pa.Table:
    """The table without the apostrophes that keep spreadsheets from running texts."""
    marked = "^'(" + FORMULA.removeprefix("^") + ")"
    for place, column in enumerate(data.schema):
        if pa.types.is_string(column.type):
            plain = pc.replace_substring_regex(data[place], marked, r"\1")
            data = data.set_column(place, column.name, plain)
    return data.rename_columns([re.sub(marked, r"\1", name) for name in data.column_names])


def check_header(path: object, names: Sequence[str], line: int = 1) -> None:
    """Refuse a header in which a name is missing or stands twice.

    Raises
    ------
    InputError
    """
    if not any(name.strip() for name in names):
        raise InputError(
            f"{path}, line {line}: expected a header with column names; the line is empty."
        )
    twice = sorted({name for name in names if names.count(name) > 1 and name.strip()})
    if twice:
        raise InputError(
            f"{path}, line {line}: column {twice[0]!r} stands twice in the header. Rename one of them."
        )
    if any(not name.strip() for name in names):
        position = next(i for i, name in enumerate(names, 1) if not name.strip())
        raise InputError(
            f"{path}, line {line}: column {position} has no name. Name it or remove it."
        )
