"""The command: ``python -m training.worth [--data DIR] [--leads N] [--seeds 7,8] [--write]``.

With ``--write`` it keeps the figures in measured.json and the tables in the README.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from models.terminal import Report, people, progress
from training.worth.choosing import chosen
from training.worth.measured import Record
from training.worth.measuring import ALL, BESIDE, CHOSEN, measure
from training.worth.table import README, tables, written
from training.worth.worlds import PLANTED, bpi2012, simulated

_DATA = Path(__file__).parents[3] / "shared" / "data"
_PACKAGES = ("tegakari", "lightgbm", "numba", "numpy", "pandas", "scikit-learn")
COMMAND = "python -m training.worth"


def record(data: Path, n_leads: int, seeds: Sequence[int], report: Report) -> Record:
    """Measure every world.

    Parameters
    ----------
    data : Path
        The folder of data sets: it must hold bpi2012.
    n_leads : int
        Of each simulated world.
    seeds : sequence of int
        There is a simulated world of each, with each signal and without one.
    """
    begun = time.monotonic()
    report("reading bpi2012")
    bank = bpi2012(data / "bpi2012_loan_leads", seeds)
    worlds = [measure(bank, (*BESIDE, CHOSEN, ALL), report)]
    for signal in (None, *PLANTED):
        report(f"simulating {signal or 'a world without a signal'}")
        tried = (PLANTED[signal],) if signal else (*BESIDE, CHOSEN, ALL)
        simulations = [simulated(n_leads, seed, signal) for seed in seeds]
        worlds.append(measure(simulations, tried, report))
    return Record(
        command=COMMAND,
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in _PACKAGES},
        },
        seconds=round(time.monotonic() - begun),
        worlds=worlds,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the tables, and write them where asked to."""
    options = _options(arguments)
    console = people(False)
    with progress("worth") as report:
        found = record(options.data, options.leads, options.seeds, report)
    console.print(tables(found))
    console.print(f"\nChosen on the folds: {', '.join(chosen(found))}.")
    if options.write:
        found.write()
        text = README.read_text(encoding="utf-8")
        README.write_text(written(text, found), encoding="utf-8")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=COMMAND)
    parser.add_argument("--data", type=Path, default=_DATA, help=f"folder of data sets: {_DATA}")
    parser.add_argument("--leads", type=int, default=10_000, help="of each simulated world")
    parser.add_argument("--seeds", type=_seeds, default=(7, 8), help="of simulated worlds")
    parser.add_argument("--write", action="store_true", help="measured.json and the README")
    return parser.parse_args(arguments)


def _seeds(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    main()
