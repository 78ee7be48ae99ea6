"""Clients that send events and remember what they were promised; what of it the store then holds.

Half of the batches carry the ids of their events, the other half an ``Idempotency-Key`` and no ids.
Every batch is sent again and again until it is acknowledged, and only then the next one. So of each
there is in the end

    acknowledged   all events, once
    at any moment  all events or none: a batch is one commit
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Condition, Event, Thread

from sqlalchemy import Connection, Engine

from models.settings import Settings
from serving.store.engine import open_engine
from serving.store.statements import marked

SIZE = 50
"""Events of a batch."""
_LEADS = 2_000
_AGAIN = 0.02
_TYPES = ("price_page_view", "email_open", "email_click", "demo_request", "web_visit")


@dataclass
class Promises:
    """What clients were told, from all their threads.

    Attributes
    ----------
    kept : set of str
        The batches that were acknowledged.
    said : Counter
        Answers, by their status; ``0`` where the connection broke.
    waits : set of str
        The ``Retry-After`` of answers that were 503.
    wrong : list of str
        What no client should ever be told.
    """

    kept: set[str] = field(default_factory=set)
    said: Counter[int] = field(default_factory=Counter)
    waits: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    _lock: Condition = field(default_factory=Condition)

    def note(self, batch: str, status: int, wait: str | None, body: bytes) -> bool:
        """Write down an answer; whether the batch is done with."""
        with self._lock:
            self.said[status] += 1
            self._lock.notify_all()
            if status == 202:
                told = json.loads(body)
                if told["accepted"] + told["duplicates"] == SIZE:
                    self.kept.add(batch)
                    return True
            elif status == 503:
                self.waits.add(wait or "none")
                return False
            elif status in (0, 507):
                return False
            self.wrong.append(f"{status} {body[:200]!r}")
            return True

    def more_than(self, batches: int, within: float) -> bool:
        """Wait until more than so many were acknowledged; False when they are not in time."""
        with self._lock:
            return self._lock.wait_for(lambda: len(self.kept) > batches, within)

    def told(self, status: int, times: int, within: float) -> bool:
        """Wait until a status was answered more than so many times; False when it is not in time."""
        with self._lock:
            return self._lock.wait_for(lambda: self.said[status] > times, within)

    def others(self) -> str:
        """What should not have been answered, in words; empty where there was nothing."""
        if not self.wrong:
            return ""
        return f"; {len(self.wrong)} other answers, such as {self.wrong[0]}"


class Clients:
    """Threads that send batches of 50 events to ``POST /v1/events``.

    Parameters
    ----------
    port : int
    n : int
        How many send at once.
    """

    def __init__(self, port: int, n: int = 4) -> None:
        self.promises, self._port = Promises(), port
        self._stop = Event()
        self._threads = [Thread(target=self._run, args=(k,), daemon=True) for k in range(n)]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.finish(0)

    def finish(self, within: float = 60) -> bool:
        """Let every client have its last batch acknowledged; whether all were."""
        self._stop.set()
        for thread in self._threads:
            thread.join(within)
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, client: int) -> None:
        seeded, number = random.Random(client), 0
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        pause = Event()
        while not self._stop.is_set():
            name = f"{client}-{number}"
            body, headers = _batch(name, seeded, with_ids=number % 2 == 0)
            while not self._send(connection, name, body, headers):
                # Clients come back soon, as those do whose events pile up.
                pause.wait(_AGAIN)
            number += 1
        connection.close()

    def _send(
        self,
        connection: http.client.HTTPConnection,
        name: str,
        body: bytes,
        headers: dict[str, str],
    ) -> bool:
        try:
            connection.request("POST", "/v1/events", body, headers)
            answer = connection.getresponse()
            status, wait, said = answer.status, answer.getheader("Retry-After"), answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            status, wait, said = 0, None, b""
        return self.promises.note(name, status, wait, said)


def _batch(name: str, seeded: random.Random, *, with_ids: bool) -> tuple[bytes, dict[str, str]]:
    """A batch and its headers; `content` is its name, `value` the place in it."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    events = [
        {
            "lead_id": f"L{seeded.randrange(_LEADS):05}",
            "event_type": seeded.choice(_TYPES),
            "occurred_at": at,
            "content": name,
            "value": float(place),
            **({"event_id": f"{name}-{place}"} if with_ids else {}),
        }
        for place in range(SIZE)
    ]
    headers = {"Content-Type": "application/json"}
    if not with_ids:
        headers["Idempotency-Key"] = name
    return json.dumps({"events": events}).encode(), headers


@dataclass
class Found:
    """What the store holds of batches.

    Attributes
    ----------
    events : Counter
        Rows by batch.
    half : set of str
        Batches seen in part.
    doubled : int
        Rows beyond one for each event.
    """

    events: Counter[str] = field(default_factory=Counter)
    half: set[str] = field(default_factory=set)
    doubled: int = 0
    _last: int = 0

    def look(self, connection: Connection) -> None:
        """Count what came since the last look; a batch is there whole or not at all."""
        select = (
            "SELECT content, count(*), count(DISTINCT value), max(id) FROM events "
            "WHERE id > ? GROUP BY content"
        )
        rows = connection.exec_driver_sql(marked(connection, select), (self._last,)).fetchall()
        for batch, n, different, last in rows:
            self.events[batch] += n
            self._last = max(self._last, last)
            self.doubled += n - different
            if different != SIZE:
                self.half.add(batch)

    def lost(self, promises: Promises) -> int:
        """Events that were acknowledged and are not there."""
        return sum(max(0, SIZE - self.events[batch]) for batch in promises.kept)

    def twice(self) -> int:
        """Events that are there more than once."""
        return self.doubled + sum(max(0, n - SIZE) for n in self.events.values())


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[Engine]:
    """The store, read beside whatever serves it."""
    engine = open_engine(settings)
    try:
        yield engine
    finally:
        engine.dispose()
