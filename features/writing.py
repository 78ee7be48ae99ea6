"""Tables as files: a file appears at its place whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from features.cells import as_text, text_column
from features.errors import InputError
from features.reading import CSV, OWN_PREFIX, PARQUET, Refusal


def write(data: pa.Table, path: Path) -> None:
    """Write a table as CSV (UTF-8) or Parquet by the ending of `path`: whole or not at all."""
    if path.suffix.lower() in PARQUET:
        write_whole(path, lambda file: pa.parquet.write_table(data, file, compression="zstd"))
    elif path.suffix.lower() in CSV:
        cells = _as_cells(data)
        write_whole(path, lambda file: pa.csv.write_csv(cells, file, _csv_form(path)))
    else:
        raise InputError(f"{path}: expected an output ending in .csv, .tsv, .txt or .parquet.")


def _as_cells(data: pa.Table) -> pa.Table:
    """The table with text for what CSV has no form for: lists, structures, bytes."""
    for place, column in enumerate(data.schema):
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            data = data.set_column(place, column.name, text_column(data[place]))
    return data


def check_output(path: Path) -> None:
    """Refuse an output that could not be written, before the long work starts."""
    if path.suffix.lower() not in CSV | PARQUET:
        raise InputError(f"{path}: expected an output ending in .csv, .tsv, .txt or .parquet.")
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


def refused_path(out: Path) -> Path:
    """Where the rows that were refused go: ``scores.csv`` has ``scores.csv.refused.csv``."""
    return out.with_name(f"{out.name}.refused.csv")


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
