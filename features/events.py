"""The event log, and events made of date columns of the lead list."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.cells import numbers, text_column
from features.errors import InputError
from features.form import Form, lines_of, named, times
from features.instants import MISSING
from features.log import EventColumns, Leads
from features.reading import Refusal, Table, read

EVENT_COLUMNS = (
    "lead_id",
    "event_type",
    "occurred_at",
    "event_id",
    "recorded_at",
    "channel",
    "content",
    "value",
)


@dataclass(frozen=True)
class Taken:
    """Events of known leads, and those that could not be taken."""

    events: EventColumns
    refused: list[Refusal]


def from_dates(table: Table, leads: Leads, rows: npt.NDArray[np.int64], form: Form) -> Taken:
    """Events made of date columns of the lead list; a bad date loses the event, not the lead."""
    events, refused = EventColumns.none(), []
    mine = replace(
        table,
        data=table.data.take(pa.array(rows)),
        lines=table.lines[rows],
        refused=[],
        rows_are="event",
    )
    for event_type, column in form.date_events.items():
        if column not in table.data.column_names:
            if not form.dates_required:
                continue
            raise InputError(
                f"{table.path}, line 1: expected column {column!r} for the event {event_type!r}; "
                f"the columns are {', '.join(table.data.column_names)}."
            )
        everyone = np.ones(len(leads), dtype=bool)
        at, bad = times(mine, column, form, everyone, at_start=event_type in form.outcomes)
        refused += bad
        happened = np.flatnonzero((at != MISSING) & ~lines_of(mine, bad))
        nothing = pa.nulls(len(happened), pa.string())
        events = events.concat(
            EventColumns(
                happened,
                at[happened],
                np.full(len(happened), MISSING),
                pa.array([event_type] * len(happened), pa.string()),
                nothing,
                nothing,
                nothing,
                np.full(len(happened), np.nan),
            )
        )
    return Taken(events, refused)


def from_log(path: Path, leads: Leads, form: Form, counts: dict[str, int]) -> Taken:
    """The events of known leads in a file; what was not taken is refused once, or counted."""
    raw = read(path, "event")
    table = named(raw, form.columns, EVENT_COLUMNS, ("lead_id", "event_type", "occurred_at"))
    n = table.data.num_rows
    names = table.data.column_names
    refused = list(table.refused)
    usable = np.ones(n, dtype=bool)

    def refuse(bad: npt.NDArray[np.bool_], column: str, reason: str) -> None:
        nonlocal usable, refused
        refused += table.refusals(usable & bad, column, reason)
        usable &= ~bad

    lead_id, event_type = text_column(table.data["lead_id"]), text_column(table.data["event_type"])
    for name, column in (("lead_id", lead_id), ("event_type", event_type)):
        empty = column.is_null().to_numpy(zero_copy_only=False)
        refuse(empty, name, f"an event needs {name}; the cell is empty")
    lead = pc.fill_null(pc.index_in(lead_id, value_set=leads.lead_id), -1)
    lead = lead.to_numpy(zero_copy_only=False).astype(np.int64)
    counts["events"] = raw.rows_in
    counts["events of unknown leads"] = int((usable & (lead < 0)).sum())
    usable &= lead >= 0

    outcome = pc.is_in(event_type, value_set=pa.array(sorted(form.outcomes), pa.string()))
    occurred_at, bad = times(
        table, "occurred_at", form, usable, at_start=outcome.to_numpy(zero_copy_only=False)
    )
    refused += bad
    usable &= ~lines_of(table, bad)
    refuse(occurred_at == MISSING, "occurred_at", "an event needs a time; the cell is empty")
    recorded_at = np.full(n, MISSING)
    if "recorded_at" in names:
        recorded_at, bad = times(table, "recorded_at", form, usable, at_start=False)
        refused += bad
        usable &= ~lines_of(table, bad)
    value = np.full(n, np.nan)
    if "value" in names:
        value, not_number = numbers(table.data["value"])
        refuse(not_number, "value", "not a finite number")
    counts["events taken"] = int(usable.sum())
    kept = pa.array(usable)

    def texts(name: str) -> pa.Array:
        column = text_column(table.data[name]) if name in names else pa.nulls(n, pa.string())
        return column.filter(kept)

    columns = EventColumns(
        lead[usable],
        occurred_at[usable],
        recorded_at[usable],
        event_type.filter(kept),
        texts("channel"),
        texts("content"),
        texts("event_id"),
        value[usable],
    )
    return Taken(columns, refused)
