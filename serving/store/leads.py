"""Leads as they come in: a new one, or attributes of a known one that took another value."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from serving.store.erasure import erased
from serving.store.events import ACCEPTED, CONFLICT, DUPLICATE, ERASED
from serving.store.statements import insert, marked, select_in
from serving.store.writer import Commit

CREATED_AT = "created_at"
"""Under this name of an attribute `changes` keeps a creation that came later than its lead."""

_CHANGE = (
    "lead_id",
    "attribute",
    "old_value",
    "new_value",
    "changed_at",
    "received_at",
    "told_at",
)


class LeadRow(NamedTuple):
    """A lead as it is told of.

    Attributes
    ----------
    lead_id : str
    created_at : int or None
    attributes : mapping
        Those that are told of; others stay as they are, and None makes one missing.
    changed_at : int or None
        When they took these values; by default when they came.
    """

    lead_id: str
    created_at: int | None = None
    attributes: Mapping[str, Any] = {}
    changed_at: int | None = None


def add_leads(
    commit: Commit, rows: Sequence[LeadRow], secret: bytes, *, backfill: bool = False
) -> list[str]:
    """Add leads, and what changed of those that are known.

    Returns
    -------
    list of str
        For each row ``accepted``, ``duplicate`` (nothing changed), ``conflict`` (it was created at
        another time, and so may be somebody else) or ``erased``.
    """
    there = _there(commit, [row.lead_id for row in rows])
    new: dict[str, LeadRow] = {}
    gone = erased(commit.connection, [r.lead_id for r in rows if r.lead_id not in there], secret)
    outcomes = []
    for row in rows:
        if row.lead_id in gone:
            outcomes.append(ERASED)
            continue
        if row.lead_id in new:
            # It comes twice: the first time it is made, the second it changes.
            _create(commit, new, backfill=backfill)
            there |= _there(commit, list(new))
            new = {}
        if row.lead_id in there:
            outcomes.append(_change(commit, row, *there[row.lead_id], backfill=backfill))
            if outcomes[-1] == ACCEPTED:
                there |= _there(commit, [row.lead_id])
        else:
            new[row.lead_id] = row
            outcomes.append(ACCEPTED)
    _create(commit, new, backfill=backfill)
    commit.touch(row.lead_id for row, said in zip(rows, outcomes, strict=True) if said == ACCEPTED)
    return outcomes


def attributes_of(commit: Commit, lead_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The attributes of now of those leads that are known."""
    return {lead_id: there[1] for lead_id, there in _there(commit, lead_ids).items()}


def _there(commit: Commit, lead_ids: Sequence[str]) -> dict[str, tuple[int | None, dict[str, Any]]]:
    select = "SELECT lead_id, created_at, attributes FROM leads WHERE lead_id"
    return {
        lead_id: (created_at, json.loads(attributes))
        for lead_id, created_at, attributes in select_in(commit.connection, select, lead_ids)
    }


def _create(commit: Commit, new: Mapping[str, LeadRow], *, backfill: bool) -> None:
    made = []
    for row in new.values():
        given = {name: value for name, value in row.attributes.items() if value is not None}
        received_at = commit.at if not backfill or row.created_at is None else row.created_at
        made.append((row.lead_id, row.created_at, received_at, encoded(given)))
    insert(commit.connection, "leads", ("lead_id", "created_at", "received_at", "attributes"), made)


def _change(
    commit: Commit,
    row: LeadRow,
    created_at: int | None,
    attributes: dict[str, Any],
    *,
    backfill: bool,
) -> str:
    if None not in (row.created_at, created_at) and row.created_at != created_at:
        return CONFLICT
    at = commit.at if row.changed_at is None else row.changed_at
    new: list[tuple[Any, ...]] = []
    for name, value in row.attributes.items():
        before = attributes.get(name)
        if _same(before, value):
            continue
        history = backfill and at < commit.at
        old = _before(commit, row.lead_id, name, at) if history else None
        new.append((name, encoded(before) if old is None else old, encoded(value), at))
        if not _changed_later(commit, row.lead_id, name, at):
            attributes[name] = value
    if created_at is None and row.created_at is not None:
        # As a change of its own: what was answered before did not know it.
        new.append((CREATED_AT, "null", str(row.created_at), commit.at))
        created_at = row.created_at
    if not new:
        return DUPLICATE
    insert(
        commit.connection,
        "changes",
        _CHANGE,
        [
            (row.lead_id, *change, at, commit.at)
            if backfill and at < commit.at
            else (row.lead_id, *change, commit.at, None)
            for change in new
        ],
    )
    kept = {name: value for name, value in attributes.items() if value is not None}
    commit.connection.exec_driver_sql(
        marked(
            commit.connection, "UPDATE leads SET created_at = ?, attributes = ? WHERE lead_id = ?"
        ),
        (created_at, encoded(kept), row.lead_id),
    )
    return ACCEPTED


def _before(commit: Commit, lead_id: str, attribute: str, at: int) -> str | None:
    """The value, as JSON, that an attribute had before an instant; None where no change tells."""
    select = (
        "SELECT old_value, new_value, changed_at FROM changes WHERE lead_id = ? AND attribute = ? "
        "ORDER BY changed_at, id"
    )
    rows = commit.connection.exec_driver_sql(
        marked(commit.connection, select), (lead_id, attribute)
    ).fetchall()
    value = rows[0][0] if rows else None
    for _, became, changed_at in rows:
        if changed_at <= at:
            value = became
    return None if value is None else str(value)


def _changed_later(commit: Commit, lead_id: str, attribute: str, at: int) -> bool:
    """Whether a change that is told of only now happened before one that is known."""
    select = "SELECT 1 FROM changes WHERE lead_id = ? AND attribute = ? AND changed_at > ? LIMIT 1"
    found = commit.connection.exec_driver_sql(
        marked(commit.connection, select), (lead_id, attribute, at)
    )
    return found.first() is not None


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same; 1, 1.0 and true are not."""
    return type(one) is type(other) and one == other


def encoded(value: Any) -> str:
    """A value, or attributes, as JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
