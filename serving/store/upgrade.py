"""The schema's version: made on an empty database, brought up to date when asked, refused if newer."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from features.errors import UsageError

_MIGRATIONS = Path(__file__).parent / "migrations"


def newest() -> str:
    """The version of the schema that this code works with."""
    head = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    assert head is not None
    return head


def present(connection: Connection) -> str | None:
    """The version that a database has; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: Engine, schema: str | None = None) -> tuple[str | None, str]:
    """Bring a database to the present schema; which version it had, and which it has.

    Parameters
    ----------
    schema : str, optional
        The PostgreSQL schema to make first, where an instance has one.

    Raises
    ------
    UsageError
        When the database is newer than this code.
    """
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            # Two processes that start at once must not both make the tables.
            connection.execute(text("SELECT pg_advisory_xact_lock(7007)"))
            if schema and schema != "public":
                connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
        before = present(connection)
        refuse_newer(before)
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        after = present(connection)
        assert after is not None
        return before, after


def check_version(engine: Engine) -> bool:
    """Whether a database can be served as it is; False for an empty one.

    Raises
    ------
    UsageError
        When it is older or newer than this code.
    """
    with engine.connect() as connection:
        found = present(connection)
        if found is None:
            return False
    refuse_newer(found)
    if found != newest():
        raise UsageError(
            f"The store has schema {found}, and this version of Tegakari needs {newest()}. "
            "Run: tegakari db backup, then tegakari db upgrade."
        )
    return True


def refuse_newer(found: str | None) -> None:
    """Refuse a version of the schema that this code does not know.

    Raises
    ------
    UsageError
        Naming both.
    """
    known = {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
    if found is not None and found not in known:
        raise UsageError(
            f"The store has schema {found}, which a newer version of Tegakari made; this one knows "
            f"{newest()}. Install the newer version again, or name another database in "
            "TEGAKARI_DATABASE_URL."
        )
