"""Options of the command, read."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from features.errors import UsageError
from models.settings import Settings


def settings(playbook: Path | None) -> Settings:
    """The settings of the environment, with the playbook that was asked for."""
    return Settings(playbook=playbook) if playbook else Settings()


def names(text: str | None) -> tuple[str, ...]:
    """Read ``A,B,"C, D"`` as names.

    Examples
    --------
    >>> names('Tags,"Lead Quality, guessed"')
    ('Tags', 'Lead Quality, guessed')
    """
    parts = next(csv.reader([text], skipinitialspace=True)) if text else []
    return tuple(part.strip() for part in parts if part.strip())


def pairs(texts: Sequence[str] | str | None, option: str) -> dict[str, str]:
    """Read ``a=b,c="d, e"``, or several such texts, as a mapping.

    Raises
    ------
    UsageError
        When a part is not a name, an equals sign and a value, or a name comes twice.

    Examples
    --------
    >>> pairs('lead_id="Prospect ID",created_at=reg_date', "--columns")
    {'lead_id': 'Prospect ID', 'created_at': 'reg_date'}
    """
    found: dict[str, str] = {}
    for text in [texts] if isinstance(texts, str) else texts or ():
        # csv wants a quote at the front of its part, and people write it after the equals sign.
        quoted = re.sub(r'(^|,)\s*([^",=]+)="((?:[^"]|"")*)"', r'\1"\2=\3"', text)
        for part in names(quoted):
            name, equals, value = (piece.strip() for piece in part.partition("="))
            if not (name and equals and value):
                raise UsageError(
                    f'{option}: expected parts such as lead_id="Prospect ID"; got {part!r}.'
                )
            if name in found:
                raise UsageError(f"{option}: {name!r} is given twice.")
            found[name] = value
    return found


def named_columns(columns: str | None, id_column: str | None) -> dict[str, str]:
    """The contract's names with the file's, from ``--columns`` and ``--id``."""
    named = pairs(columns, "--columns")
    if id_column:
        if named.get("lead_id", id_column) != id_column:
            raise UsageError(
                f"--id says {id_column!r} and --columns says {named['lead_id']!r}. Give one."
            )
        named["lead_id"] = id_column
    return named
