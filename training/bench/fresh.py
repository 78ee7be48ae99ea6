"""A function of the benchmark in a process of its own: threads are fixed there before imports.

Polars fixes its threads when it is imported, and the most memory that a process has held never falls.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from dataclasses import asdict
from typing import Any

from training.bench.timing import Asked, Measure


def call(module: str, function: str, threads: int, **arguments: Any) -> Any:
    """What a function of a module of this package returns, in JSON's types.

    Parameters
    ----------
    module, function : str
    threads : int
        Of Polars, Numba and Arrow alike.
    **arguments
        Numbers and texts.

    Raises
    ------
    RuntimeError
        When the process fails; why is on stderr.
    """
    given = ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS")
    done = subprocess.run(
        [sys.executable, "-m", "training.bench.fresh", module, function, json.dumps(arguments)],
        env={**os.environ, **dict.fromkeys(given, str(threads))},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module}.{function} failed with exit code {done.returncode}.")
    return json.loads(done.stdout)


def measures(
    module: str, threads: int, function: str = "measures", **arguments: Any
) -> list[Measure]:
    """What a function of a module of this package measures; each measure names the threads."""
    found = call(module, function, threads, **arguments)
    several = f"{threads} thread{'s' * (threads > 1)}"
    return [
        Measure(
            **{
                **row,
                "what": f"{row['what']}, {several}",
                "asked": Asked(**row["asked"]) if row["asked"] else None,
            }
        )
        for row in found
    ]


def _main(module: str, function: str, arguments: str) -> None:
    run = getattr(importlib.import_module(f"training.bench.{module}"), function)
    json.dump(run(**json.loads(arguments)), sys.stdout, default=asdict)


if __name__ == "__main__":
    _main(*sys.argv[1:])
