"""A backup is whole while others write; put back, it is without everybody who was erased since."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy.engine import make_url

from features.errors import UsageError
from features.instants import now
from models.settings import Settings
from serving.store.backup import backup
from serving.store.engine import open_engine, schema_name
from serving.store.erasure import digest, erase, lift, note, notes
from serving.store.events import EventRow, add_events
from serving.store.leads import LeadRow, add_leads
from serving.store.merging import merge, undo
from serving.store.reading import known
from serving.store.restore import restore
from serving.store.store import Store
from serving.store.upgrade import newest
from tests.serving.stores import NOW, postgres, settings

__all__ = ["postgres", "settings"]


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    store = Store.open(settings)
    try:
        yield store
    finally:
        store.close()


def tell(settings: Settings, *names: str) -> None:
    """Leads come, each with an event."""
    with opened(settings) as store:
        store.write(lambda commit: add_leads(commit, [LeadRow(n) for n in names], store.secret))
        events = [EventRow(name, "demo_request", NOW, event_id="x") for name in names]
        store.write(lambda commit: add_events(commit, events, store.secret))


def forgotten(settings: Settings, name: str) -> list[str]:
    """A lead is erased, as the service does it."""
    with opened(settings) as store:
        gone = store.write(lambda commit: erase(commit, [name], store.secret))
        note(settings, store.secret, gone, now())
    return gone


def let_come(settings: Settings, name: str) -> None:
    with opened(settings) as store:
        assert store.write(lambda commit: lift(commit, name, store.secret))
        note(settings, store.secret, [name], now(), lifted=True)


def leads(settings: Settings) -> list[str]:
    with opened(settings) as store, store.reading() as connection:
        rows = connection.exec_driver_sql("SELECT lead_id FROM leads ORDER BY lead_id")
        return [row[0] for row in rows]


def test_what_was_stored_comes_back_and_what_was_there_is_kept(
    settings: Settings, tmp_path: Path
) -> None:
    tell(settings, "a")
    file = backup(settings, tmp_path / "backup")
    tell(settings, "b")
    aside, erased = restore(settings, file)
    assert erased == 0
    assert leads(settings) == ["a"]
    assert aside is not None
    restore(settings, aside)
    assert leads(settings) == ["a", "b"]


def test_a_home_without_a_store_takes_one(settings: Settings, tmp_path: Path) -> None:
    tell(settings, "a")
    file = backup(settings, tmp_path / "backup")
    if settings.database_url:
        engine = open_engine(settings)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP SCHEMA {schema_name(settings)} CASCADE")
        engine.dispose()
    else:
        (settings.home / "store.db").unlink()
    assert restore(settings, file) == (None, 0)
    assert leads(settings) == ["a"]


def test_who_was_erased_since_is_erased_again_and_nobody_else(
    settings: Settings, tmp_path: Path
) -> None:
    tell(settings, "a", "gone-7431", "c", "d")
    with opened(settings) as store:
        store.write(lambda commit: merge(commit, "c", "gone-7431"))
    file = backup(settings, tmp_path / "backup")
    with opened(settings) as store:
        # Since then c was parted from it, and so was not erased with it.
        store.write(lambda commit: undo(commit, "c"))
    assert forgotten(settings, "gone-7431") == ["gone-7431"]
    assert restore(settings, file)[1] == 1
    with opened(settings) as store:
        rows = [LeadRow("gone-7431"), LeadRow("d")]
        told = store.write(lambda commit: add_leads(commit, rows, store.secret))
        assert told == ["erased", "duplicate"]
        with store.reading() as connection:
            found = known(connection, ["a", "gone-7431", "c", "d"])
    assert found.leads.lead_id.to_pylist() == ["a", "c", "d"]
    if not settings.database_url:
        # Nothing of it is in the file either.
        assert b"gone-7431" in file.read_bytes()
        assert b"gone-7431" not in (settings.home / "store.db").read_bytes()


def test_erasures_are_known_where_the_store_itself_is_lost(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    tell(settings, "a", "b")
    file = backup(settings, tmp_path / "backup")
    forgotten(settings, "a")
    (settings.home / "store.db").write_bytes(b"no database" * 1000)
    aside, erased = restore(settings, file)
    assert erased == 1
    assert leads(settings) == ["b"]
    assert aside is not None
    assert aside.read_bytes().startswith(b"no database")


def test_who_may_be_told_of_again_stays(settings: Settings, tmp_path: Path) -> None:
    tell(settings, "a", "b")
    forgotten(settings, "a")
    before = backup(settings, tmp_path / "before")
    let_come(settings, "a")
    tell(settings, "a")
    after = backup(settings, tmp_path / "after")
    assert restore(settings, after)[1] == 0
    assert leads(settings) == ["a", "b"]
    # In a store from before that, the lead is not there, but may come.
    assert restore(settings, before)[1] == 0
    assert leads(settings) == ["b"]
    tell(settings, "a")
    assert leads(settings) == ["a", "b"]


def test_a_torn_line_of_erasures_is_no_erasure_and_hides_none(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    note(settings, b"secret", ["a"], NOW)
    with (tmp_path / "erasures.jsonl").open("a") as file:
        file.write('{"digest": "00", "era')
    note(settings, b"secret", ["b"], NOW)
    assert notes(settings) == ({digest(b"secret", n): NOW for n in "ab"}, {})
    with (tmp_path / "erasures.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(UsageError, match="expected an erasure"):
        notes(settings)


def test_what_is_no_whole_backup_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    tell(settings, "a")
    file = backup(settings, tmp_path / "backup")
    whole = file.read_bytes()
    for name, content in (
        ("torn", whole[: len(whole) // 2]),
        ("empty", b""),
        ("text", b"lead_id,created_at\n" * 100),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UsageError):
            restore(settings, tmp_path / name)
        assert leads(settings) == ["a"]
    with pytest.raises(UsageError, match="no such file"):
        restore(settings, tmp_path / "nothing")
    with pytest.raises(UsageError, match="is there already"):
        backup(settings, file)
    assert not list(settings.home.glob("*restored*"))


def test_a_backup_of_a_newer_version_changes_nothing(settings: Settings, tmp_path: Path) -> None:
    tell(settings, "a")
    engine = open_engine(settings)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    file = backup(settings, tmp_path / "backup")
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{newest()}'")
    engine.dispose()
    tell(settings, "b")
    with pytest.raises(UsageError, match="newer version"):
        restore(settings, file)
    assert leads(settings) == ["a", "b"]


def test_a_store_in_use_is_not_replaced(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    tell(settings, "a")
    file = backup(settings, tmp_path / "backup")
    with opened(settings) as store:
        store.write(lambda commit: add_leads(commit, [LeadRow("b")], store.secret))
        with pytest.raises(UsageError, match="in use"):
            restore(settings, file)
        with store.reading() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM leads").scalar() == 2
    restore(settings, file)
    assert leads(settings) == ["a"]


def test_a_backup_of_an_earlier_version_is_brought_up_to_date(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    tell(settings, "a")
    file = backup(settings, tmp_path / "backup")
    with contextlib.closing(sqlite3.connect(file)) as connection:
        for table in ("changes", "identities"):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN told_at")
        connection.execute("ALTER TABLE leads ADD COLUMN account TEXT")
        connection.execute("CREATE INDEX leads_of_account ON leads (account)")
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
        connection.commit()
    restore(settings, file)
    assert leads(settings) == ["a"]


def test_a_backup_taken_while_others_write_is_of_one_moment(
    settings: Settings, tmp_path: Path
) -> None:
    """Each commit brings a pair; a backup never holds half of one."""
    tell(settings, "a")
    stop, some = Event(), Event()

    def write() -> None:
        with opened(settings) as store:
            number = 0
            while not stop.is_set():
                pair = [EventRow("a", "demo_request", NOW, event_id=f"{number}{n}") for n in "xy"]
                store.write(lambda commit, pair=pair: add_events(commit, pair, store.secret))
                number += 1
                if number > 20:
                    some.set()

    thread = Thread(target=write)
    thread.start()
    try:
        assert some.wait(60)
        file = backup(settings, tmp_path / "backup")
    finally:
        stop.set()
        thread.join()
    restore(settings, file)
    with opened(settings) as store, store.reading() as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM events").scalar()
    assert count is not None
    assert count > 40
    assert count % 2 == 1  # and the one it had before


def test_the_password_is_on_no_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "bin" / "pg_dump"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\necho "$@" > "$(dirname "$0")/said"\necho "$PGPASSWORD" >&2\nexit 1')
    tool.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    url = make_url("postgresql://sato@localhost/leads").set(password="very secret")
    settings = Settings(
        home=tmp_path, database_url=url.render_as_string(hide_password=False), instance="one"
    )
    with pytest.raises(UsageError, match="pg_dump failed: very secret"):
        backup(settings, tmp_path / "out")
    said = (tmp_path / "bin" / "said").read_text()
    assert "--schema=one" in said
    assert "secret" not in said
    assert not (tmp_path / "out").exists()
    shutil.rmtree(tool.parent)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="pg_dump is not installed"):
        backup(settings, tmp_path / "out")


def test_notes_name_nobody(settings: Settings) -> None:
    tell(settings, "a-name")
    forgotten(settings, "a-name")
    lines = (settings.home / "erasures.jsonl").read_text()
    assert "a-name" not in lines
    assert all(
        set(json.loads(line)) == {"digest", "erased_at"} for line in lines.splitlines() if line
    )
