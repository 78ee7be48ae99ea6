"""Tables go into the store and come out again; keys, backups and the audit by command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import tegakari
from models.playbook import Playbook
from models.settings import Settings
from serving.live import Live
from serving.noted import noted
from serving.registry import load_all
from serving.rescoring import Rescoring
from serving.store.audit import entries
from serving.store.erasure import erase, note
from serving.store.store import Store
from serving.store.upgrade import newest

LEADS = "lead_id,created_at,industry,employees\nL-1,2026-03-01T00:00:00Z,機械,120\nL-2,,,\nL-3,2026-03-02,it,x\n"
EVENTS = (
    "lead_id,event_type,occurred_at,event_id,value,content\n"
    "L-1,demo_request,2026-03-05T10:00:00Z,e1,2.5,価格\n"
    "L-1,demo_request,2026-03-05T10:00:00Z,e1,2.5,価格\n"
    "L-2,blog_view,2026-03-06T10:00:00Z,,,\n"
    "L-9,blog_view,2026-03-07T10:00:00Z,,,\n"
    "L-9,blog_view,soon,,,\n"
)
CHANGES = (
    "lead_id,attribute,old_value,new_value,changed_at\n"
    "L-1,industry,電機,機械,2026-03-03T00:00:00Z\n"
)
IDENTITIES = "lead_id,merged_into,merged_at,kind\nL-3,L-1,2026-03-08T00:00:00Z,merge\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TEGAKARI_HOME", str(tmp_path / "home"))
    folder = tmp_path / "名簿"
    folder.mkdir()
    for name, text in (
        ("leads", LEADS),
        ("events", EVENTS),
        ("changes", CHANGES),
        ("identities", IDENTITIES),
    ):
        (folder / f"{name}.csv").write_text(text, "utf-8")
    return tmp_path


def run(*words: str, code: int = 0) -> Any:
    done = CliRunner().invoke(tegakari.app, list(words))
    assert done.exit_code == code, done.output
    return done


def told(home: Path, *words: str, code: int = 0) -> Any:
    return json.loads(run(*words, "--json", code=code).stdout)


def imported(home: Path, code: int = 3) -> Any:
    return told(home, "import", str(home / "名簿"), "--timezone", "UTC", code=code)


def test_every_row_of_a_table_is_accounted_for_and_none_comes_in_twice(home: Path) -> None:
    first = imported(home)
    for account in first.values():
        parts = ("taken", "duplicates", "refused", "before")
        assert account["rows"] == sum(account[part] for part in parts)
    assert first["events"]["taken"] == 3
    assert first["events"]["duplicates"] == first["events"]["refused"] == 1
    again = imported(home)
    assert [account["taken"] for account in again.values()] == [0, 0, 0, 0]
    assert again["leads"]["before"] == 3
    # What no import can use is put aside each time, so that it is never lost.
    assert again["events"]["refused"] == 1


def test_what_went_in_comes_out(home: Path) -> None:
    imported(home)
    out = home / "out"
    rows = told(home, "export", "--out", str(out))["rows"]
    assert rows == {"leads": 4, "changes": 1, "events": 3, "identities": 1}
    leads = {row["lead_id"]: row for row in pq.read_table(out / "leads.parquet").to_pylist()}
    assert (leads["L-1"]["industry"], leads["L-1"]["employees"]) == ("機械", "120")
    assert leads["L-9"]["created_at"] is None
    (change,) = pq.read_table(out / "changes.parquet").to_pylist()
    assert (change["old_value"], change["new_value"]) == ("電機", "機械")
    events = pq.read_table(out / "events.parquet").to_pylist()
    assert sorted(event["lead_id"] for event in events) == ["L-1", "L-2", "L-9"]
    assert {event["value"] for event in events} == {2.5, None}
    early = told(
        home,
        "export",
        "--out",
        str(home / "early"),
        "--known-at",
        "2026-03-02T12:00:00Z",
        "--kind",
        "csv",
    )
    assert early["rows"] == {"leads": 2, "changes": 0, "events": 0, "identities": 0}
    assert "電機" in (home / "early" / "leads.csv").read_text("utf-8")
    # What was written is read again as what it was.
    assert told(home, "import", str(out), "--timezone", "UTC")["leads"]["refused"] == 0


def test_stored_answers_are_computed_again(home: Path) -> None:
    imported(home)
    settings = Settings()
    playbook = Playbook.load()
    live = Live(playbook, load_all(settings, playbook, playbook.tasks))
    store = Store.open(settings)
    try:
        work = Rescoring(store, lambda: live)
        while work.step():
            pass
        assert told(home, "audit")["compared"] == 3
        store.write(
            lambda commit: commit.connection.exec_driver_sql(
                "UPDATE scores SET points = points + 1"
            )
        )
    finally:
        store.close()
    assert len(told(home, "audit", code=1)["mismatches"]) == 3


def test_a_backup_is_whole_and_erasures_since_are_made_again(home: Path) -> None:
    imported(home)
    backup = told(home, "db", "backup", "--out", str(home / "backup.db"))["backup"]
    settings = Settings()
    store = Store.open(settings)
    try:
        gone = store.write(lambda commit: erase(commit, ["L-2"], store.secret))
        note(settings, store.secret, gone, 1)
    finally:
        store.close()
    restored = told(home, "db", "restore", backup)
    assert restored["erased_again"] == 1
    assert Path(restored["aside"]).exists()
    assert told(home, "export", "--out", str(home / "out"))["rows"]["leads"] == 3
    assert b"L-2" not in (settings.home / "store.db").read_bytes()
    (home / "torn.db").write_bytes(Path(backup).read_bytes()[:5_000])
    refused = run("db", "restore", str(home / "torn.db"), code=1)
    assert refused.exception is not None
    assert told(home, "db", "upgrade") == {"before": newest(), "after": newest()}


def test_keys_are_shown_once(home: Path) -> None:
    made = told(
        home, "keys", "create", "--name", "佐藤", "--owner", "sato", "--scope", "read,score"
    )
    (listed,) = told(home, "keys", "list")["keys"]
    assert (listed["scopes"], listed["holds"]) == (["score", "read"], True)
    assert made["key"] not in json.dumps(listed)
    told(home, "keys", "rotate", made["id"], "--overlap", "1h")
    told(home, "keys", "revoke", made["id"])
    keys = {key["id"]: key["holds"] for key in told(home, "keys", "list")["keys"]}
    assert sorted(keys.values()) == [False, True]
    assert not keys[made["id"]]
    assert run("keys", "create", "--name", "a", "--owner", "b", "--scope", "all", code=1).exception


def test_what_commands_do_to_what_answers_is_in_the_audit(home: Path) -> None:
    settings = Settings()
    assert noted(0, settings, "model promoted", "qualification 1") == 0
    assert not (settings.home / "store.db").exists()
    store = Store.open(settings)
    try:
        assert noted(1, settings, "model promoted", "qualification 1") == 1
        assert noted(0, settings, "model promoted", "qualification 2") == 0
        with store.reading() as connection:
            (entry,) = entries(connection, 10)
    finally:
        store.close()
    assert (entry["actor"], entry["subject"]) == ("command", "qualification 2")


def test_a_promotion_by_training_itself_is_in_the_audit(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trains(*_: object, promoted: Callable[[str], object], **__: object) -> int:
        promoted("3")
        return 0

    monkeypatch.setattr("training.command.run_train", trains)
    (home / "leads.csv").write_text("lead_id\na\n")
    store = Store.open(Settings())
    try:
        run("train", "--leads", str(home / "leads.csv"))
        with store.reading() as connection:
            (entry,) = entries(connection, 10)
    finally:
        store.close()
    assert (entry["action"], entry["subject"]) == ("model promoted", "qualification 3")
