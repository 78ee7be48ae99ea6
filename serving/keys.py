"""API keys: shown once, stored as a hash, known to every worker within seconds.

A key is ``tgk_<id>_<secret>``. The secret is 256 random bits, so that one round of SHA-256 is as good
a hash as a slow one, and cheap enough for every request.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from threading import Event, Thread
from typing import Any

from sqlalchemy import Connection

from features.errors import UsageError
from features.instants import HOUR, iso, now
from features.writing import write_whole
from serving.store.audit import record
from serving.store.statements import insert, marked
from serving.store.store import Store
from serving.store.writer import Commit, StoreError

_LOG = logging.getLogger(__name__)

SCOPES = ("score", "ingest", "read", "admin", "erase")
OVERLAP = 24 * HOUR
"""How long the old secret of a rotated key still works."""

_TOKEN = re.compile(r"tgk_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_EVERY = 1.0
_COLUMNS = ("id", "name", "owner", "scopes", "digest", "created_at", "expires_at", "revoked_at")


@dataclass(frozen=True)
class Principal:
    """Whose key a request came with."""

    key_id: str
    name: str
    owner: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class Key:
    """A key as it is stored."""

    id: str
    name: str
    owner: str
    scopes: str
    digest: str
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None

    @cached_property
    def principal(self) -> Principal:
        """Who comes with it."""
        return Principal(self.id, self.name, self.owner, frozenset(self.scopes.split(",")))

    def holds(self, at: int) -> bool:
        """Whether it may be used at an instant."""
        return (self.expires_at is None or at < self.expires_at) and (
            self.revoked_at is None or at < self.revoked_at
        )

    def to_json(self) -> dict[str, Any]:
        """Without its hash."""
        return {
            "id": self.id,
            "name": self.name,
            "owner": self.owner,
            "scopes": self.scopes.split(","),
            "created_at": iso(self.created_at),
            "expires_at": None if self.expires_at is None else iso(self.expires_at),
            "revoked_at": None if self.revoked_at is None else iso(self.revoked_at),
            "holds": self.holds(now()),
        }


def create(
    commit: Commit,
    name: str,
    owner: str,
    scopes: Sequence[str],
    expires_at: int | None = None,
    actor: str = "command",
) -> str:
    """Make a key; the key itself, which is nowhere but in what this gives back.

    Raises
    ------
    UsageError
        When a scope is none.
    """
    for scope in scopes:
        if scope not in SCOPES:
            raise UsageError(f"--scope: expected some of {', '.join(SCOPES)}, got {scope!r}.")
    if not scopes:
        raise UsageError(f"--scope: expected at least one of {', '.join(SCOPES)}.")
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    told = ",".join(scope for scope in SCOPES if scope in scopes)
    row = (key_id, name, owner, told, _digest(secret), commit.at, expires_at, None)
    insert(commit.connection, "keys", _COLUMNS, [row])
    record(commit, actor, "key created", key_id, {"name": name, "owner": owner, "scopes": told})
    return f"tgk_{key_id}_{secret}"


def rotate(commit: Commit, key_id: str, overlap: int = OVERLAP) -> str:
    """Make a key with the same name, owner, scopes and life; the old one works for `overlap` more.

    Raises
    ------
    UsageError
        When there is no such key, or it may not be used any more: it gives no right to another.
    """
    old = _found(commit.connection, key_id)
    if not old.holds(commit.at):
        raise UsageError(
            f"The key {key_id} is expired or revoked. Make another one with tegakari keys create."
        )
    life = None if old.expires_at is None else old.expires_at - old.created_at
    expires_at = None if life is None else commit.at + life
    token = create(commit, old.name, old.owner, old.scopes.split(","), expires_at)
    end = commit.at + overlap
    ends = end if old.expires_at is None else min(end, old.expires_at)
    statement = marked(commit.connection, "UPDATE keys SET expires_at = ? WHERE id = ?")
    commit.connection.exec_driver_sql(statement, (ends, key_id))
    record(commit, "command", "key rotated", key_id, {"until": iso(ends)})
    return token


def revoke(commit: Commit, key_id: str) -> None:
    """End a key at once."""
    _found(commit.connection, key_id)
    statement = marked(
        commit.connection, "UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL"
    )
    commit.connection.exec_driver_sql(statement, (commit.at, key_id))
    record(commit, "command", "key revoked", key_id)


def every_key(connection: Connection) -> list[Key]:
    """All keys, the newest first."""
    rows = connection.exec_driver_sql(
        f"SELECT {', '.join(_COLUMNS)} FROM keys ORDER BY created_at DESC, id"
    )
    return [Key(*row) for row in rows]


def _found(connection: Connection, key_id: str) -> Key:
    for key in every_key(connection):
        if key.id == key_id:
            return key
    raise UsageError(f"There is no key {key_id!r}. tegakari keys list shows those there are.")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


class KeyRing:
    """The keys as this process knows them: read again every second, and kept when the store is down.

    Parameters
    ----------
    store : callable
        The store; None while its database does not answer.
    kept : Path
        A file of hashes, by which keys are known at a start without the store.
    """

    def __init__(self, store: Callable[[], Store | None], kept: Path) -> None:
        self._store, self._kept = store, kept
        self._keys: dict[str, Key] = {}
        self._read = False
        self._used: dict[str, int] = {}
        self._stop = Event()
        self._recall()
        self._thread: Thread | None = None

    @property
    def locked(self) -> bool:
        """Whether there has ever been a key, so that every request needs one.

        It is so too while the store is open and its keys have not been read: nobody may slip in.
        """
        return bool(self._keys) or (not self._read and self._store() is not None)

    def find(self, token: str) -> Principal | None:
        """Whose key this is; None unless it may be used now."""
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            return None
        key = self._keys.get(parts[1])
        right = hmac.compare_digest(_digest(parts[2]), key.digest if key else _digest(""))
        moment = now()
        if key is None or not right or not key.holds(moment):
            return None
        if moment - self._used.get(key.id, 0) >= HOUR:
            self._note(key, moment)
        return key.principal

    def refresh(self) -> None:
        """Read the keys again; what is known stays where the store does not answer."""
        store = self._store()
        if store is None:
            return
        try:
            with store.reading() as connection:
                keys = {key.id: key for key in every_key(connection)}
        except StoreError:
            return
        changed, self._keys, self._read = keys != self._keys, keys, True
        if changed:
            told = json.dumps([asdict(key) for key in keys.values()]).encode()
            write_whole(self._kept, lambda file: file.write(told))

    def start(self) -> None:
        """Read the keys now, and again every second."""
        self.refresh()
        self._thread = Thread(target=self._run, name="keys", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Read no more."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_EVERY):
            try:
                self.refresh()
            except Exception as error:
                _LOG.error("keys cannot be read again (%s)", type(error).__name__)

    def _recall(self) -> None:
        try:
            self._keys = {key["id"]: Key(**key) for key in json.loads(self._kept.read_bytes())}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, KeyError):
            _LOG.warning("%s cannot be read; keys are known when the store answers", self._kept)

    def _note(self, key: Key, moment: int) -> None:
        """Write down, once an hour, that a key is used."""
        store = self._store()
        if store is None:
            return

        def job(commit: Commit) -> None:
            statement = "UPDATE keys SET last_used_at = ? WHERE id = ?"
            commit.connection.exec_driver_sql(
                marked(commit.connection, statement), (moment, key.id)
            )
            record(commit, key.id, "key used")

        with suppress(StoreError):
            store.submit(job)
            self._used[key.id] = moment
