"""A table read some rows at a time, so that never much of its text is in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet

from features.reading import (
    AS_FOUND,
    Declared,
    Table,
    is_parquet,
    parquet_head,
    parquet_rows,
    read,
    readable,
)

_ROWS = 1 << 17
"""Rows of a batch: their text, their hashes and their places stay in the processor's cache."""
_BUFFER = 1 << 20
"""Bytes read from the disk at a time."""
_CODED = 4.0
"""Bytes a value up to which a Parquet column of texts consists of codes: a text alone takes more."""


class Batches(Protocol):
    """A table whose rows can be gone through in parts, several of them at once.

    Attributes
    ----------
    head : Table
        Its columns without rows, and the rows that could not be read.
    n_rows : int
        Rows that can be read.
    parts : sequence of int
        What `read` can be asked for.
    """

    @property
    def head(self) -> Table: ...

    @property
    def n_rows(self) -> int: ...

    @property
    def parts(self) -> Sequence[int]: ...

    def read(self, part: int, columns: Sequence[str]) -> Iterator[tuple[int, Table]]:
        """Some columns of the rows of a part, in batches, each with the number of its first row."""

    def take(self, rows: npt.NDArray[np.int64], columns: Sequence[str] | None = None) -> Table:
        """Some rows, ascending, with all their columns or some."""


def batches(path: Path, rows_are: str, declared: Declared = AS_FOUND) -> Batches:
    """Open a file to be read in batches; what cannot be read so is read at once, a folder too.

    Raises
    ------
    InputError
        As `features.reading.read`.
    """
    if path.is_dir() or not is_parquet(path):
        return Whole(read(path, rows_are, declared))
    with readable(path):
        return ParquetBatches(path, parquet_head(path, rows_are))


@dataclass(frozen=True)
class Whole:
    """A table in memory, as one batch."""

    table: Table

    @property
    def head(self) -> Table:
        return self.table.take(np.empty(0, dtype=np.int64))

    @property
    def n_rows(self) -> int:
        return int(self.table.data.num_rows)

    @property
    def parts(self) -> Sequence[int]:
        return range(1)

    def read(self, part: int, columns: Sequence[str]) -> Iterator[tuple[int, Table]]:
        yield part, replace(self.table, data=self.table.data.select(list(columns)))

    def take(self, rows: npt.NDArray[np.int64], columns: Sequence[str] | None = None) -> Table:
        data = self.table.data if columns is None else self.table.data.select(list(columns))
        return replace(self.table, data=data).take(rows)


@dataclass(frozen=True)
class ParquetBatches:
    """A Parquet file, a part being one of its row groups."""

    path: Path
    head: Table

    @cached_property
    def _metadata(self) -> Any:
        return pa.parquet.read_metadata(self.path)

    @cached_property
    def _starts(self) -> npt.NDArray[np.int64]:
        sizes = [self._metadata.row_group(i).num_rows for i in self.parts]
        return np.cumsum([0, *sizes])

    @property
    def n_rows(self) -> int:
        return int(self._metadata.num_rows)

    @property
    def parts(self) -> Sequence[int]:
        return range(self._metadata.num_row_groups)

    def read(self, part: int, columns: Sequence[str]) -> Iterator[tuple[int, Table]]:
        row = int(self._starts[part])
        with readable(self.path), self._open(part) as file:
            for batch in file.iter_batches(
                _ROWS, row_groups=[part], columns=list(columns), use_threads=False
            ):
                data = pa.Table.from_batches([batch])
                rows = parquet_rows(self.path, self.head.rows_are, data, row)
                yield row, replace(rows, partial=True)
                row += data.num_rows

    def take(self, rows: npt.NDArray[np.int64], columns: Sequence[str] | None = None) -> Table:
        names = list(self.head.data.column_names if columns is None else columns)
        ends = np.searchsorted(rows, self._starts)
        taken = [self.head.data.select(names)]
        for part in self.parts:
            if ends[part] == ends[part + 1]:
                continue
            for start, batch in self.read(part, names):
                low, high = np.searchsorted(rows, [start, start + batch.data.num_rows])
                if low < high:
                    here = batch.data.take(pa.array(rows[low:high] - start))
                    taken.append(here.cast(taken[0].schema))
        data = pa.concat_tables(taken)
        return replace(parquet_rows(self.path, self.head.rows_are, data, 0), lines=rows + 1)

    def _open(self, part: int) -> Any:
        group = self._metadata.row_group(part)
        coded = []
        for i in range(group.num_columns):
            column = group.column(i)
            size = column.total_uncompressed_size / max(column.num_values, 1)
            if column.physical_type == "BYTE_ARRAY" and size <= _CODED:
                coded.append(column.path_in_schema)
        return pa.parquet.ParquetFile(
            self.path, metadata=self._metadata, read_dictionary=coded, buffer_size=_BUFFER
        )
