"""SIGKILL during ingest, a hundred times: nothing acknowledged is lost, nothing doubled, no half batch."""

from __future__ import annotations

import random
from collections.abc import Callable
from threading import Event

from sqlalchemy import Connection

from models.settings import Settings
from serving.chaos.forks import ForkedService
from serving.chaos.ingest import Clients, Found, opened
from serving.chaos.postgres import Postgres
from serving.chaos.row import Ground, Row

KILLS = 100
_EARLIEST, _LATEST = 0.02, 0.4
"""Seconds from the first answer of a service to its end."""
_DATABASE_EVERY = 10
"""With every so manieth kill of the service its PostgreSQL is killed too."""
_ASKED = "0 acknowledged events lost, 0 doubled, 0 half batches"


def on_sqlite(ground: Ground) -> Row:
    """Kills on the embedded database."""
    return _killed(ground, "kill -9, SQLite", None, lambda number: None)


def on_postgresql(ground: Ground) -> Row:
    """Kills on PostgreSQL, every tenth time with PostgreSQL itself."""
    with Postgres(ground.folder / "database") as database:

        def kill_too(number: int) -> None:
            if number % _DATABASE_EVERY == 0:
                database.kill()
                database.start()

        return _killed(ground, "kill -9, PostgreSQL", database.url, kill_too)


def _killed(ground: Ground, name: str, url: str | None, also: Callable[[int], None]) -> Row:
    home, kills = ground.folder / "home", ground.times(KILLS)
    settings = Settings(home=home, database_url=url)
    environment = {"TEGAKARI_DATABASE_URL": url} if url else {}
    service = ForkedService(home, ground.folder / "service.log", environment)
    found, seeded, pause = Found(), random.Random(8), Event()
    try:
        service.start()
        with Clients(service.port) as clients, opened(settings) as engine:
            for number in range(1, kills + 1):
                pause.wait(seeded.uniform(_EARLIEST, _LATEST))
                service.kill()
                also(number)
                # Connections from before a kill of the database are no good any more.
                engine.dispose()
                with engine.connect() as connection:
                    found.look(connection)
                service.start()
            finished = clients.finish()
            service.stop()
            with engine.connect() as connection:
                found.look(connection)
                sound = url is not None or _sound(connection)
    finally:
        service.close()
    promises = clients.promises
    lost, twice = found.lost(promises), found.twice()
    measured = (
        f"{len(promises.kept) * 50:,} events acknowledged, {promises.said[0]:,} requests broken "
        f"off: {lost} lost, {twice} doubled, {len(found.half)} half batches{promises.others()}"
    )
    if not sound:
        measured += "; SQLite finds its file damaged"
    done = f"{kills} x kill -9 of the service while 4 clients send batches of 50"
    if url:
        done += f"; with every {_DATABASE_EVERY}th kill -9 of PostgreSQL"
    ok = finished and sound and not (lost or twice or found.half or promises.wrong)
    return Row(name, done, _ASKED, measured, ok)


def _sound(connection: Connection) -> bool:
    """Whether SQLite finds nothing wrong with its file."""
    said = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
    return bool(said == "ok")
