"""One commit: what jobs write into, and what is told where it fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from features.errors import TegakariError
from features.instants import now
from serving.store.engine import lock_writers
from serving.store.statements import insert


class StoreError(TegakariError):
    """What was to be written is not written."""


class StoreDown(StoreError):
    """The database does not answer."""


class StoreFull(StoreError):
    """There is no room on the disk."""


class StoreBusy(StoreError):
    """More waits to be written than is taken."""


@dataclass
class Commit:
    """What jobs write into.

    Attributes
    ----------
    connection : Connection
    at : int
        The instant that stands in `received_at`; later than that of every commit before.
    leads : dict of str to None
        Whose scores this commit may change, in order.
    """

    connection: Connection
    at: int
    leads: dict[str, None] = field(default_factory=dict)

    def touch(self, leads: Any) -> None:
        """Say of some leads that what is known of them changed."""
        self.leads.update(dict.fromkeys(leads))


@contextmanager
def writing(engine: Engine) -> Iterator[Commit]:
    """One commit, from taking the lock of writers to the news of whose scores it may change."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        lock_writers(connection)
        commit = Commit(connection, _later(connection))
        yield commit
        if commit.leads:
            told = json.dumps(list(commit.leads), ensure_ascii=False)
            insert(connection, "commits", ("at", "leads"), [(commit.at, told)])


def _later(connection: Connection) -> int:
    """Now, or just after the last commit where clocks disagree."""
    last = connection.exec_driver_sql("SELECT at FROM commits ORDER BY id DESC LIMIT 1").scalar()
    return max(now(), (last or 0) + 1)


def failure(error: BaseException) -> BaseException:
    """An error of the database, told as what it means for whoever wanted to write."""
    if not isinstance(error, DBAPIError):
        return error
    text, state = str(error.orig).lower(), getattr(error.orig, "sqlstate", None)
    if "disk is full" in text or state == "53100" or "no space left" in text:
        return StoreFull("There is no room left on the disk of the store; nothing was written.")
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
        return StoreDown("The store does not answer; nothing was written.")
    return error
