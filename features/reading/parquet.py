"""Parquet, which says itself what its cells are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from features.reading.table import Table, check_header


def read_parquet(path: Path, rows_are: str) -> Table:
    """A Parquet file; its cells keep their types."""
    head = parquet_head(path, rows_are)
    data = pa.parquet.read_table(path).select(head.data.column_names)
    return parquet_rows(path, rows_are, data, 0)


def parquet_head(path: Path, rows_are: str) -> Table:
    """The columns of a Parquet file, without its rows."""
    schema = pa.parquet.read_schema(path)
    check_header(path, schema.names)
    return parquet_rows(path, rows_are, schema.empty_table(), 0).without_own()


def parquet_rows(path: Path, rows_are: str, data: pa.Table, before: int) -> Table:
    """Rows of a Parquet file, so many others standing before them."""
    lines = np.arange(before + 1, before + 1 + data.num_rows)
    return Table(str(path), data, lines, [], "Parquet", rows_are)
