"""A PostgreSQL of its own for a trial: made, killed, stopped and started again."""

from __future__ import annotations

import contextlib
import os
import pwd
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg

from serving.process import Unwell, free_port

_PLACES = Path("/usr/lib/postgresql")
_USER = "tegakari"
_LOOK = 0.02
_WITHIN = 60.0


class Postgres:
    """A server on loopback with an empty database, and all its files in one folder.

    Parameters
    ----------
    log : Path
        Takes what it says.

    Raises
    ------
    Unwell
        When PostgreSQL is not installed, or nobody may run it.
    """

    def __init__(self, log: Path) -> None:
        self._log, self.port = log, free_port()
        self._initdb, self._server = _installed("initdb"), _installed("postgres")
        # Another user may have to run it, who cannot enter the folders of this one.
        self._folder = Path(tempfile.mkdtemp(prefix="tegakari-pg-"))
        self._as_other = _other(self._folder)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of the database."""
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/postgres"

    def __enter__(self) -> Self:
        data = str(self._folder / "data")
        make = [self._initdb, "-D", data, "-U", _USER, "-A", "trust", "--no-sync", "-E", "UTF8"]
        subprocess.run([*self._as_other, *make], check=True, capture_output=True, cwd="/")
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it, and wait until it answers; after a kill it first repairs itself."""
        data, port = str(self._folder / "data"), str(self.port)
        run = [self._server, "-D", data, "-h", "127.0.0.1", "-p", port, "-k", str(self._folder)]
        end = time.monotonic() + _WITHIN
        while True:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    [*self._as_other, *run], stdout=log, stderr=log, cwd="/"
                )
            if self._answers(end):
                return
            # The children of a killed server may be there for a moment yet, and keep it from starting.
            if time.monotonic() > end:
                raise Unwell(f"PostgreSQL did not start: {self._log.read_text()[-500:]}")

    def stop(self) -> None:
        """End it at once, without waiting for clients; what is committed is on the disk."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL for the server and what it started."""
        if self._process is not None:
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
            pids = children.read_text().split()
            self._end(signal.SIGKILL)
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_WITHIN)
            self._process = None

    def _answers(self, end: float) -> bool:
        """Wait until it answers; False when it ends instead."""
        assert self._process is not None
        gone = os.pidfd_open(self._process.pid)
        try:
            while time.monotonic() < end:
                with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url):
                    return True
                if select.select([gone], [], [], _LOOK)[0]:
                    self._process.wait()
                    return False
        finally:
            os.close(gone)
        return False


def _installed(name: str) -> str:
    places = os.pathsep.join([*map(str, sorted(_PLACES.glob("*/bin"))), os.environ.get("PATH", "")])
    found = shutil.which(name, path=places)
    if found is None:
        raise Unwell(f"{name} is not installed; on Debian: apt-get install postgresql")
    return found


def _other(folder: Path) -> list[str]:
    """How a command is run as another user, where this one is root, as whom PostgreSQL does not run."""
    if os.geteuid() != 0:
        return []
    try:
        other = pwd.getpwnam("postgres")
    except KeyError:
        raise Unwell("PostgreSQL does not run as root, and there is no user postgres.") from None
    os.chown(folder, other.pw_uid, other.pw_gid)
    # Not setpriv's own child: it becomes the server.
    return [
        _installed("setpriv"),
        f"--reuid={other.pw_uid}",
        f"--regid={other.pw_gid}",
        "--clear-groups",
    ]
