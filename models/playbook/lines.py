"""Where the keys of a playbook stand in its text."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]")
_PAIR = re.compile(rf"\s*({_DOTTED})\s*=")


Path = tuple[str | int, ...]
"""Keys and positions from the top of a playbook: ``("points", "rules", 0, "event")``."""


class Lines:
    """Where the keys of a TOML text stand.

    Keys of inline tables are not told apart: theirs is the line of the key that holds the table.
    """

    def __init__(self, text: str) -> None:
        self._text = text.splitlines()
        self._at: dict[Path, int] = {}
        self._places: dict[Path, int] = {}
        table: Path = ()
        in_text = False
        for number, line in enumerate(self._text, start=1):
            header, pair = _HEADER.match(line), _PAIR.match(line)
            if not in_text and header:
                table = self._table(_steps(header[2]), array=header[1] == "[[")
                self._note(table, 0, number)
            elif not in_text and pair:
                self._note((*table, *_steps(pair[1])), len(table), number)
            in_text ^= (line.count('"""') + line.count("'''")) % 2 == 1

    def _table(self, steps: Path, *, array: bool) -> Path:
        path: Path = ()
        for place, step in enumerate(steps, start=1):
            path += (step,)
            if array and place == len(steps):
                self._places[path] = self._places.get(path, -1) + 1
            if path in self._places:
                path += (self._places[path],)
        return path

    def _note(self, path: Path, start: int, number: int) -> None:
        for end in range(start + 1, len(path) + 1):
            self._at.setdefault(path[:end], number)

    def of(self, path: Path, raw: Mapping[str, Any]) -> int:
        """The line of a key; of the nearest table around it when it has none of its own."""
        known = path
        while known and known not in self._at:
            known = known[:-1]
        line = self._at.get(known, 1)
        value: Any = raw
        for step in path:
            value = inside(value, step)
        if known != path and isinstance(value, str) and isinstance(path[-1], int):
            entries = (f'"{value}"', f"'{value}'")
            for number in range(line, len(self._text) + 1):
                if any(entry in self._text[number - 1] for entry in entries):
                    return number
        return line


def _steps(dotted: str) -> Path:
    """The keys of a dotted key, without quotes."""
    keys = re.findall(_KEY, dotted)
    return tuple(next(iter(tomllib.loads(f"{key} = 0"))) for key in keys)


def inside(here: Any, step: str | int) -> Any:
    """The entry of a parsed table or list; None where there is none."""
    try:
        return here[step]
    except (KeyError, IndexError, TypeError):
        return None
