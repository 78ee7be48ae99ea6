"""Statements of many rows, with a text for a few sizes only, so that the database has them prepared.

One statement of many rows is one call into the database: the thread that makes it lets the others
run meanwhile, which a call for every row would not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")

_SIZES = (256, 128, 64, 32, 16, 8, 4, 2, 1)


def in_sizes(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Rows in parts of a few sizes.

    Examples
    --------
    >>> [len(part) for part in in_sizes(range(70))]
    [64, 4, 2]
    """
    begin = 0
    for size in _SIZES:
        while len(rows) - begin >= size:
            yield rows[begin : begin + size]
            begin += size


def insert(
    connection: Connection,
    table: str,
    columns: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    end: str = "",
) -> int:
    """Insert rows; how many were. `end` is what follows the values, such as ``ON CONFLICT``."""
    count = 0
    for part in in_sizes(rows):
        statement = _insert(connection.dialect.name, table, columns, len(part), end)
        done = connection.exec_driver_sql(statement, tuple(chain.from_iterable(part)))
        count += done.rowcount
    return count


def select_in(
    connection: Connection, select: str, values: Sequence[Any], end: str = ""
) -> list[Any]:
    """The rows of ``<select> IN (values) <end>``, in parts that are no more than 256 values each."""
    found: list[Any] = []
    values = list(dict.fromkeys(values))
    for begin in range(0, len(values), _SIZES[0]):
        part = values[begin : begin + _SIZES[0]]
        # The last value once more, and so up to the next size.
        size = next(size for size in reversed(_SIZES) if size >= len(part))
        part += part[-1:] * (size - len(part))
        statement = _select(connection.dialect.name, select, size, end)
        found += connection.exec_driver_sql(statement, tuple(part)).fetchall()
    return found


@lru_cache(256)
def _insert(dialect: str, table: str, columns: tuple[str, ...], size: int, end: str) -> str:
    row = f"({', '.join([_mark(dialect)] * len(columns))})"
    values = ", ".join([row] * size)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {values} {end}"


@lru_cache(256)
def _select(dialect: str, select: str, size: int, end: str) -> str:
    return f"{select} IN ({', '.join([_mark(dialect)] * size)}) {end}"


def _mark(dialect: str) -> str:
    return "?" if dialect == "sqlite" else "%s"


def marked(connection: Connection, statement: str) -> str:
    """A statement written with ``?`` in the form of the database."""
    return statement if connection.dialect.name == "sqlite" else statement.replace("?", "%s")
