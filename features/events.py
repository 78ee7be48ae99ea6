"""A file of events, and events made of date columns of the lead list."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features.arrivals import Arrivals
from features.batches import batches
from features.desk import Desk
from features.errors import InputError
from features.form import Form, named, times
from features.instants import MISSING
from features.lookup import Lookup
from features.reading import Refusal, Table
from features.threads import in_threads
from features.vocabulary import Coded, Vocabulary

EVENT_COLUMNS = (
    "lead_id",
    "event_type",
    "occurred_at",
    "event_id",
    "recorded_at",
    "channel",
    "content",
    "value",
    "account_id",
)
NEEDED = EVENT_COLUMNS[:3]
"""Without these a file is no event log."""


def from_dates(
    table: Table,
    lead_of_row: npt.NDArray[np.int32],
    rows: npt.NDArray[np.int64],
    form: Form,
) -> tuple[Arrivals, list[Refusal]]:
    """Events made of date columns of the lead list; a bad date loses the event, not the lead.

    Parameters
    ----------
    rows : ndarray of shape (n_rows,), int64
        The rows of the table that are leads.
    lead_of_row : ndarray of shape (n_rows,), int32
        The lead that each of them is.
    """
    refused: list[Refusal] = []
    vocabulary = Vocabulary()
    lead, occurred_at, event_type = [_NO_LEADS], [_NO_TIMES], [_NO_LEADS]
    mine = replace(table.take(rows if form.date_events else rows[:0]), refused=[], rows_are="event")
    for name, column in form.date_events.items():
        if column not in table.data.column_names:
            if not form.dates_required:
                continue
            raise InputError(
                f"{table.path}, line 1: expected column {column!r} for the event {name!r}; "
                f"the columns are {', '.join(table.data.column_names)}."
            )
        everyone = np.ones(len(mine.lines), dtype=bool)
        at, usable, bad = times(mine, column, form, everyone, at_start=name in form.outcomes)
        refused += bad
        happened = np.flatnonzero((at != MISSING) & usable)
        if len(happened):
            lead.append(lead_of_row[happened])
            occurred_at.append(at[happened])
            event_type.append(np.full(len(happened), vocabulary.add([name])[0]))
    codes = Coded(np.concatenate(event_type), vocabulary)
    return Arrivals(np.concatenate(lead), np.concatenate(occurred_at), codes), refused


_NO_LEADS = np.empty(0, dtype=np.int32)
_NO_TIMES = np.empty(0, dtype=np.int64)


def from_log(
    path: Path, ids: Lookup, form: Form, counts: dict[str, int], before: Arrivals
) -> tuple[Arrivals, list[Refusal]]:
    """The events `before`, then those of known leads in a file.

    Every row of the file is refused, or counted in `counts` as taken or as of an unknown lead.
    """
    source = batches(path, "event", form.declared.of_others)
    head = named(source.head, form.columns, EVENT_COLUMNS, NEEDED)
    columns = {
        name: head.file_names.get(name, name)
        for name in EVENT_COLUMNS
        if name in head.data.column_names
    }
    desk = Desk(source, columns, form, ids, before)
    accounts = in_threads(desk.take_part, source.parts)
    counts["events"] = source.n_rows + len(head.refused)
    counts["events of unknown leads"] = sum(account.unknown for account in accounts)
    counts["events taken"] = sum(account.taken for account in accounts)
    bad = [bad for account in accounts for bad in account.bad]
    refused = list(head.refused)
    if bad:
        rows = np.sort(np.concatenate([some.rows for some in bad]))
        table = named(source.take(rows), form.columns, EVENT_COLUMNS, NEEDED)
        for check, column, reason in sorted({(b.check, b.column, b.reason) for b in bad}):
            failed = np.concatenate([some.rows for some in bad if some.check == check])
            refused += table.refusals(np.isin(rows, failed), column, reason)
    return desk.arrivals, refused
