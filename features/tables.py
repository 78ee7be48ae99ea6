"""The contract's tables: files in, `Leads`, `EventLog` and `Changes` out, every row accounted for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.arrivals import Arrivals
from features.cells import text_column
from features.changes import Changes, read_changes
from features.colleagues import Colleagues, colleagues_of
from features.events import EVENT_COLUMNS, NEEDED, from_dates, from_log
from features.form import Form, named, times
from features.identities import NOBODY, Identities, as_one, read_identities
from features.instants import MISSING
from features.log import EventLog, Leads, event_log
from features.lookup import Lookup
from features.reading import Refusal, Table, read

LEAD_COLUMNS = ("lead_id", "created_at")


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
        Rows of the lead list that repeat an earlier row to the letter, or a lead under another id.
    counts : dict
        Further counts, by what they count.
    observed_until : int
        The latest plausible event; `MISSING` without events.
    numbered : bool
        Whether leads are named by their lines, for want of a column of ids.
    colleagues : Colleagues or None
        See `with_colleagues`.
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
    numbered: bool = False
    colleagues: Colleagues | None = None

    def with_colleagues(self, source: str | None, others: EventLog | None = None) -> Intake:
        """The same, with who are colleagues and what they did; `source` tells accounts, None nothing.

        `others` are events of people who are not in the list.
        """
        found = colleagues_of(self.leads, self.log, source, others) if source else None
        return replace(self, colleagues=found)

    def keep(self, mask: npt.NDArray[np.bool_]) -> Intake:
        """The leads marked in `mask`, with their events and changes."""
        return replace(
            self,
            leads=self.leads.keep(mask),
            log=self.log.keep(mask),
            changes=self.changes and self.changes.keep(mask),
            rows=self.rows[mask],
            colleagues=self.colleagues and self.colleagues.keep(mask),
        )


def take_in(
    leads: Path,
    events: Path | None,
    changes: Path | None,
    form: Form,
    identities: Path | None = None,
) -> Intake:
    """Read a lead list with its events and changes, every id being what `identities` say it is now.

    Raises
    ------
    InputError
        When a file cannot be read, a required column is missing, or local times have no zone.
        Rows that cannot be used are not an error: they are in `Intake.refused`.
    """
    table = read(leads, "lead", form.declared)
    numbered = (
        form.numbered and "lead_id" not in form.columns and "lead_id" not in table.data.column_names
    )
    with_ids = _numbered(table) if numbered else table
    renamed = named(with_ids, form.columns, LEAD_COLUMNS, ("lead_id",))
    taken, rows, refused, duplicates = _leads(renamed, form)
    counts: dict[str, int] = {}
    who = NOBODY
    if identities is not None:
        who, bad = read_identities(identities, form)
        refused += bad
    now, all_rows = who.resolved(taken.lead_id), rows
    if len(who.last):
        taken, rows = as_one(taken, who, rows)
        counts["rows of a lead in the list under another id"] = len(all_rows) - len(rows)
    ids = _lookup(taken, who)
    arrivals, bad = from_dates(renamed, ids.find(now), all_rows, form)
    refused += bad
    if events is not None:
        arrivals, bad = from_log(events, ids, form, counts, before=arrivals)
        refused += bad
    log = event_log(taken, arrivals)
    without = taken.created_at == MISSING
    taken = taken.created_or_first_event(log)
    counts["created_at from the first event"] = int((without & (taken.created_at != MISSING)).sum())
    counts["created_at unknown"] = int((taken.created_at == MISSING).sum())
    counts["duplicate events"] = int(log.duplicates.sum())
    until = int(log.occurred_at.max()) if log.n_events else MISSING
    changed, change_refusals = read_changes(changes, ids, form, counts) if changes else (None, [])
    return Intake(
        taken,
        log,
        changed,
        rows,
        table,
        refused + change_refusals,
        duplicates + len(all_rows) - len(rows),
        counts,
        until,
        numbered,
    )


def _lookup(leads: Leads, who: Identities) -> Lookup:
    """The place of every id of a lead in the list, former ones too."""
    if not who.last:
        return Lookup(leads.lead_id)
    former = pa.array(list(who.last), pa.string())
    former = former.filter(pc.invert(pc.is_in(former, value_set=leads.lead_id)))
    place = pc.index_in(who.resolved(former), value_set=leads.lead_id)
    known = place.is_valid()
    return Lookup(
        pa.concat_arrays([leads.lead_id, former.filter(known)]),
        np.concatenate(
            [
                np.arange(len(leads), dtype=np.int32),
                place.filter(known).to_numpy(zero_copy_only=False),
            ]
        ).astype(np.int32),
    )


def take_in_others(path: Path, intake: Intake, form: Form) -> EventLog:
    """Read events of people of accounts who are not in the lead list; those of leads in it are left.

    Every row is counted in ``intake.counts`` or added to ``intake.refused``.

    Raises
    ------
    InputError
        When the file cannot be read or lacks a column, ``account_id`` being one it needs.
    """
    table = named(
        read(path, "event", form.declared.of_others),
        form.columns,
        EVENT_COLUMNS,
        (*NEEDED, "account_id"),
    )
    ids = text_column(table.data["lead_id"]).unique().drop_null()
    known = pc.is_in(ids, value_set=intake.leads.lead_id)
    people = ids.filter(pc.invert(known))
    others = Leads(people, np.full(len(people), MISSING), pa.table({"": pa.nulls(len(people))}))
    counts: dict[str, int] = {}
    arrivals, refused = from_log(path, Lookup(people), form, counts, Arrivals.none())
    intake.refused += refused
    intake.counts["account events taken"] = counts["events taken"]
    intake.counts["account events of leads in the list"] = counts["events of unknown leads"]
    return event_log(others, arrivals)


def _numbered(table: Table) -> Table:
    """The table with its line numbers as ids."""
    of = [""] if table.file is None else [f"{Path(name).name} " for name in table.files]
    file = np.zeros(len(table.lines), dtype=np.int32) if table.file is None else table.file
    names = [f"{of[n]}line {line}" for n, line in zip(file, table.lines, strict=True)]
    ids = pa.array(names, pa.string())
    return replace(table, data=table.data.append_column("lead_id", ids))


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
        created_at, usable, bad = times(table, "created_at", form, usable, at_start=True)
        refused += bad
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
        identical[rows] = True
        for column in data.columns:
            mine, firsts = text_column(column.take(rows)), text_column(column.take(first_of))
            same = pc.coalesce(pc.equal(mine, firsts), pc.and_(mine.is_null(), firsts.is_null()))
            identical[rows] &= same.to_numpy(zero_copy_only=False)
    return identical
