"""Leases: what only one of several processes may do, and another does when that one is gone."""

from __future__ import annotations

from features.instants import SECOND
from serving.store.statements import marked
from serving.store.writer import Commit

LASTS = 10 * SECOND
"""How long a lease is held without being renewed."""


def hold(commit: Commit, name: str, holder: str) -> bool:
    """Take or renew a lease; False while another process has it."""
    connection, until = commit.connection, commit.at + LASTS
    statement = (
        "INSERT INTO leases (name, holder, until) VALUES (?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until "
        "WHERE leases.holder = excluded.holder OR leases.until < ?"
    )
    done = connection.exec_driver_sql(
        marked(connection, statement), (name, holder, until, commit.at)
    )
    return bool(done.rowcount)


def release(commit: Commit, name: str, holder: str) -> None:
    """Let go of a lease, so that another process need not wait for its end."""
    commit.connection.exec_driver_sql(
        marked(commit.connection, "DELETE FROM leases WHERE name = ? AND holder = ?"),
        (name, holder),
    )
