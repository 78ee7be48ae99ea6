"""Changes as history tells of them, from which the attributes of now follow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from features.cells import as_text
from serving.store.events import ACCEPTED, DUPLICATE, ERASED
from serving.store.leads import attributes_of, encoded
from serving.store.statements import insert, marked, select_in
from serving.store.writer import Commit

_COLUMNS = (
    "lead_id",
    "attribute",
    "old_value",
    "new_value",
    "changed_at",
    "received_at",
    "told_at",
)


class ChangeRow(NamedTuple):
    """An attribute that took another value; texts, None for missing."""

    lead_id: str
    attribute: str
    old_value: str | None
    new_value: str | None
    changed_at: int


def add_changes(commit: Commit, rows: Sequence[ChangeRow], gone: set[str]) -> list[str]:
    """Add changes of leads that are there, received when they were made.

    An attribute whose last change is among them takes its new value.

    Parameters
    ----------
    gone : set of str
        Leads that were erased.

    Returns
    -------
    list of str
        For each row ``accepted``, ``duplicate`` (the lead's attribute is known to have taken this
        value at this instant) or ``erased``.
    """
    known = {row[:4] for row in _known(commit, [row.lead_id for row in rows])}
    outcomes, new = [], []
    for row in rows:
        if row.lead_id in gone:
            outcomes.append(ERASED)
        elif (row.lead_id, row.attribute, row.changed_at, row.new_value) in known:
            outcomes.append(DUPLICATE)
        else:
            outcomes.append(ACCEPTED)
            new.append(row)
    attributes = attributes_of(commit, [row.lead_id for row in new])
    cells = []
    for row in new:
        now = attributes[row.lead_id].get(row.attribute)
        old, became = (encoded(_alike(value, now)) for value in (row.old_value, row.new_value))
        at = row.changed_at
        cells.append((row.lead_id, row.attribute, old, became, at, at, commit.at))
    insert(commit.connection, "changes", _COLUMNS, cells)
    _follow(commit, new, attributes)
    commit.touch(row.lead_id for row in new)
    return outcomes


def _known(commit: Commit, lead_ids: Sequence[str]) -> list[tuple[str, str, int, str | None, int]]:
    """Lead, attribute, instant, new value as text, and number of each change that is known."""
    select = "SELECT lead_id, attribute, changed_at, new_value, id FROM changes WHERE lead_id"
    return [
        (lead_id, attribute, at, as_text(json.loads(value)), number)
        for lead_id, attribute, at, value, number in select_in(commit.connection, select, lead_ids)
    ]


def _follow(
    commit: Commit, new: Sequence[ChangeRow], attributes: dict[str, dict[str, Any]]
) -> None:
    """Give attributes the value of their last change, where they have another."""
    last: dict[tuple[str, str], str | None] = {}
    for lead_id, name, _, value, _ in sorted(
        _known(commit, list(attributes)), key=lambda row: (row[2], row[4])
    ):
        last[lead_id, name] = value
    behind = set()
    for lead_id, name in dict.fromkeys((row.lead_id, row.attribute) for row in new):
        now = attributes[lead_id].get(name)
        if as_text(now) != last[lead_id, name]:
            attributes[lead_id][name] = _alike(last[lead_id, name], now)
            behind.add(lead_id)
    update = marked(commit.connection, "UPDATE leads SET attributes = ? WHERE lead_id = ?")
    for lead_id in sorted(behind):
        kept = {name: value for name, value in attributes[lead_id].items() if value is not None}
        commit.connection.exec_driver_sql(update, (encoded(kept), lead_id))


def _alike(text: str | None, now: Any) -> Any:
    """A value that is told as text, as a number where that is what the attribute holds.

    Examples
    --------
    >>> _alike("50", 85), _alike("2.5", 85), _alike("050", 85), _alike("50", "85")
    (50, 2.5, '050', '50')
    """
    if text is None or isinstance(now, bool) or not isinstance(now, int | float):
        return text
    for kind in (int, float) if isinstance(now, int) else (float,):
        with suppress(ValueError):
            if as_text(value := kind(text)) == text and value * 0 == 0:
                return value
    return text
