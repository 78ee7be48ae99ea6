"""The files of a source, and the cells of its columns."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.cells import as_text, one_array, text_column
from features.errors import InputError
from features.reading import Table, read, together
from models.playbook.references import nearest
from training.gather.said import SourceSection, Where

Mask = npt.NDArray[np.bool_]


def files_of(folder: Path, pattern: str) -> list[Path]:
    """The files that a pattern names, by name; letters that are composed or not are the same."""
    inside = folder / Path(pattern).parent
    wanted = unicodedata.normalize("NFC", Path(pattern).name)
    if not inside.is_dir():
        return []
    return sorted(
        path
        for path in inside.iterdir()
        if fnmatchcase(unicodedata.normalize("NFC", path.name), wanted) and path.name[0] != "."
    )


def read_source(folder: Path, source: SourceSection) -> Table:
    """Read the files of a source as one table.

    Raises
    ------
    InputError
        When there is none, or one cannot be read.
    """
    assert source.file is not None
    paths = files_of(folder, source.file)
    if not paths:
        there = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        raise InputError(
            f"{folder / source.file}: no such file.{nearest(source.file, there)} "
            "Correct `file`, or take this source out."
        )
    tables = [read(path, "row", source.declared) for path in paths]
    table = tables[0] if len(tables) == 1 else together(folder / source.file, tables)
    return _emptied(table, source.empty) if source.empty else table


def _emptied(table: Table, words: Sequence[str]) -> Table:
    """The table without the words that stand for nothing."""
    data, nothing = table.data, pa.array(words, pa.string())
    for place, field in enumerate(data.schema):
        if pa.types.is_string(field.type):
            said = pc.is_in(data[place], value_set=nothing)
            kept = pc.if_else(said, pa.scalar(None, pa.string()), data[place])
            data = data.set_column(place, field.name, kept)
    return replace(table, data=data)


def alternatives(name: str) -> list[str]:
    """The names of a column, of which exports have one or another: ``"Create Date | createdate?"``."""
    return name.removesuffix("?").split(" | ")


def plainly(table: Table, name: str) -> str:
    """The name that a table has for a column; the first where it has none."""
    names = alternatives(name)
    return next((one for one in names if _column(table, one) is not None), names[0])


def has(table: Table, name: str) -> bool:
    """Whether a table has a column, as a source names it."""
    return any(_column(table, one) is not None for one in alternatives(name))


def column(table: Table, name: str) -> pa.Array | None:
    """A column as it is; None for one that need not be there and is not.

    Raises
    ------
    InputError
        When it has to be there.
    """
    found = _column(table, plainly(table, name))
    if found is None and not name.endswith("?"):
        there = table.data.column_names
        raise InputError(
            f"{table.path}: expected column {name!r}; the columns are {', '.join(there)}."
            f"{nearest(name, there)}"
        )
    return found


def texts(table: Table, name: str) -> pa.Array:
    """A column as text without spaces around; all null for one that need not be there and is not."""
    found = column(table, name)
    if found is None:
        return pa.nulls(len(table.lines), pa.string())
    return text_column(pc.utf8_trim_whitespace(text_column(found)))


def _column(table: Table, name: str) -> pa.Array | None:
    names = table.data.column_names
    if name in names:
        return one_array(table.data[name])
    outer = next((one for one in names if name.startswith(f"{one}.")), None)
    if outer is None:
        return None
    coded = text_column(table.data[outer]).dictionary_encode()
    key = name[len(outer) + 1 :]
    inner = pa.array([_inside(text, key) for text in coded.dictionary.to_pylist()], pa.string())
    return inner.take(coded.indices)


def _inside(text: str, key: str) -> str | None:
    """The value of a key of a JSON object, as text; None where there is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found = value.get(key) if isinstance(value, dict) else None
    if isinstance(found, list | dict):
        return json.dumps(found, ensure_ascii=False)
    return as_text(found)


def meant(table: Table, where: Where) -> Mask:
    """Which rows have one of the values asked for in each column, and none of those after ``!``."""
    mask = np.ones(len(table.lines), dtype=bool)
    for name, patterns in where.items():
        found = column(table, name)
        if found is None:
            continue
        coded = text_column(found).dictionary_encode()
        wanted = [pattern.casefold() for pattern in patterns if pattern[0] != "!"]
        unwanted = [pattern[1:].casefold() for pattern in patterns if pattern[0] == "!"]
        fits = [
            (not wanted or _fits(text, wanted)) and not _fits(text, unwanted)
            for text in coded.dictionary.to_pylist()
        ]
        one = pa.array(fits, pa.bool_()).take(coded.indices).fill_null(not wanted)
        mask &= one.to_numpy(zero_copy_only=False)
    return mask


def _fits(text: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(text.strip().casefold(), pattern) for pattern in patterns)
