"""How the database of the store is opened: SQLite by default, PostgreSQL where the settings say so."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from features.errors import UsageError
from models.settings import Settings

BUSY = 10_000
"""Milliseconds that a writer waits for another one."""


def database_url(settings: Settings) -> URL:
    """``TEGAKARI_DATABASE_URL``, else ``store.db`` under the home folder.

    Raises
    ------
    UsageError
        When it is no address of SQLite or PostgreSQL.
    """
    said = settings.database_url
    if not said:
        return URL.create("sqlite", database=str(settings.home.absolute() / "store.db"))
    try:
        url = make_url(said)
    except ArgumentError:
        raise UsageError(
            "TEGAKARI_DATABASE_URL: expected such as postgresql://user@host/database, got "
            "something that is no address of a database."
        ) from None
    kind = url.get_backend_name()
    if kind == "postgres":  # as some hosts still write it
        kind, url = "postgresql", url.set(drivername="postgresql")
    if kind == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if kind == "sqlite" and url.database:
        return url
    raise UsageError(f"TEGAKARI_DATABASE_URL: expected postgresql:// or sqlite:///, got {kind}://.")


def open_engine(settings: Settings) -> Engine:
    """An engine whose transactions begin as writers where the option ``writes`` is given.

    On SQLite a transaction reads the snapshot it began with, and a writer takes the one lock at
    once, so that nothing it read can change before it writes.
    """
    url = database_url(settings)
    if url.get_backend_name() == "sqlite":
        return open_sqlite(url)
    # Each company has a schema of its own in a database that several share.
    options = {"options": f"-csearch_path={schema_name(settings)}"} if settings.instance else {}
    return create_engine(
        url,
        pool_size=8,
        max_overflow=32,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5, **options},
    )


def open_sqlite(url: URL) -> Engine:
    """An engine on a file, as `open_engine` gives it for the store."""
    engine = create_engine(url, pool_size=8, max_overflow=32)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def schema_name(settings: Settings) -> str:
    """The PostgreSQL schema of an instance."""
    return re.sub(r"\W", "_", settings.instance or "public").lower()


def _prepare_sqlite(connection: Any, record: object) -> None:
    # Transactions begin where SQLAlchemy says so, not where the driver guesses.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={BUSY}",
        "cache_size=-65536",
        # What a savepoint or a statement of many rows could have to take back is kept in memory.
        "temp_store=MEMORY",
        # Pages are written into the file after so many, and most of them only once then.
        "wal_autocheckpoint=8000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def lock_writers(connection: Any) -> None:
    """On PostgreSQL, wait until no other process writes, so that commits come in the order of ids."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(current_schema()), 7)"))
