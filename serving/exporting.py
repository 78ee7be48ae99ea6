"""``tegakari export``: the store as the contract's tables, as it is, or as it was known at a moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from sqlalchemy import Connection

from features.cells import as_strings
from features.instants import MISSING, iso
from features.reading import OWN_PREFIX
from features.writing import neutralised
from models.request import attribute_column
from serving.store.merging import UNDO
from serving.store.reading import Person, people
from serving.store.statements import marked
from serving.store.store import Store, last_commit

Kind = Literal["parquet", "csv"]

_PART = 50_000
_TIME = pa.timestamp("us", "UTC")
_EVENTS = pa.schema(
    [
        ("lead_id", pa.string()),
        ("event_type", pa.string()),
        ("occurred_at", _TIME),
        ("event_id", pa.string()),
        ("recorded_at", _TIME),
        ("channel", pa.string()),
        ("content", pa.string()),
        ("value", pa.float64()),
        ("account_id", pa.string()),
    ]
)
_CHANGES = pa.schema(
    [(name, pa.string()) for name in ("lead_id", "attribute", "old_value", "new_value")]
    + [("changed_at", _TIME)]
)
_IDENTITIES = pa.schema(
    [
        ("lead_id", pa.string()),
        ("merged_into", pa.string()),
        ("merged_at", _TIME),
        ("kind", pa.string()),
    ]
)


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes
    ----------
    at : int
        The moment whose knowledge it is.
    rows : mapping of table to rows
    """

    at: int
    rows: Mapping[str, int]


def export(
    store: Store, out: Path, known_at: int | None = None, kind: Kind = "parquet"
) -> Exported:
    """Write a consistent view of the store into a folder.

    Parameters
    ----------
    known_at : int, optional
        What was received later is left out, and attributes are as they were known then.
    """
    out.mkdir(parents=True, exist_ok=True)
    with store.reading() as connection:
        at = last_commit(connection)[0] if known_at is None else known_at
        leads, changes = _people(connection, known_at)
        tables = {
            "leads": iter([leads]),
            "changes": iter([changes]),
            "events": _events(connection, known_at),
            "identities": iter([_identities(connection, known_at)]),
        }
        rows = {n: _write(parts, out / f"{n}.{kind}", kind, at) for n, parts in tables.items()}
    return Exported(at, rows)


def _people(connection: Connection, known_at: int | None) -> tuple[pa.Table, pa.Table]:
    """The leads and their changes; only their columns are kept of each part."""
    leads, changes = [_leads([])], [_changes([])]
    for part in _everyone(connection, known_at):
        leads.append(_leads(part))
        changes.append(_changes(part))
    return _one(leads), pa.concat_tables(changes)


def _one(parts: list[pa.Table]) -> pa.Table:
    """Parts as one table, a column being numbers where it is in all of them, as in `attribute_column`."""
    kinds: dict[str, set[pa.DataType]] = {}
    for part in parts:
        for column in part.schema:
            kinds.setdefault(column.name, set()).add(column.type)
    whole = []
    for name, found in kinds.items():
        told = found - {pa.null()}
        kind = told.pop() if len(told) == 1 else pa.string()
        cells = []
        for part in parts:
            there = name in part.column_names and part[name].type != pa.null()
            column = part[name] if there else pa.nulls(part.num_rows, kind)
            cells.append(column if column.type == kind else as_strings(column))
        whole.append(pa.chunked_array(cells, kind))
    return pa.table(whole, names=list(kinds))


def _everyone(connection: Connection, known_at: int | None) -> Iterator[list[Person]]:
    last = ""
    while True:
        select = f"SELECT lead_id FROM leads WHERE lead_id > ? ORDER BY lead_id LIMIT {_PART}"
        found = connection.exec_driver_sql(marked(connection, select), (last,)).fetchall()
        if not found:
            return
        ids = [row[0] for row in found]
        yield people(connection, ids, known_at)
        last = ids[-1]


def _leads(everyone: list[Person]) -> pa.Table:
    names = list(dict.fromkeys(name for person in everyone for name in person.attributes))
    created = [None if p.created_at == MISSING else p.created_at for p in everyone]
    return pa.table(
        {
            "lead_id": pa.array([person.lead_id for person in everyone], pa.string()),
            "created_at": pa.array(created, pa.int64()).cast(_TIME),
            **{n: _cells([p.attributes.get(n) for p in everyone]) for n in names},
        }
    )


def _cells(values: list[Any]) -> pa.Array:
    """A column of a part; one without a value may become of any type."""
    if all(value is None for value in values):
        return pa.nulls(len(values))
    return attribute_column(values)


def _changes(everyone: list[Person]) -> pa.Table:
    columns: list[list[Any]] = [[] for _ in _CHANGES]
    for person in everyone:
        for change in person.changes:
            row = (person.lead_id, change.attribute, change.old_value, change.new_value, change.at)
            for column, cell in zip(columns, row, strict=True):
                column.append(cell)
    return _table(columns, _CHANGES)


def _events(connection: Connection, known_at: int | None) -> Iterator[pa.Table]:
    last, names = 0, ", ".join(_EVENTS.names)
    yield _table([[] for _ in _EVENTS], _EVENTS)
    while True:
        select = (
            f"SELECT id, received_at, {names} FROM events WHERE id > ? ORDER BY id LIMIT {_PART}"
        )
        found = connection.exec_driver_sql(marked(connection, select), (last,)).fetchall()
        if not found:
            return
        last = found[-1][0]
        rows = [row[2:] for row in found if known_at is None or row[1] <= known_at]
        yield _table([list(column) for column in zip(*rows, strict=True)], _EVENTS)


def _identities(connection: Connection, known_at: int | None) -> pa.Table:
    select = "SELECT lead_id, merged_into, merged_at, kind, received_at FROM identities ORDER BY id"
    standing: dict[str, tuple[Any, ...]] = {}
    for row in connection.exec_driver_sql(select):
        if known_at is None or row[4] <= known_at:
            standing.pop(row[0], None)
            if row[3] != UNDO:
                standing[row[0]] = tuple(row[:4])
    return _table([list(c) for c in zip(*standing.values(), strict=True)], _IDENTITIES)


def _table(columns: list[list[Any]], schema: pa.Schema) -> pa.Table:
    columns = columns or [[] for _ in schema]
    arrays = [
        pa.array(column, pa.int64()).cast(_TIME)
        if kind.type == _TIME
        else pa.array(column, kind.type)
        for column, kind in zip(columns, schema, strict=True)
    ]
    return pa.table(arrays, schema=schema)


def _write(parts: Iterator[pa.Table], path: Path, kind: Kind, at: int) -> int:
    """Write a table in parts; it stands at its path when it is whole."""
    count, begun = 0, path.with_name(f".{path.name}")
    if kind == "csv":
        parts = (_safe(part, at) for part in parts)
    first = next(parts)
    opened = pa.csv.CSVWriter if kind == "csv" else pa.parquet.ParquetWriter
    try:
        with opened(begun, first.schema) as writer:
            for part in chain([first], parts):
                writer.write_table(part)
                count += int(part.num_rows)
        begun.replace(path)
    finally:
        begun.unlink(missing_ok=True)
    return count


def _safe(part: pa.Table, at: int) -> pa.Table:
    """Rows for CSV: a spreadsheet must not run what somebody wrote into a form.

    By the column that says as of when it was written, the file is known to be ours when it is read
    again, and every text becomes what it was.
    """
    moment = pa.array([iso(at)] * part.num_rows, pa.string())
    return neutralised(part).append_column(f"{OWN_PREFIX}known_at", moment)
