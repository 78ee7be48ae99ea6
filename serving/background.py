"""The store of a running service: opened when it can be, and kept fresh while it is open."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread
from typing import Annotated

from fastapi import Depends, Request, Response
from prometheus_client import Gauge

from features.errors import UsageError
from models.settings import Settings
from serving.live import Live
from serving.problems import Problem
from serving.rescoring import Rescoring
from serving.store.store import Store
from serving.store.writer import StoreError

_LOG = logging.getLogger(__name__)

_AGAIN = 2.0
"""Seconds between two tries to open a database that does not answer."""

_OPEN = Gauge("tegakari_store_open", "1 while the store is open", multiprocess_mode="livemin")


class Closed:
    """Before a service has begun."""

    store: Store | None = None


CLOSED = Closed()


class Background:
    """Opens the store, at once or when its database answers, and runs what keeps it fresh.

    Parameters
    ----------
    settings : Settings
    live : callable
        What answers now.

    Raises
    ------
    UsageError
        When the schema of the store is older or newer than this code.
    """

    def __init__(self, settings: Settings, live: Callable[[], Live]) -> None:
        self._settings, self._live = settings, live
        self.store: Store | None = None
        self._rescoring: Rescoring | None = None
        self._stop = Event()
        self._waiting: Thread | None = None
        if not self._open():
            self._waiting = Thread(target=self._try_again, name="store-opener", daemon=True)
            self._waiting.start()

    def close(self) -> None:
        """Commit what waits, and end."""
        self._stop.set()
        if self._waiting:
            self._waiting.join()
        if self._rescoring:
            self._rescoring.close()
        if self.store:
            self.store.close()
        _OPEN.set(0)

    def _open(self) -> bool:
        try:
            store = Store.open(self._settings, self._committed)
        except StoreError as error:
            _OPEN.set(0)
            _LOG.warning("%s Scores are answered without it.", error)
            return False
        self._rescoring = Rescoring(store, self._live)
        self.store = store
        self._rescoring.start()
        _OPEN.set(1)
        return True

    def _try_again(self) -> None:
        try:
            while not self._stop.wait(_AGAIN) and not self._open():
                pass
        except UsageError as error:
            _LOG.error("%s", error)

    def _committed(self) -> None:
        if self._rescoring:
            self._rescoring.wake()


async def refused(request: Request, error: Exception) -> Response:
    """What a request is answered with when the store cannot serve it."""
    kind, status, wait = _TOLD.get(type(error).__name__, ("store-down", 503, 5))
    headers = {"Retry-After": str(wait)} if wait else None
    return Problem(status, kind, str(error), headers=headers).response()


_TOLD = {
    "StoreFull": ("insufficient-storage", 507, 0),
    "StoreBusy": ("too-much-waits", 503, 1),
}


async def _store(request: Request) -> Store:
    background: Background = request.app.state.background
    if background.store is None:
        raise Problem(
            503,
            "store-down",
            "The store does not answer. Scores without it are at POST /v1/score.",
            headers={"Retry-After": "5"},
        )
    return background.store


StoreNow = Annotated[Store, Depends(_store)]
