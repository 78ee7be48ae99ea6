"""Columns and texts read as times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.cells import one_array
from features.dates import DateOrder, rewritten
from features.errors import UsageError
from features.instants import DAY, FIRST, HOUR, LAST, MISSING, SECOND, Instants, localise

_TIME = (
    r"^\s*(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})"
    r"(?:(?:T|\s+)(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"\s*(?P<zone>Z|z|[+-]\d{2}(?::?\d{2})?)?)?\s*$"
)


@dataclass(frozen=True)
class Times:
    """A column read as times.

    Attributes
    ----------
    instant : ndarray of shape (n,), int64
        The instant; for a day without a time its start; `MISSING` where nothing came or it was bad.
    day_end : ndarray of shape (n,), int64
        For a day without a time the start of the next day; elsewhere equal to `instant`.
    bad : ndarray of shape (n,), bool
        Something came that is not a time.
    unzoned : ndarray of shape (n,), bool
        A local time came, and no zone is declared in which to read it (not in `bad`).
    """

    instant: Instants
    day_end: Instants
    bad: npt.NDArray[np.bool_]
    unzoned: npt.NDArray[np.bool_]


def parse(
    column: pa.Array | pa.ChunkedArray, tz: ZoneInfo | None, order: DateOrder | None = None
) -> Times:
    """Read a column of texts, timestamps or dates as instants.

    Texts are ISO 8601, with ``-`` or ``/`` between the parts of the date, with or without time and
    zone, or what `features.dates.rewritten` makes ISO 8601 of; digits below the microsecond are cut
    off. `tz` is the zone of local times and of days, `order` that of ``3/4/2026``, which is bad
    without it. An empty text is missing. A time outside the years 1 to 9999 in UTC is bad.
    """
    column = one_array(column)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    times = _parse(column, tz, order)
    if len(column) and times.instant.min() >= FIRST and times.instant.max() <= LAST:
        return times
    beyond = (times.instant < FIRST) | (times.instant > LAST)
    beyond &= times.instant != MISSING
    if not beyond.any():
        return times
    instant, day_end = (
        np.where(beyond, MISSING, column) for column in (times.instant, times.day_end)
    )
    return Times(instant, day_end, times.bad | beyond, times.unzoned)


def _parse(column: pa.Array, tz: ZoneInfo | None, order: DateOrder | None) -> Times:
    n = len(column)
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _parse_text(column, tz, order)
    missing = column.is_null().to_numpy(zero_copy_only=False)
    none = np.zeros(n, dtype=bool)
    if pa.types.is_timestamp(kind):
        micros = _filled(column.cast(pa.timestamp("us", tz=kind.tz), safe=False).cast(pa.int64()))
        if kind.tz is not None:
            instant = np.where(missing, MISSING, micros) if column.null_count else micros
            return Times(instant, instant, none, none)
        return _on_the_wall(micros, missing, none, none, tz)
    if pa.types.is_date(kind):
        micros = _filled(column.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())) * DAY
        return _on_the_wall(micros, missing, none, ~missing, tz)
    instant = np.full(n, MISSING)
    return Times(instant, instant, ~missing, none)


def parse_one(text: str, tz: ZoneInfo | None, what: str) -> int:
    """Read one time for the option or field `what`; UsageError when it is not one or lacks a zone."""
    times = parse(pa.array([text]), tz)
    if times.instant[0] == MISSING and not times.unzoned[0]:
        raise UsageError(f"{what}: expected a time such as 2026-04-01T09:00+09:00, got {text!r}.")
    if times.unzoned[0]:
        raise UsageError(
            f"{what}: {text!r} has no zone. Write it with an offset (+09:00) or pass --timezone Asia/Tokyo."
        )
    return int(times.instant[0])


def _parse_text(column: pa.Array, tz: ZoneInfo | None, order: DateOrder | None) -> Times:
    parts = pc.extract_regex(column, _TIME)
    came = pc.fill_null(pc.not_equal(column, ""), False).to_numpy(zero_copy_only=False)
    matched = parts.is_valid().to_numpy(zero_copy_only=False)
    if (came & ~matched).any():
        column = _as_iso(column, came & ~matched, order)
        parts = pc.extract_regex(column, _TIME)
        matched = parts.is_valid().to_numpy(zero_copy_only=False)

    def number(name: str, empty: int = 0) -> npt.NDArray[np.int64]:
        text = pc.struct_field(parts, name)
        return _filled(pc.if_else(pc.equal(text, ""), str(empty), text).cast(pa.int64()), empty)

    year, month, day = number("year", 1970), number("month", 1), number("day", 1)
    hour, minute, second = number("hour"), number("minute"), number("second")
    fraction = _filled(
        pc.utf8_slice_codeunits(
            pc.utf8_rpad(pc.struct_field(parts, "fraction"), 6, "0"), 0, 6
        ).cast(pa.int64())
    )
    first = ((year - 1970) * 12 + np.clip(month, 1, 12) - 1).astype("datetime64[M]")
    days_in_month = ((first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")).astype(
        np.int64
    )
    valid = matched & (month >= 1) & (month <= 12) & (day >= 1) & (day <= days_in_month)
    valid &= (hour < 24) & (minute < 60) & (second < 60) & (year >= 1)
    wall = first.astype("datetime64[D]").astype(np.int64) + day - 1
    wall = wall * DAY + hour * HOUR + minute * 60 * SECOND + second * SECOND + fraction

    zone_text = pc.fill_null(pc.struct_field(parts, "zone"), "")
    zoned = pc.not_equal(zone_text, "").to_numpy(zero_copy_only=False)
    date_only = valid & pc.equal(pc.struct_field(parts, "hour"), "").fill_null(False).to_numpy(
        zero_copy_only=False
    )
    offset, offset_valid = _offsets(zone_text)
    valid &= ~zoned | offset_valid
    bad = came & ~valid
    local = _on_the_wall(np.where(zoned, 0, wall), ~valid, zoned, date_only, tz)
    at = np.where(valid & zoned, wall - offset, local.instant)
    end = np.where(valid & zoned, wall - offset, local.day_end)
    return Times(at, end, bad, local.unzoned)


def _as_iso(column: pa.Array, rows: npt.NDArray[np.bool_], order: DateOrder | None) -> pa.Array:
    """The column with ISO 8601 in the rows marked, where what is written there is a date."""
    others = pc.if_else(pa.array(rows), column, pa.scalar(None, column.type)).dictionary_encode()
    texts = pa.array(
        [rewritten(text, order) for text in others.dictionary.to_pylist()], pa.string()
    )
    return pc.coalesce(texts.take(others.indices), column.cast(pa.string()))


def _offsets(zone_text: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Offset from UTC of each zone text, and whether it is one (below a day)."""
    encoded = zone_text.dictionary_encode()
    offsets, valid = [], []
    for text in encoded.dictionary.to_pylist():
        digits = text.lstrip("+-").replace(":", "")
        if text in ("", "Z", "z"):
            offsets.append(0)
            valid.append(True)
            continue
        hours, minutes = int(digits[:2]), int(digits[2:] or 0)
        offsets.append((-1 if text[0] == "-" else 1) * (hours * HOUR + minutes * 60 * SECOND))
        valid.append(hours < 24 and minutes < 60)
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    return np.array(offsets, dtype=np.int64)[codes], np.array(valid, dtype=bool)[codes]


def _on_the_wall(
    wall: npt.NDArray[np.int64],
    missing: npt.NDArray[np.bool_],
    zoned: npt.NDArray[np.bool_],
    date_only: npt.NDArray[np.bool_],
    tz: ZoneInfo | None,
) -> Times:
    """Times of wall-clock readings; rows in `missing` or `zoned` are left `MISSING`."""
    n = len(wall)
    local = ~missing & ~zoned
    instant = np.full(n, MISSING)
    day_end = np.full(n, MISSING)
    none = np.zeros(n, dtype=bool)
    if not local.any():
        return Times(instant, day_end, none, none)
    if tz is None:
        return Times(instant, day_end, none, local)
    instant[local] = localise(wall[local], tz)
    day_end[local] = instant[local]
    days = local & date_only
    if days.any():
        day_end[days] = localise(wall[days] + DAY, tz)
    return Times(instant, day_end, none, none)


def _filled(column: Any, value: int = 0) -> npt.NDArray[np.int64]:
    """An int64 array of an Arrow integer column, with `value` for null."""
    return np.asarray(pc.fill_null(column, value).to_numpy(zero_copy_only=False), dtype=np.int64)
