"""wrk, which sends as many requests as are answered, at little cost of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from serving.process import Unwell

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Load:
    """What wrk saw.

    Attributes
    ----------
    rate : float
        Requests answered in a second.
    requests : int
        How many in all.
    p50, p99 : float
        Seconds.
    failed : int
        Answers that were no success, and connections that broke.
    """

    rate: float
    requests: int
    p50: float
    p99: float
    failed: int


def load(url: str, script: Path, *, connections: int, seconds: float) -> Load:
    """Send what a script of wrk says, over and over, from one thread.

    Raises
    ------
    Unwell
        When wrk is not installed, or fails.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise Unwell("wrk is not installed; on Debian: apt-get install wrk")
    command = [
        wrk,
        "-t1",
        f"-c{connections}",
        f"-d{max(1, round(seconds))}s",
        "--latency",
        "-s",
        str(script),
    ]
    command += ["--timeout", "30s", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unwell(f"wrk failed: {done.stderr[-500:]}")
    return read(done.stdout)


def read(said: str) -> Load:
    """What wrk printed.

    Examples
    --------
    >>> read('''
    ...  50%    1.50ms
    ...   99%    3.00ms
    ...   200 requests in 2.00s, 1.00MB read
    ... Requests/sec:    100.00''').p99
    0.003
    """
    failed = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", said)))
    for counts in re.findall(r"Socket errors: (.*)", said):
        failed += sum(map(int, re.findall(r"\d+", counts)))
    return Load(
        rate=float(_found(r"Requests/sec:\s+([\d.]+)", said)),
        requests=int(_found(r"(\d+) requests in", said)),
        p50=_seconds(_found(r"\n\s+50%\s+(\S+)", said)),
        p99=_seconds(_found(r"\n\s+99%\s+(\S+)", said)),
        failed=failed,
    )


def _found(pattern: str, said: str) -> str:
    match = re.search(pattern, said)
    if match is None:
        raise Unwell(f"wrk printed something else than was expected: {said[-500:]}")
    return match[1]


def _seconds(text: str) -> float:
    unit = text.lstrip("0123456789.")
    return float(text.removesuffix(unit)) * _UNITS[unit]
