"""From an event that was accepted to the changed row in the ranked list, at a steady rate."""

from __future__ import annotations

import http.client
import json
import random
import sqlite3
import time
from collections import deque
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import numpy as np

from features.times import parse_one
from serving.bench.figure import Figure
from serving.process import Service, Unwell

RATE, SIZE, LEADS = 1_000, 50, 20_000
"""Events a second, events of a batch, and leads that they are of."""
_WATCHED = 5
"""Leads of each batch whose rows are waited for."""
_LOOK = 0.01
_WARM, _LATEST = 5.0, 30.0
ASKED = 1.0
"""Seconds, of 99 in 100 events."""


def fresh(home: Path, folder: Path, *, seconds: float, turns: int) -> list[Figure]:
    """Send events for as long as all turns take, and watch the rows of the list in the database."""
    with Service(home, folder / "log") as service:
        watch = _Watch(home / "store.db")
        with watch:
            _send(service.port, watch, _WARM, count=False)
            _send(service.port, watch, max(10.0, seconds * turns), count=True)
        service.stop()
    took = np.array(watch.took)
    p50, p99 = np.quantile(took, (0.5, 0.99))
    return [
        Figure(
            f"accepted event to changed row in the list, {RATE:,} events/s",
            f"p99 {p99:.2f} s, p50 {p50:.2f} s, the longest {took.max():.2f} s",
            asked=f"p99 under {ASKED:g} s",
            met=bool(p99 < ASKED),
        )
    ]


class _Watch:
    """Looks into the list until the rows of leads know of what was accepted.

    Attributes
    ----------
    took : list of float
        Seconds from the commit of an event to the row that knows of it, of those that count.
    """

    def __init__(self, store: Path) -> None:
        self.took: list[float] = []
        self._store, self._stop = store, Event()
        self._waiting: deque[tuple[str, int, bool]] = deque()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._stop.set()
        self._thread.join()

    def add(self, leads: list[str], received_at: int, *, count: bool) -> None:
        """Wait for the rows of leads."""
        self._waiting.extend((lead, received_at, count) for lead in leads)

    def _run(self) -> None:
        with closing(sqlite3.connect(f"file:{self._store}?mode=ro", uri=True)) as connection:
            while self._waiting or not self._stop.wait(_LOOK):
                waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
                for one in waiting:
                    self._look(connection, *one)
                self._stop.wait(_LOOK)

    def _look(self, connection: sqlite3.Connection, lead: str, since: int, count: bool) -> None:
        select = "SELECT known_at FROM ranked WHERE lead_id = ?"
        row = connection.execute(select, (lead,)).fetchone()
        waited = time.time() - since / 1e6
        if row is None or row[0] < since:
            if waited > _LATEST:
                raise Unwell(f"A row of the list was not fresh within {_LATEST:g} s.")
            self._waiting.append((lead, since, count))
        elif count:
            self.took.append(waited)


def _send(port: int, watch: _Watch, seconds: float, *, count: bool) -> None:
    """Send batches at the rate, from one client."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    seeded, pause, begin = random.Random(3), Event(), time.monotonic()
    for number in range(round(seconds * RATE / SIZE)):
        pause.wait(max(0.0, begin + number * SIZE / RATE - time.monotonic()))
        at = datetime.now(UTC).isoformat()
        leads = [f"F{seeded.randrange(LEADS):05}" for _ in range(SIZE)]
        events = [
            {"lead_id": lead, "event_type": "price_page_view", "occurred_at": at} for lead in leads
        ]
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/events", json.dumps({"events": events}), headers)
        answer = connection.getresponse()
        said = json.loads(answer.read())
        if answer.status != 202:
            raise Unwell(f"Events were answered with {answer.status}.")
        received_at = parse_one(said["received_at"], None, "received_at")
        watch.add(seeded.sample(leads, _WATCHED), received_at, count=count)
    connection.close()
