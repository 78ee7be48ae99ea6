"""Files as tables of cells: nothing is typed, renamed or guessed that the file does not say."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from features.errors import InputError

OWN_PREFIX = "tegakari_"
"""Columns that Tegakari itself wrote; they are dropped when such a file is read again."""

_CSV = {".csv", ".tsv", ".txt"}
_PARQUET = {".parquet", ".pq"}
_DELIMITERS = (",", ";", "\t")


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
        Where each row stands: in CSV the record counted from 1 with the header, which is the line
        of the file unless cells hold line breaks; in Parquet the row counted from 1.
    refused : list of Refusal
        Rows whose number of cells is not that of the header.
    understood : str
        Format, encoding and delimiter, to be shown.
    rows_are : str
        What a refused row loses: ``"lead"``, ``"event"`` or ``"change"``.
    """

    path: str
    data: pa.Table
    lines: npt.NDArray[np.int64]
    refused: list[Refusal]
    understood: str
    rows_are: str = "lead"

    @property
    def rows_in(self) -> int:
        """Rows the file holds, those refused included."""
        return self.data.num_rows + len(self.refused)

    def refusals(self, bad: npt.NDArray[np.bool_], column: str, reason: str) -> list[Refusal]:
        """A refusal for each row marked in `bad`, naming the cell in `column`."""
        rows = np.flatnonzero(bad)
        if not len(rows):
            return []
        cells = self.data.take(pa.array(rows)).to_pylist()
        lines = self.lines[rows]
        return [
            Refusal(
                self.rows_are,
                self.path,
                int(line),
                column,
                as_text(row.get(column)) or "",
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
    suffix = path.suffix.lower()
    if not path.is_file():
        raise InputError(f"{path}: there is no such file.")
    if suffix not in _CSV | _PARQUET:
        raise InputError(f"{path}: expected a file ending in .csv, .tsv, .txt or .parquet.")
    try:
        table = _read_parquet(path) if suffix in _PARQUET else _read_csv(path, rows_are)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: cannot be read as {suffix[1:].upper()}: {error}") from error
    names = table.data.column_names
    own = [name for name in names if name.startswith(OWN_PREFIX)]
    kept = table.data.drop_columns(own)
    if not kept.num_columns:
        raise InputError(f"{path}: expected a header with column names; none was found.")
    return replace(table, data=kept, rows_are=rows_are)


def _read_parquet(path: Path) -> Table:
    data = pa.parquet.read_table(path)
    _check_header(path, data.column_names)
    return Table(str(path), data, np.arange(1, data.num_rows + 1), [], "Parquet")


def _read_csv(path: Path, rows_are: str) -> Table:
    text, encoding = _decoded(path, path.read_bytes())
    if not text.strip():
        raise InputError(f"{path}: the file is empty; expected a header line with column names.")
    first_line = text[: text.find(b"\n") + 1 or len(text)]
    delimiter = max(_DELIMITERS, key=first_line.decode("utf-8").count)
    header = next(
        csv.reader(io.TextIOWrapper(io.BytesIO(text), "utf-8", newline=""), delimiter=delimiter)
    )
    _check_header(path, header)
    ragged: list[tuple[int, str, str]] = []

    def on_ragged(row: Any) -> str:
        reason = f"expected {row.expected_columns} cells, got {row.actual_columns}"
        ragged.append((row.number, reason, row.text))
        return "skip"

    # Single-threaded, since only then does Arrow say which record a ragged row is.
    data = pa.csv.read_csv(
        io.BytesIO(text),
        read_options=pa.csv.ReadOptions(
            use_threads=False, block_size=max(1 << 24, 2 * len(first_line))
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
    refused = [
        Refusal(rows_are, str(path), line, "", cells, reason) for line, reason, cells in ragged
    ]
    lines = np.setdiff1d(
        np.arange(2, data.num_rows + len(ragged) + 2),
        [line for line, _, _ in ragged],
        assume_unique=True,
    )
    blank = np.ones(data.num_rows, dtype=bool)
    for column in data.columns:
        blank &= column.is_null().to_numpy()
    understood = f"CSV, {encoding}, delimiter {delimiter!r}"
    return Table(str(path), data, lines, refused, understood).keep(~blank)


def _decoded(path: Path, raw: bytes) -> tuple[bytes, str]:
    """The file as UTF-8, and the encoding it was in."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{path}: the file is UTF-16. Save it as UTF-8 or as cp932 (Shift JIS).")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as not_utf8:
        try:
            return raw.decode("cp932").encode("utf-8"), "cp932"
        except UnicodeDecodeError as not_cp932:
            line = raw.count(b"\n", 0, not_utf8.start) + 1
            raise InputError(
                f"{path}: the text is neither UTF-8 (byte {not_utf8.start}, line {line}: "
                f"0x{raw[not_utf8.start]:02x}) nor cp932 (byte {not_cp932.start}). Save it as UTF-8."
            ) from not_cp932
    if raw.startswith(b"\xef\xbb\xbf"):
        return raw[3:], "UTF-8 with BOM"
    return raw, "UTF-8"


def _check_header(path: Path, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"{path}, line 1: column {twice[0]!r} stands twice in the header. Rename one of them."
        )
    if any(not name.strip() for name in names):
        position = next(i for i, name in enumerate(names, 1) if not name.strip())
        raise InputError(f"{path}, line 1: column {position} has no name. Name it or remove it.")


def write(data: pa.Table, path: Path) -> None:
    """Write a table as CSV (UTF-8) or Parquet by the ending of `path`: whole or not at all."""
    if path.suffix.lower() in _PARQUET:
        write_whole(path, lambda file: pa.parquet.write_table(data, file, compression="zstd"))
    elif path.suffix.lower() in _CSV:
        write_whole(path, lambda file: pa.csv.write_csv(data, file, _csv_form(path)))
    else:
        raise InputError(f"{path}: expected an output ending in .csv, .tsv, .txt or .parquet.")


def check_output(path: Path) -> None:
    """Refuse an output that could not be written, before the long work starts."""
    if path.suffix.lower() not in _CSV | _PARQUET:
        raise InputError(f"{path}: expected an output ending in .csv, .tsv, .txt or .parquet.")
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist. Make it first.")


def _csv_form(path: Path) -> pa.csv.WriteOptions:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    return pa.csv.WriteOptions(delimiter=delimiter, quoting_style="needed")


def write_whole(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Let `fill` write a file that appears at `path` only when it is complete and on the disk."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def refused_path(out: Path) -> Path:
    """Where the rows that were refused go: ``scores.csv`` has ``scores.csv.refused.csv``."""
    return out.with_name(f"{out.name}.refused.csv")


def write_refused(refusals: Iterable[Refusal], path: Path) -> None:
    """Write refused rows: their own cells first, then line, column, value and reason."""
    rows = list(refusals)
    names = list(dict.fromkeys(name for row in rows for name in row.cells))
    own = {
        "file": [row.file for row in rows],
        "line": [row.line for row in rows],
        "column": [row.column for row in rows],
        "value": [row.value for row in rows],
        "reason": [row.reason for row in rows],
    }
    columns = {name: [as_text(row.cells.get(name)) for row in rows] for name in names}
    columns |= {f"{OWN_PREFIX}refused_{name}": values for name, values in own.items()}
    write(pa.table(columns), path)


def as_text(value: object) -> str | None:
    """A cell as text: ``True`` is ``true``, a whole number has no point, times are ISO 8601."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value)


def text_column(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as text, by the rules of `as_text`; empty text becomes null."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if (
        pa.types.is_string(column.type)
        or pa.types.is_large_string(column.type)
        or pa.types.is_boolean(column.type)
        or pa.types.is_integer(column.type)
    ):
        text = column.cast(pa.string())
    else:
        text = pa.array([as_text(value) for value in column.to_pylist()], pa.string())
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
