"""Files as tables of cells: nothing is typed, renamed or guessed that the file does not say."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from features.cells import as_text
from features.errors import InputError

OWN_PREFIX = "tegakari_"
"""Columns that Tegakari itself wrote; they are dropped when such a file is read again."""

CSV = {".csv", ".tsv", ".txt"}
PARQUET = {".parquet", ".pq"}
_DELIMITERS = (",", ";", "\t")
_NOT_CP932 = re.compile("[\ufffd\x80\uf8f0-\uf8f3]")
"""What Python makes of bytes that cp932 does not use: the file is in another encoding."""


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


@dataclass(frozen=True)
class Table:
    """A file as it was read.

    Attributes
    ----------
    path : str
        Where it came from, for messages.
    data : pyarrow.Table
        The rows that could be read. From CSV every cell is text and an empty cell is null.
    lines : ndarray of shape (n_rows,), int64
        Where each row stands: in CSV the line of the file on which it begins, the header being on
        line 1; in Parquet the row counted from 1.
    refused : list of Refusal
        Rows whose number of cells is not that of the header.
    understood : str
        Format, encoding and delimiter, to be shown.
    rows_are : str
        What a refused row loses: ``"lead"``, ``"event"`` or ``"change"``.
    file_names : mapping
        The name that the file gives a column, where `data` has the contract's.
    """

    path: str
    data: pa.Table
    lines: npt.NDArray[np.int64]
    refused: list[Refusal]
    understood: str
    rows_are: str = "lead"
    file_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows_in(self) -> int:
        """Rows the file holds, those refused included."""
        return int(self.data.num_rows) + len(self.refused)

    def refusals(self, bad: npt.NDArray[np.bool_], column: str, reason: str) -> list[Refusal]:
        """A refusal for each row marked in `bad`, naming the cell in `column`."""
        rows = np.flatnonzero(bad)
        if not len(rows):
            return []
        theirs = self.data.rename_columns(
            [self.file_names.get(name, name) for name in self.data.column_names]
        )
        cells = theirs.take(pa.array(rows)).to_pylist()
        lines = self.lines[rows]
        named = self.file_names.get(column, column)
        return [
            Refusal(
                self.rows_are,
                self.path,
                int(line),
                named,
                as_text(row.get(named)) or "",
                reason,
                row,
            )
            for line, row in zip(lines, cells, strict=True)
        ]

    def keep(self, mask: npt.NDArray[np.bool_]) -> Table:
        """The rows marked in `mask`."""
        return replace(self, data=self.data.filter(pa.array(mask)), lines=self.lines[mask])


def read(path: Path, rows_are: str = "lead") -> Table:
    """Read a CSV (UTF-8, with BOM, or cp932; comma, semicolon or tab) or Parquet file.

    Raises
    ------
    InputError
        When the file is absent, empty, of another format or encoding, or its header is not usable.
    """
    with readable(path):
        if is_parquet(path):
            names = parquet_head(path, rows_are).data.column_names
            data = pa.parquet.read_table(path).select(names)
            return parquet_rows(path, rows_are, data, 0)
        table = _read_csv(path, rows_are)
        return replace(table, data=_without_own(path, table.data), rows_are=rows_are)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what Arrow says of a file that is damaged, or another than its name says, into InputError."""
    if not path.is_file():
        raise InputError(f"{path}: there is no such file.")
    if path.suffix.lower() not in CSV | PARQUET:
        raise InputError(f"{path}: expected a file ending in .csv, .tsv, .txt or .parquet.")
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        kind = path.suffix[1:].upper()
        raise InputError(f"{path}: cannot be read as {kind}: {error}") from error


def is_parquet(path: Path) -> bool:
    """Whether the name of a file says that it is Parquet."""
    return path.suffix.lower() in PARQUET


def parquet_head(path: Path, rows_are: str) -> Table:
    """The columns of a Parquet file, without its rows."""
    schema = pa.parquet.read_schema(path)
    _check_header(path, schema.names)
    return parquet_rows(path, rows_are, _without_own(path, schema.empty_table()), 0)


def parquet_rows(path: Path, rows_are: str, data: pa.Table, before: int) -> Table:
    """Rows of a Parquet file, so many others standing before them."""
    lines = np.arange(before + 1, before + 1 + data.num_rows)
    return Table(str(path), data, lines, [], "Parquet", rows_are)


def _without_own(path: Path, data: pa.Table) -> pa.Table:
    """The columns that Tegakari itself did not write."""
    own = [name for name in data.column_names if name.startswith(OWN_PREFIX)]
    kept = data.drop_columns(own)
    if not kept.num_columns:
        raise InputError(f"{path}: expected a header with column names; none was found.")
    return kept


def _read_csv(path: Path, rows_are: str) -> Table:
    text, encoding = _decoded(path, path.read_bytes())
    if not text.strip():
        raise InputError(f"{path}: the file is empty; expected a header line with column names.")
    if not text.endswith((b"\n", b"\r")):
        text += b"\n"
    header_line = re.match(rb'(?:[^"\r\n]|"[^"]*")*', text)
    outside_quotes = re.sub(rb'"[^"]*"', b"", header_line[0] if header_line else b"").decode()
    delimiter = max(_DELIMITERS, key=outside_quotes.count)
    header = next(
        csv.reader(io.TextIOWrapper(io.BytesIO(text), "utf-8", newline=""), delimiter=delimiter)
    )
    _check_header(path, header)
    data, ragged = _records(text, header, delimiter)
    taken = np.ones(2 + data.num_rows + len(ragged), dtype=bool)
    taken[[0, 1, *(row.record for row in ragged)]] = False
    line_of = _lines(header, data, ragged, taken)
    _check_last_quote(path, text, data, ragged, line_of)
    refused = [
        Refusal(rows_are, str(path), int(line_of[row.record]), "", row.cells, row.reason)
        for row in ragged
    ]
    blank = np.ones(data.num_rows, dtype=bool)
    for column in data.columns:
        blank &= column.is_null().to_numpy()
    understood = f"CSV, {encoding}, delimiter {delimiter!r}"
    return Table(str(path), data, line_of[taken], refused, understood).keep(~blank)


class _Ragged(NamedTuple):
    """A record, counted from 1 with the header, whose cells are more or fewer than the header's."""

    record: int
    cells: str
    reason: str


def _records(text: bytes, header: list[str], delimiter: str) -> tuple[pa.Table, list[_Ragged]]:
    ragged: list[_Ragged] = []

    def on_ragged(row: Any) -> str:
        reason = f"expected {row.expected_columns} cells, got {row.actual_columns}"
        ragged.append(_Ragged(row.number, row.text, reason))
        return "skip"

    # Single-threaded, since only then does Arrow say which record a ragged row is.
    data = pa.csv.read_csv(
        io.BytesIO(text),
        read_options=pa.csv.ReadOptions(
            use_threads=False, block_size=max(1 << 24, 2 * text.find(b"\n"))
        ),
        parse_options=pa.csv.ParseOptions(
            delimiter=delimiter,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=on_ragged,
        ),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
    return data, ragged


def _lines(
    header: list[str], data: pa.Table, ragged: list[_Ragged], taken: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """The line on which each record begins, by its number; those in `taken` are the rows of `data`."""
    breaks = np.zeros(len(taken), dtype=np.int64)
    breaks[1] = sum(name.count("\n") for name in header)
    for row in ragged:
        breaks[row.record] = row.cells.count("\n")
    for column in data.columns:
        breaks[taken] += pc.fill_null(pc.count_substring(column, "\n"), 0).to_numpy()
    before: npt.NDArray[np.int64] = np.cumsum(breaks) - breaks
    return np.arange(len(breaks)) + before


def _check_last_quote(
    path: Path, text: bytes, data: pa.Table, ragged: list[_Ragged], line_of: npt.NDArray[np.int64]
) -> None:
    """Refuse a file whose last record is the rest of the file, for want of a closing quote."""
    last = len(line_of) - 1
    if ragged and ragged[-1].record == last:
        cells = ragged[-1].cells
        swallowed = "\n" in cells and cells.count('"') % 2 == 1
    else:
        cell = data.columns[-1][-1].as_py() if data.num_rows else None
        swallowed = (cell or "").endswith("\n") and not text.rstrip(b"\r\n").endswith(b'"')
    if swallowed:
        raise InputError(
            f"{path}, line {line_of[last]}: a quotation mark in this row is never closed. "
            "Close it, or write it twice."
        )


def _decoded(path: Path, raw: bytes) -> tuple[bytes, str]:
    """The file as UTF-8, and the encoding it was in."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in raw[:4]:
        raise InputError(f"{path}: the file is UTF-16. Save it as UTF-8 or as cp932 (Shift JIS).")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as not_utf8:
        text = raw.decode("cp932", errors="replace")
        if not _NOT_CP932.search(text):
            return text.encode("utf-8"), "cp932"
        line = raw.count(b"\n", 0, not_utf8.start) + 1
        raise InputError(
            f"{path}: the text is neither UTF-8 (byte {not_utf8.start}, line {line}: "
            f"0x{raw[not_utf8.start]:02x}) nor cp932. Save it as UTF-8."
        ) from not_utf8
    if raw.startswith(b"\xef\xbb\xbf"):
        return raw[3:], "UTF-8 with BOM"
    return raw, "UTF-8"


def _check_header(path: Path, names: list[str]) -> None:
    if not names:
        raise InputError(f"{path}, line 1: expected a header with column names; the line is empty.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"{path}, line 1: column {twice[0]!r} stands twice in the header. Rename one of them."
        )
    if any(not name.strip() for name in names):
        position = next(i for i, name in enumerate(names, 1) if not name.strip())
        raise InputError(f"{path}, line 1: column {position} has no name. Name it or remove it.")
