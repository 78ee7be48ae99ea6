"""The command: ``python -m training.bench [--events N] [--leads N] [--world N] [--repeats N]``.

What is timed side by side is also compared: a difference ends with exit code 1.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from importlib.metadata import version

from models.terminal import people, print_table, progress
from training.bench.features import in_memory, reading
from training.bench.scoring import REASONS, one_lead, whole_list, world
from training.bench.timing import HEADER, Measure

_PACKAGES = ("tegakari", "numpy", "pandas", "pyarrow", "numba", "lightgbm")
_ONE_LEAD_EVENTS = 50
_ONE_LEAD_REPEATS = 100
"""Turns for one lead per repeat asked for: one of them takes microseconds."""

_LEGEND = f"""
times: how many times as fast as the reference; same: whether both gave the same.
pandas, 1 thread: one groupby by lead and type; for the log, read, code, sort.
plain Python: each kind's reference, without attributes.
lightgbm (or logistic): the estimator alone, on features ready-made; with reasons ({REASONS}), its
SHAP values."""


def measure(n_events: int, n_leads: int, in_world: int, repeats: int) -> list[Measure]:
    """Time everything."""
    with progress("bench") as report:
        report(f"features of {n_events:,} events in memory")
        measures = in_memory(n_events, n_leads, repeats)
        report(f"reading {n_events:,} events")
        measures.append(reading(n_events, n_leads, repeats))
        report(f"training on a simulated world of {in_world:,} leads")
        simulated = world(in_world)
        report("answers")
        measures += one_lead(simulated, _ONE_LEAD_EVENTS, repeats * _ONE_LEAD_REPEATS)
        measures += whole_list(simulated, repeats)
    return measures


def main(arguments: Sequence[str] | None = None) -> int:
    """Time what was asked for, print it, and return the exit code."""
    options = _options(arguments)
    console = people(False)
    console.print(f"python -m training.bench {shlex.join(sys.argv[1:])}".rstrip())
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    console.print(f"Python {platform.python_version()}, {versions}")
    console.print(
        f"{platform.machine()}, {os.cpu_count()} cores. "
        f"70 features of {options.events:,} events, {options.leads:,} leads; "
        f"a list of {options.world:,} leads; one lead with {_ONE_LEAD_EVENTS} events.\n"
        f"Medians of {options.repeats} turns, for one lead of {options.repeats * _ONE_LEAD_REPEATS}.\n"
    )
    measures = measure(options.events, options.leads, options.world, options.repeats)
    title = "speed beside a reference timed in turns with it"
    print_table(console, title, HEADER, [m.line() for m in measures])
    console.print(_LEGEND)
    return 0 if all(m.agrees for m in measures) else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.bench")
    parser.add_argument("--events", type=int, default=1_000_000, help="up to 10,000,000")
    parser.add_argument("--leads", type=int, default=20_000, help="up to 200,000")
    parser.add_argument("--world", type=int, default=3000, help="simulated leads to train on")
    parser.add_argument("--repeats", type=int, default=7, help="turns of each")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
