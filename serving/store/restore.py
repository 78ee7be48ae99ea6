"""A backup takes the place of the store; who was erased since it was taken is erased again."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
from pathlib import Path

from sqlalchemy.engine import URL

from features.errors import UsageError
from features.instants import now
from models.settings import Settings
from serving.store.backup import address, backup, file_of, run_tool, whole
from serving.store.engine import database_url, open_engine, open_sqlite, schema_name
from serving.store.erased import Erased, closing
from serving.store.upgrade import present, refuse_newer, upgrade


def restore(settings: Settings, file: Path) -> tuple[Path | None, int]:
    """Put a backup in the place of the store, and erase again who was erased since it was taken.

    A backup of an earlier version is brought up to date.

    Returns
    -------
    aside : Path or None
        Where the store that was there is now; None where there was none.
    erased : int
        Leads erased again.

    Raises
    ------
    UsageError
        When the file is no whole backup, or of a newer version, or the store is in use; nothing has
        been changed then.
    """
    if not file.is_file():
        raise UsageError(f"{file}: expected a backup, and there is no such file.")
    url = database_url(settings)
    erased = Erased.of(settings)
    if url.get_backend_name() == "sqlite":
        return _restore_file(file, file_of(url), erased)
    return _restore_dump(settings, file, url, erased)


def _restore_file(file: Path, target: Path, erased: Erased) -> tuple[Path | None, int]:
    """Everything is done to a copy, which then takes the place of the store at once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    ready = target.with_name(f"{target.name}.restored")
    try:
        with whole(ready) as part:
            shutil.copyfile(file, part)
            _check(part, file)
        engine = open_sqlite(URL.create("sqlite", database=str(ready)))
        with closing(engine):
            upgrade(engine)
            again = erased.erase_again(engine)
        with contextlib.closing(sqlite3.connect(ready)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
        aside = _set_aside(target) if target.exists() else None
        os.replace(ready, target)
    finally:
        for left in target.parent.glob(f"{target.name}.restored*"):
            left.unlink()
    return aside, again


def _check(part: Path, file: Path) -> None:
    try:
        with contextlib.closing(sqlite3.connect(part)) as connection:
            (said,) = connection.execute("PRAGMA integrity_check").fetchone()
            (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.DatabaseError, TypeError) as error:
        raise UsageError(
            f"{file}: expected a backup of a store, got something else ({error}). The store is as "
            "it was."
        ) from None
    if said != "ok":
        raise UsageError(f"{file}: the backup is damaged. The store is as it was.")
    refuse_newer(version)


def _set_aside(target: Path) -> Path:
    """Keep the store that is there under another name, in which everything of it is.

    Raises
    ------
    UsageError
        When a process has it open: what that one goes on writing would be lost.
    """
    aside = target.with_name(f"{target.stem}-before-{now() // 1_000}.db")
    try:
        with contextlib.closing(sqlite3.connect(target, timeout=1)) as connection:
            # Only who is alone with it can do this; what is in the log goes into the file.
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError:
        raise UsageError(
            f"{target} is in use. Stop the service, then restore; the store is as it was."
        ) from None
    except sqlite3.DatabaseError:
        # It cannot be read any more, which is why one restores. Its log goes along.
        for end in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{target}{end}", f"{aside}{end}")
    try:
        os.link(target, aside)  # There is a store at every moment.
    except OSError:
        os.replace(target, aside)
    return aside


def _restore_dump(
    settings: Settings, file: Path, url: URL, erased: Erased
) -> tuple[Path | None, int]:
    schema = schema_name(settings)
    said = run_tool(
        "pg_restore", url, "--data-only", "--table=alembic_version", "--file=-", str(file)
    )
    found = re.search(r"^COPY (\S+)\.alembic_version .*\n(\S+)$", said, re.MULTILINE)
    if found is None:
        raise UsageError(f"{file}: expected a backup of a store, got another dump of PostgreSQL.")
    if (named := found[1].strip('"')) != schema:
        raise UsageError(
            f"{file}: the backup is of the schema {named}, and this store is in {schema}. Set "
            "TEGAKARI_INSTANCE to what it was."
        )
    refuse_newer(found[2])
    engine = open_engine(settings)
    with closing(engine):
        with engine.connect() as connection:
            there = present(connection) is not None
        aside = None
        if there:
            aside = settings.home / "backups" / f"store-before-{now() // 1_000}.db"
            backup(settings, aside)
        engine.dispose()
        run_tool(
            "pg_restore",
            url,
            address(url),
            "--clean",
            "--if-exists",
            "--exit-on-error",
            "--single-transaction",
            str(file),
        )
        upgrade(engine, schema if settings.instance else None)
        return aside, erased.erase_again(engine)
