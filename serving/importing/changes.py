"""The changes of attributes into the store, whose attributes of now follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features.cells import as_text, text_column
from features.changes import CHANGE_COLUMNS
from features.form import Form, named, times
from features.instants import MISSING
from features.reading import Refusal, Table, read
from serving.importing.account import Account
from serving.importing.steps import Steps
from serving.store.changes import ChangeRow, add_changes
from serving.store.events import ensure_leads
from serving.store.leads import CREATED_AT
from serving.store.store import Store
from serving.store.writer import Commit


@dataclass(frozen=True)
class Told:
    """A table of changes as it was read.

    Attributes
    ----------
    path : Path
    table : Table
    rows : ndarray of int64, the rows of the table that can be used
    changes : list of ChangeRow, of each of these
    refused : list of Refusal
    """

    path: Path
    table: Table
    rows: npt.NDArray[np.int64]
    changes: list[ChangeRow]
    refused: list[Refusal]

    @classmethod
    def read(cls, path: Path, form: Form) -> Told:
        """Read a table of changes.

        Raises
        ------
        InputError
            When the file cannot be read or lacks a column.
        """
        table = named(
            read(path, "change", form.declared.of_others),
            form.columns,
            CHANGE_COLUMNS,
            CHANGE_COLUMNS,
        )
        ids, names, old, new = (text_column(table.data[name]) for name in CHANGE_COLUMNS[:4])
        refused = list(table.refused)
        usable = np.ones(table.data.num_rows, dtype=bool)
        for column, cells in (("lead_id", ids), ("attribute", names)):
            empty = cells.is_null().to_numpy(zero_copy_only=False) & usable
            refused += table.refusals(empty, column, f"a change needs {column}; the cell is empty")
            usable &= ~empty
        of_creation = np.array([name == CREATED_AT for name in names.to_pylist()], bool) & usable
        refused += table.refusals(
            of_creation, "attribute", "when a lead was created is no attribute; it does not change"
        )
        at, usable, bad = times(table, "changed_at", form, usable & ~of_creation, at_start=False)
        timeless = usable & (at == MISSING)
        refused += bad + table.refusals(timeless, "changed_at", "a change needs a time")
        rows = np.flatnonzero(usable & ~timeless)
        cells = [column.take(rows).to_pylist() for column in (ids, names, old, new)]
        told = zip(*cells, at[rows].tolist(), strict=True)
        return cls(path, table, rows, list(map(ChangeRow._make, told)), refused)

    @cached_property
    def last(self) -> dict[str, dict[str, str | None]]:
        """By lead and attribute the last value, as text."""
        found: dict[str, dict[str, str | None]] = {}
        for change in sorted(self.changes, key=lambda change: change.changed_at):
            found.setdefault(change.lead_id, {})[change.attribute] = as_text(change.new_value)
        return found


def import_changes(store: Store, told: Told) -> Account:
    """Bring a table of changes in; see `import_tables`. A change is received when it was made."""
    steps, n = Steps(store, "changes", told.path), len(told.changes)
    account = Account(n + len(told.refused), refused=list(told.refused))
    account.before = min(steps.done, n)
    for begin, end in steps.chunks(0, n):

        def job(commit: Commit, rows: list[ChangeRow] = told.changes[begin:end]) -> list[str]:
            since: dict[str, int] = {}
            for row in rows:
                since[row.lead_id] = min(row.changed_at, since.get(row.lead_id, row.changed_at))
            gone = ensure_leads(commit, since, store.secret, since=since)
            return add_changes(commit, rows, gone)

        def then(outcomes: list[str], begin: int = begin, end: int = end) -> None:
            account.settle(outcomes, told.table, told.rows[begin:end], "lead_id")

        steps.commit(begin, end, job, then)
    steps.finish()
    return account
