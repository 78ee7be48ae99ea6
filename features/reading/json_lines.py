"""JSON Lines: an object a line; what is nested is named with dots, what is written keeps its letters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from features.errors import InputError
from features.reading.declared import Declared
from features.reading.decoding import decoded
from features.reading.table import Refusal, Table, check_header


def read_json_lines(path: object, raw: bytes, declared: Declared, rows_are: str) -> Table:
    """Read objects as rows, all cells as text: ``1E5`` and ``0012`` keep their letters.

    The columns are those of all objects together, in the order in which they first come. An object
    within an object is columns named ``outer.inner``; a list is its JSON text. A line that is no
    object is refused.

    Raises
    ------
    InputError
        When the text cannot be decoded, or no line is an object.
    """
    text, encoding = decoded(path, raw, declared.encoding)
    rows: list[dict[str, str | None]] = []
    lines: list[int] = []
    refused: list[Refusal] = []
    for line, written in enumerate(text.split(b"\n"), 1):
        if not written.strip():
            continue
        try:
            rows.append(parsed(written.decode("utf-8")))
            lines.append(line)
        except (ValueError, RecursionError) as error:
            reason = f"not a JSON object: {error}"
            value = written.decode("utf-8", "replace").strip()
            refused.append(Refusal(rows_are, str(path), line, "", value, reason))
    if not rows:
        first = f" The first line that is none: {refused[0].reason}" if refused else ""
        raise InputError(f"{path}: expected a JSON object on each line; there is none.{first}")
    names = list(dict.fromkeys(name for row in rows for name in row))
    check_header(path, names)
    columns = {
        name: pa.array([row.get(name) or None for row in rows], pa.string()) for name in names
    }
    shown = f"JSON Lines, {encoding}"
    return Table(str(path), pa.table(columns), np.array(lines), refused, shown, rows_are)


def parsed(text: str) -> dict[str, str | None]:
    """One JSON object as cells.

    Raises
    ------
    ValueError
        When it is none, names a key twice, or holds a number or a letter that is none.

    Examples
    --------
    >>> parsed('{"id": 12, "properties": {"email": "a@example.com", "tags": ["x"]}}')
    {'id': '12', 'properties.email': 'a@example.com', 'properties.tags': '["x"]'}
    """
    value = json.loads(
        text,
        parse_int=_Number,
        parse_float=_Number,
        parse_constant=_no_number,
        object_pairs_hook=_object,
    )
    if not isinstance(value, dict):
        raise ValueError("the line holds another value")
    cells: dict[str, str | None] = {}
    for name, cell in _flat(value, ""):
        if name in cells:
            raise ValueError(f"{name!r} is given twice")
        cells[name] = cell
        (cell or "").encode("utf-8")  # a surrogate alone is no letter
    return cells


class _Number(str):
    """A number with the letters in which it is written."""


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is given twice")
    return found


def _flat(value: dict[str, Any], before: str) -> Iterator[tuple[str, str | None]]:
    for name, inner in value.items():
        called = f"{before}{name}"
        if isinstance(inner, dict):
            yield from _flat(inner, f"{called}.")
        else:
            yield called, _cell(inner)


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value)
    return json.dumps(value, ensure_ascii=False)
