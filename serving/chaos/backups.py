"""Backups taken under load: each is put back elsewhere, and holds all that was acknowledged before it began."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from models.settings import Settings
from serving.chaos.ingest import SIZE, Clients, Found, opened
from serving.chaos.postgres import Postgres
from serving.chaos.row import Ground, Row
from serving.process import Service, Unwell, surroundings

TIMES = 5
_BATCHES, _WITHIN = 20, 60.0
"""Batches to wait for before each backup, and the seconds that they may take."""
_ASKED = "every backup can be put back: 0 events lost that were acknowledged before, 0 half batches"


def on_sqlite(ground: Ground) -> Row:
    """Backups of the embedded database, each put into a home of its own."""
    return _backed_up(ground, "backup, SQLite", None, lambda number: None)


def on_postgresql(ground: Ground) -> Row:
    """Backups by PostgreSQL's own tools, each put into a database of its own."""
    with Postgres(ground.folder / "database") as database:

        def another(number: int) -> str:
            with psycopg.connect(database.url, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE again{number}".encode())
            url = make_url(database.url).set(database=f"again{number}")
            return url.render_as_string(hide_password=False)

        return _backed_up(ground, "backup, PostgreSQL", database.url, another)


def _backed_up(
    ground: Ground, name: str, url: str | None, another: Callable[[int], str | None]
) -> Row:
    times, home, went_on = ground.times(TIMES), ground.folder / "home", 0
    files, before = [], []
    with Service(home, ground.folder / "service.log", _address(url)) as service:
        with Clients(service.port) as clients:
            promises = clients.promises
            for number in range(times):
                promises.more_than(len(promises.kept) + _BATCHES, _WITHIN)
                before.append(set(promises.kept))
                files.append(ground.folder / f"{number}.backup")
                _tegakari(home, url, "db", "backup", "--out", str(files[-1]))
                went_on += promises.more_than(len(promises.kept), _WITHIN)
            finished = clients.finish()
        service.stop()
    lost = half = 0
    for number, (file, acknowledged) in enumerate(zip(files, before, strict=True)):
        home, url = ground.folder / f"again-{number}", another(number)
        _tegakari(home, url, "db", "restore", str(file))
        found = Found()
        with (
            opened(Settings(home=home, database_url=url)) as engine,
            engine.connect() as connection,
        ):
            found.look(connection)
        lost += sum(SIZE - found.events[batch] for batch in acknowledged)
        half += len(found.half) + found.twice()
    ok = finished and went_on == times and not (lost or half or promises.wrong)
    measured = (
        f"{len(files)} put back, the last of {len(before[-1]) * SIZE:,} acknowledged events: {lost} lost, "
        f"{half} half or doubled; ingest went on {went_on} of {times} times{promises.others()}"
    )
    done = f"{times} x tegakari db backup while 4 clients send events, then db restore of each"
    return Row(name, done, _ASKED, measured, ok)


def _address(url: str | None) -> Mapping[str, str]:
    return {"TEGAKARI_DATABASE_URL": url} if url else {}


def _tegakari(home: Path, url: str | None, *arguments: str) -> None:
    """Run a verb of the command."""
    environment = {**surroundings(home), **_address(url)}
    command = [sys.executable, "-m", "tegakari", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unwell(f"tegakari {' '.join(arguments[:2])}: {done.stderr[-500:]}")
