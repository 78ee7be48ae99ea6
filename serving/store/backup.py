"""Backups: the whole store as one file, taken while it is being written to."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import URL

from features.errors import UsageError
from models.settings import Settings
from serving.store.engine import database_url, schema_name


def backup(settings: Settings, out: Path) -> Path:
    """Write the store into a file, whole or not at all.

    Raises
    ------
    UsageError
        When there is no store, the file is there, or PostgreSQL's own tools are not.
    """
    if out.exists():
        raise UsageError(f"{out} is there already. Name another file with --out.")
    url = database_url(settings)
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole(out) as part:
        if url.get_backend_name() == "sqlite":
            _copy(file_of(url), part)
        else:
            run_tool(
                "pg_dump",
                url,
                address(url),
                "--format=custom",
                f"--schema={schema_name(settings)}",
                "--file",
                str(part),
            )
    return out


def _copy(source: Path, target: Path) -> None:
    """SQLite's online backup: a consistent copy, whatever is written meanwhile."""
    if not source.is_file():
        raise UsageError(f"There is no store at {source} yet.")
    with (
        contextlib.closing(
            sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)
        ) as here,
        contextlib.closing(sqlite3.connect(target)) as there,
    ):
        here.backup(there)
        there.execute("PRAGMA journal_mode=DELETE")


def file_of(url: URL) -> Path:
    """The file of an SQLite database."""
    return Path(str(url.database))


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place once it is written."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def run_tool(tool: str, url: URL, *options: str) -> str:
    """Run one of PostgreSQL's own tools, and give what it printed; the password goes by the environment.

    Raises
    ------
    UsageError
        When it is not installed, or fails.
    """
    if shutil.which(tool) is None:
        raise UsageError(f"{tool} is not installed; on Debian: apt-get install postgresql-client")
    environment = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    done = subprocess.run(
        [tool, *options], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise UsageError(f"{tool} failed: {said}")
    return done.stdout


def address(url: URL) -> str:
    """The option by which PostgreSQL's tools are told of a database, without its password."""
    return f"--dbname={url.set(drivername='postgresql', password=None).render_as_string()}"
