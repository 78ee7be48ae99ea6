"""Events as they come in: each is taken, known already, or refused with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from serving.store.commit import Commit
from serving.store.erasure import erased
from serving.store.grouping import Apart
from serving.store.statements import insert, marked, select_in


class EventRow(NamedTuple):
    """An event as it is stored; see `serving.store.schema.events`."""

    lead_id: str
    event_type: str
    occurred_at: int
    recorded_at: int | None = None
    channel: str | None = None
    content: str | None = None
    value: float | None = None
    event_id: str | None = None
    account_id: str | None = None


ACCEPTED, DUPLICATE, CONFLICT, ERASED = "accepted", "duplicate", "conflict", "erased"

_COLUMNS = (*EventRow._fields, "received_at", "backfill")
_OF_ID = f"SELECT id, {', '.join(EventRow._fields)} FROM events WHERE lead_id = ? AND event_id = ?"


def add_events(
    commit: Commit, rows: Sequence[EventRow], secret: bytes, *, backfill: bool = False
) -> list[str]:
    """Add events, and leads of which nothing was known but these.

    A repeat is told by `event_id` within a lead, never by content. Of events of one id in `rows`
    the first is taken.

    Parameters
    ----------
    secret : bytes
        With which tombstones are told, see `serving.store.erasure`.
    backfill : bool
        Whether the events were received when they occurred, as a source of its own history says.

    Returns
    -------
    list of str
        For each row ``accepted``, ``duplicate`` (known, with the same content), ``conflict`` (known
        with other content) or ``erased`` (of a lead that asked to be forgotten).
    """
    gone = ensure_leads(commit, (row.lead_id for row in rows), secret, backfill=backfill)
    taken = [row for row in rows if row.lead_id not in gone] if gone else rows
    before = commit.connection.exec_driver_sql("SELECT max(id) FROM events").scalar() or 0
    if _insert(commit, taken, backfill=backfill) == len(rows):
        commit.touch(row.lead_id for row in rows)
        return [ACCEPTED] * len(rows)
    outcomes = _outcomes(commit, rows, gone, before)
    commit.touch(row.lead_id for row, said in zip(rows, outcomes, strict=True) if said == ACCEPTED)
    return outcomes


def add_new_events(
    commit: Commit, rows: Sequence[EventRow], secret: bytes, *, backfill: bool
) -> None:
    """Add events of which none is known yet, and no lead erased.

    Raises
    ------
    Apart
        When that does not hold of one of them: `add_events` tells of which.
    """
    gone = ensure_leads(commit, (row.lead_id for row in rows), secret, backfill=backfill)
    if gone or _insert(commit, rows, backfill=backfill) < len(rows):
        raise Apart("Some of these events are known, or of leads that were erased.")
    commit.touch(row.lead_id for row in rows)


def _insert(commit: Commit, rows: Sequence[EventRow], *, backfill: bool) -> int:
    """Insert events whose ids are not known; how many were inserted."""
    at = commit.at
    return insert(
        commit.connection,
        "events",
        _COLUMNS,
        [(*row, row.occurred_at if backfill else at, backfill) for row in rows],
        "ON CONFLICT (lead_id, event_id) DO NOTHING",
    )


def _outcomes(commit: Commit, rows: Sequence[EventRow], gone: set[str], before: int) -> list[str]:
    """What became of each row, where not all were inserted."""
    names = {(row.lead_id, row.event_id) for row in rows if row.event_id is not None}
    found = {name: stored for name in names for stored in _stored(commit, *name)}
    outcomes, first = [], set()
    for row in rows:
        if row.lead_id in gone:
            outcomes.append(ERASED)
            continue
        if row.event_id is None:
            outcomes.append(ACCEPTED)
            continue
        number, event = found[row.lead_id, row.event_id]
        if number > before and number not in first:
            first.add(number)
            outcomes.append(ACCEPTED)
        else:
            outcomes.append(DUPLICATE if event == row else CONFLICT)
    return outcomes


def _stored(commit: Commit, lead_id: str, event_id: str) -> Iterator[tuple[int, EventRow]]:
    """The event of an id, with its number, where there is one."""
    select = marked(commit.connection, _OF_ID)
    for number, *event in commit.connection.exec_driver_sql(select, (lead_id, event_id)):
        yield number, EventRow(*event)


def ensure_leads(
    commit: Commit,
    lead_ids: Iterable[str],
    secret: bytes,
    *,
    backfill: bool = False,
    since: Mapping[str, int] | None = None,
) -> set[str]:
    """Make the leads that are not there yet; the erased ones, which stay away, are given back.

    Parameters
    ----------
    since : mapping, optional
        By lead, the first instant of the history that is brought in of it: a lead of which only
        events, changes or merges told counts as known since then.
    """
    ids, since = list(dict.fromkeys(lead_ids)), since or {}
    found = select_in(
        commit.connection, "SELECT lead_id, created_at, received_at FROM leads WHERE lead_id", ids
    )
    there = {row[0] for row in found}
    for lead_id, created_at, received_at in found:
        if created_at is None and since.get(lead_id, received_at) < received_at:
            update = marked(commit.connection, "UPDATE leads SET received_at = ? WHERE lead_id = ?")
            commit.connection.exec_driver_sql(update, (since[lead_id], lead_id))
    new = [lead_id for lead_id in ids if lead_id not in there]
    if not new:
        return set()
    gone = erased(commit.connection, new, secret)
    insert(
        commit.connection,
        "leads",
        ("lead_id", "received_at", "attributes"),
        [(lead_id, since.get(lead_id, commit.at), "{}") for lead_id in new if lead_id not in gone],
    )
    return gone
