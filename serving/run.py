"""``tegakari serve``: the HTTP service in this process, until it is stopped."""

from __future__ import annotations

import contextlib
import logging
import socket

import uvicorn

from features.errors import UsageError
from models.settings import Settings
from serving.app import create_app


def run(host: str, port: int, settings: Settings) -> None:
    """Serve until interrupted or told to end, with one worker.

    Raises
    ------
    UsageError
        When the address cannot be listened on.
    PlaybookError
        When the playbook is wrong.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s:  %(name)s: %(message)s")
    app = create_app(settings)
    with _listening(host, port) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="info", timeout_graceful_shutdown=30))
        shown = f"[{host}]" if ":" in host else host
        logging.getLogger(__name__).info("http://%s:%d/docs", shown, listener.getsockname()[1])
        # Ctrl-C is how one stops it, not a failure.
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"Cannot listen on {host} port {port} ({error}). "
            "Stop what listens there, or pass another --host or --port."
        ) from error
