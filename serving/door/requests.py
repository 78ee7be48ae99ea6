"""What is known of every request: its id, a line in the log, its place in the metrics."""

from __future__ import annotations

import logging
import random
import re
import secrets
from collections.abc import Iterable
from time import perf_counter

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.door.logs import REQUESTS, where_of
from serving.problems import FAILED

_LOG = logging.getLogger(__name__)

_SANE = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_ANSWERED = Counter("tegakari_requests_total", "Requests answered", ["method", "route", "status"])
_SECONDS = Histogram(
    "tegakari_request_seconds",
    "From the head of a request to the end of its answer",
    ["route"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
_NOWHERE = "(none)"
"""The route of requests that found none: their paths are anybody's text."""
_OTHER = "OTHER"
"""The method of requests that have none of those."""
_NUMBERS = random.Random(secrets.randbits(128))
"""Ids are no secrets; asking the system for each would let other threads in between."""
_CLIENT_LEFT = 499
"""The status, as nginx has it, of requests whose client left before it was answered."""
COMING = "coming"
"""Under this name the state of a request holds the `Admission` that expects it."""


class Requests:
    """Middleware that sees every request from outside."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._counters: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on with an id, and note how it was answered."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begin, status = perf_counter(), 0
        state = scope.setdefault("state", {})
        if (admission := state.pop(COMING, None)) is not None:
            admission.coming -= 1
        request_id = request_id_of(scope["headers"])
        state["request_id"] = request_id.decode()

        async def identified(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
            await send(message)

        try:
            await self.app(scope, receive, identified)
        except Exception as error:
            # It was answered with 500, and comes here so that it is logged: by its kind, since its
            # text may quote a lead.
            _LOG.error(
                "request %s failed: %s at %s",
                request_id.decode(),
                type(error).__name__,
                where_of(error),
            )
            if not status:
                await FAILED.response()(scope, receive, identified)
        finally:
            self._note(scope, status or _CLIENT_LEFT, perf_counter() - begin, request_id.decode())

    def _note(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        route = getattr(scope.get("route"), "path", None) or scope["state"].get("route", _NOWHERE)
        method = scope["method"] if scope["method"] in _METHODS else _OTHER
        place = (method, route, status)
        metrics = self._counters.get(place)
        if metrics is None:
            metrics = _ANSWERED.labels(method, route, str(status)), _SECONDS.labels(route)
            self._counters[place] = metrics
        metrics[0].inc()
        metrics[1].observe(seconds)
        principal = scope["state"].get("principal")
        REQUESTS.write(
            request_id, method, route, status, seconds, principal.key_id if principal else None
        )


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The id that a request came with, if it is a sane one; else another."""
    for name, value in headers:
        if name == b"x-request-id" and _SANE.fullmatch(value):
            return value
    return b"%016x" % _NUMBERS.getrandbits(64)


def unheard(request_id: str, status: int) -> None:
    """Note the refusal of what never became a request."""
    _ANSWERED.labels(_OTHER, _NOWHERE, str(status)).inc()
    REQUESTS.write(request_id, _OTHER, _NOWHERE, status, 0.0, None)
