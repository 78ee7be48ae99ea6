"""The command: ``python -m training.bench [--large | --training | --explaining] [--events N] ...``.

What is timed side by side is also compared: a difference ends with exit code 1. A figure that is
asked for and not met is printed, and is no error: other machines are slower.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from features.errors import UsageError
from models.artefact import load
from models.terminal import Report, people, print_table, progress
from training.bench import explaining, fresh, large, lists, logs, scoring, whole
from training.bench.timing import HEADER, Measure

_PACKAGES = ("tegakari", "numpy", "polars", "duckdb", "pyarrow", "numba", "lightgbm")
_REFERENCES = ("duckdb", "polars")
_ONE_LEAD_EVENTS = 50
_ONE_LEAD_REPEATS = 100
"""Turns for one lead per repeat asked for: one of them takes microseconds."""
_TENFOLD = 10
_WIDTH = 120
_TRAINED = Path("a model trained for it")
_LARGE_REPEATS = 3
"""At most so many turns of minutes."""

_LEGEND = f"""
measured: of what is asked; else how many times as fast as the reference. same: whether both gave the
same; met: whether what is asked is reached.
70 features: counts in 4 windows, 2 decays and recency of 10 types. Polars and DuckDB in the form that
is fastest here (the first of those listed), on as many threads; in memory from tables made before,
ordered by lead. All leads are compared; of the whole catalogue 100, with --large 500.
plain Python: each kind's own definition, without attributes.
lightgbm (or logistic): the estimator alone, on features ready-made; with reasons
({scoring.REASONS}), its own SHAP values (pred_contrib). Those of trees are the same within 1e-9 of 1 and the
sum of their absolute values; one lead after the other, each time another."""


def measure(options: argparse.Namespace, report: Report) -> list[Measure]:
    """Time everything that was asked for."""
    sizes = {"n_events": options.events, "n_leads": options.leads}
    if options.explaining is not None:
        report("explaining")
        artefact = load(options.explaining) if options.explaining != _TRAINED else None
        return explaining.measures(explaining.N_LEADS, options.repeats, artefact)
    if options.lists:
        report("reading in turns")
        read = lists.reading(lists.ROWS, options.repeats)
        report(f"scoring {options.lists:,} leads in turns")
        repeats = min(options.repeats, _LARGE_REPEATS)
        return read + lists.scoring(options.lists, repeats, options.world)
    if options.large:
        report("writing, and reading in turns")
        tenfold = {name: _TENFOLD * size for name, size in sizes.items()}
        repeats = min(options.repeats, _LARGE_REPEATS)
        return large.measures(**tenfold, repeats=repeats, threads=max(options.threads))
    measures = []
    for threads in options.threads:
        report(f"{options.events:,} events in memory, threads: {threads}")
        measures += fresh.measures("memory", threads, **sizes, repeats=options.repeats)
    with tempfile.TemporaryDirectory(prefix="tegakari-bench-") as folder:
        report(f"writing {options.events:,} events")
        leads, events = map(str, logs.write(Path(folder), **sizes))
        for threads in options.threads:
            report(f"{options.events:,} events from Parquet, threads: {threads}")
            measures += fresh.measures(
                "files", threads, leads=leads, events=events, repeats=options.repeats
            )
    some = {name: max(size // 5, 1) for name, size in sizes.items()}
    for threads in options.threads:
        report(f"the whole catalogue of {some['n_events']:,} events, threads: {threads}")
        measures += fresh.measures("catalogue", threads, **some, repeats=options.repeats)
    report("one lead")
    turns = options.repeats * _ONE_LEAD_REPEATS
    measures += fresh.measures("catalogue", 1, "one_lead", n_events=_ONE_LEAD_EVENTS, turns=turns)
    report(f"training on a simulated world of {options.world:,} leads")
    simulated = scoring.world(options.world)
    report("answers")
    measures += scoring.one_lead(simulated, _ONE_LEAD_EVENTS, turns)
    measures += scoring.whole_list(simulated, options.repeats)
    report("explaining")
    return measures + explaining.measures(explaining.N_LEADS, options.repeats)


def main(arguments: Sequence[str] | None = None) -> int:
    """Time what was asked for, print it, and return the exit code."""
    options = _options(arguments)
    console = people(False)
    try:
        check_references()
    except UsageError as error:
        people(True).print(f"Error: {error}")
        return 2
    _introduce(console, options)
    if options.training:
        with progress("bench") as report:
            report("a whole training run")
            lines = whole.lines(options.training, max(options.threads))
        console.width = max(console.width, _WIDTH)
        print_table(console, "", whole.HEADER, lines)
        return 0
    with progress("bench") as report:
        measures = measure(options, report)
    # Where the output is no terminal, there is room.
    console.width = max(console.width, _WIDTH)
    print_table(console, "", HEADER, [m.line() for m in measures])
    _forms(console, measures)
    console.print(_LEGEND)
    return 0 if all(m.agrees for m in measures) else 1


def check_references() -> None:
    """Whether what we are timed beside is installed.

    Raises
    ------
    UsageError
    """
    missing = [name for name in _REFERENCES if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"The benchmark needs {' and '.join(missing)}, which come with the development packages: "
            "make install, or pip install 'tegakari[dev]'."
        )


def _introduce(console: Console, options: argparse.Namespace) -> None:
    console.print(f"python -m training.bench {shlex.join(sys.argv[1:])}".rstrip())
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    console.print(f"Python {platform.python_version()}, {versions}")
    load = ", ".join(f"{of:.1f}" for of in os.getloadavg())
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, load average {load}.")
    if options.training:
        console.print(f"Training on {options.training:,} simulated leads, without tuning.\n")
        return
    if options.explaining is not None:
        console.print(
            f"SHAP values in a simulated world of {explaining.N_LEADS:,} leads; medians of "
            f"{options.repeats} turns.\n"
        )
        return
    if options.lists:
        console.print(
            f"Files of lead lists; medians of {options.repeats} turns, of scoring at most "
            f"{_LARGE_REPEATS}.\n"
        )
        return
    if options.large:
        console.print(
            f"{_TENFOLD * options.events:,} events, {_TENFOLD * options.leads:,} leads, from Parquet "
            f"with channel and event_id; medians of {min(options.repeats, _LARGE_REPEATS)} turns.\n"
        )
        return
    console.print(
        f"{options.events:,} events, {options.leads:,} leads; a fifth of both for the whole catalogue; "
        f"a list of {options.world:,} leads; one lead with {_ONE_LEAD_EVENTS} events.\n"
        f"Medians of {options.repeats} turns, for one lead of {options.repeats * _ONE_LEAD_REPEATS}.\n"
    )


def _forms(console: Console, measures: Sequence[Measure]) -> None:
    """The forms of the references that were tried, and what each took, fastest first."""
    console.print()
    for measure in measures:
        if measure.tried:
            tried = sorted(measure.tried.items(), key=lambda form: form[1])
            listed = "; ".join(f"{form} {taken:.2f} s" for form, taken in tried)
            console.print(f"{measure.what}, {measure.reference}: {listed}")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.bench")
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--leads", type=int, default=200_000)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="each in turn")
    parser.add_argument("--world", type=int, default=3000, help="simulated leads to train on")
    parser.add_argument("--repeats", type=int, default=5, help="turns of each")
    parser.add_argument(
        "--large",
        action="store_true",
        help="instead of all else ten times as many events from Parquet: peak memory, and time per "
        "event; takes ten minutes and 3 GB of disk",
    )
    parser.add_argument(
        "--training",
        type=int,
        nargs="?",
        const=whole.N_LEADS,
        metavar="LEADS",
        help="instead of all else a whole training run on so many simulated leads "
        f"({whole.N_LEADS:,}: a million rows)",
    )
    parser.add_argument(
        "--lists",
        type=int,
        nargs="?",
        const=lists.ROWS,
        metavar="LEADS",
        help="instead of all else reading a CSV beside pandas, and scoring a CSV of so many leads, with "
        f"ten events each in Parquet ({lists.ROWS:,}: takes an hour), with reasons and without",
    )
    parser.add_argument(
        "--explaining",
        type=Path,
        nargs="?",
        const=_TRAINED,
        metavar="MODEL",
        help="instead of all else SHAP values beside LightGBM's own; of trees grown for it and of a "
        "model's folder, by default of a model trained in that world",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
