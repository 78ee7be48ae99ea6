"""The contract's tables: files in, `Leads`, `EventLog` and `Changes` out, every row accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import InputError
from features.instants import DAY, MISSING, Instants, parse
from features.log import EventColumns, EventLog, Leads, event_log
from features.reading import Refusal, Table, read, text_column

LEAD_COLUMNS = ("lead_id", "created_at")
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
CHANGE_COLUMNS = ("lead_id", "attribute", "old_value", "new_value", "changed_at")


@dataclass(frozen=True)
class Form:
    """How a company's files are to be read.

    Attributes
    ----------
    columns : mapping
        The contract's name -> the name the file has: ``{"created_at": "reg_date"}``.
    date_events : mapping
        Event type -> the column of the lead list that says when it happened.
    tz : ZoneInfo or None
        The zone of local times and of days; None when none is declared.
    outcomes : frozenset of str
        Event types that happen at the start of a day given without a time; any other is visible
        from its end.
    latest : int
        Times later than this are refused: the present plus one day.
    """

    columns: Mapping[str, str]
    date_events: Mapping[str, str]
    tz: ZoneInfo | None
    outcomes: frozenset[str]
    latest: int


@dataclass(frozen=True)
class Changes:
    """Attributes that took another value, ordered by lead, attribute and time.

    Attributes
    ----------
    lead : ndarray of shape (n,), int64, row of the lead list
    attribute, old_value : list of n str (None for missing)
    changed_at : ndarray of shape (n,), int64
    """

    lead: npt.NDArray[np.int64]
    attribute: list[str]
    old_value: list[str | None]
    changed_at: Instants


@dataclass
class Intake:
    """A lead list with what happened to its leads, and an account of every row.

    Attributes
    ----------
    leads, log, changes
        What was taken; `changes` is None when no file of changes was given.
    rows : ndarray of shape (n_leads,), int64
        The row of `table` that each lead came from.
    table : Table
        The lead list as it was read, to be written back beside the answers.
    refused : list of Refusal
    duplicates : int
        Rows of the lead list that repeat an earlier row to the letter.
    counts : dict
        Further counts, by what they count.
    observed_until : int
        The latest plausible event; `MISSING` without events.
    """

    leads: Leads
    log: EventLog
    changes: Changes | None
    rows: npt.NDArray[np.int64]
    table: Table
    refused: list[Refusal]
    duplicates: int
    counts: dict[str, int] = field(default_factory=dict)
    observed_until: int = MISSING

    def keep(self, mask: npt.NDArray[np.bool_]) -> Intake:
        """The leads marked in `mask`, with their events and changes."""
        place = np.cumsum(mask) - 1
        changes = self.changes
        if changes is not None:
            kept = np.flatnonzero(mask[changes.lead])
            changes = Changes(
                place[changes.lead[kept]],
                [changes.attribute[i] for i in kept],
                [changes.old_value[i] for i in kept],
                changes.changed_at[kept],
            )
        return replace(
            self,
            leads=self.leads.keep(mask),
            log=self.log.keep(mask),
            changes=changes,
            rows=self.rows[mask],
        )


def take_in(leads: Path, events: Path | None, changes: Path | None, form: Form) -> Intake:
    """Read a lead list with its events and changes.

    Raises
    ------
    InputError
        When a file cannot be read, a required column is missing, or local times have no zone.
        Rows that cannot be used are not an error: they are in `Intake.refused`.
    """
    table = read(leads)
    named = _named(table, form.columns, LEAD_COLUMNS, ("lead_id",))
    taken, rows, refused, duplicates = _leads(named, form)
    counts: dict[str, int] = {}
    columns = _date_events(named, taken, rows, form)
    refused += columns.refused
    happened = columns.events
    if events is not None:
        from_log = _events(events, taken, form, counts)
        refused += from_log.refused
        happened = happened.concat(from_log.events)
    log = event_log(taken, happened)
    without = taken.created_at == MISSING
    taken = taken.created_or_first_event(log)
    if without.any():
        log = event_log(taken, happened)
    counts["created_at from the first event"] = int((without & (taken.created_at != MISSING)).sum())
    counts["created_at unknown"] = int((taken.created_at == MISSING).sum())
    counts["duplicate events"] = int(log.duplicates.sum())
    until = int(log.occurred_at.max()) if log.n_events else MISSING
    changed, change_refusals = _changes(changes, taken, form, counts) if changes else (None, [])
    return Intake(
        taken, log, changed, rows, table, refused + change_refusals, duplicates, counts, until
    )


def _named(
    table: Table, columns: Mapping[str, str], known: tuple[str, ...], needed: tuple[str, ...]
) -> Table:
    """The table with the contract's names; a mapped column takes the place of one named so already."""
    names = table.data.column_names
    mapped = {columns[name]: name for name in known if columns.get(name) in names}
    data = table.data.drop_columns(
        [name for name in mapped.values() if name in names and name not in mapped]
    )
    data = data.rename_columns([mapped.get(name, name) for name in data.column_names])
    for name in needed:
        if name not in data.column_names:
            asked = (
                f"column {columns[name]!r} (for {name})" if name in columns else f"column {name!r}"
            )
            raise InputError(
                f"{table.path}, line 1: expected {asked}; the columns are {', '.join(names)}. "
                f'Name it with --columns {name}="..." or in the playbook\'s [columns].'
            )
    return replace(table, data=data)


def _leads(table: Table, form: Form) -> tuple[Leads, npt.NDArray[np.int64], list[Refusal], int]:
    ids = text_column(table.data["lead_id"])
    refused = list(table.refused)
    usable = ids.is_valid().to_numpy(zero_copy_only=False)
    refused += table.refusals(~usable, "lead_id", "a lead needs an id; the cell is empty")
    again = usable & _repeated(ids)
    identical = again & _identical_to_first(table.data, ids, again)
    refused += table.refusals(
        again & ~identical, "lead_id", "this id came before in this file with other values"
    )
    usable &= ~again
    created_at = np.full(len(ids), MISSING)
    attributes = table.data.drop_columns(["lead_id"])
    if "created_at" in attributes.column_names:
        created_at, bad = _times(table, "created_at", form, usable, at_start=True)
        refused += bad
        usable &= ~_lines_in(table, bad)
        attributes = attributes.drop_columns(["created_at"])
    kept = pa.array(usable)
    leads = Leads(ids.filter(kept), created_at[usable], attributes.filter(kept))
    return leads, np.flatnonzero(usable), refused, int(identical.sum())


def _repeated(ids: pa.Array) -> npt.NDArray[np.bool_]:
    """Which rows hold an id that an earlier row holds."""
    codes = pc.fill_null(ids.dictionary_encode().indices, -1).to_numpy(zero_copy_only=False)
    _, first = np.unique(codes, return_index=True)
    repeated = np.ones(len(codes), dtype=bool)
    repeated[first] = False
    return repeated


def _identical_to_first(
    data: pa.Table, ids: pa.Array, again: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Which of the rows in `again` equal the first row of their id to the letter."""
    identical = np.zeros(len(ids), dtype=bool)
    rows = np.flatnonzero(again)
    if len(rows):
        first_of = pc.index_in(ids.take(pa.array(rows)), value_set=ids).to_numpy(
            zero_copy_only=False
        )
        mine = data.take(pa.array(rows)).to_pylist()
        firsts = data.take(pa.array(first_of)).to_pylist()
        identical[rows] = [a == b for a, b in zip(mine, firsts, strict=True)]
    return identical


def _times(
    table: Table,
    column: str,
    form: Form,
    wanted: npt.NDArray[np.bool_],
    *,
    at_start: bool | npt.NDArray[np.bool_],
) -> tuple[Instants, list[Refusal]]:
    """A column of times; days without a time are their start where `at_start`, else their end."""
    times = parse(table.data[column], form.tz)
    unzoned = np.flatnonzero(times.unzoned & wanted)
    if len(unzoned):
        row = int(unzoned[0])
        raise InputError(
            f"{table.path}: column {column!r} holds local times without a zone "
            f"(line {table.lines[row]}: {str(table.data[column][row])!r}). "
            "Pass --timezone Asia/Tokyo or write them with an offset."
        )
    instant = np.where(at_start, times.instant, times.day_end)
    bad = table.refusals(
        times.bad & wanted, column, "not a time; expected such as 2026-04-01T09:00+09:00"
    )
    future = wanted & ~times.bad & (instant > form.latest)
    bad += table.refusals(future, column, "the time lies more than a day in the future")
    return instant, bad


def _lines_in(table: Table, refusals: list[Refusal]) -> npt.NDArray[np.bool_]:
    return np.isin(table.lines, [refusal.line for refusal in refusals])


@dataclass(frozen=True)
class _Taken:
    events: EventColumns
    refused: list[Refusal]


def _date_events(table: Table, leads: Leads, rows: npt.NDArray[np.int64], form: Form) -> _Taken:
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
            raise InputError(
                f"{table.path}, line 1: expected column {column!r} for the event {event_type!r}; "
                f"the columns are {', '.join(table.data.column_names)}."
            )
        everyone = np.ones(len(leads), dtype=bool)
        at, bad = _times(mine, column, form, everyone, at_start=event_type in form.outcomes)
        refused += bad
        happened = np.flatnonzero((at != MISSING) & ~_lines_in(mine, bad))
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
    return _Taken(events, refused)


def _events(path: Path, leads: Leads, form: Form, counts: dict[str, int]) -> _Taken:
    raw = read(path, "event")
    table = _named(raw, form.columns, EVENT_COLUMNS, ("lead_id", "event_type", "occurred_at"))
    n = table.data.num_rows
    refused = list(table.refused)
    lead_id, event_type = text_column(table.data["lead_id"]), text_column(table.data["event_type"])
    usable = np.ones(n, dtype=bool)
    for name, column in (("lead_id", lead_id), ("event_type", event_type)):
        empty = usable & column.is_null().to_numpy(zero_copy_only=False)
        refused += table.refusals(empty, name, f"an event needs {name}; the cell is empty")
        usable &= ~empty
    lead = pc.fill_null(pc.index_in(lead_id, value_set=leads.lead_id), -1).to_numpy(
        zero_copy_only=False
    )
    counts["events"] = raw.rows_in
    counts["events of unknown leads"] = int((usable & (lead < 0)).sum())
    usable &= lead >= 0
    outcome = pc.is_in(event_type, value_set=pa.array(sorted(form.outcomes), pa.string()))
    occurred_at, bad = _times(
        table, "occurred_at", form, usable, at_start=outcome.to_numpy(zero_copy_only=False)
    )
    bad += table.refusals(
        usable & (occurred_at == MISSING) & ~_lines_in(table, bad),
        "occurred_at",
        "an event needs a time; the cell is empty",
    )
    recorded_at = np.full(n, MISSING)
    if "recorded_at" in table.data.column_names:
        recorded_at, bad_recorded = _times(table, "recorded_at", form, usable, at_start=False)
        bad += bad_recorded
    value = np.full(n, np.nan)
    if "value" in table.data.column_names:
        value, not_number = numbers(table.data["value"])
        bad += table.refusals(not_number & usable, "value", "not a finite number")
    refused += bad
    usable &= ~_lines_in(table, bad)
    counts["events taken"] = int(usable.sum())
    kept = pa.array(usable)

    def texts(name: str) -> pa.Array:
        if name not in table.data.column_names:
            return pa.nulls(int(usable.sum()), pa.string())
        return text_column(table.data[name]).filter(kept)

    columns = EventColumns(
        lead[usable].astype(np.int64),
        occurred_at[usable],
        recorded_at[usable],
        event_type.filter(kept),
        texts("channel"),
        texts("content"),
        texts("event_id"),
        value[usable],
    )
    return _Taken(columns, refused)


def _changes(
    path: Path, leads: Leads, form: Form, counts: dict[str, int]
) -> tuple[Changes, list[Refusal]]:
    raw = read(path, "change")
    table = _named(raw, form.columns, CHANGE_COLUMNS, CHANGE_COLUMNS)
    lead = pc.fill_null(
        pc.index_in(text_column(table.data["lead_id"]), value_set=leads.lead_id), -1
    )
    row = lead.to_numpy(zero_copy_only=False).astype(np.int64)
    usable = row >= 0
    counts["changes of unknown leads"] = int((~usable).sum())
    changed_at, bad = _times(table, "changed_at", form, usable, at_start=False)
    attribute = text_column(table.data["attribute"]).to_pylist()
    old_value = text_column(table.data["old_value"]).to_pylist()
    unnamed = np.array([name is None for name in attribute], dtype=bool)
    bad += table.refusals(usable & unnamed, "attribute", "a change needs the attribute it changed")
    bad += table.refusals(
        usable & (changed_at == MISSING) & ~_lines_in(table, bad),
        "changed_at",
        "a change needs a time",
    )
    usable &= ~_lines_in(table, bad)
    kept = np.flatnonzero(usable)
    kept = kept[np.lexsort((kept, changed_at[kept], row[kept]))]
    changes = Changes(
        row[kept], [str(attribute[i]) for i in kept], [old_value[i] for i in kept], changed_at[kept]
    )
    return changes, table.refused + bad


def numbers(
    column: pa.Array | pa.ChunkedArray,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """A column as float64, NaN for missing, and which cells are something else than a finite number."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        value = np.asarray(
            pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64
        )
        missing = column.is_null().to_numpy(zero_copy_only=False)
        return value, ~missing & ~np.isfinite(value)
    if pa.types.is_boolean(column.type):
        return numbers(column.cast(pa.int8()))
    text = pc.utf8_trim_whitespace(text_column(column))
    missing = text.is_null().to_numpy(zero_copy_only=False)
    literal = pc.match_substring_regex(text, r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
    readable = pc.fill_null(literal, False)
    plain = pc.replace_substring_regex(
        pc.if_else(readable, text, pa.scalar(None, pa.string())), r"^\+", ""
    )
    value = np.asarray(plain.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    return value, ~missing & ~np.isfinite(value)


def latest_plausible(now: int) -> int:
    """Times after this instant are refused: the present plus one day."""
    return now + DAY
