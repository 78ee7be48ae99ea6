"""A file, or a folder of files with the same columns, read by its ending."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.cells import text_column
from features.errors import InputError
from features.reading.declared import AS_FOUND, Declared
from features.reading.delimited import read_delimited
from features.reading.json_lines import read_json_lines
from features.reading.parquet import read_parquet
from features.reading.table import Table
from features.reading.workbook import read_workbook

CSV = {".csv", ".tsv", ".txt"}
JSON_LINES = {".jsonl", ".ndjson"}
WORKBOOK = {".xlsx", ".xlsm"}
PARQUET = {".parquet", ".pq"}
_PACKED = {".gz": "gzip", ".zst": "zstd"}
ENDINGS = CSV | JSON_LINES | WORKBOOK | PARQUET
EXPECTED = ".csv, .tsv, .txt, .jsonl, .xlsx or .parquet (text also as .gz or .zst)"


def read(path: Path, rows_are: str = "lead", declared: Declared = AS_FOUND) -> Table:
    """Read a file, or all files of a folder as one table.

    Raises
    ------
    InputError
        When it is absent, empty, of another format or encoding, damaged, or its header cannot be
        used; see the package for what becomes of a row.
    """
    if path.is_dir():
        return _folder(path, rows_are, declared)
    with readable(path):
        table = _read(path, rows_are, declared)
    return replace(table, understood=_shown(table)).without_own()


def _shown(table: Table) -> str:
    """What was understood, with the lines that are no rows."""
    lines = {
        kind: ", ".join(str(row.line) for row in table.aside if row.kind == kind)
        for kind in ("title", "footer")
    }
    said = [f"line {of} {kind}" for kind, of in lines.items() if of]
    return "; ".join([table.understood, *said])


def _read(path: Path, rows_are: str, declared: Declared) -> Table:
    kind = ending(path)
    if kind in PARQUET:
        return read_parquet(path, rows_are)
    if kind in WORKBOOK:
        return read_workbook(path, declared, rows_are)
    reader = read_json_lines if kind in JSON_LINES else read_delimited
    return reader(path, _unpacked(path), declared, rows_are)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what Arrow says of a file that is damaged, or another than its name says, into InputError."""
    if not path.is_file():
        raise InputError(f"{path}: there is no such file.")
    if ending(path) not in ENDINGS:
        raise InputError(f"{path}: expected a file ending in {EXPECTED}.")
    try:
        yield
    except (pa.ArrowInvalid, OSError, EOFError, zlib.error) as error:
        kind = ending(path)[1:].upper()
        raise InputError(f"{path}: cannot be read as {kind}: {error}") from error


def ending(path: Path) -> str:
    """What the name of a file says that it is; of an archive, what is inside."""
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix in _PACKED else suffix


def is_parquet(path: Path) -> bool:
    """Whether the name of a file says that it is Parquet."""
    return path.suffix.lower() in PARQUET


def _unpacked(path: Path) -> bytes:
    packed = _PACKED.get(path.suffix.lower())
    if packed is None:
        return path.read_bytes()
    if packed == "gzip":
        return gzip.decompress(path.read_bytes())
    with pa.CompressedInputStream(pa.OSFile(str(path)), packed) as stream:
        return bytes(stream.read())


def files_of(folder: Path) -> list[Path]:
    """The files of a folder, by name; hidden ones, and those that begin with ``_``, are none.

    Raises
    ------
    InputError
        When there is none, or one of another format.
    """
    files = sorted(
        path for path in folder.iterdir() if path.is_file() and path.name[0] not in "._~"
    )
    if not files:
        raise InputError(
            f"{folder}: the folder holds no file; expected files ending in {EXPECTED}."
        )
    for path in files:
        if ending(path) not in ENDINGS:
            raise InputError(
                f"{path}: expected a folder of files ending in {EXPECTED}. Move it away."
            )
    return files


def _folder(folder: Path, rows_are: str, declared: Declared) -> Table:
    return together(folder, [read(path, rows_are, declared) for path in files_of(folder)])


def together(path: object, tables: list[Table]) -> Table:
    """Tables of the same columns as one, each row with the file it is from.

    Raises
    ------
    InputError
        Naming the columns in which two files differ.
    """
    first, *others = tables
    names = first.data.column_names
    for other in others:
        differ = sorted(set(names) ^ set(other.data.column_names))
        if differ:
            raise InputError(
                f"{path}: expected files of the same columns; {first.path} and {other.path} differ in "
                f"{', '.join(differ)}."
            )
    return replace(
        first,
        path=str(path),
        data=_stacked([table.data.select(names) for table in tables]),
        lines=np.concatenate([table.lines for table in tables]),
        refused=[refusal for table in tables for refusal in table.refused],
        understood="; ".join(dict.fromkeys(table.understood for table in tables))
        + f"; {len(tables)} files",
        aside=tuple(aside for table in tables for aside in table.aside),
        files=tuple(table.path for table in tables),
        file=np.repeat(
            np.arange(len(tables), dtype=np.int32), [table.data.num_rows for table in tables]
        ),
    )


def _stacked(tables: list[pa.Table]) -> pa.Table:
    """Rows below each other; a column that has not one type everywhere is text."""
    for name in tables[0].column_names:
        if len({table.schema.field(name).type for table in tables}) > 1:
            tables = [
                table.set_column(table.column_names.index(name), name, text_column(table[name]))
                for table in tables
            ]
    return pa.concat_tables(tables)
