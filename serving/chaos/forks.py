"""A hundred starts of the service, without its imports a hundred times.

One process imports what ``tegakari serve`` imports, and then is copied (fork) for each start. From
there on all is as ever: the store is opened, models are looked for, the port is listened on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from serving.process import Service

_HOST = "127.0.0.1"


class ForkedService(Service):
    """A service whose processes are copies of one that has all imports behind it."""

    def __init__(self, home: Path, log: Path, environment: Mapping[str, str] | None = None) -> None:
        super().__init__(home, log, environment)
        # Without threads of its own, as they would not be in the copies.
        alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        with log.open("ab") as said:
            self._mother = subprocess.Popen(
                [sys.executable, "-m", "serving.chaos.forks"],
                env={**self.environment, **alone},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
            )

    def _launch(self) -> int:
        stdin, stdout = self._mother.stdin, self._mother.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(b"%d\n" % self.port)
        stdin.flush()
        return int(stdout.readline())

    def close(self) -> None:
        """Leave nothing of it running, nor what it was copied from."""
        self.kill()
        self._mother.communicate()


def main() -> None:
    """For each line of the input, a port, a copy that serves; its number is printed."""
    import serving.app  # noqa: F401
    from models.settings import Settings
    from serving.run import run

    # The kernel buries the children.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(2, 1)
            os.close(0)
            run(_HOST, int(line), Settings())
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    main()
