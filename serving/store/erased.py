"""Who was erased, as all that is left of it tells, so that a restored store is without them too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from models.settings import Settings
from serving.store.backup import file_of
from serving.store.engine import database_url, open_engine
from serving.store.erasure import digest, forget, notes, secret_of
from serving.store.statements import insert, marked
from serving.store.writer import writing


@dataclass(frozen=True)
class Erased:
    """Erasures by what the present store and the file beside it tell.

    Attributes
    ----------
    at : mapping
        Keyed hash of a lead's id -> the instant at which it was erased.
    lifted : frozenset of str
        Keyed hashes of leads that were erased once, and may be told of again.
    secret : bytes
    """

    at: Mapping[str, int]
    lifted: frozenset[str]
    secret: bytes

    @classmethod
    def of(cls, settings: Settings) -> Erased:
        """Read them.

        Raises
        ------
        UsageError
            When the file beside the store is damaged.
        """
        erasures, lifted = notes(settings)
        tombstones = _tombstones(settings)
        return cls(
            {**tombstones, **erasures},
            frozenset(lifted.keys() - tombstones.keys()),
            secret_of(settings),
        )

    def erase_again(self, engine: Engine) -> int:
        """Bring a store that was before them up to them; how many leads were erased."""
        with writing(engine) as commit:
            connection = commit.connection
            there = {row[0] for row in connection.exec_driver_sql("SELECT digest FROM tombstones")}
            late = {name: at for name, at in self.at.items() if name not in there}
            again: list[str] = []
            if late:
                rows = connection.exec_driver_sql(
                    "SELECT lead_id FROM leads UNION SELECT lead_id FROM scores "
                    "UNION SELECT lead_id FROM quarantine WHERE lead_id IS NOT NULL"
                )
                again = [row[0] for row in rows if digest(self.secret, row[0]) in late]
            forget(commit, again, self.secret)
            columns, end = ("digest", "erased_at"), "ON CONFLICT (digest) DO NOTHING"
            insert(connection, "tombstones", columns, list(late.items()), end)
            for name in sorted(self.lifted & there):
                delete = marked(connection, "DELETE FROM tombstones WHERE digest = ?")
                connection.exec_driver_sql(delete, (name,))
        return len(again)


def _tombstones(settings: Settings) -> dict[str, int]:
    """Everybody who was erased, as far as the present store tells."""
    url = database_url(settings)
    if url.get_backend_name() == "sqlite" and not file_of(url).is_file():
        return {}
    engine = open_engine(settings)
    # A store that cannot be read any more, or has no tables yet, may be why one restores.
    with closing(engine), contextlib.suppress(DBAPIError), engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT digest, erased_at FROM tombstones")
        return {row[0]: row[1] for row in rows}
    return {}


@contextmanager
def closing(engine: Engine) -> Iterator[None]:
    """Let go of a database when the block ends."""
    try:
        yield
    finally:
        engine.dispose()
