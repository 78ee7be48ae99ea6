"""A playbook with other values: what is not set keeps its comments, its order and every byte."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path as FilePath
from typing import Any

import tomlkit
from tomlkit.container import Container, OutOfOrderTableProxy
from tomlkit.items import AoT, Array, InlineTable, Item, Table, Whitespace

from features.errors import PlaybookError, UsageError
from features.writing import write_whole
from models.playbook.lines import Lines, Path, inside
from models.playbook.playbook import Playbook
from models.playbook.references import nearest


def rewritten(text: str, values: Mapping[Path, Any], source: str = "playbook") -> str:
    """A playbook with some values set.

    Parameters
    ----------
    values : mapping
        From keys to values: numbers, texts, days, lists, and mappings for tables; None takes a key
        away. Entries of lists are addressed by their names: ``("points", "rules", "demo request",
        "points")``; a mapping for a name that no entry has adds one.

    Raises
    ------
    UsageError
        When there is no such entry, or a key lies inside what is no table.
    PlaybookError
        When the result would not be a playbook.

    Examples
    --------
    >>> print(rewritten('schema = 1  # the first', {("trend", "threshold"): 0.7}))
    schema = 1  # the first
    <BLANKLINE>
    [trend]
    threshold = 0.7
    <BLANKLINE>
    """
    document = tomlkit.parse(text)
    meant = tomllib.loads(text)
    for path, value in values.items():
        plain = _plain(value)
        if _same(_at(meant, path), plain):
            continue
        left = (
            None if plain is not None else _without(tomlkit.dumps(document), _places(meant, path))
        )
        if left is None:
            _set(document, path, plain)
        else:
            document = tomlkit.parse(left)
        _set_plain(meant, path, plain)
    new = tomlkit.dumps(document)
    if "\r\n" in text and not re.search(r"(?<!\r)\n", text):
        new = re.sub(r"(?<!\r)\n", "\r\n", new)
    Playbook.parse(new, source)
    if tomllib.loads(new) != meant:
        asked = ", ".join(".".join(map(str, path)) for path in values)
        raise PlaybookError(
            f"{source}: {asked} cannot be set without changing something else. Set it by hand."
        )
    return new


def save(text: str, path: FilePath) -> Playbook:
    """Write a playbook to a file, whole or not at all; a wrong one is refused and nothing is written.

    Raises
    ------
    PlaybookError
        When the text is no playbook.
    InputError
        When the file cannot be written.
    """
    playbook = Playbook.parse(text, str(path))
    write_whole(path, lambda file: file.write(text.encode()))
    return playbook


def _plain(value: Any) -> Any:
    """The value in TOML's own types."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value.item() if hasattr(value, "item") else value


def _same(old: Any, new: Any) -> bool:
    """Whether two values read alike; 1 and true, or 1 and 1.0, do not."""
    return bool(old == new and type(old) is type(new))


def _step(here: Any, step: str | int) -> str | int:
    """The key or the position that a step of a path stands for: in a list, that of the name."""
    if isinstance(here, list) and isinstance(step, str):
        names = [inside(entry, "name") for entry in here]
        return names.index(step) if step in names else len(here)
    return step


def _at(here: Any, path: Path) -> Any:
    for step in path:
        here = inside(here, _step(here, step))
    return here


def _places(here: Any, path: Path) -> Path:
    """A path with the positions of the entries that it names."""
    found: Path = ()
    for step in path:
        found += (_step(here, step),)
        here = inside(here, found[-1])
    return found


def _without(text: str, path: Path) -> str | None:
    """A text without a table that has a header of its own; None where it has none.

    From the first empty line after it on, comments lead to what comes next, and stay.
    """
    lines = text.splitlines(keepends=True)
    tables = Lines(text).tables
    ends = [number - 1 for _, number in tables[1:]] + [len(lines)]
    blocks = [
        (number - 1, end)
        for (table, number), end in zip(tables, ends, strict=True)
        if table[: len(path)] == path
    ]
    if not blocks:
        return None
    for start, end in reversed(blocks):
        said = end
        while said > start and lines[said - 1].strip()[:1] in ("", "#"):
            said -= 1
        while said < end and lines[said].strip():
            said += 1
        apart = start and not lines[start - 1].strip() and said < len(lines)
        del lines[start : said + (1 if apart and not lines[said].strip() else 0)]
    return "".join(lines)


def _holder(here: Any, path: Path, fresh: Any) -> tuple[Any, str | int]:
    """What holds the last step of a path, made by `fresh` where it is not there, and that step."""
    for place, step in enumerate(path[:-1]):
        found = _step(here, step)
        if inside(here, found) is None:
            if isinstance(here, list):
                names = [str(inside(entry, "name")) for entry in here]
                raise UsageError(
                    f"{'.'.join(map(str, path[:place]))}: expected one of {', '.join(names)}, "
                    f"got {step!r}.{nearest(str(step), names)}"
                )
            fresh(here, found)
        here = here[found]
    if not isinstance(here, dict | list):
        raise UsageError(f"{'.'.join(map(str, path[:-1]))}: expected a table, got {here!r}")
    return here, _step(here, path[-1])


def _set_plain(raw: dict[str, Any], path: Path, value: Any) -> None:
    holder, key = _holder(raw, path, lambda here, step: here.__setitem__(step, {}))
    if value is None:
        if inside(holder, key) is not None:
            del holder[key]
    elif isinstance(holder, list) and key == len(holder):
        holder.append(_named(path[-1], value))
    else:
        holder[key] = deepcopy(value)


def _named(name: str | int, value: Any) -> Any:
    return {"name": name, **value} if isinstance(value, dict) else value


def _set(document: Any, path: Path, value: Any) -> None:
    holder, key = _holder(document, path, lambda here, step: _add(here, step, {}))
    if value is None:
        if inside(holder, key) is not None:
            del holder[key]
    elif isinstance(holder, AoT | Array) and key == len(holder):
        new = _named(path[-1], value)
        if isinstance(holder, AoT):
            _after_what_is_said(holder, lambda: holder.append(_table(new)), apart=True)
        else:
            holder.append(_inline(new))
    elif inside(holder, key) is None:
        _add(holder, str(key), value)
    else:
        old = holder[key]
        if isinstance(old, Table | OutOfOrderTableProxy) and isinstance(value, dict):
            for name in [name for name in old if name not in value]:
                del old[name]
            for name, entry in value.items():
                _set(old, (name,), entry)
        elif not _same(_unwrapped(old), value):
            holder[key] = _inline(value)


def _unwrapped(value: Any) -> Any:
    return value.unwrap() if hasattr(value, "unwrap") else value


def _add(holder: Any, key: str | int, value: Any) -> None:
    """Put a new key into a table: a table as one of its own, unless what holds it has its own line."""
    one_line = isinstance(holder, InlineTable) or (
        isinstance(holder, Table) and holder.is_aot_element()
    )
    last = _last_plain(holder)
    if (not isinstance(value, dict) or one_line) and last is not None:
        container = holder if isinstance(holder, Container) else holder.value
        container._insert_after(last, str(key), _inline(value))
    elif not isinstance(value, dict) or one_line:
        _after_what_is_said(holder, lambda: holder.append(key, _inline(value)))
    else:
        _after_what_is_said(holder, lambda: holder.append(key, _table(value)))


def _last_plain(holder: Any) -> Any:
    """The last key of a table before the tables inside it; None where there is not both."""
    container = holder if isinstance(holder, Container) else getattr(holder, "value", None)
    if isinstance(holder, InlineTable) or not isinstance(container, Container):
        return None
    tables = [isinstance(item, Table | AoT) for key, item in container.body if key is not None]
    plain = [key for key, item in container.body if key and not isinstance(item, Table | AoT)]
    return plain[-1] if plain and any(tables) else None


def _table(value: Mapping[str, Any]) -> Table:
    table = tomlkit.table()
    for name, entry in value.items():
        table.append(name, _inline(entry))
    return table


def _inline(value: Any) -> Item:
    if isinstance(value, dict):
        table = tomlkit.inline_table()
        for name, entry in value.items():
            table.append(name, _inline(entry))
        return table
    if isinstance(value, list):
        array = tomlkit.array()
        for entry in value:
            array.append(_inline(entry))
        return array
    item: Item = tomlkit.item(value)
    return item


def _body(holder: Any) -> list[Any] | None:
    """The lines of a table, down to the last table inside it; None for one on a single line."""
    last = holder
    while True:
        if isinstance(last, AoT):
            last = last.body[-1]
        container = last if isinstance(last, Container) else getattr(last, "value", None)
        if isinstance(last, InlineTable) or not isinstance(container, Container):
            return None
        keyed = [item for key, item in container.body if key is not None]
        if not keyed or not isinstance(keyed[-1], Table | AoT) or container.body[-1][0] is None:
            return container.body
        last = keyed[-1]


def _after_what_is_said(holder: Any, add: Callable[[], object], *, apart: bool = False) -> None:
    """Add to a table before the blank line and the comments that lead to the next one.

    Parameters
    ----------
    apart : bool, default False
        Whether an empty line goes before what is added.
    """
    body = _body(holder)
    if body is None or isinstance(holder, tomlkit.TOMLDocument):
        add()
        return
    said = max((place for place, (key, _) in enumerate(body) if key is not None), default=-1) + 1
    blank = [p for p in range(said, len(body)) if not body[p][1].as_string().strip()]
    cut = blank[0] if blank else said
    tail = body[cut:]
    del body[cut:]
    if apart:
        body.append((None, Whitespace("\n")))
    add()
    after = _body(holder)
    assert after is not None
    after.extend(tail)
