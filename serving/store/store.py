"""`Store`: what the rest of the service asks of the database."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from models.settings import Settings
from serving.store.engine import open_engine, schema_name
from serving.store.erasure import secret_of
from serving.store.upgrade import check_version, upgrade
from serving.store.writer import MOST_WAITING, Commit, StoreError, Writer, failure

T = TypeVar("T")


class Store:
    """A database of one company, open to be read by any thread and written by one.

    Attributes
    ----------
    settings : Settings
    engine : Engine
    secret : bytes
        By which erased leads are known again.
    """

    def __init__(
        self, settings: Settings, engine: Engine, committed: Callable[[], None] | None = None
    ) -> None:
        self.engine, self.secret = engine, secret_of(settings)
        self.settings = settings
        # A database that stalls holds up half of the requests that are let in, and no more of them.
        self._writer = Writer(engine, committed, max(1, min(MOST_WAITING, settings.admitted // 2)))

    @classmethod
    def open(cls, settings: Settings, committed: Callable[[], None] | None = None) -> Store:
        """Open the store of the settings, and make it where there is none.

        Raises
        ------
        UsageError
            When its schema is older or newer than this code.
        StoreError
            When the database does not answer.
        """
        settings.home.mkdir(parents=True, exist_ok=True)
        engine = open_engine(settings)
        try:
            if not check_version(engine):
                upgrade(engine, schema_name(settings) if settings.instance else None)
            return cls(settings, engine, committed)
        except BaseException as error:
            engine.dispose()
            if (said := failure(error)) is error:
                raise
            raise said from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view of the store as of one commit; it never waits for writers.

        Raises
        ------
        StoreError
            When the database does not answer.
        """
        try:
            with self.engine.connect() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execution_options(
                        isolation_level="REPEATABLE READ", postgresql_readonly=True
                    )
                with connection.begin():
                    yield connection
        except DBAPIError as error:
            said = failure(error)
            raise said from (None if isinstance(said, StoreError) else error)

    def submit(self, job: Callable[[Commit], T]) -> Future[T]:
        """See `Writer.submit`."""
        return self._writer.submit(job)

    def write(self, job: Callable[[Commit], T]) -> T:
        """See `Writer.write`."""
        return self._writer.write(job)

    @property
    def waiting(self) -> int:
        """See `Writer.waiting`."""
        return self._writer.waiting

    def wipe(self) -> None:
        """See to it that what was erased is in no file any more, as far as no reader needs it."""
        if self.engine.dialect.name == "sqlite":
            with self.engine.connect() as connection, contextlib.suppress(DBAPIError):
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Commit what waits, and let go of the database."""
        self._writer.close()
        self.engine.dispose()


def last_commit(connection: Connection) -> tuple[int, int]:
    """The instant of the last commit that a view of the store holds, and its last event's number."""
    at = connection.exec_driver_sql("SELECT at FROM commits ORDER BY id DESC LIMIT 1").scalar()
    event = connection.exec_driver_sql("SELECT max(id) FROM events").scalar()
    return at or 0, event or 0
