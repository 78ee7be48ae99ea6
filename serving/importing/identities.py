"""Which ids are one person, into the store."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from features.cells import text_column
from features.form import Form, named, times
from features.identities import IDENTITY_COLUMNS, KINDS
from features.instants import MISSING
from features.reading import read
from serving.importing.account import Account
from serving.importing.steps import Steps
from serving.store.events import ACCEPTED, DUPLICATE, ERASED, ensure_leads
from serving.store.merging import MergeRefused, merge, standing
from serving.store.store import Store
from serving.store.writer import Commit


class _Merge(NamedTuple):
    lead_id: str
    into: str
    kind: str
    merged_at: int | None


def import_identities(store: Store, path: Path, form: Form) -> Account:
    """Bring a table of identities in; see `import_tables`. A merge is received when it was made."""
    table = named(
        read(path, "identity", form.declared.of_others),
        form.columns,
        IDENTITY_COLUMNS,
        IDENTITY_COLUMNS[:2],
    )
    steps, n = Steps(store, "identities", path), table.data.num_rows
    account = Account(n + len(table.refused), refused=list(table.refused))
    there = {
        name: text_column(table.data[name]).to_pylist()
        if name in table.data.column_names
        else [None] * n
        for name in ("lead_id", "merged_into", "kind")
    }
    usable = np.ones(n, dtype=bool)
    for name, reason in (
        ("lead_id", "an identity needs lead_id; the cell is empty"),
        ("merged_into", "an identity needs merged_into; the cell is empty"),
        ("kind", f"expected {' or '.join(KINDS)}"),
    ):
        fine = (None, *KINDS) if name == "kind" else None
        bad = np.array([c not in fine if fine else c is None for c in there[name]], bool) & usable
        account.refused += table.refusals(bad, name, reason)
        usable &= ~bad
    at = np.full(n, MISSING)
    if "merged_at" in table.data.column_names:
        at, usable, refused = times(table, "merged_at", form, usable, at_start=False)
        account.refused += refused
    rows = np.flatnonzero(usable)
    merges = [
        _Merge(
            str(there["lead_id"][row]),
            str(there["merged_into"][row]),
            there["kind"][row] or "merge",
            None if at[row] == MISSING else int(at[row]),
        )
        for row in rows.tolist()
    ]
    account.before = min(steps.done, len(merges))
    for begin, end in steps.chunks(0, len(merges)):

        def job(commit: Commit, part: list[_Merge] = merges[begin:end]) -> list[str]:
            return [_add(commit, one, store.secret) for one in part]

        def then(outcomes: list[str], begin: int = begin, end: int = end) -> None:
            account.settle(outcomes, table, rows[begin:end], "merged_into")

        steps.commit(begin, end, job, then)
    steps.finish()
    return account


def _add(commit: Commit, told: _Merge, secret: bytes) -> str:
    """What became of one merge, or why it was refused."""
    both = (told.lead_id, told.into)
    if standing(commit.connection, both).get(told.lead_id) == told.into:
        return DUPLICATE
    since = {} if told.merged_at is None else dict.fromkeys(both, told.merged_at)
    if ensure_leads(commit, both, secret, since=since):
        return ERASED
    try:
        merge(commit, told.lead_id, told.into, told.kind, told.merged_at, backfill=True)
    except MergeRefused as error:
        return str(error)
    return ACCEPTED
