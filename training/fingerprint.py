"""Which data a model was trained on, without keeping any of them or their names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet

from features.reading import is_parquet

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

    Each is a CSV or Parquet file that can be read; never all of it is in memory.
    """
    return tuple(_of(name, path) for name, path in files.items() if path is not None)


def _of(name: str, path: Path) -> Fingerprint:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    rows, columns = _of_parquet(path) if is_parquet(path) else _of_csv(path)
    return Fingerprint(name, digest, path.stat().st_size, rows, columns)


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
