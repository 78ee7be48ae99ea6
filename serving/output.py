"""What a verb writes: a list with our columns, and beside it the rows that were refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from features.errors import UsageError
from features.reading import Refusal
from features.writing import SAFE, Spreadsheet, check_output, put_aside, write


def check_out(out: Path, read: Sequence[Path]) -> None:
    """Refuse an output that could not be written, or that would overwrite what is read."""
    check_output(out)
    for given in read:
        if given.resolve() == out.resolve():
            raise UsageError(f"--out {out} would overwrite what is read. Give another name.")


def deliver(
    table: pa.Table, refused: Sequence[Refusal], out: Path, how: Spreadsheet = SAFE
) -> list[Path]:
    """Write a list, and the rows that were refused; where these went."""
    aside = put_aside(refused, out)
    # Last, so that a new output always has its refused rows beside it.
    write(table, out, how)
    return aside
