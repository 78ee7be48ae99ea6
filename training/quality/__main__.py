"""The command: ``python -m training.quality [--data DIR] [--seeds 7,8] [--leads N]``.

Real data are looked for in ``--data`` and skipped, saying so, where they are absent.
``--capacity 200`` measures the intervals of a capacity instead, on so many simulated worlds.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from models.terminal import people, print_table, progress
from training.quality.capacity import HEADER as WORLDS
from training.quality.capacity import worlds
from training.quality.comparison import HEADER, Comparison
from training.quality.invented import ROWS, invented
from training.quality.real import BANK, FLAT, bpi2012, later
from training.quality.splits import HEADER as SPLITS
from training.quality.splits import SEEDS, Splits, on_splits
from training.quality.world import means, world

_WIDTH = 120
_DATA = Path(__file__).parents[3] / "shared" / "data"


def comparisons(
    data: Path,
    seeds: Sequence[int],
    n_leads: int,
    splits: tuple[int, ...] = SEEDS,
    rows: int = ROWS,
) -> Iterator[Comparison | Splits | str]:
    """Everything that can be compared, one after the other; a text where something is skipped."""
    log = data / "bpi2012_loan_leads"
    if log.is_dir():
        yield from bpi2012(log)
    else:
        yield f"bpi2012: skipped, there is no {log}"
    for name, sources in FLAT.items():
        file = data / sources.leads
        if file.is_file():
            yield on_splits(name, replace(sources, leads=file), splits)
        else:
            yield f"{name}: skipped, there is no {file}"
    bank = data / BANK.leads
    if bank.is_file():
        yield later(replace(BANK, leads=bank))
    if rows:
        yield from invented(rows)
    simulated = []
    for seed in seeds:
        simulated.append(world(n_leads, seed))
        yield simulated[-1]
    if simulated:
        yield means(simulated)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare what was asked for and print it."""
    options = _options(arguments)
    console = people(False)
    # Where the output is no terminal, there is room.
    console.width = max(console.width, _WIDTH)
    console.print(f"python -m training.quality {shlex.join(sys.argv[1:])}".rstrip())
    if options.capacity is not None:
        _print_capacity(console, options.capacity, options.seed)
        return
    console.print(
        "Log loss in nats; 95% intervals of paired differences from 1,000 resamples of leads."
    )
    wanted = comparisons(options.data, options.seeds, options.leads, options.splits, options.rows)
    while True:
        with progress("quality"):
            compared = next(wanted, None)
        if compared is None:
            break
        console.print()
        if isinstance(compared, str):
            console.print(compared)
            continue
        if isinstance(compared, Splits):
            print_table(console, compared.name, SPLITS, compared.lines())
        else:
            print_table(console, compared.heading(), HEADER, compared.lines())
        if compared.note:
            console.print(compared.note)


def _print_capacity(console: Console, n: int, seed: int) -> None:
    with progress("capacity") as report:
        measured = worlds(n, seed, report=report)
    print_table(console, measured.name, WORLDS, measured.lines())
    console.print(measured.note)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.quality")
    parser.add_argument("--data", type=Path, default=_DATA, help=f"folder of data sets: {_DATA}")
    parser.add_argument(
        "--seeds", type=_seeds, default=(7, 8, 9, 10, 11), help="of simulated worlds: 7,8,9"
    )
    parser.add_argument("--splits", type=_seeds, default=SEEDS, help="seeds of random splits")
    parser.add_argument("--rows", type=int, default=ROWS, help="of an invented export; 0 for none")
    parser.add_argument("--leads", type=int, default=20_000, help="of a simulated world")
    parser.add_argument(
        "--capacity",
        type=_worlds,
        nargs="?",
        const=200,
        help="measure the intervals of a capacity alone, on so many worlds: 200",
    )
    parser.add_argument("--seed", type=int, default=1, help="from which those worlds' seeds come")
    return parser.parse_args(arguments)


def _seeds(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part.strip())


def _worlds(text: str) -> int:
    n = int(text)
    if n < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more worlds, got {n}")
    return n


if __name__ == "__main__":
    main()
