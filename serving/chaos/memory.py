"""An hour's worth of requests of every kind, one after the other: memory stays flat."""

from __future__ import annotations

import http.client
import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from threading import Lock, Thread

from serving.chaos.row import Ground, Row
from serving.examples import REQUEST
from serving.process import Service

REQUESTS = 72_000
"""An hour of twenty a second."""
_WARM = 0.2
"""The part of them after which caches are full and the memory is looked at first."""
_GROWN = 0.05
_CLIENTS, _LEADS = 4, 2_000
_MEBIBYTE = 1 << 20
_NUMBERS = count()
_HEADERS = {"Content-Type": "application/json"}
_TYPES = ("price_page_view", "email_open", "email_click", "demo_request", "web_visit")

Made = tuple[str, str, bytes | None]
"""Method, path and body of a request."""


def flat(ground: Ground) -> Row:
    """Requests of all kinds in a loop, with a model."""
    n = ground.times(REQUESTS)
    with Service(ground.trained(), ground.folder / "service.log") as service:
        said = _asked(service.port, round(n * _WARM), 0)
        warm = service.memory()
        said += _asked(service.port, n - round(n * _WARM), 1)
        end = service.memory()
    grown, failed = end / warm - 1, sum(n for status, n in said.items() if not 0 < status < 500)
    answers = ", ".join(f"{n:,} x {status}" for status, n in sorted(said.items()))
    return Row(
        "memory",
        f"{n:,} requests of {len(_KINDS)} kinds from {_CLIENTS} clients, as fast as they go",
        f"resident memory within {_GROWN:.0%} of that after the first {_WARM:.0%}",
        f"{warm / _MEBIBYTE:.0f} MiB, then {end / _MEBIBYTE:.0f} MiB ({grown:+.1%}); {answers}",
        abs(grown) <= _GROWN and not failed,
    )


def _asked(port: int, n: int, seed: int) -> Counter[int]:
    """Send so many requests; their answers by status."""
    said: Counter[int] = Counter()
    lock, left = Lock(), iter(range(n))

    def run(client: int) -> None:
        seeded = random.Random(100 * seed + client)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            with lock:
                if next(left, None) is None:
                    break
            method, path, body = seeded.choices(_KINDS, _WEIGHTS)[0](seeded)
            try:
                connection.request(method, path, body, _HEADERS)
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 0
            with lock:
                said[status] += 1
        connection.close()

    threads = [Thread(target=run, args=(client,), daemon=True) for client in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


def _score(seeded: random.Random) -> Made:
    request = dict(seeded.choice(list(REQUEST.values()))["value"])
    request["lead"] = {**request["lead"], "lead_id": _lead(seeded)}
    return "POST", f"/v1/score?reasons={seeded.randrange(4)}", json.dumps(request).encode()


def _events(seeded: random.Random) -> Made:
    at = datetime.now(UTC).isoformat()
    events = [
        {
            "lead_id": _lead(seeded),
            "event_type": seeded.choice(_TYPES),
            "occurred_at": at,
            "event_id": f"e{next(_NUMBERS)}",
        }
        for _ in range(seeded.randint(1, 5))
    ]
    return "POST", "/v1/events", json.dumps({"events": events}).encode()


def _lead_told(seeded: random.Random) -> Made:
    lead = {"lead_id": _lead(seeded), "attributes": {"employees": seeded.randrange(500)}}
    return "POST", "/v1/leads", json.dumps({"leads": [lead]}).encode()


def _wrong(seeded: random.Random) -> Made:
    bodies = (b"{", b'{"lead": {}}', b'{"lead": {"lead_id": 7}}', b"[NaN]")
    return "POST", "/v1/score", seeded.choice(bodies)


def _read(path: str) -> Callable[[random.Random], Made]:
    return lambda seeded: ("GET", path.replace("{lead}", _lead(seeded)), None)


def _lead(seeded: random.Random) -> str:
    return f"L{seeded.randrange(_LEADS):05}"


_MIX: dict[Callable[[random.Random], Made], int] = {
    _score: 40,
    _events: 20,
    _lead_told: 5,
    _wrong: 5,
    _read("/v1/leads?limit=50"): 8,
    _read("/v1/leads?temperature=hot&sort=-points"): 2,
    _read("/v1/leads/{lead}"): 6,
    _read("/v1/leads/{lead}/score"): 8,
    _read("/v1/leads/{lead}/history"): 2,
    _read("/readyz"): 2,
    _read("/metrics"): 1,
    _read("/nowhere/{lead}"): 1,
}
"""Kinds of requests, and how many of a hundred are of each."""
_KINDS, _WEIGHTS = list(_MIX), list(_MIX.values())
