"""Several processes that answer on one socket: one that dies comes back, and none outlives the service."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import socket
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread

from prometheus_client.multiprocess import mark_process_dead
from uvicorn import Config
from uvicorn.supervisors import Multiprocess

METRICS = "PROMETHEUS_MULTIPROC_DIR"
"""Where worker processes keep their metrics, so that each can tell those of all."""


class Workers(Multiprocess):
    """The processes of a service.

    Parameters
    ----------
    config : Config
        Of the application to import, and how many processes there are.
    listeners : list of socket
        What all of them listen on.
    metrics : Path
        The folder of their metrics, emptied here: counts begin with the service.
    """

    def __init__(self, config: Config, listeners: list[socket.socket], metrics: Path) -> None:
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir(parents=True)
        # Before a worker is started: it decides at its start where its metrics are.
        os.environ[METRICS] = str(metrics)
        super().__init__(config, listeners)

    def keep_subprocess_alive(self) -> None:
        """Start those again that died; what they counted stays, what they said of themselves does not."""
        before = {process.pid for process in self.processes}
        super().keep_subprocess_alive()
        for pid in before - {process.pid for process in self.processes}:
            if pid is not None:
                mark_process_dead(pid)  # type: ignore[no-untyped-call]


def end_with_parent() -> None:
    """Let this process end, as if it were told to, when the one that started it is gone."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=watch, name="parent-watch", daemon=True).start()
