"""Where a file of events is taken in: a batch at a time, each row taken, counted or refused once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.arrivals import Arrivals, Ids
from features.batches import Batches
from features.cells import as_strings, numbers, one_array, text_column
from features.form import Form, moments
from features.instants import MISSING, Instants
from features.lookup import ABSENT, Lookup, hashes
from features.reading import Table
from features.vocabulary import Coded

_TEXTS = {"channel": "channel", "content": "content", "account": "account_id"}
"""Texts that an event may have: what `Arrivals` and what the contract call them."""


@dataclass(frozen=True)
class Bad:
    """Rows of one batch that are refused for one reason.

    Attributes
    ----------
    check : int
        Which of the checks they failed, in the order in which all rows are checked.
    rows : ndarray of int64, ascending, counted from 0 in the file
    column, reason : str
    """

    check: int
    rows: npt.NDArray[np.int64]
    column: str
    reason: str


@dataclass
class Account:
    """What became of some rows: so many taken, so many of unknown leads, the others bad."""

    taken: int = 0
    unknown: int = 0
    bad: list[Bad] = field(default_factory=list)


class Desk:
    """Takes in a file of events; several threads may do so at once, a part of the file each.

    Parameters
    ----------
    source : Batches
    columns : dict
        The contract's name -> the file's name of each column that the file has.
    form : Form
    leads : Lookup of the ids of the lead list
    before : Arrivals
        Events that come before those of the file; of each only lead, time and type.

    Attributes
    ----------
    arrivals : Arrivals
        Complete once every part has been taken in.
    """

    def __init__(
        self,
        source: Batches,
        columns: dict[str, str],
        form: Form,
        leads: Lookup,
        before: Arrivals,
    ) -> None:
        self._source, self._columns, self._form, self._leads = source, columns, form, leads
        self._first = first = len(before.lead)
        n = first + source.n_rows

        def coded(name: str) -> Coded | None:
            if _TEXTS[name] not in columns:
                return None
            codes = np.empty(n, dtype=np.int32)
            codes[:first] = -1
            return Coded(codes)

        self.arrivals = into = Arrivals(
            lead=np.empty(n, dtype=np.int32),
            occurred_at=np.empty(n, dtype=np.int64),
            event_type=Coded(np.empty(n, dtype=np.int32), before.event_type.vocabulary),
            recorded_at=np.empty(n, dtype=np.int64) if "recorded_at" in columns else None,
            channel=coded("channel"),
            content=coded("content"),
            account=coded("account"),
            value=np.empty(n) if "value" in columns else None,
            event_id=(
                Ids(np.empty(n, dtype=np.uint64), self._ids) if "event_id" in columns else None
            ),
        )
        into.lead[:first] = before.lead
        into.occurred_at[:first] = before.occurred_at
        into.event_type.codes[:first] = before.event_type.codes
        if into.recorded_at is not None:
            into.recorded_at[:first] = MISSING
        if into.value is not None:
            into.value[:first] = np.nan
        if into.event_id is not None:
            into.event_id.hashes[:first] = 0

    def take_part(self, part: int) -> Account:
        """Take in one of the parts of the file."""
        account = Account()
        for start, batch in self._source.read(part, tuple(self._columns.values())):
            data = batch.data.select(list(self._columns.values()))
            data = data.rename_columns(list(self._columns))
            self._take(start, replace(batch, data=data, file_names=self._columns), account)
        return account

    def _take(self, start: int, batch: Table, account: Account) -> None:
        into, data, n = self.arrivals, batch.data, batch.data.num_rows
        place = slice(self._first + start, self._first + start + n)
        usable = np.ones(n, dtype=np.bool_)
        check = 0

        def refuse(bad: npt.NDArray[np.bool_], column: str, reason: str) -> None:
            nonlocal check
            check += 1
            rows = np.flatnonzero(usable & bad)
            if len(rows):
                usable[rows] = False
                account.bad.append(Bad(check, start + rows, column, reason))

        def times(column: str, outcomes: Sequence[str]) -> Instants:
            instant, bad = moments(
                batch, column, self._form, usable, at_start=lambda: types.among(kind, outcomes)
            )
            for rows, reason in bad:
                refuse(rows, column, reason)
            return instant

        types = into.event_type.vocabulary
        lead = self._leads.find(one_array(data["lead_id"]))
        into.event_type.codes[place] = kind = types.codes(data["event_type"])
        refuse(lead == ABSENT, "lead_id", "an event needs lead_id; the cell is empty")
        refuse(kind < 0, "event_type", "an event needs event_type; the cell is empty")
        account.unknown += int((usable & (lead < 0)).sum())
        usable &= lead >= 0
        into.occurred_at[place] = at = times("occurred_at", sorted(self._form.outcomes))
        refuse(at == MISSING, "occurred_at", "an event needs a time; the cell is empty")
        if into.recorded_at is not None:
            into.recorded_at[place] = times("recorded_at", ())
        if into.value is not None:
            into.value[place], not_number = numbers(data["value"])
            refuse(not_number, "value", "not a finite number")
        for name, column in _TEXTS.items():
            coded: Coded | None = getattr(into, name)
            if coded is not None:
                coded.codes[place] = coded.vocabulary.codes(data[column])
        if into.event_id is not None:
            into.event_id.hashes[place] = hashes(as_strings(data["event_id"]))
        into.lead[place] = np.where(usable, lead, -1)
        account.taken += int(usable.sum())

    def _ids(self, rows: npt.NDArray[np.int64]) -> pa.Array:
        """The ids of some arrivals, read from the file again; null for those before it."""
        column = self._columns["event_id"]
        inside = np.unique(rows[rows >= self._first]) - self._first
        ids = text_column(self._source.take(inside, [column]).data[column])
        places = np.searchsorted(inside, rows - self._first)
        return ids.take(pa.array(places, mask=rows < self._first))
