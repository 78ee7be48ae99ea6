"""Where the keys of a playbook stand in its text."""

from __future__ import annotations

import re
import tomllib
from typing import Any

_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_DOTTED = re.compile(rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*")
_SPACE = re.compile(r"(?:\s|#[^\n]*)*")
_TEXT = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}(?!")' r"|'''.*?'{3,5}(?!')" r'|"(?:[^"\\\n]|\\.)*"|' r"'[^'\n]*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}#\n]+")

Path = tuple[str | int, ...]
"""Keys and positions from the top of a playbook: ``("points", "rules", 0, "event")``."""


class Lines:
    """Where the keys and the entries of lists of a TOML text stand, those of inline tables too.

    Parameters
    ----------
    text : str
        Text that is TOML.

    Attributes
    ----------
    tables : list of (Path, int)
        The tables with a header of their own, and its line, from the first on.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at: dict[Path, int] = {}
        self._places: dict[Path, int] = {}
        self.tables: list[tuple[Path, int]] = []
        table: Path = ()
        here = self._space(0)
        while here < len(text):
            if text[here] == "[":
                array = text.startswith("[[", here)
                start = self._blank(here + 1 + array)
                dotted = self._key(start)
                table = self._table(_steps(dotted), array=array)
                self._note(table, 0, start)
                self.tables.append((table, text.count("\n", 0, start) + 1))
                here = self._blank(start + len(dotted)) + 1 + array
            else:
                here = self._pair(here, table)
            here = self._space(here)

    def of(self, path: Path) -> int:
        """The line of a key; of the nearest table around it when it has none of its own."""
        while path and path not in self._at:
            path = path[:-1]
        return self._at.get(path, 1)

    def _pair(self, here: int, table: Path) -> int:
        """Past a key and its value."""
        dotted = self._key(here)
        path = (*table, *_steps(dotted))
        self._note(path, len(table), here)
        return self._value(self._blank(self._blank(here + len(dotted)) + 1), path)

    def _value(self, here: int, path: Path) -> int:
        """Past a value."""
        opened = self._text[here]
        if opened not in "[{":
            found = _TEXT.match(self._text, here) or _PLAIN.match(self._text, here)
            assert found  # the text is TOML
            return found.end()
        closed, place = {"[": "]", "{": "}"}[opened], 0
        here = self._space(here + 1)
        while self._text[here] != closed:
            if opened == "{":
                here = self._pair(here, path)
            else:
                self._note((*path, place), len(path), here)
                here = self._value(here, (*path, place))
            place += 1
            here = self._space(here)
            if self._text[here] == ",":
                here = self._space(here + 1)
        return here + 1

    def _table(self, steps: Path, *, array: bool) -> Path:
        path: Path = ()
        for place, step in enumerate(steps, start=1):
            path += (step,)
            if array and place == len(steps):
                self._places[path] = self._places.get(path, -1) + 1
            if path in self._places:
                path += (self._places[path],)
        return path

    def _note(self, path: Path, start: int, here: int) -> None:
        line = self._text.count("\n", 0, here) + 1
        for end in range(start + 1, len(path) + 1):
            self._at.setdefault(path[:end], line)

    def _key(self, here: int) -> str:
        found = _DOTTED.match(self._text, here)
        assert found  # the text is TOML
        return found[0]

    def _space(self, here: int) -> int:
        """Past blanks, line ends and comments."""
        found = _SPACE.match(self._text, here)
        return found.end() if found else here

    def _blank(self, here: int) -> int:
        """Past blanks."""
        while here < len(self._text) and self._text[here] in " \t":
            here += 1
        return here


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
