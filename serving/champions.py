"""Which version is the champion now: asked of MLflow through one process that stays, with a deadline.

MLflow takes seconds to load and minutes to give up. So it lives in a process of its own, which is
asked a line and answers a line, and is ended when it does not answer in time.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import IO

from models.settings import Settings
from serving.download import PATIENCE, ModelUnavailable, may_be_there


class Champions:
    """A process that knows MLflow.

    Parameters
    ----------
    settings : Settings
    deadline : float
        Seconds that an answer may take.
    """

    def __init__(self, settings: Settings, deadline: float) -> None:
        self._settings, self._deadline = settings, deadline
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()

    def version(self, model: str) -> str | None:
        """The version that a URI names now; None where it names none.

        Raises
        ------
        ModelUnavailable
            When MLflow does not say so in time.
        """
        store = self._settings.tracking_uri
        if not may_be_there(store):
            return None
        process = self._process if self._process and self._process.poll() is None else None
        if process is None:
            process = self._start()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(model) + "\n")
            process.stdin.flush()
            line = self._lines.get(timeout=self._deadline)
        except (OSError, queue.Empty):
            self.close()
            raise ModelUnavailable(f"{model}: {store} did not answer in time.") from None
        said = json.loads(line) if line else {"error": "it ended"}
        if "error" in said:
            self.close()
            raise ModelUnavailable(f"{model}: {store} did not answer: {said['error']}")
        version: str | None = said["version"]
        return version

    def close(self) -> None:
        """End the process."""
        if self._process:
            self._process.kill()
            with self._process:  # closes the pipes, and waits
                self._process = None

    def _start(self) -> subprocess.Popen[str]:
        code = str(Path(__file__).parents[1])
        environment = {
            **PATIENCE,
            **os.environ,
            "MLFLOW_TRACKING_URI": self._settings.tracking_uri,
            "PYTHONPATH": os.pathsep.join(filter(None, [code, os.environ.get("PYTHONPATH")])),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "serving.fetch"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            # Ctrl-C is for the service, which ends this one.
            start_new_session=True,
        )
        self._lines = queue.Queue()
        assert self._process.stdout is not None
        Thread(target=_read, args=(self._process.stdout, self._lines), daemon=True).start()
        return self._process


def _read(out: IO[str], lines: queue.Queue[str | None]) -> None:
    with contextlib.suppress(ValueError):  # closed by `close`
        for line in out:
            lines.put(line)
    lines.put(None)
