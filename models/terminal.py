"""What the command prints: tables for people, one JSON object for programs, and bars while it works."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from features.reading import Refusal
from features.writing import put_aside

Report = Callable[[str], None]
"""Told in a few words what is being done now."""

REFUSED_ROWS = 3
"""Exit code: done, but rows were refused."""

_SHOWN = 5


def people(as_json: bool) -> Console:
    """Where text for people goes: stdout, but stderr when stdout belongs to a JSON object."""
    return Console(stderr=as_json, highlight=False, soft_wrap=True, markup=False)


def print_json(value: dict[str, Any]) -> None:
    """Print one object on stdout, in ASCII where the terminal cannot take more."""
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    print(json.dumps(value, ensure_ascii=encoding != "utf8", allow_nan=False, indent=2))


def print_table(
    console: Console, title: str, header: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """Print a table; the first column is text, the others are numbers unless they are sentences."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for place, name in enumerate(header):
        table.add_column(name, justify="left" if place == 0 or name.endswith(":") else "right")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def print_refused(console: Console, refused: Sequence[Refusal]) -> None:
    """Name the first refused rows, and how many there are."""
    for refusal in refused[:_SHOWN]:
        console.print(f"  refused: {refusal}")
    if len(refused) > _SHOWN:
        console.print(f"  refused: {len(refused) - _SHOWN:,} more")


def aside(refused: Sequence[Refusal], out: Path, console: Console) -> int:
    """Write the refused rows beside an output, and name the first of them; an exit code."""
    files = ", ".join(map(str, put_aside(refused, out)))
    if not refused:
        return 0
    print_refused(console, refused)
    console.print(f"{len(refused):,} rows were refused; they are in {files}.")
    return REFUSED_ROWS


@contextmanager
def progress(title: str) -> Iterator[Report]:
    """Show a moving bar with the present step on stderr while the block runs, if it is a terminal."""
    if not sys.stderr.isatty():
        yield lambda step: None
        return
    columns = (
        TextColumn("{task.fields[title]}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, title=title)
        yield lambda step: bar.update(task, description=step)
