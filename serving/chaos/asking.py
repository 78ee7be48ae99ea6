"""A client that asks for scores of leads that are not stored, while something happens to the store."""

from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from threading import Event, Thread

from serving.examples import REQUEST

_BODY = json.dumps(next(iter(REQUEST.values()))["value"]).encode()
_HEADERS = {"Content-Type": "application/json"}
_EVERY = 0.01


class Asking:
    """A thread that sends ``POST /v1/score``, one after the other.

    Attributes
    ----------
    said : Counter
        Answers, by their status; ``0`` where the connection broke.
    slowest : float
        Seconds that the slowest took.
    """

    def __init__(self, port: int) -> None:
        self.said: Counter[int] = Counter()
        self.slowest = 0.0
        self._port, self._stop = port, Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Asking:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._stop.set()
        self._thread.join(60)

    @property
    def failed(self) -> int:
        """Requests that got no score."""
        return sum(n for status, n in self.said.items() if status != 200)

    def _run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._stop.wait(_EVERY):
            begin = time.monotonic()
            try:
                connection.request("POST", "/v1/score", _BODY, _HEADERS)
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 0
            self.said[status] += 1
            self.slowest = max(self.slowest, time.monotonic() - begin)
        connection.close()
