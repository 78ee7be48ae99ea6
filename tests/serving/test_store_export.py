"""What went in comes out equal, as it is or as it was known at any moment."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from features.errors import UsageError
from features.instants import HOUR, iso
from features.tables import take_in
from models.bundles import AnyFiles
from models.intake import form_of
from models.playbook import Playbook
from models.settings import Settings
from serving import exporting
from serving.exporting import export
from serving.importing.tables import files_in, import_tables
from serving.snapshot import given_or_stored
from serving.store.erasure import erase
from serving.store.events import EventRow, add_events
from serving.store.leads import LeadRow, add_leads
from serving.store.merging import merge, undo
from serving.store.store import Store, last_commit
from serving.store.writer import Commit
from tests.serving.stores import DAY, NOW, postgres, settings, store

__all__ = ["postgres", "settings", "store"]

NASTY = [
    "=1+1",
    "@x",
    "-",
    "  a ",
    'a"b,c',
    "行1\n行2",
    "NULL",
    "nan",
    "007",
    "😀",
    "\ufeffa",
    "+81-3",
]
TIME = pa.timestamp("us", "UTC")


def tables() -> dict[str, pa.Table]:
    """Tables with every column of the contract, and values that are easily spoilt."""
    n = len(NASTY)
    at = pa.array([NOW - n * DAY + k * HOUR + 1 for k in range(n)], TIME)
    ids = [f"L-{name}" for name in NASTY]
    none = [None] * (n - 3)
    return {
        "leads": pa.table(
            {
                "lead_id": ids,
                "created_at": at,
                "note": NASTY,
                "size": pa.array([5, None, 2**53 + 1, *none], pa.int64()),
                "rate": pa.array([0.1, 1e300, None, *none], pa.float64()),
            }
        ),
        "events": pa.table(
            {
                "lead_id": ids + ids,
                "event_type": NASTY + ["demo_request"] * n,
                "occurred_at": pa.concat_arrays([at, at]),
                "event_id": pa.array([None] * n + ids),
                "recorded_at": pa.concat_arrays([pa.nulls(n, TIME), at]),
                "channel": NASTY + NASTY,
                "content": NASTY + NASTY,
                "value": pa.array([0.1 + 0.2] * n + [None] * n, pa.float64()),
                "account_id": NASTY + NASTY,
            }
        ),
        "changes": pa.table(
            {
                "lead_id": ids,
                "attribute": ["note"] * n,
                "old_value": pa.array([*NASTY[1:], None]),
                "new_value": NASTY,
                "changed_at": at,
            }
        ),
        "identities": pa.table(
            {
                "lead_id": ids[:3],
                "merged_into": ids[3:6],
                "merged_at": at[:3],
                "kind": ["merge", "conversion", "merge"],
            }
        ),
    }


def bring_in(store: Store, folder: Path) -> None:
    accounts = import_tables(store, files_in(folder), form_of(Playbook.load()), lambda step: None)
    assert all(account.taken == account.rows for account in accounts.values()), accounts


def in_order(table: pa.Table) -> list[dict[str, Any]]:
    rows = table.select(sorted(table.column_names)).to_pylist()
    return sorted(rows, key=lambda row: str(list(row.values())))


def equal(folder: Path, expected: dict[str, pa.Table]) -> None:
    for name, table in expected.items():
        found = pa.parquet.read_table(folder / f"{name}.parquet")
        assert set(found.column_names) == set(table.column_names), name
        assert in_order(found) == in_order(table), name


@pytest.mark.parametrize("part", [2, 50_000])
def test_what_went_in_comes_out(
    part: int, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_PART", part)
    for name, table in tables().items():
        pa.parquet.write_table(table, tmp_path / f"{name}.parquet")
    bring_in(store, tmp_path)
    done = export(store, tmp_path / "out")
    assert done.rows == {name: table.num_rows for name, table in tables().items()}
    equal(tmp_path / "out", tables())
    assert not list((tmp_path / "out").glob(".*"))


def test_csv_is_safe_to_open_and_comes_in_again_as_what_it_was(tmp_path: Path) -> None:
    for name, table in tables().items():
        pa.parquet.write_table(table, tmp_path / f"{name}.parquet")
    one, two = (Store.open(Settings(home=tmp_path / name)) for name in ("one", "two"))
    try:
        bring_in(one, tmp_path)
        export(one, tmp_path / "csv", kind="csv")
        text = (tmp_path / "csv" / "leads.csv").read_text("utf-8")
        assert '"=1+1"' not in text
        assert "'=1+1" in text
        bring_in(two, tmp_path / "csv")
        for name, store in (("first", one), ("second", two)):
            export(store, tmp_path / name)
        expected = {
            name: pa.parquet.read_table(tmp_path / "first" / f"{name}.parquet")
            for name in ("events", "changes", "identities")
        }
        equal(tmp_path / "second", expected)
        # In CSV numbers are text, and so they stay.
        leads = pa.parquet.read_table(tmp_path / "second" / "leads.parquet")
        assert sorted(leads["note"].to_pylist()) == sorted(NASTY)
        assert "9007199254740993" in leads["size"].to_pylist()
    finally:
        one.close()
        two.close()


STEPS: list[Callable[[Commit, bytes], object]] = [
    lambda c, s: add_leads(c, [LeadRow("a", NOW - DAY, {"size": 5}), LeadRow("b")], s),
    lambda c, s: add_events(c, [EventRow("a", "demo_request", NOW), EventRow("c", "lost", NOW)], s),
    lambda c, s: add_leads(c, [LeadRow("a", None, {"size": 7, "area": "east"})], s),
    lambda c, s: merge(c, "b", "a"),
    lambda c, s: add_leads(c, [LeadRow("b", NOW - 2 * DAY, {"size": None})], s),
    lambda c, s: undo(c, "b"),
    lambda c, s: add_leads(c, [LeadRow("a", None, {"size": 6}, NOW - HOUR)], s),
    lambda c, s: add_leads(c, [LeadRow("a", None, {"area": None})], s),
]


def test_what_was_known_at_any_moment_comes_out_later(store: Store, tmp_path: Path) -> None:
    moments = []
    for number, step in enumerate(STEPS):
        store.write(lambda commit, step=step: step(commit, store.secret))
        with store.reading() as connection:
            moments.append(last_commit(connection)[0])
        assert export(store, tmp_path / f"now-{number}").at == moments[-1]
    for number, moment in enumerate(moments):
        then = tmp_path / f"then-{number}"
        export(store, then, moment)
        equal(
            then,
            {
                name: pa.parquet.read_table(tmp_path / f"now-{number}" / f"{name}.parquet")
                for name in tables()
            },
        )
    assert export(store, tmp_path / "before", moments[0] - 1).rows == dict.fromkeys(tables(), 0)


def test_of_erased_leads_nothing_comes_out(store: Store, tmp_path: Path) -> None:
    for step in STEPS[:3]:
        store.write(lambda commit, step=step: step(commit, store.secret))
    with store.reading() as connection:
        before = last_commit(connection)[0]
    store.write(lambda commit: erase(commit, ["a"], store.secret))
    for moment in (None, before):
        export(store, tmp_path / "out", moment, "csv")
        for name in ("leads", "events", "changes"):
            assert '"a"' not in (tmp_path / "out" / f"{name}.csv").read_text("utf-8")


def test_the_tables_of_the_store_are_read_as_files_are(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    store = Store.open(settings)
    try:
        for step in STEPS[:4]:
            store.write(lambda commit, step=step: step(commit, store.secret))
        with store.reading() as connection:
            at = last_commit(connection)[0]
    finally:
        store.close()
    with given_or_stored(AnyFiles(), True, settings) as (given, stored_at):
        assert stored_at == iso(at)
        assert given.leads is not None
        taken = take_in(
            given.leads, given.events, given.changes, form_of(Playbook.load()), given.identities
        )
        folder = given.leads.parent
        assert Path(tempfile.gettempdir()) in folder.parents
    assert not folder.exists()
    assert sorted(taken.leads.lead_id.to_pylist()) == ["a", "c"]
    assert not taken.refused


@pytest.mark.parametrize(
    ("files", "from_store"),
    [
        (AnyFiles(), False),
        (AnyFiles(leads=Path("x")), True),
        (AnyFiles(events=Path("x")), True),
        (AnyFiles(events=Path("x")), False),
    ],
)
def test_files_are_given_or_stored(files: AnyFiles, from_store: bool, tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="either --store or --leads"),
        given_or_stored(files, from_store, Settings(home=tmp_path)),
    ):
        pass
