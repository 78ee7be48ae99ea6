"""The ranked list: a row for each lead with its last score, and the scores kept of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Literal

from sqlalchemy import Connection

from features.errors import InputError
from features.instants import DAY
from serving.store.schema import ranked, scores
from serving.store.statements import insert, marked, select_in
from serving.store.writer import Commit

Sort = Literal["-probability", "probability", "-points", "points", "-scored_at", "scored_at"]

KEPT_EVERY = DAY
"""A score that stays the same is kept once in so long."""

_KEYS = {
    "probability": (("likely", True), ("raw", True), ("lead_id", False)),
    "points": (("points", True), ("lead_id", False)),
    "scored_at": (("scored_at", True), ("lead_id", False)),
}
"""The columns of each order, and whether the largest comes first."""

_NARROWEST = ("owner", "stage", "temperature", "task")
"""The columns of filters, the one first that usually leaves the fewest rows."""

_RANKED = tuple(column.name for column in ranked.columns)
_SCORES = tuple(column.name for column in scores.columns if column.name != "id")
_TELLING = ("task", "state", "probability", "points", "temperature", "stage", "model", "playbook")
"""What has to differ for a score to be another one."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A lead's score as it is kept; see `serving.store.schema.ranked`."""

    lead_id: str
    task: str | None
    asked: str
    state: str
    probability: float | None
    raw: float
    points: int
    temperature: str | None
    stage: str | None
    owner: str | None
    scored_by: str
    fallback_reason: str | None
    as_of: int
    known_at: int
    scored_at: int
    due_at: int
    margin: float
    events_seen: int
    model: str | None
    playbook: str
    features: str | None
    code: str
    signature: str

    @property
    def likely(self) -> float:
        """The probability to sort by."""
        return -1.0 if self.probability is None else self.probability


def put(commit: Commit, rows: Sequence[Row]) -> int:
    """Put scores into the list, and keep those that changed or are a day old; how many were kept.

    Leads that are gone or merged by now are left out.
    """
    connection = commit.connection
    ids = [row.lead_id for row in rows]
    there = {
        row[0]
        for row in select_in(
            connection, "SELECT lead_id FROM leads WHERE root IS NULL AND lead_id", ids
        )
    }
    select = f"SELECT lead_id, stored_at, {', '.join(_TELLING)} FROM ranked WHERE lead_id"
    last = {row[0]: tuple(row[1:]) for row in select_in(connection, select, ids)}
    listed, kept = [], []
    for row in rows:
        if row.lead_id not in there:
            continue
        stored_at, *before = last.get(row.lead_id, (None,))
        telling = [getattr(row, name) for name in _TELLING]
        if stored_at is None or before != telling or row.scored_at - stored_at >= KEPT_EVERY:
            stored_at = row.scored_at
            kept.append(tuple(getattr(row, name) for name in _SCORES))
        values = {"likely": row.likely, "stored_at": stored_at}
        listed.append(
            tuple(values[name] if name in values else getattr(row, name) for name in _RANKED)
        )
    insert(connection, "ranked", _RANKED, listed, _UPSERT)
    insert(connection, "scores", _SCORES, kept)
    return len(kept)


_UPSERT = "ON CONFLICT (lead_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in _RANKED[1:]
)


@dataclass(frozen=True)
class Cursor:
    """Where a page ended: the order, and the values of its last row."""

    sort: str
    values: list[Any]

    def text(self) -> str:
        """As it is given to whoever asks for the next page."""
        raw = json.dumps(astuple(self), ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")

    @classmethod
    def of(cls, text: str, sort: str) -> Cursor:
        """Read a cursor.

        Raises
        ------
        InputError
            When it is none, or of another order.
        """
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            cursor = cls(*json.loads(raw))
            keys = _KEYS[sort.removeprefix("-")]
            fits = cursor.sort == sort and len(cursor.values) == len(keys)
            fits = fits and all(
                isinstance(value, str if name == "lead_id" else (int, float))
                for (name, _), value in zip(keys, cursor.values, strict=True)
            )
        except (ValueError, TypeError, KeyError):
            fits = False
        if not fits:
            raise InputError("expected the cursor of the page before, with the same sort")
        return cursor


def page(
    connection: Connection,
    wanted: Mapping[str, str | None],
    *,
    sort: Sort,
    limit: int,
    cursor: Cursor | None = None,
) -> tuple[list[dict[str, Any]], Cursor | None]:
    """Rows of the list, and where the next page begins.

    Parameters
    ----------
    wanted : mapping
        Of ``temperature``, ``stage``, ``owner``, ``task``: the value that rows must have.
    """
    keys, descending = _KEYS[sort.removeprefix("-")], sort.startswith("-")
    # Turned round as a whole, an order is read from the same index backwards.
    order = [(name, first == descending) for name, first in keys]
    filters = [(name, wanted[name]) for name in _NARROWEST if wanted.get(name) is not None]
    # Of several columns SQLite cannot know the one with the fewest rows: a plus sign takes the
    # others out of its choice of an index. PostgreSQL counts rows itself.
    others = "+" if connection.dialect.name == "sqlite" else ""
    conditions = [f"{others if place else ''}{name} = ?" for place, (name, _) in enumerate(filters)]
    values: list[Any] = [value for _, value in filters]
    if cursor is not None:
        after, of_cursor = _after(order, cursor.values)
        conditions.append(after)
        values += of_cursor
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    by = ", ".join(f"{name} {'DESC' if down else 'ASC'}" for name, down in order)
    statement = f"SELECT {', '.join(_RANKED)} FROM ranked {where} ORDER BY {by} LIMIT {limit + 1}"
    found = connection.exec_driver_sql(marked(connection, statement), tuple(values)).fetchall()
    rows = [dict(zip(_RANKED, row, strict=True)) for row in found]
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], Cursor(sort, [last[name] for name, _ in keys])


def _after(order: list[tuple[str, bool]], values: list[Any]) -> tuple[str, list[Any]]:
    """The condition of rows that come after one; its first part alone lets an index be used."""
    (first, down), *_ = order
    parts, filled = [], [values[0]]
    for place, (name, descending) in enumerate(order):
        equal = [f"{other} = ?" for other, _ in order[:place]]
        parts.append(" AND ".join([*equal, f"{name} {'<' if descending else '>'} ?"]))
        filled += values[: place + 1]
    return f"({first} {'<=' if down else '>='} ? AND ({' OR '.join(parts)}))", filled


def versions_at(
    connection: Connection, lead_id: str, task: str, at: int
) -> tuple[str | None, str] | None:
    """The model, None for rules, and the playbook of the last score of a lead up to a moment."""
    select = (
        "SELECT model, playbook FROM scores WHERE lead_id = ? AND asked = ? AND scored_at <= ? "
        "ORDER BY scored_at DESC LIMIT 1"
    )
    row = connection.exec_driver_sql(marked(connection, select), (lead_id, task, at)).first()
    return None if row is None else (row[0], row[1])


def kept_scores(connection: Connection, lead_id: str, limit: int) -> list[dict[str, Any]]:
    """The scores kept of a lead, the newest first."""
    statement = (
        f"SELECT {', '.join(_SCORES)} FROM scores WHERE lead_id = ? "
        f"ORDER BY scored_at DESC LIMIT {limit}"
    )
    found = connection.exec_driver_sql(marked(connection, statement), (lead_id,))
    return [dict(zip(_SCORES, row, strict=True)) for row in found]
