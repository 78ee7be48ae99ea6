"""What a verb writes: a list with our columns, and beside it the rows that were refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from features.errors import UsageError
from features.reading import Refusal
from features.writing import check_output, refused_path, write, write_refused


def check_out(out: Path, read: Sequence[Path]) -> None:
    """Refuse an output that could not be written, or that would overwrite what is read."""
    check_output(out)
    for given in read:
        if given.resolve() == out.resolve():
            raise UsageError(f"--out {out} would overwrite what is read. Give another name.")


def deliver(table: pa.Table, refused: Sequence[Refusal], out: Path) -> Path | None:
    """Write a list, and the rows that were refused; where these went, None where there are none."""
    refused_to = refused_path(out)
    if refused:
        write_refused(refused, refused_to)
    # Last, so that a new output always has its refused rows beside it.
    write(table, out)
    if refused:
        return refused_to
    refused_to.unlink(missing_ok=True)
    return None
