"""How a company's files are to be read: its names for the contract's columns, and its times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.cells import text_column
from features.dates import is_ordered, order_of
from features.errors import InputError
from features.instants import DAY, Instants
from features.reading import AS_FOUND, Declared, Refusal, Table
from features.times import Times, parse


@dataclass(frozen=True)
class Form:
    """How a company's files are to be read.

    Attributes
    ----------
    columns : mapping
        The contract's name -> the name the file has: ``{"created_at": "reg_date"}``.
    date_events : mapping
        Event type -> the column of the lead list that says when it happened.
    tz : ZoneInfo or None
        The zone of local times and of days; None when none is declared.
    outcomes : frozenset of str
        Event types that happen at the start of a day given without a time; any other is visible
        from its end.
    latest : int
        Times later than this are refused: the present plus one day.
    numbered : bool
        Whether a lead list without a column of ids is taken, its leads being named by their lines.
    dates_required : bool
        Whether a lead list without one of those columns is an error; else it has no such event.
    declared : Declared
        What is said of the files themselves.
    """

    columns: Mapping[str, str]
    date_events: Mapping[str, str]
    tz: ZoneInfo | None
    outcomes: frozenset[str]
    latest: int
    numbered: bool = False
    dates_required: bool = True
    declared: Declared = AS_FOUND


def latest_plausible(now: int) -> int:
    """Times after this instant are refused: the present plus one day."""
    return now + DAY


def named(
    table: Table, columns: Mapping[str, str], known: tuple[str, ...], needed: tuple[str, ...]
) -> Table:
    """The table with the contract's names; a mapped column takes the place of one named so already."""
    names = table.data.column_names
    mapped = {columns[name]: name for name in known if columns.get(name) in names}
    data = table.data.drop_columns(
        [name for name in mapped.values() if name in names and name not in mapped]
    )
    data = data.rename_columns([mapped.get(name, name) for name in data.column_names])
    for name in needed:
        if name not in data.column_names:
            asked = (
                f"column {columns[name]!r} (for {name})" if name in columns else f"column {name!r}"
            )
            raise InputError(
                f"{table.path}, line 1: expected {asked}; the columns are {', '.join(names)}. "
                f'Name it with --columns {name}="..." or in the playbook\'s [columns].'
            )
    return replace(table, data=data, file_names={name: old for old, name in mapped.items()})


def times(
    table: Table,
    column: str,
    form: Form,
    wanted: npt.NDArray[np.bool_],
    *,
    at_start: bool | npt.NDArray[np.bool_],
) -> tuple[Instants, npt.NDArray[np.bool_], list[Refusal]]:
    """A column of times; days without a time are their start where `at_start`, else their end.

    Returns
    -------
    instant : ndarray of shape (n_rows,), int64
    usable : ndarray of shape (n_rows,), bool
        The rows in `wanted` that are not refused.
    refused : list of Refusal
    """
    instant, bad = moments(table, column, form, wanted, at_start=lambda: at_start)
    refused: list[Refusal] = []
    usable = wanted.copy()
    for rows, reason in bad:
        refused += table.refusals(rows, column, reason)
        usable &= ~rows
    return instant, usable, refused


def moments(
    table: Table,
    column: str,
    form: Form,
    wanted: npt.NDArray[np.bool_],
    *,
    at_start: Callable[[], bool | npt.NDArray[np.bool_]],
) -> tuple[Instants, list[tuple[npt.NDArray[np.bool_], str]]]:
    """A column of times as `times` reads it, and the rows that have none, with the reason.

    Whose days are meant from their start is only asked where there are days without a time.
    """
    times = _read(table, column, form, wanted)
    unzoned = np.flatnonzero(times.unzoned & wanted)
    if len(unzoned):
        row = int(unzoned[0])
        raise InputError(
            f"{table.place(row)}: column {table.file_names.get(column, column)!r} holds local times without "
            f"a zone: {str(table.data[column][row])!r}. "
            "Pass --timezone Asia/Tokyo or write them with an offset."
        )
    instant = times.instant
    if times.day_end is not instant:
        instant = np.where(at_start(), instant, times.day_end)
    return instant, [
        (times.bad & wanted, "not a time; expected such as 2026-04-01T09:00+09:00"),
        (
            wanted & ~times.bad & (instant > form.latest),
            "the time lies more than a day in the future",
        ),
    ]


def _read(table: Table, column: str, form: Form, wanted: npt.NDArray[np.bool_]) -> Times:
    """A column as times; which part of 3/4/2026 is the month is declared, or said by another row.

    Raises
    ------
    InputError
        When nothing says it.
    """
    times = parse(table.data[column], form.tz, form.declared.dates)
    if form.declared.dates is not None or not (times.bad & wanted).any():
        return times
    strange = text_column(table.data[column].filter(pa.array(times.bad & wanted))).unique()
    ordered = [text for text in strange.to_pylist() if text and is_ordered(text)]
    if not ordered:
        return times
    order = None if table.partial else order_of(ordered)
    if order is None:
        row = int(np.flatnonzero(text_column(table.data[column]).to_numpy(False) == ordered[0])[0])
        raise InputError(
            f"{table.place(row)}: column {table.file_names.get(column, column)!r} holds {ordered[0]!r}, "
            "which is one day or another. Pass --dates mdy (the month first) or --dates dmy (the day first)."
        )
    return parse(table.data[column], form.tz, order)
