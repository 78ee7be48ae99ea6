"""Which data a model was trained on, without keeping any of them or their names."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet

from features.reading import CSV, files_of, is_parquet, read

_CHUNK = 1 << 20
_QUOTE, _NEWLINE, _RETURN = b'"\n\r'


@dataclass(frozen=True)
class Fingerprint:
    """A file as it was when it was read.

    Attributes
    ----------
    name : str
        What it holds: ``leads``, ``events``, ``changes``, ``test``. Its own name may be somebody's.
    sha256 : str
        Of its bytes.
    size : int
        Bytes.
    rows : int
        Below the header; those that were refused are among them.
    columns : int
    """

    name: str
    sha256: str
    size: int
    rows: int
    columns: int

    def to_json(self) -> dict[str, Any]:
        """Plain values, as stored in a record under its name."""
        return {key: value for key, value in asdict(self).items() if key != "name"}


def fingerprints(files: Mapping[str, Path | None]) -> tuple[Fingerprint, ...]:
    """The fingerprints of the files that there are, by what they hold.

    Each is a file that can be read, or a folder of them; of CSV and Parquet never all is in memory.
    """
    return tuple(_of(name, path) for name, path in files.items() if path is not None)


def _of(name: str, path: Path) -> Fingerprint:
    """The fingerprint of a file; of a folder, of its files one after the other."""
    digest, size, rows, columns = hashlib.sha256(), 0, 0, 0
    for file in files_of(path) if path.is_dir() else [path]:
        with file.open("rb") as opened:
            while chunk := opened.read(_CHUNK):
                digest.update(chunk)
        size += file.stat().st_size
        more, columns = _of_parquet(file) if is_parquet(file) else _of_others(file)
        rows += more
    return Fingerprint(name, digest.hexdigest(), size, rows, columns)


def _of_others(path: Path) -> tuple[int, int]:
    with path.open("rb") as file:
        utf16 = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    if path.suffix.lower() in CSV and not utf16:
        return _of_csv(path)
    table = read(path)
    return table.rows_in, table.data.num_columns


def _of_parquet(path: Path) -> tuple[int, int]:
    metadata = pyarrow.parquet.read_metadata(path)
    return int(metadata.num_rows), len(metadata.schema.to_arrow_schema())


def _of_csv(path: Path) -> tuple[int, int]:
    """Records below the header, and cells of the header.

    A record is a run of bytes without a line break, but for those between quotation marks. In
    UTF-8 and in cp932 no other character holds the byte of a quotation mark or of a line break.
    """
    records, quoted, within, header = 0, False, False, b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            data = np.frombuffer(chunk, dtype=np.uint8)
            inside = (np.cumsum(data == _QUOTE) + quoted) % 2 == 1
            text = inside | ~((data == _NEWLINE) | (data == _RETURN))
            begins = text & ~np.r_[within, text[:-1]]
            if records <= 1:
                first = np.cumsum(begins) + records == 1
                header += data[first & text & ~inside].tobytes()
            records += int(begins.sum())
            quoted, within = bool(inside[-1]), bool(text[-1])
    return max(records - 1, 0), 1 + max(header.count(mark) for mark in b",;\t")
