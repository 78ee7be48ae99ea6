"""Tables as files: a file appears at its place whole, or not at all."""

from __future__ import annotations

import codecs
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from features.cells import as_text, text_column
from features.errors import InputError
from features.reading import CSV, FORMULA, OWN_PREFIX, PARQUET, Refusal
from features.workbook import write_workbook

WORKBOOK = ".xlsx"
_EXPECTED = "expected an output ending in .csv, .tsv, .txt, .xlsx or .parquet."
_NUMBER = r"^[+-]?(\d+(,\d{3})*\.?\d*|\.\d+)([eE][+-]?\d+)?$"
FILES = {"lead": "leads", "event": "events", "change": "changes", "identity": "identities"}
"""What is lost with a refused row, and what the file of such rows is called."""


@dataclass(frozen=True)
class Spreadsheet:
    """How CSV is written for programs that calculate what they open.

    Attributes
    ----------
    raw : bool
        Whether cells stay as they are. Else an apostrophe goes before those that begin with ``=``,
        ``+``, ``-``, ``@``, a tab or a carriage return and are no number, which Excel and others
        would run as formulas; `features.reading` takes it off again where Tegakari wrote the file.
    bom : bool
        Whether the file begins with a byte order mark, by which Excel knows UTF-8.
    """

    raw: bool = False
    bom: bool = False


SAFE = Spreadsheet()


def write(data: pa.Table, path: Path, how: Spreadsheet = SAFE) -> None:
    """Write a table as CSV (UTF-8), Parquet or Excel by the ending of `path`: whole or not at all.

    Raises
    ------
    InputError
        When the file cannot be written, or a sheet cannot hold the table.
    """
    kind = path.suffix.lower()
    if kind in PARQUET:
        write_whole(path, lambda file: pa.parquet.write_table(data, file, compression="zstd"))
    elif kind in CSV:
        cells = _as_cells(data)
        cells = cells if how.raw else neutralised(cells)
        write_whole(path, lambda file: _csv(cells, file, path, how))
    elif kind == WORKBOOK:
        write_whole(path, lambda file: write_workbook(_as_cells(data), file, path))
    else:
        raise InputError(f"{path}: {_EXPECTED}")


def _csv(cells: pa.Table, file: IO[bytes], path: Path, how: Spreadsheet) -> None:
    if how.bom:
        file.write(codecs.BOM_UTF8)
    pa.csv.write_csv(cells, file, _csv_form(path))


def neutralised(data: pa.Table) -> pa.Table:
    """The table with an apostrophe before what a spreadsheet would run as a formula."""
    for place, column in enumerate(data.schema):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            data = data.set_column(place, column.name, _marked(data[place]))
    names = _marked(pa.chunked_array([pa.array(data.column_names, pa.string())])).to_pylist()
    return data.rename_columns(names)


def _marked(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    begins = pc.match_substring_regex(texts, FORMULA)
    if not pc.any(begins, min_count=0).as_py():
        return texts
    number = pc.match_substring_regex(texts, _NUMBER)
    dangerous = pc.and_not(begins, number)
    return pc.if_else(dangerous, pc.binary_join_element_wise("'", texts, ""), texts)


def _as_cells(data: pa.Table) -> pa.Table:
    """The table with text for what CSV has no form for: lists, structures, bytes."""
    for place, column in enumerate(data.schema):
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            data = data.set_column(place, column.name, text_column(data[place]))
    return data


def check_output(path: Path) -> None:
    """Refuse an output that could not be written, before the long work starts."""
    if path.suffix.lower() not in CSV | PARQUET | {WORKBOOK}:
        raise InputError(f"{path}: {_EXPECTED}")
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist. Make it first.")


def _csv_form(path: Path) -> pa.csv.WriteOptions:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    return pa.csv.WriteOptions(delimiter=delimiter, quoting_style="needed")


def write_whole(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Let `fill` write a file that appears at `path` only when it is complete and on the disk."""
    try:
        _write_whole(path, fill)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}.") from error


def _write_whole(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
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


def refused_path(out: Path, lost: str = "lead") -> Path:
    """Where refused rows go: leads to ``scores.csv.refused.csv``, events to ``....refused.events.csv``."""
    kind = "" if lost == "lead" else f".{FILES[lost]}"
    return out.with_name(f"{out.name}.refused{kind}.csv")


def put_aside(refused: Sequence[Refusal], out: Path) -> list[Path]:
    """Write the rows that were refused beside an output, a file for each kind, to be mended and read
    again; files of an earlier run are removed. The files that were written."""
    written = []
    for lost in FILES:
        path = refused_path(out, lost)
        rows = [row for row in refused if row.lost == lost]
        if rows:
            write_refused(rows, path)
            written.append(path)
        else:
            path.unlink(missing_ok=True)
    return written


def write_refused(refusals: Iterable[Refusal], path: Path) -> None:
    """Write refused rows: their own cells first, then line, column, value and reason."""
    rows = list(refusals)
    names = list(dict.fromkeys(name for row in rows for name in row.cells))
    columns: dict[str, list[Any]] = {
        name: [as_text(row.cells.get(name)) for row in rows] for name in names
    }
    for name in ("file", "line", "column", "value", "reason"):
        columns[f"{OWN_PREFIX}refused_{name}"] = [getattr(row, name) for row in rows]
    write(pa.table(columns), path)
