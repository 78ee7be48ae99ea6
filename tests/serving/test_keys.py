"""API keys: shown once, kept as hashes, over when they should be, wherever the store is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import tegakari
from features.errors import UsageError
from features.instants import HOUR, SECOND, now
from models.settings import Settings
from serving import keys
from serving.keys import SCOPES, KeyRing, create, every_key, revoke, rotate
from serving.run import check_keys
from serving.store.audit import entries
from serving.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(Settings(home=tmp_path))
    yield store
    store.close()


@pytest.fixture
def ring(store: Store, tmp_path: Path) -> KeyRing:
    return KeyRing(lambda: store, tmp_path / "keys.json")


def made(store: Store, *scopes: str, expires_at: int | None = None) -> str:
    return store.write(
        lambda commit: create(commit, "Sato, sales", "sato", scopes or SCOPES, expires_at)
    )


def id_of(token: str) -> str:
    return token.split("_")[1]


def actions(store: Store) -> list[tuple[str, str]]:
    with store.reading() as connection:
        return [(entry["actor"], entry["action"]) for entry in entries(connection, 100)]


def test_only_a_hash_of_a_key_is_kept(store: Store, ring: KeyRing, tmp_path: Path) -> None:
    token = made(store)
    ring.refresh()
    assert ring.find(token) is not None
    secret = token.split("_", 2)[2].encode()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"store.db", "keys.json"} <= {path.name for path in files}
    for path in files:
        assert secret not in path.read_bytes(), path.name


def test_a_key_is_its_own_and_no_other(store: Store, ring: KeyRing) -> None:
    first, second = made(store, "read"), made(store, "score", "read")
    ring.refresh()
    found = ring.find(second)
    assert found is not None
    assert (found.key_id, found.owner) == (id_of(second), "sato")
    assert found.scopes == {"score", "read"}
    crossed = f"tgk_{id_of(first)}_{second.split('_', 2)[2]}"
    wrong = [crossed, second[:-1], second + "A", second.upper(), f" {second}", "", "tgk__", "é"]
    assert [ring.find(token) for token in wrong] == [None] * len(wrong)


def test_a_scope_that_is_none_is_refused(store: Store) -> None:
    with pytest.raises(UsageError, match="score, ingest, read, admin, erase"):
        made(store, "everything")
    with pytest.raises(UsageError, match="at least one"):
        store.write(lambda commit: create(commit, "a", "b", ()))
    assert actions(store) == []


def test_a_key_is_over_when_it_expires(
    store: Store, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = now() + HOUR
    token = made(store, expires_at=end)
    ring.refresh()
    monkeypatch.setattr(keys, "now", lambda: end - 1)
    assert ring.find(token) is not None
    monkeypatch.setattr(keys, "now", lambda: end)
    assert ring.find(token) is None


def test_revocation_reaches_those_who_know_the_key_already(store: Store, ring: KeyRing) -> None:
    token = made(store)
    ring.refresh()
    assert ring.find(token) is not None
    store.write(lambda commit: revoke(commit, id_of(token)))
    ring.refresh()
    assert ring.find(token) is None
    # A service whose last key is revoked does not stand open.
    assert ring.locked


def test_a_running_ring_reads_again_by_itself(
    store: Store, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_EVERY", 0.01)
    monkeypatch.setattr(ring, "refresh", (wait := Refreshed(ring)).refresh)
    ring.start()
    try:
        token = made(store)
        wait.twice()
        assert ring.find(token) is not None
    finally:
        ring.close()


class Refreshed:
    """Tells when a ring has been read from beginning to end since it was asked."""

    def __init__(self, ring: KeyRing) -> None:
        from threading import Condition

        self.plain, self.news, self.n = ring.refresh, Condition(), 0

    def refresh(self) -> None:
        self.plain()
        with self.news:
            self.n += 1
            self.news.notify_all()

    def twice(self) -> None:
        with self.news:
            end = self.n + 2
            assert self.news.wait_for(lambda: self.n >= end, timeout=30)


def test_rotation_overlaps(store: Store, ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    old = made(store, "read", "ingest")
    new = store.write(lambda commit: rotate(commit, id_of(old), HOUR))
    ring.refresh()
    before, after = ring.find(old), ring.find(new)
    assert before is not None
    assert after is not None
    assert (before.scopes, before.owner, before.name) == (after.scopes, after.owner, after.name)
    later = now() + HOUR + SECOND
    monkeypatch.setattr(keys, "now", lambda: later)
    assert ring.find(old) is None
    assert ring.find(new) is not None


def test_rotation_gives_the_same_life_again_and_never_lengthens_the_old_one(store: Store) -> None:
    old = made(store, expires_at=now() + HOUR)
    new = store.write(lambda commit: rotate(commit, id_of(old), 48 * HOUR))
    with store.reading() as connection:
        known = {key.id: key for key in every_key(connection)}
    first, second = known[id_of(old)], known[id_of(new)]
    assert first.expires_at is not None
    assert second.expires_at is not None
    assert first.expires_at <= now() + HOUR
    assert second.expires_at - second.created_at == first.expires_at - first.created_at


def test_a_key_that_is_over_gives_no_right_to_another(store: Store) -> None:
    gone = made(store)
    store.write(lambda commit: revoke(commit, id_of(gone)))
    for key_id in (id_of(gone), id_of(made(store, expires_at=now() - 1)), "nobody"):
        before = actions(store)
        with pytest.raises(UsageError, match="tegakari keys"):
            store.write(lambda commit, key_id=key_id: rotate(commit, key_id))  # type: ignore[misc]
        assert actions(store) == before


def test_keys_known_before_work_on_without_the_store(
    store: Store, ring: KeyRing, tmp_path: Path
) -> None:
    token, gone = made(store, "score"), made(store)
    store.write(lambda commit: revoke(commit, id_of(gone)))
    ring.refresh()
    alone = KeyRing(lambda: None, tmp_path / "keys.json")
    alone.refresh()
    assert alone.locked
    assert alone.find(token) is not None
    assert alone.find(gone) is None


def test_a_damaged_file_of_keys_is_not_taken_for_none(
    store: Store, ring: KeyRing, tmp_path: Path
) -> None:
    made(store)
    ring.refresh()
    (tmp_path / "keys.json").write_bytes((tmp_path / "keys.json").read_bytes()[:-9])
    again = KeyRing(lambda: store, tmp_path / "keys.json")
    assert again.locked, "open, before its keys were read"
    again.refresh()
    assert again.locked


def test_without_any_key_nothing_is_locked(store: Store, ring: KeyRing) -> None:
    assert ring.locked, "nobody slips in before the keys are read"
    ring.refresh()
    assert not ring.locked


def test_use_is_written_down_once_an_hour(
    store: Store, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = made(store)
    ring.refresh()
    moment = now()
    for later, times in ((0, 1), (HOUR - 1, 1), (HOUR, 2)):
        monkeypatch.setattr(keys, "now", lambda later=later: moment + later)
        assert ring.find(token) is not None
        store.write(lambda commit: None)
        assert actions(store).count((id_of(token), "key used")) == times


def test_what_is_done_to_keys_is_written_down(store: Store) -> None:
    token = made(store)
    store.write(lambda commit: rotate(commit, id_of(token)))
    store.write(lambda commit: revoke(commit, id_of(token)))
    assert {action for _, action in actions(store)} == {
        "key created",
        "key rotated",
        "key revoked",
    }


def test_nobody_else_is_listened_to_while_there_is_no_key(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    for host in ("127.0.0.1", "::1", "localhost"):
        check_keys(host, settings)
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        with pytest.raises(UsageError, match="tegakari keys create"):
            check_keys(host, settings)
    store = Store.open(settings)
    made(store)
    store.close()
    check_keys("0.0.0.0", settings)


def test_the_command_makes_lists_rotates_and_revokes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEGAKARI_HOME", str(tmp_path))

    def said(*words: str) -> dict[str, Any]:
        ran = CliRunner().invoke(tegakari.app, ["keys", *words, "--json"])
        assert ran.exit_code == 0, ran.output
        found: dict[str, Any] = json.loads(ran.stdout)
        return found

    words = ("--name", "Sato, sales", "--owner", "sato", "--scope", "read,ingest")
    first = said("create", *words, "--expires", "90d")
    second = said("rotate", first["id"], "--overlap", "1h")
    said("revoke", first["id"])
    listed = {key["id"]: key for key in said("list")["keys"]}
    assert set(listed) == {first["id"], second["id"]}
    assert not listed[first["id"]]["holds"]
    assert listed[second["id"]]["holds"]
    assert listed[second["id"]]["scopes"] == ["ingest", "read"]
    assert not any("digest" in key for key in listed.values())
