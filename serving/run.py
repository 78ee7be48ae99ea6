"""``tegakari serve``: the HTTP service, in this process or in several, until it is stopped."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from features.errors import UsageError
from models.playbook import Playbook
from models.settings import Settings
from serving.app import create_app
from serving.door.full import Bounded
from serving.door.logs import configure
from serving.keys import KeyRing
from serving.store.store import Store
from serving.store.writer import StoreError
from serving.workers import Workers, end_with_parent

_LOG = logging.getLogger(__name__)

STOPPED_WITHIN = 20
"""Seconds that requests in flight have to be answered in, once the service is told to end."""


_PER_TURN = 32
"""Connections that are taken in one turn of the event loop."""


def run(host: str, port: int, settings: Settings) -> None:
    """Serve until interrupted or told to end.

    Raises
    ------
    UsageError
        When the address cannot be listened on, is open to others while there is no key, or the
        store has another schema.
    PlaybookError
        When the playbook is wrong.
    """
    configure(settings.log)
    check_keys(host, settings)
    with _listening(host, port) as listener, several(listener) as listeners:
        shown = f"[{host}]" if ":" in host else host
        _LOG.info("http://%s:%d/docs", shown, listener.getsockname()[1])
        # Ctrl-C is how one stops it, not a failure.
        with contextlib.suppress(KeyboardInterrupt):
            if settings.workers == 1:
                uvicorn.Server(uvicorn_config(create_app(settings))).run(sockets=listeners)
            else:
                _serve_with_several(settings, listeners)


def application() -> FastAPI:
    """The service of a worker process, which has its settings from the environment."""
    end_with_parent()
    settings = Settings()
    configure(settings.log)
    return create_app(settings)


@contextlib.contextmanager
def several(listener: socket.socket) -> Iterator[list[socket.socket]]:
    """A listening socket as several descriptors of it.

    uvloop takes one connection of each per turn of its loop. Under load a turn takes tens of
    milliseconds, and with a single one whoever comes anew, probes too, waits for seconds.
    """
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(listener.dup()) for _ in range(_PER_TURN - 1)]
        yield [listener, *others]


def _serve_with_several(settings: Settings, listeners: list[socket.socket]) -> None:
    """Serve with several processes; one that dies is started again."""
    Playbook.load(settings.playbook)
    if settings.playbook is not None:
        os.environ["TEGAKARI_PLAYBOOK"] = str(settings.playbook.absolute())
    config = uvicorn_config("serving.run:application", factory=True, workers=settings.workers)
    Workers(config, listeners, settings.home.absolute() / "metrics").run()


def uvicorn_config(
    app: FastAPI | str, *, factory: bool = False, workers: int = 1
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=factory,
        workers=workers,
        http=Bounded,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOPPED_WITHIN,
    )


def check_keys(host: str, settings: Settings) -> None:
    """Listen to others only where there is a key, and say so where there is none."""
    store: Store | None = None
    try:
        store = Store.open(settings)
    except StoreError as error:
        _LOG.warning("%s Keys are those known before.", error)
    try:
        ring = KeyRing(lambda: store, settings.home / "keys.json")
        ring.refresh()
    finally:
        if store:
            store.close()
    if ring.locked:
        return
    if not _is_loopback(host):
        raise UsageError(
            f"--host {host}: anybody who reaches it could read and erase leads, as there is no API key. "
            'Make one first: tegakari keys create --name "Sato, sales" --owner sato --scope score,read'
        )
    _LOG.warning(
        "There is no API key: this listens on loopback only, and every request may do everything. "
        "tegakari keys create makes a key."
    )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"Cannot listen on {host} port {port} ({error}). "
            "Stop what listens there, or pass another --host or --port."
        ) from error
