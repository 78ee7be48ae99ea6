"""The command: ``python -m serving.bench [--home HOME] [--only NAME] [--seconds 5] [--turns 5]``."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from features.errors import TegakariError
from serving.bench import fresh, ingest, ranked, scoring, stored
from serving.bench.figure import Figure

ROWS: dict[str, Callable[..., list[Figure]]] = {
    "scores": scoring.scores,
    "ingest": ingest.durable,
    "fresh": fresh.fresh,
    "ranked": ranked.first_page,
    "stored": stored.scores,
}
"""What is measured, by the names that ``--only`` takes: given a home with a champion, and a folder."""

_WIDTH = 170


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="make bench-http", description=__doc__)
    parser.add_argument("--home", type=Path, help="a home with a champion; default: train one")
    parser.add_argument("--only", action="append", choices=tuple(ROWS), help="this alone")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load")
    parser.add_argument("--turns", type=int, default=5, help="of which the median counts")
    options = parser.parse_args(arguments)
    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH
    table = Table("what", "measured", "reference", "asked", "", title="the service, one worker")
    with tempfile.TemporaryDirectory(prefix="tegakari-bench-") as scratch:
        folder = Path(scratch)
        home = options.home or scoring.trained(folder)
        for name in options.only or ROWS:
            mine = folder / name
            mine.mkdir()
            # Each has a home of its own: what one stores is not in the way of another.
            own = Path(shutil.copytree(home, mine / "home", ignore=shutil.ignore_patterns("demo")))
            for row in ROWS[name](own, mine, seconds=options.seconds, turns=options.turns):
                met = {None: "", True: "met", False: "NOT MET"}[row.met]
                table.add_row(row.what, row.measured, row.reference, row.asked, met)
    console.print(table)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TegakariError as error:
        sys.exit(str(error))
