"""The command: ``python -m serving.chaos [--only NAME] [--list] [--part 0.1] [--home HOME]``.

It ends with exit code 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from features.errors import TegakariError
from serving.chaos import backups, disk, kills, memory, outage, swaps
from serving.chaos.row import Ground, Row

ROWS: dict[str, Callable[[Ground], Row]] = {
    "kills-sqlite": kills.on_sqlite,
    "kills-postgresql": kills.on_postgresql,
    "outage": outage.on_postgresql,
    "disk": disk.full,
    "memory": memory.flat,
    "swaps": swaps.under_load,
    "backup-sqlite": backups.on_sqlite,
    "backup-postgresql": backups.on_postgresql,
}
"""The trials by the names that ``--only`` takes."""

_WIDTH = 160
"""Columns, where the output is no terminal."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the trials, and print how they went."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--only", action="append", choices=tuple(ROWS), help="this one alone")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    parser.add_argument("--part", type=float, default=1.0, help="of what is asked, such as 0.1")
    parser.add_argument("--home", type=Path, help="a home with a trained model")
    options = parser.parse_args(arguments)
    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH
    if options.list:
        console.print("\n".join(ROWS))
        return 0
    rows = []
    for name in options.only or ROWS:
        begin = time.monotonic()
        with console.status(name):
            rows.append(_made(name, options))
        took = time.monotonic() - begin
        console.print(f"{name}: {'holds' if rows[-1].ok else 'FAILED'} ({took:.0f} s)")
    table = Table("trial", "done", "asked", "measured", "", title="what the service survives")
    for row in rows:
        table.add_row(row.name, row.done, row.asked, row.measured, "holds" if row.ok else "FAILED")
    console.print(table)
    return 0 if all(row.ok for row in rows) else 1


def _made(name: str, options: argparse.Namespace) -> Row:
    with tempfile.TemporaryDirectory(prefix="tegakari-chaos-") as folder:
        try:
            return ROWS[name](Ground(Path(folder), options.home, options.part))
        except (TegakariError, OSError) as error:
            return Row(name, "could not be made", "", str(error), ok=False)


if __name__ == "__main__":
    sys.exit(main())
