"""Admission: so many requests are answered at once, and no queue grows without end.

A request that waits too long is worth nothing to whoever waits, and makes all others wait too. So
those beyond the bound are told at once to come back, and those that are admitted keep their pace.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.door.access import PROBES
from serving.problems import Problem

_TURNED_AWAY = Counter("tegakari_turned_away_total", "Requests told to come back, being too many")
_INSIDE = Gauge("tegakari_requests_inside", "Requests being answered", multiprocess_mode="livesum")


class Admission:
    """Middleware that bounds how many requests are inside.

    Parameters
    ----------
    most : int
        Requests at once, in this process.

    Attributes
    ----------
    inside : int
        Requests that are being answered.
    coming : int
        Requests that have been read, and will be here in this turn of the event loop.
    refusal : bytes
        The problem document of those turned away.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self.app, self.most, self.inside, self.coming = app, most, 0, 0
        self._refusal = Problem(
            503,
            "too-many-requests-at-once",
            f"{most} requests are being answered. Send this one again in a second.",
            headers={"Retry-After": "1"},
        ).response()
        self.refusal = bytes(self._refusal.body)

    @property
    def is_full(self) -> bool:
        """Whether another request would be turned away."""
        return self.inside + self.coming >= self.most

    def turn_away(self) -> None:
        """Count a request that is refused."""
        _TURNED_AWAY.inc()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on where there is room; probes always."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self.app(scope, receive, send)
            return
        if self.inside >= self.most:
            self.turn_away()
            await self._refusal(scope, receive, send)
            return
        self.inside += 1
        _INSIDE.inc()
        try:
            await self.app(scope, receive, send)
        finally:
            self.inside -= 1
            _INSIDE.dec()
