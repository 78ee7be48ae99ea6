"""The lead list into the store: new leads, and what changed of known ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from features.cells import as_text
from features.form import Form
from features.instants import MISSING
from features.tables import take_in
from serving.importing.account import Account
from serving.importing.changes import Told
from serving.importing.steps import Steps
from serving.store.events import ACCEPTED
from serving.store.leads import LeadRow, add_leads, attributes_of
from serving.store.store import Store
from serving.store.writer import Commit


def import_leads(store: Store, path: Path, form: Form, told: Told | None) -> Account:
    """Bring a lead list in; see `import_tables`.

    Of a lead that the store knows, an attribute with another value is a change: of the moment of the
    import, where the changes that are imported with it do not tell when it happened.

    Parameters
    ----------
    told : Told, optional
        The changes that are imported after it.
    """
    intake = take_in(path, None, None, form)
    leads, steps = intake.leads, Steps(store, "leads", path)
    ids, created = leads.lead_id.to_pylist(), leads.created_at.tolist()
    account = Account(len(ids) + len(intake.refused) + intake.duplicates, 0, intake.duplicates)
    account.refused += intake.refused
    account.before = min(steps.done, len(ids))
    for begin, end in steps.chunks(0, len(ids)):
        part = leads.attributes.slice(begin, end - begin)
        cells = [[_plain(cell) for cell in column.to_pylist()] for column in part.columns]
        rows = [
            LeadRow(
                ids[begin + n],
                None if created[begin + n] == MISSING else created[begin + n],
                dict(zip(part.column_names, values, strict=True)),
            )
            for n, values in enumerate(zip(*cells, strict=True) if cells else [()] * (end - begin))
        ]

        def job(commit: Commit, rows: list[LeadRow] = rows) -> list[str]:
            return _add(commit, rows, told, store.secret)

        def then(outcomes: list[str], begin: int = begin, end: int = end) -> None:
            account.settle(outcomes, intake.table, intake.rows[begin:end], "created_at")

        steps.commit(begin, end, job, then)
    steps.finish()
    return account


def _add(commit: Commit, rows: list[LeadRow], told: Told | None, secret: bytes) -> list[str]:
    if told is None:
        return add_leads(commit, rows, secret, backfill=True)
    there = attributes_of(commit, [row.lead_id for row in rows])
    outcomes = add_leads(
        commit, [_as_told(row, there.get(row.lead_id), told) for row in rows], secret, backfill=True
    )
    # Where list and changes do not agree, the list is right as of now.
    again = [
        LeadRow(row.lead_id, None, differing)
        for row, outcome in zip(rows, outcomes, strict=True)
        if outcome == ACCEPTED and (differing := _differing(row, told))
    ]
    add_leads(commit, again, secret)
    return outcomes


def _as_told(row: LeadRow, there: dict[str, Any] | None, told: Told) -> LeadRow:
    """A lead as the changes have it, in their last word; of a known lead without what they bring."""
    last = told.last.get(row.lead_id)
    if last is None:
        return row
    attributes = dict(row.attributes)
    for name in attributes.keys() & last.keys():
        if as_text(attributes[name]) != last[name]:
            if there is None:
                attributes[name] = last[name]
        elif there is not None:
            del attributes[name]
    return row._replace(attributes=attributes)


def _differing(row: LeadRow, told: Told) -> dict[str, Any]:
    last = told.last.get(row.lead_id, {})
    return {
        name: row.attributes[name]
        for name in row.attributes.keys() & last.keys()
        if as_text(row.attributes[name]) != last[name]
    }


def _plain(value: Any) -> Any:
    """A cell as JSON has it; an empty one is None."""
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, str | bool | int):
        return None if value == "" else value
    return as_text(value)
