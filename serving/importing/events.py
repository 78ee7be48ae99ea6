"""The event log into the store, in batches that are read and understood whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.batches import batches
from features.cells import numbers, text_column
from features.events import EVENT_COLUMNS, NEEDED
from features.form import Form, named, times
from features.instants import MISSING, Instants
from features.reading import Refusal, Table
from serving.importing.account import Account
from serving.importing.steps import Steps
from serving.store.events import EventRow, add_events, ensure_leads
from serving.store.store import Store
from serving.store.writer import Commit

_TEXTS = tuple(n for n in EVENT_COLUMNS if n not in ("occurred_at", "recorded_at", "value"))


def import_events(store: Store, path: Path, form: Form) -> Account:
    """Bring an event log in; see `import_tables`.

    An event is received when it occurred. Those that the store refuses are of an erased lead, or
    have the id of another event of their lead.
    """
    source, steps = batches(path, "event", form.declared.of_others), Steps(store, "events", path)
    head = named(source.head, form.columns, EVENT_COLUMNS, NEEDED)
    columns = [head.file_names.get(n, n) for n in EVENT_COLUMNS if n in head.data.column_names]
    account = Account(source.n_rows + len(head.refused), refused=list(head.refused))
    first = 0
    for part in source.parts:
        for _, batch in source.read(part, columns):
            table = named(batch, form.columns, EVENT_COLUMNS, NEEDED)
            _add(store, steps, table, form, first, account)
            first += table.data.num_rows
    steps.finish()
    return account


def _add(
    store: Store, steps: Steps, table: Table, form: Form, first: int, account: Account
) -> None:
    """Bring in a batch, whose first row is row `first` of the file."""
    size = table.data.num_rows
    columns, usable, refused = _understood(table, form)
    account.refused += refused
    account.before += int(usable[: max(steps.done - first, 0)].sum())
    for begin, end in steps.chunks(first, first + size):
        kept = np.flatnonzero(usable[begin - first : end - first]) + begin - first
        cells = [_cells(column, kept) for column in columns]
        rows = list(map(EventRow._make, zip(*cells, strict=True)))

        def job(commit: Commit, rows: list[EventRow] = rows) -> list[str]:
            since: dict[str, int] = {}
            for row in rows:
                since[row.lead_id] = min(row.occurred_at, since.get(row.lead_id, row.occurred_at))
            ensure_leads(commit, since, store.secret, since=since)
            return add_events(commit, rows, store.secret, backfill=True)

        def then(outcomes: list[str], kept: npt.NDArray[np.int64] = kept) -> None:
            account.settle(outcomes, table, kept, "event_id")

        steps.commit(begin, end, job, then)


def _understood(
    table: Table, form: Form
) -> tuple[list[pa.Array], npt.NDArray[np.bool_], list[Refusal]]:
    """The columns of `EventRow`, which rows can be used, and the others with the reason."""
    size, refused = table.data.num_rows, []
    usable = np.ones(size, dtype=bool)
    texts = {name: _texts(table, name) for name in _TEXTS}
    for name in ("lead_id", "event_type"):
        empty = texts[name].is_null().to_numpy(zero_copy_only=False) & usable
        refused += table.refusals(empty, name, f"an event needs {name}; the cell is empty")
        usable &= ~empty
    outcome = pc.is_in(texts["event_type"], value_set=pa.array(sorted(form.outcomes), pa.string()))
    at_start = outcome.to_numpy(zero_copy_only=False)
    occurred, usable, bad = times(table, "occurred_at", form, usable, at_start=at_start)
    timeless = usable & (occurred == MISSING)
    refused += bad
    refused += table.refusals(timeless, "occurred_at", "an event needs a time; the cell is empty")
    usable &= ~timeless
    recorded = np.full(size, MISSING)
    if "recorded_at" in table.data.column_names:
        recorded, usable, bad = times(table, "recorded_at", form, usable, at_start=False)
        refused += bad
    value = np.full(size, np.nan)
    if "value" in table.data.column_names:
        value, strange = numbers(table.data["value"])
        refused += table.refusals(strange & usable, "value", "not a finite number")
        usable &= ~strange
    there = {
        **texts,
        "occurred_at": _instants(occurred),
        "recorded_at": _instants(recorded),
        "value": pa.array(value, pa.float64(), mask=np.isnan(value)),
    }
    return [there[name] for name in EventRow._fields], usable, refused


def _instants(at: Instants) -> pa.Array:
    return pa.array(at, pa.int64(), mask=at == MISSING)


def _texts(table: Table, name: str) -> pa.Array:
    if name not in table.data.column_names:
        return pa.nulls(table.data.num_rows, pa.string())
    return text_column(table.data[name])


def _cells(column: pa.Array, rows: npt.NDArray[np.int64]) -> list[object]:
    """Some cells of a column as Python has them."""
    taken: list[object] = column.take(pa.array(rows)).to_pylist()
    return taken
