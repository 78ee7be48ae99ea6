"""PostgreSQL goes away under load and comes back: scores go on, and then everything does."""

from __future__ import annotations

from threading import Event

from models.settings import Settings
from serving.chaos.asking import Asking
from serving.chaos.ingest import Clients, Found, opened
from serving.chaos.postgres import Postgres
from serving.chaos.row import Ground, Row
from serving.process import Service

OUTAGES = 5
_BEFORE, _AWAY, _AFTER = 2.0, 3.0, 60.0
"""Seconds of load before PostgreSQL ends, that it is away, and in which ingest has to go on."""
_ASKED = (
    "meanwhile ingest 503 with Retry-After, scores 200; afterwards everything goes on by itself, "
    "0 acknowledged events lost, 0 doubled"
)


def on_postgresql(ground: Ground) -> Row:
    """PostgreSQL stopped and started under load."""
    outages, pause, went_on = ground.times(OUTAGES), Event(), 0
    with Postgres(ground.folder / "database") as database:
        settings = Settings(home=ground.folder / "home", database_url=database.url)
        environment = {"TEGAKARI_DATABASE_URL": database.url}
        with Service(settings.home, ground.folder / "service.log", environment) as service:
            with Asking(service.port) as asking, Clients(service.port) as clients:
                for _ in range(outages):
                    pause.wait(_BEFORE)
                    database.stop()
                    pause.wait(_AWAY)
                    before = len(clients.promises.kept)
                    database.start()
                    went_on += clients.promises.more_than(before, _AFTER)
                finished = clients.finish()
            service.stop()
        found = Found()
        with opened(settings) as engine, engine.connect() as connection:
            found.look(connection)
    promises = clients.promises
    lost, twice, told = found.lost(promises), found.twice(), promises.said[503]
    ok = finished and told > 0 and went_on == outages and not asking.failed
    ok = ok and not (lost or twice or found.half or promises.wrong or "none" in promises.waits)
    measured = (
        f"{told:,} x 503 with Retry-After {', '.join(sorted(promises.waits)) or 'none'}; "
        f"{asking.said[200]:,} scores, {asking.failed} failed, the slowest {asking.slowest:.2f} s; "
        f"went on {went_on} of {outages} times; {len(promises.kept) * 50:,} events acknowledged: "
        f"{lost} lost, {twice} doubled, {len(found.half)} half batches{promises.others()}"
    )
    done = (
        f"{outages} x PostgreSQL stopped for {_AWAY:g} s while 4 clients send events and one asks"
    )
    return Row("PostgreSQL away", done, _ASKED, measured, ok)
