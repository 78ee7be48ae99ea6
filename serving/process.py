"""The service as a process of its own on loopback, to be measured and to be ill-treated."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from features.errors import TegakariError

STARTS_WITHIN = 120.0
"""Seconds that a service may take to answer."""
ENDS_WITHIN = 60.0
"""Seconds that it may take to end."""
_LOOK = 0.01


class Unwell(TegakariError):
    """A service does not do what every trial of it needs."""


class Service:
    """``tegakari serve``, started, killed and started again on one port.

    Parameters
    ----------
    home : Path
    log : Path
        Takes what the process says.
    environment : mapping, optional
        Settings, beside those of this process that are no settings.
    """

    def __init__(self, home: Path, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.home, self.log, self.port = home, log, free_port()
        self.environment = {**surroundings(home), **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The number of the process that runs."""
        assert self._pid is not None
        return self._pid

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises
        ------
        Unwell
            When it ends, or does not answer within two minutes.
        """
        self._pid = self._launch()
        try:
            self.wait_until_up()
        except Unwell:
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, as a deployment ends it, and wait until it is gone.

        Raises
        ------
        Unwell
            When it stays.
        """
        self._end(signal.SIGTERM)

    def close(self) -> None:
        """Leave nothing of it running."""
        self.kill()

    def _launch(self) -> int:
        command = [sys.executable, "-m", "tegakari", "serve", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        return self._process.pid

    def _end(self, number: signal.Signals) -> None:
        pid, self._pid = self._pid, None
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            gone = os.pidfd_open(pid)
            try:
                signal.pidfd_send_signal(gone, number)
                if not select.select([gone], [], [], ENDS_WITHIN)[0]:
                    raise Unwell(f"Expected an end within {ENDS_WITHIN:g} s of {number.name}.")
            finally:
                os.close(gone)
        if self._process is not None:
            self._process.wait()

    def wait_until_up(self) -> None:
        """Wait for the first answer."""
        gone, end = os.pidfd_open(self.pid), time.monotonic() + STARTS_WITHIN
        try:
            while not self._answers():
                # It is looked at again in a moment, unless it ends before.
                ended, _, _ = select.select([gone], [], [], _LOOK)
                if ended or time.monotonic() > end:
                    said = self.log.read_text(errors="replace")[-1_000:]
                    raise Unwell(f"The service did not answer on port {self.port}. It said: {said}")
        finally:
            os.close(gone)

    def _answers(self) -> bool:
        try:
            return self.ask("GET", "/livez", within=5)[0] == 200
        except OSError:
            return False

    def ask(
        self, method: str, path: str, body: Any = None, *, within: float = 30
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (in lower case) and body of an answer, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=within)
        try:
            raw = None if body is None else json.dumps(body).encode()
            connection.request(method, path, raw, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, headers, answer.read()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    def memory(self) -> int:
        """Bytes that the process holds (resident)."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise Unwell("The kernel does not say how much memory a process holds.")


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def surroundings(home: Path) -> dict[str, str]:
    """The environment of a process of ours: nothing but the home is set."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)},
        "TEGAKARI_HOME": str(home),
        "TEGAKARI_LOG": "warning",
        "OMP_WAIT_POLICY": "passive",
    }


_SETTINGS = ("TEGAKARI_", "MLFLOW_TRACKING", "MLFLOW_REGISTRY", "PROMETHEUS_MULTIPROC")
