"""Tables come into the store whole: every row accounted for, however often it is broken off."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from features.errors import InputError, UsageError
from features.form import Form
from features.instants import MISSING, iso
from models.intake import form_of
from models.playbook import Playbook
from models.settings import Settings
from serving.importing import steps
from serving.importing.account import Account
from serving.importing.tables import files_in, import_tables
from serving.store.erasure import erase
from serving.store.events import EventRow, add_events
from serving.store.leads import LeadRow, add_leads
from serving.store.merging import standing
from serving.store.reading import Person, known, people
from serving.store.store import Store
from serving.store.writer import Commit
from tests.serving.stores import DAY, NOW, postgres, settings, store

__all__ = ["postgres", "settings", "store"]

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def form() -> Form:
    return form_of(Playbook.load())


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., dict[str, Path]]:
    """Writes tables as Parquet, numbers as numbers and instants as text."""

    def written(**tables: Rows) -> dict[str, Path]:
        folder = tmp_path / f"tables-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        for name, rows in tables.items():
            pa.parquet.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
        return {name: folder / f"{name}.parquet" for name in tables}

    return written


Written = Callable[..., dict[str, Path]]


def at(days: float) -> str:
    return str(iso(NOW + int(days * DAY)))


def lead(name: str, days: float = 0, **attributes: object) -> dict[str, Any]:
    return {"lead_id": name, "created_at": at(days), **attributes}


def event(name: str, days: float = 0, event_id: str | None = None, **said: Any) -> dict[str, Any]:
    return {
        "lead_id": name,
        "event_type": "demo_request",
        "occurred_at": at(days),
        "event_id": event_id,
        **said,
    }


def change(name: str, old: str | None, new: str | None, days: float) -> dict[str, Any]:
    return {
        "lead_id": name,
        "attribute": "size",
        "old_value": old,
        "new_value": new,
        "changed_at": at(days),
    }


def same(name: str, into: str | None, kind: str = "merge", days: float = 2) -> dict[str, Any]:
    return {"lead_id": name, "merged_into": into, "merged_at": at(days), "kind": kind}


def take(store: Store, files: Mapping[str, Path], form: Form) -> dict[str, Account]:
    accounts = import_tables(store, dict(files), form, lambda step: None)
    for account in accounts.values():
        said = account.to_json()
        rows = said.pop("rows")
        assert rows == sum(said.values()), said
    return accounts


def person(store: Store, name: str, known_at: int | None = None) -> Person:
    with store.reading() as connection:
        (found,) = people(connection, [name], known_at)
    return found


def dump(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """All that companies told, but for numbers of rows and for the moment at which it came."""
    with store.reading() as connection:
        return {
            table: sorted(map(tuple, connection.exec_driver_sql(f"SELECT {what} FROM {table}")))
            for table, what in {
                "leads": "lead_id, coalesce(created_at, -1), received_at, attributes",
                "events": "lead_id, event_type, occurred_at, received_at, coalesce(event_id, '')",
                "changes": "lead_id, attribute, old_value, new_value, changed_at, received_at",
                "identities": "lead_id, merged_into, merged_at, kind, received_at",
            }.items()
        }


HISTORY: dict[str, Rows] = {
    "leads": [lead(f"L{n}", n / 10, size=n) for n in range(11)],
    "events": [event(f"L{n % 11}", n / 7, f"e{n}" if n % 3 else None) for n in range(40)],
    "changes": [change(f"L{n}", str(n - 1), str(n), n / 5) for n in range(11)],
    "identities": [same(f"L{n}", f"L{n + 1}", days=n) for n in range(5)],
}


def test_history_is_received_when_it_happened(store: Store, written: Written, form: Form) -> None:
    accounts = take(store, written(**HISTORY), form)
    assert {name: account.taken for name, account in accounts.items()} == {
        name: len(rows) for name, rows in HISTORY.items()
    }
    with store.reading() as connection:
        for table, moment in (
            ("leads", "created_at"),
            ("events", "occurred_at"),
            ("changes", "changed_at"),
            ("identities", "merged_at"),
        ):
            late = f"SELECT count(*) FROM {table} WHERE received_at <> {moment}"
            assert connection.exec_driver_sql(late).scalar() == 0
        assert connection.exec_driver_sql(
            "SELECT count(*) FROM events WHERE NOT backfill"
        ).scalar() == (0)


@pytest.mark.parametrize("after", range(1, 19))
def test_what_is_broken_off_goes_on_where_it_ended(
    after: int,
    written: Written,
    form: Form,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(steps, "CHUNK", 4)
    files = written(**HISTORY)
    whole, broken = (Store.open(Settings(home=tmp_path / name)) for name in ("whole", "broken"))
    try:
        take(whole, files, form)
        left, submit = [after], broken.submit

        def unwell(job: Callable[[Commit], Any]) -> Future[Any]:
            left[0] -= 1
            if left[0] == 0:
                # Written, but not committed: as by a kill in the middle.
                return submit(lambda commit: (job(commit), 1 / 0))
            if left[0] < 0:
                raise KeyboardInterrupt
            return submit(job)

        monkeypatch.setattr(broken, "submit", unwell)
        with pytest.raises((KeyboardInterrupt, ZeroDivisionError, UsageError)):
            import_tables(broken, files, form, lambda step: None)
        monkeypatch.setattr(broken, "submit", submit)
        accounts = take(broken, files, form)
        assert dump(broken) == dump(whole)
        assert sum(account.duplicates for account in accounts.values()) == 0
        again = take(broken, files, form)
        assert {n: a.before for n, a in again.items()} == {n: a.rows for n, a in again.items()}
        assert dump(broken) == dump(whole)
    finally:
        whole.close()
        broken.close()


def test_two_imports_of_a_file_at_a_time_double_nothing(
    store: Store, written: Written, form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = written(leads=[lead("a")], events=[event("a", n) for n in range(3)])
    one = steps.Steps(store, "events", files["events"])
    take(store, files, form)
    one.commit(0, 3, lambda commit: None, lambda said: None)
    with pytest.raises(UsageError, match="Another import"):
        one.finish()
    assert len(dump(store)["events"]) == 3


def test_rows_that_cannot_be_used_are_refused_each_for_its_reason(
    store: Store, written: Written, form: Form
) -> None:
    files = written(
        leads=[lead("a"), lead("a"), lead("b"), {**lead("b"), "created_at": at(1)}, lead("")],
        events=[
            event("a", 0, "x"),
            event("a", 0, "x"),
            event("a", 1, "x"),
            event("", 0),
            event("a", 0, event_type=""),
            event("a", 0, occurred_at="soon"),
            event("a", 0, occurred_at=None),
            event("a", 4000),
        ],
        changes=[
            change("a", "1", "2", 1),
            change("", "1", "2", 1),
            {**change("a", "1", "2", 1), "attribute": "created_at"},
            {**change("a", "1", "2", 1), "changed_at": None},
        ],
        identities=[
            same("a", "b"),
            same("a", "b"),
            same("a", "c"),
            same("b", "a"),
            same("d", None),
            same("d", "e", kind="marriage"),
            {**same("d", "e"), "merged_at": "soon"},
        ],
    )
    said = {name: account.to_json() for name, account in take(store, files, form).items()}
    counts = {
        name: (told["taken"], told["duplicates"], told["refused"]) for name, told in said.items()
    }
    assert counts == {
        "leads": (2, 1, 2),
        "events": (1, 1, 6),
        "changes": (1, 0, 3),
        "identities": (1, 1, 5),
    }
    assert len(dump(store)["identities"]) == 1


def test_an_attribute_of_a_known_lead_changes_and_is_never_overwritten(
    store: Store, written: Written, form: Form
) -> None:
    take(store, written(leads=[lead("a", size=5, area="east"), lead("b", size=1)]), form)
    with store.reading() as connection:
        before = connection.exec_driver_sql("SELECT max(at) FROM commits").scalar()
    take(store, written(leads=[lead("a", size=7, area="east"), lead("b", size=1)]), form)
    found = person(store, "a")
    assert found.attributes == {"size": 7, "area": "east"}
    assert [(one.old_value, one.new_value) for one in found.changes] == [("5", "7")]
    assert found.changes[0].at > before
    assert person(store, "a", before).attributes == {"size": 5, "area": "east"}
    assert person(store, "b").changes == []


def test_a_change_is_told_once_when_the_changes_tell_when_it_happened(
    store: Store, written: Written, form: Form
) -> None:
    take(store, written(leads=[lead("a", size=5)]), form)
    take(store, written(leads=[lead("a", size=7)], changes=[change("a", "5", "7", 3)]), form)
    found = person(store, "a")
    assert found.attributes == {"size": 7}
    assert [(c.old_value, c.new_value, c.at) for c in found.changes] == [("5", "7", NOW + 3 * DAY)]
    grown = [change("a", "5", "7", 3), change("a", "7", "8", 4)]
    accounts = take(store, written(changes=grown), form)
    assert (accounts["changes"].taken, accounts["changes"].duplicates) == (1, 1)
    assert person(store, "a").attributes == {"size": 8}


def test_where_list_and_changes_do_not_agree_the_list_is_right_as_of_now(
    store: Store, written: Written, form: Form
) -> None:
    take(store, written(leads=[lead("a", size=9)], changes=[change("a", "5", "7", 3)]), form)
    found = person(store, "a")
    assert found.attributes == {"size": 9}
    assert [(c.old_value, c.new_value) for c in found.changes] == [("5", "7"), ("7", "9")]
    then = {days: person(store, "a", NOW + days * DAY).attributes for days in (1, 4)}
    assert {days: str(said["size"]) for days, said in then.items()} == {1: "5", 4: "7"}


@pytest.mark.parametrize("history", [HISTORY["changes"], [change("L1", "0", "9", 1)]])
def test_what_is_known_now_is_what_is_known_at_the_latest_moment(
    history: Rows, store: Store, written: Written, form: Form
) -> None:
    take(store, written(**{**HISTORY, "changes": history}), form)
    names = [f"L{n}" for n in range(11)]
    with store.reading() as connection:
        now, latest = (known(connection, names, known_at=moment) for moment in (None, -MISSING - 1))
    assert now.leads.attributes == latest.leads.attributes
    assert now.leads.attributes["size"].type == pa.int64()
    assert now.leads.lead_id == latest.leads.lead_id


def test_a_lead_of_which_only_history_tells_is_known_since_then(
    store: Store, written: Written, form: Form
) -> None:
    files = written(
        leads=[lead("a")],
        events=[event("x", 5), event("x", 2)],
        changes=[change("x", "1", "2", 1)],
    )
    take(store, files, form)
    assert person(store, "x", NOW + DAY).attributes == {"size": "2"}
    with store.reading() as connection:
        assert people(connection, ["x"], NOW + DAY - 1) == []


def test_erased_leads_stay_away(store: Store, written: Written, form: Form) -> None:
    store.write(lambda commit: add_leads(commit, [LeadRow("a")], store.secret))
    store.write(lambda commit: erase(commit, ["a"], store.secret))
    files = written(
        leads=[lead("a"), lead("b")],
        events=[event("a"), event("b")],
        changes=[change("a", "1", "2", 1)],
        identities=[same("a", "b")],
    )
    said = {name: account.to_json() for name, account in take(store, files, form).items()}
    assert {name: told["refused"] for name, told in said.items()} == dict.fromkeys(said, 1)
    assert '"a"' not in json.dumps(dump(store))
    with store.reading() as connection:
        assert standing(connection, ["a", "b"]) == {}


def test_what_the_service_was_told_is_no_history(
    store: Store, written: Written, form: Form
) -> None:
    """An event that the service has is the same event in a file."""
    there = EventRow("a", "demo_request", NOW, event_id="x")
    store.write(lambda commit: add_events(commit, [there], store.secret))
    accounts = take(store, written(leads=[lead("a")], events=[event("a", 0, "x")]), form)
    assert (accounts["events"].taken, accounts["events"].duplicates) == (0, 1)
    with store.reading() as connection:
        assert not connection.exec_driver_sql("SELECT backfill FROM events").scalar()


def test_files_are_found_by_what_they_are_called(tmp_path: Path) -> None:
    for name in ("leads.csv", "events.jsonl.gz", "events.refused.csv", "notes.txt"):
        (tmp_path / name).touch()
    assert files_in(tmp_path) == {
        "leads": tmp_path / "leads.csv",
        "events": tmp_path / "events.jsonl.gz",
    }
    (tmp_path / "leads.parquet").touch()
    with pytest.raises(InputError, match="both leads"):
        files_in(tmp_path)
