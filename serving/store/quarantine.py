"""Refused leads and events, kept as they came: to be listed, mended and sent again, or let go."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection

from serving.store.statements import insert, marked
from serving.store.writer import Commit

Kind = Literal["event", "lead"]

_COLUMNS = ("kind", "lead_id", "payload", "reason", "errors", "received_at")


@dataclass(frozen=True)
class Refused:
    """Something that was not taken, and why.

    Attributes
    ----------
    kind : {"event", "lead"}
    lead_id : str or None
        Where it could be read.
    payload : str
        JSON, as it came.
    reason : str
        ``invalid``, ``conflict``, ``too_far_ahead``, ...
    errors : list of dict
        ``location`` and ``message`` of each thing that is wrong.
    """

    kind: Kind
    lead_id: str | None
    payload: str
    reason: str
    errors: list[dict[str, str]]


def put_aside(commit: Commit, refused: Sequence[Refused]) -> list[int]:
    """Keep what was refused; the number of each."""
    numbers: list[int] = []
    for one in refused:
        errors = json.dumps(one.errors, ensure_ascii=False)
        row = (one.kind, one.lead_id, one.payload, one.reason, errors, commit.at)
        insert(commit.connection, "quarantine", _COLUMNS, [row])
        numbers += commit.connection.exec_driver_sql("SELECT max(id) FROM quarantine").scalars()
    return numbers


def waiting(connection: Connection, limit: int, after: int = 0) -> list[dict[str, Any]]:
    """What was refused and not yet taken after all, the oldest first, from after a number."""
    select = (
        f"SELECT id, {', '.join(_COLUMNS)} FROM quarantine "
        f"WHERE replayed_at IS NULL AND id > ? ORDER BY id LIMIT {limit}"
    )
    rows = connection.exec_driver_sql(marked(connection, select), (after,)).fetchall()
    return [_record(row) for row in rows]


def find(connection: Connection, number: int) -> dict[str, Any] | None:
    """What was refused under a number; None where nothing waits under it."""
    select = (
        f"SELECT id, {', '.join(_COLUMNS)} FROM quarantine WHERE replayed_at IS NULL AND id = ?"
    )
    row = connection.exec_driver_sql(marked(connection, select), (number,)).first()
    return None if row is None else _record(row)


def taken(commit: Commit, number: int) -> None:
    """Note that what was refused has been taken, mended or as it was."""
    statement = "UPDATE quarantine SET replayed_at = ?, payload = '{}', errors = '[]' WHERE id = ?"
    commit.connection.exec_driver_sql(marked(commit.connection, statement), (commit.at, number))


def let_go(commit: Commit, number: int) -> bool:
    """Forget what was refused; whether it was there."""
    statement = "DELETE FROM quarantine WHERE replayed_at IS NULL AND id = ?"
    done = commit.connection.exec_driver_sql(marked(commit.connection, statement), (number,))
    return bool(done.rowcount)


def _record(row: Any) -> dict[str, Any]:
    number, kind, lead_id, payload, reason, errors, received_at = row
    return {
        "id": number,
        "kind": kind,
        "lead_id": lead_id,
        "payload": json.loads(payload),
        "reason": reason,
        "errors": json.loads(errors),
        "received_at": received_at,
    }
