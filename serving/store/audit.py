"""The audit: who used a key, erased, promoted or published; only ever added to."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from features.instants import iso
from serving.store.statements import insert, marked
from serving.store.writer import Commit

_COLUMNS = ("at", "actor", "action", "subject", "details")


def record(
    commit: Commit,
    actor: str,
    action: str,
    subject: str | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Write down that something was done, in the commit that does it.

    Parameters
    ----------
    actor : str
        The id of a key, ``command`` or ``service``.
    subject : str, optional
        What it was done to: an id, never a name or an address.
    """
    told = json.dumps(details, ensure_ascii=False) if details else None
    insert(commit.connection, "audit", _COLUMNS, [(commit.at, actor, action, subject, told)])


def entries(connection: Connection, limit: int, before: int | None = None) -> list[dict[str, Any]]:
    """What was written down, the newest first."""
    where, values = ("WHERE id < ?", (before,)) if before is not None else ("", ())
    select = f"SELECT id, {', '.join(_COLUMNS)} FROM audit {where} ORDER BY id DESC LIMIT {limit}"
    rows = connection.exec_driver_sql(marked(connection, select), values)
    return [
        {
            "id": number,
            "at": iso(at),
            "actor": actor,
            "action": action,
            "subject": subject,
            "details": json.loads(details) if details else None,
        }
        for number, at, actor, action, subject, details in rows
    ]
