"""How far the import of a file has come: kept in the store, in the commits that brought its rows."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from features.errors import UsageError
from serving.store.statements import marked
from serving.store.store import Store
from serving.store.writer import Commit

T = TypeVar("T")

CHUNK = 5_000
"""Rows of a commit: what the service wants to write waits no longer than one of them takes."""
_AHEAD = 2
"""Commits that are waited for at most while the next rows are made ready."""


class Steps:
    """The commits of the import of one file, in the order of its rows.

    Parameters
    ----------
    path : Path
        A file, or a folder of them; told again by what is in it, not by its name.

    Attributes
    ----------
    done : int
        Rows, from the first, that earlier imports of the same content dealt with.
    """

    def __init__(self, store: Store, table: str, path: Path) -> None:
        self._store = store
        self._name = f"import:{table}:{_print_of(path)}"
        with store.reading() as connection:
            self.done = self._place(connection)
        self._ahead: deque[tuple[Future[Any], Callable[[Any], None]]] = deque()

    def chunks(self, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """The rows from `begin` up to `end` that are not dealt with yet, in parts of a commit."""
        begin = max(begin, self.done)
        while begin < end:
            yield begin, min(begin + CHUNK, end)
            begin += CHUNK

    def commit(
        self, begin: int, end: int, job: Callable[[Commit], T], then: Callable[[T], None]
    ) -> None:
        """Let a job be committed that deals with the rows from `begin` up to `end`.

        The commit says so itself: nothing is doubled or left out, wherever the import ends. `then`
        is called with what the job gave, here or in `finish`.

        Raises
        ------
        UsageError
            When another import of the same content goes on at the same time.
        """

        def whole(commit: Commit) -> T:
            if self._place(commit.connection) != begin:
                raise UsageError(
                    f"Rows {begin + 1:,} to {end:,} were to be imported, and the store has come to "
                    f"row {self._place(commit.connection):,} of this file. Another import of it goes "
                    "on, or a row before could not be written. Run the import again when it has ended."
                )
            answer = job(commit)
            statement = (
                "INSERT INTO progress (name, place) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET place = excluded.place"
            )
            commit.connection.exec_driver_sql(
                marked(commit.connection, statement), (self._name, end)
            )
            return answer

        self._settle(_AHEAD - 1)
        self._ahead.append((self._store.submit(whole), then))

    def finish(self) -> None:
        """Wait until all is committed."""
        self._settle(0)

    def _settle(self, most: int) -> None:
        while len(self._ahead) > most:
            future, then = self._ahead.popleft()
            then(future.result())

    def _place(self, connection: Connection) -> int:
        select = marked(connection, "SELECT place FROM progress WHERE name = ?")
        return int(connection.exec_driver_sql(select, (self._name,)).scalar() or 0)


def _print_of(path: Path) -> str:
    """A hash of what a file, or the files of a folder, hold."""
    told = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as opened:
                told.update(hashlib.file_digest(opened, "sha256").digest())
    return told.hexdigest()[:24]
