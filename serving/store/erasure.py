"""Erasure: nothing of a lead stays but a keyed hash of its id, so that it cannot come back by replay."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection

from features.errors import UsageError
from features.instants import iso
from features.times import parse_one
from models.settings import Settings
from serving.store.merging import root_again
from serving.store.statements import insert, marked, select_in
from serving.store.writer import Commit

_OF_LEAD = ("scores", "ranked", "quarantine", "changes", "events", "leads")


def secret_of(settings: Settings) -> bytes:
    """The secret of tombstones: ``TEGAKARI_SECRET``, else the file ``secret`` of the home folder.

    Whoever has it can find out whether a lead was erased, and nobody else: a plain hash of an id
    could be found by trying all ids.
    """
    if settings.secret:
        return settings.secret.encode()
    path = settings.home / "secret"
    settings.home.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
    return _read(path)


def _read(path: Path) -> bytes:
    # Another process may be writing it just now.
    for _ in range(100):
        if said := path.read_bytes().strip():
            return said
    raise UsageError(f"{path}: expected a secret of a line, got an empty file. Remove it.")


def digest(secret: bytes, lead_id: str) -> str:
    """The keyed hash by which an erased lead is known again."""
    return hmac.new(secret, lead_id.encode(), hashlib.sha256).hexdigest()


def erased(connection: Connection, lead_ids: Sequence[str], secret: bytes) -> set[str]:
    """Those of some leads that were erased."""
    # Most often nobody was, and a keyed hash takes longer than a look.
    if connection.exec_driver_sql("SELECT 1 FROM tombstones LIMIT 1").first() is None:
        return set()
    names = {digest(secret, lead_id): lead_id for lead_id in lead_ids}
    rows = select_in(connection, "SELECT digest FROM tombstones WHERE digest", list(names))
    return {names[row[0]] for row in rows}


def erase(commit: Commit, lead_ids: Sequence[str], secret: bytes) -> list[str]:
    """Erase leads and those merged into them, with all that was kept of them; which they were.

    SQLite overwrites what is deleted with zeros.
    """
    family = [
        row[0]
        for row in select_in(commit.connection, "SELECT lead_id FROM leads WHERE root", lead_ids)
    ]
    everyone = list(dict.fromkeys([*lead_ids, *family]))
    forget(commit, everyone, secret)
    return everyone


def forget(commit: Commit, lead_ids: Sequence[str], secret: bytes) -> None:
    """Erase these leads and no others; who was merged into one of them is a lead of its own again."""
    connection, gone = commit.connection, set(lead_ids)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
    parted = [
        row[0]
        for row in select_in(
            connection, "SELECT lead_id FROM identities WHERE merged_into", lead_ids
        )
        if row[0] not in gone
    ]
    for lead_id in lead_ids:
        for table in _OF_LEAD:
            connection.exec_driver_sql(
                marked(connection, f"DELETE FROM {table} WHERE lead_id = ?"), (lead_id,)
            )
        connection.exec_driver_sql(
            marked(connection, "DELETE FROM identities WHERE lead_id = ? OR merged_into = ?"),
            (lead_id, lead_id),
        )
    for lead_id in dict.fromkeys(parted):
        root_again(commit, lead_id)
    _forget_commits(connection, gone)
    insert(
        connection,
        "tombstones",
        ("digest", "erased_at"),
        [(digest(secret, lead_id), commit.at) for lead_id in lead_ids],
        "ON CONFLICT (digest) DO NOTHING",
    )


def _forget_commits(connection: Connection, gone: set[str]) -> None:
    """Take the ids out of what is left of the news of commits."""
    for number, told in connection.exec_driver_sql("SELECT id, leads FROM commits").fetchall():
        leads = json.loads(told)
        if not gone.isdisjoint(leads):
            kept = json.dumps([one for one in leads if one not in gone], ensure_ascii=False)
            connection.exec_driver_sql(
                marked(connection, "UPDATE commits SET leads = ? WHERE id = ?"), (kept, number)
            )


def lift(commit: Commit, lead_id: str, secret: bytes) -> bool:
    """Let an erased lead come again; whether there was a tombstone."""
    done = commit.connection.exec_driver_sql(
        marked(commit.connection, "DELETE FROM tombstones WHERE digest = ?"),
        (digest(secret, lead_id),),
    )
    return bool(done.rowcount)


def note(
    settings: Settings, secret: bytes, lead_ids: Sequence[str], at: int, *, lifted: bool = False
) -> None:
    """Write erasures into ``erasures.jsonl`` of the home folder, for backups from before them.

    Parameters
    ----------
    lifted : bool
        Whether they are no longer: the leads may be told of again.
    """
    what = "lifted_at" if lifted else "erased_at"
    lines = [json.dumps({"digest": digest(secret, one), what: iso(at)}) for one in lead_ids]
    with _noted(settings).open("a") as file:
        # On a line of its own, even after one that was torn.
        file.write("".join(f"\n{line}" for line in lines) + "\n")
        file.flush()
        os.fsync(file.fileno())


def notes(settings: Settings) -> tuple[dict[str, int], dict[str, int]]:
    """Who is erased, and whose erasure was lifted, each with the instant, as they were written down.

    Raises
    ------
    UsageError
        When a line is something else.
    """
    erasures: dict[str, int] = {}
    lifted: dict[str, int] = {}
    path = _noted(settings)
    lines = path.read_text().splitlines() if path.is_file() else []
    for number, line in enumerate(lines, 1):
        if not line.endswith("}"):
            continue  # Empty, or torn: what it was written for was not committed.
        try:
            said = json.loads(line)
            name, at = said["digest"], said.get("erased_at") or said["lifted_at"]
        except (ValueError, KeyError, TypeError):
            raise UsageError(
                f"{path}, line {number}: expected an erasure, got something else. Mend the line, or "
                "erase again whom it told of and remove it."
            ) from None
        was, now = (lifted, erasures) if "erased_at" in said else (erasures, lifted)
        was.pop(name, None)
        now[name] = parse_one(at, None, f"{path}, line {number}")
    return erasures, lifted


def _noted(settings: Settings) -> Path:
    return settings.home / "erasures.jsonl"
