"""What the store knows of some leads, as `Known`: now, or as it was known at an earlier moment."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from sqlalchemy import Connection

from features.arrivals import Arrivals, Ids
from features.cells import as_text
from features.changes import Changes
from features.identities import Identities, as_one
from features.instants import MISSING
from features.known import Known
from features.log import EventLog, Leads, event_log
from features.vocabulary import Coded, Vocabulary
from models.request import attribute_column
from serving.store.leads import CREATED_AT
from serving.store.merging import roots, standing
from serving.store.statements import select_in

_EVENT = (
    "lead_id, event_type, occurred_at, recorded_at, channel, content, value, event_id, account_id, "
    "received_at"
)


class Change(NamedTuple):
    """An attribute that took another value; texts, None for missing."""

    attribute: str
    old_value: str | None
    new_value: str | None
    at: int


@dataclass(frozen=True)
class Person:
    """A lead by one of its ids.

    Attributes
    ----------
    lead_id : str
    created_at : int
        `MISSING` where it is not known.
    attributes : dict
    changes : list of Change, by attribute, then time
    """

    lead_id: str
    created_at: int
    attributes: dict[str, Any]
    changes: list[Change]


def known(
    connection: Connection,
    lead_ids: Sequence[str],
    *,
    known_at: int | None = None,
) -> Known:
    """What is known of leads; ids of nobody, and of leads merged into others, are left out.

    Parameters
    ----------
    known_at : int, optional
        What was received later is not seen.

    Returns
    -------
    Known
        Those of the leads that there are, with the events and changes of all their ids. What
        colleagues did is not among it: a model that looks at that is told that nobody said it.
    """
    into = _merged(connection, lead_ids, known_at)
    asked = [one for one in dict.fromkeys(lead_ids) if one not in into]
    ids = [*asked, *(one for one in into if roots(into)[one] in set(asked))]
    everyone = people(connection, ids, known_at)
    leads, of_id = _leads(everyone, Identities(roots(into)))
    log = _log(connection, leads, of_id, known_at)
    if bool((leads.created_at == MISSING).any()):
        leads = leads.created_or_first_event(log)
    told = Known(leads, log, _changes(everyone, of_id), None)
    wanted = set(asked)
    mask = np.array([one in wanted for one in leads.lead_id.to_pylist()], dtype=np.bool_)
    return told if mask.all() else told.keep(mask)


def ids_about(connection: Connection, lead_id: str, known_at: int) -> list[str]:
    """All ids that what is known of a lead can be of: its own, by the merges that were known at a
    moment and by those of now."""
    ids = {lead_id: None}
    for moment in (known_at, None):
        into = _merged(connection, [lead_id], moment)
        last = roots(into)
        ids |= dict.fromkeys(one for one in into if last[one] == last.get(lead_id, lead_id))
        ids |= {last.get(lead_id, lead_id): None}
    return list(ids)


def _merged(
    connection: Connection, lead_ids: Sequence[str], known_at: int | None
) -> dict[str, str]:
    """The merges that have to do with some leads; most often none has."""
    if known_at is not None:
        return standing(connection, lead_ids, known_at)
    rows = select_in(connection, "SELECT lead_id FROM identities WHERE lead_id", lead_ids)
    rows += select_in(connection, "SELECT merged_into FROM identities WHERE merged_into", lead_ids)
    return standing(connection, [row[0] for row in rows]) if rows else {}


def people(connection: Connection, ids: Sequence[str], known_at: int | None) -> list[Person]:
    """Leads by their ids, as they are, or were known at a moment; those nobody knew then are left out."""
    rows = select_in(
        connection,
        "SELECT lead_id, created_at, received_at, attributes FROM leads WHERE lead_id",
        ids,
    )
    place = {one: n for n, one in enumerate(ids)}
    rows.sort(key=lambda row: place[row[0]])
    history: dict[str, list[Any]] = {}
    for row in select_in(
        connection,
        "SELECT lead_id, attribute, old_value, new_value, changed_at, received_at, id, told_at "
        "FROM changes WHERE lead_id",
        ids,
    ):
        history.setdefault(row[0], []).append(row)
    found = []
    for lead_id, created_at, received_at, attributes in rows:
        if known_at is not None and received_at > known_at:
            continue
        values = json.loads(attributes)
        values[CREATED_AT] = created_at
        changes = _then(values, history.get(lead_id, ()), known_at)
        created = values.pop(CREATED_AT)
        found.append(Person(lead_id, MISSING if created is None else created, values, changes))
    return found


def _then(values: dict[str, Any], rows: Iterable[Any], known_at: int | None) -> list[Change]:
    """The changes known at a moment, by time; `values` become those that were known then."""
    by_attribute: dict[str, list[Any]] = {}
    for row in sorted(rows, key=lambda row: row[6]):
        by_attribute.setdefault(row[1], []).append(row)
    changes: list[Change] = []
    for attribute, all_of_it in sorted(by_attribute.items()):
        by_time = sorted(all_of_it, key=lambda row: (row[4], row[6]))
        # Before anything was told of a change, the attribute had the first old value. Only history
        # says itself what was before it; what is told of late says what was when it was told.
        earliest = by_time[0] if by_time[0][7] is not None else all_of_it[0]
        seen = [row for row in by_time if known_at is None or row[5] <= known_at]
        if known_at is not None:
            values[attribute] = json.loads(seen[-1][3] if seen else earliest[2])
        if attribute == CREATED_AT:
            continue
        before, last = earliest[2], 0
        for row in seen:
            # What came late stands between others: what was before it is what the one before made it.
            old = row[2] if row[7] is not None and last < row[6] else before
            changes.append(Change(attribute, _text(old), _text(row[3]), row[4]))
            before, last = row[3], row[6]
    for name in [name for name, value in values.items() if value is None and name != CREATED_AT]:
        del values[name]
    return changes


def _text(value: str) -> str | None:
    """A value of a change as text."""
    return as_text(json.loads(value))


def _leads(everyone: list[Person], identities: Identities) -> tuple[Leads, dict[str, int]]:
    """The leads, and the row of each id."""
    names = list(dict.fromkeys(name for person in everyone for name in person.attributes))
    columns = {name: attribute_column([p.attributes.get(name) for p in everyone]) for name in names}
    leads = Leads(
        pa.array([person.lead_id for person in everyone], pa.string()),
        np.array([person.created_at for person in everyone], dtype=np.int64),
        pa.table(columns) if names else pa.table({"": pa.nulls(len(everyone))}).select([]),
    )
    if identities.last:
        leads, _ = as_one(leads, identities, np.arange(len(everyone)))
    row_of = {lead_id: row for row, lead_id in enumerate(leads.lead_id.to_pylist())}
    last = identities.last
    return leads, {p.lead_id: row_of[last.get(p.lead_id, p.lead_id)] for p in everyone}


def _changes(everyone: list[Person], row_of: dict[str, int]) -> Changes | None:
    rows = [
        (row_of[person.lead_id], change.attribute, change.at, change.old_value)
        for person in everyone
        for change in person.changes
    ]
    if not rows:
        return None
    rows.sort(key=lambda row: (row[0], row[2]))
    return Changes(
        np.array([row[0] for row in rows], dtype=np.int64),
        [row[1] for row in rows],
        [row[3] for row in rows],
        np.array([row[2] for row in rows], dtype=np.int64),
    )


def _log(
    connection: Connection, leads: Leads, row_of: dict[str, int], known_at: int | None
) -> EventLog:
    rows = select_in(connection, f"SELECT {_EVENT} FROM events WHERE lead_id", list(row_of))
    if known_at is not None:
        rows = [row for row in rows if row[9] <= known_at]
    if not rows:
        return event_log(leads, Arrivals.none())
    lead, event_type, occurred, recorded, channel, content, value, event_id, account, _ = zip(
        *rows, strict=True
    )
    return event_log(
        leads,
        Arrivals(
            lead=np.array([row_of[one] for one in lead], dtype=np.int32),
            occurred_at=np.array(occurred, dtype=np.int64),
            event_type=_coded(event_type),
            recorded_at=np.array([MISSING if at is None else at for at in recorded], dtype=np.int64)
            if any(at is not None for at in recorded)
            else None,
            channel=_coded(channel) if any(channel) else None,
            content=_coded(content) if any(content) else None,
            account=_coded(account) if any(account) else None,
            value=np.array([np.nan if one is None else one for one in value], dtype=np.float64),
            event_id=Ids.of(pa.array(event_id, pa.string())),
        ),
    )


def _coded(texts: Iterable[str | None]) -> Coded:
    vocabulary = Vocabulary()
    return Coded(vocabulary.add(texts), vocabulary)
