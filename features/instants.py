"""Instants and durations: int64 microseconds, UTC, wherever Tegakari holds a time."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import UsageError

Instants = npt.NDArray[np.int64]
"""Microseconds since 1970-01-01T00:00Z; `MISSING` where there is none."""

MISSING: int = int(np.iinfo(np.int64).min)
FOREVER: int = int(np.iinfo(np.int64).max)
"""A length of time that holds every other."""
LONGEST: int = FOREVER // 2
"""Longer than any two instants are apart, and short enough to be taken from any of them."""
SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR

_UNITS = {"m": 60 * SECOND, "h": HOUR, "d": DAY, "w": 7 * DAY}
_DURATION = re.compile(r"(\d+)\s*([mhdw])")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
LAST = (datetime(9999, 12, 31, 23, 59, 59, 999_999, UTC) - _EPOCH) // timedelta(microseconds=1)
"""The ends of Python's calendar."""


def duration(text: str) -> int:
    """Read a length of time: ``"90d"``, ``"36h"``, ``"30m"``, ``"2w"``.

    Returns
    -------
    int
        Microseconds, above 0.

    Raises
    ------
    UsageError
        When the text is not a whole number above 0 and one of m, h, d, w.

    Examples
    --------
    >>> duration("36h") == 36 * HOUR
    True
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise UsageError(
            f"A length of time is a whole number above 0 and m, h, d or w, such as '90d'; got {text!r}."
        )
    return int(match[1]) * _UNITS[match[2]]


def duration_text(microseconds: int) -> str:
    """The shortest text that `duration` reads back as `microseconds` (whole minutes)."""
    for unit in ("d", "h", "m"):
        if microseconds % _UNITS[unit] == 0:
            return f"{microseconds // _UNITS[unit]}{unit}"
    raise ValueError(f"{microseconds} microseconds are not whole minutes")


def zone(name: str) -> ZoneInfo:
    """The time zone of an IANA name such as ``Asia/Tokyo``; UsageError when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UsageError(
            f"No time zone is called {name!r}. Give an IANA name such as Asia/Tokyo or UTC."
        ) from error


def from_datetime(moment: datetime) -> int:
    """The instant of an aware datetime."""
    if moment.tzinfo is None:
        raise ValueError("a datetime without a zone is not an instant")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def now() -> int:
    """This moment."""
    return from_datetime(datetime.now(UTC))


@lru_cache(10_000)
def _date(day: int) -> str:
    """The date of a day after 1970-01-01."""
    return (_EPOCH + timedelta(days=day)).date().isoformat()


def iso(instant: int, tz: ZoneInfo | None = None) -> str | None:
    """ISO 8601 text of an instant, in `tz` (default UTC); None when it is missing."""
    if instant == MISSING:
        return None
    if tz is None and FIRST <= instant <= LAST:
        day, rest = divmod(int(instant), DAY)
        seconds, micros = divmod(rest, SECOND)
        hours, seconds = divmod(seconds, 3600)
        fraction = f".{micros:06d}" if micros else ""
        return f"{_date(day)}T{hours:02d}:{seconds // 60:02d}:{seconds % 60:02d}{fraction}Z"
    try:
        moment = (_EPOCH + timedelta(microseconds=int(instant))).astimezone(tz or UTC)
    except OverflowError:  # outside the years 1 to 9999
        return f"{np.datetime64(int(instant), 'us')}Z"
    return moment.isoformat().replace("+00:00", "Z")


def isos(instants: Instants) -> list[str | None]:
    """`iso` of each instant, in UTC, at once.

    Examples
    --------
    >>> isos(np.array([0, 1_500_000, MISSING]))
    ['1970-01-01T00:00:00Z', '1970-01-01T00:00:01.500000Z', None]
    """
    usual = (instants >= FIRST) & (instants <= LAST)
    texts = np.datetime_as_string(np.where(usual, instants, 0).view("M8[us]"), unit="us").tolist()
    whole = instants % SECOND == 0
    if usual.all() and not whole.any():
        return [text + "Z" for text in texts]
    cells = zip(texts, instants.tolist(), usual.tolist(), whole.tolist(), strict=True)
    return [
        ((text[:19] if seconds else text) + "Z") if plain else iso(instant)
        for text, instant, plain, seconds in cells
    ]


@cache
def offsets(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """When the clocks of a zone change, and by how much they are ahead of UTC from then on.

    Returns
    -------
    moments, ahead : tuples of float, microseconds
        The first moment is before all time; changes from 1900 to 2199 are in it.
    """
    tz = zone(name)

    def ahead_at(instant: int) -> int:
        moment = (_EPOCH + timedelta(microseconds=instant)).astimezone(tz)
        return (moment.utcoffset() or timedelta()) // timedelta(microseconds=1)

    days = range(-25_567, 84_006)
    after = ahead_at(days[0] * DAY)
    moments, ahead = [-math.inf], [float(after)]
    for day in days:
        before, after = after, ahead_at((day + 1) * DAY)
        if before != after:
            seconds = range(day * DAY, (day + 1) * DAY + SECOND, SECOND)
            first = bisect_left(seconds, True, key=lambda instant: ahead_at(instant) != before)
            moments.append(float(seconds[first]))
            ahead.append(float(after))
    return tuple(moments), tuple(ahead)


def localise(wall: npt.NDArray[np.int64], tz: ZoneInfo) -> Instants:
    """Instants of wall-clock times in `tz`.

    Parameters
    ----------
    wall : ndarray of shape (n,), microseconds since 1970-01-01T00:00 on the wall clock of `tz`

    Notes
    -----
    A time that clocks pass twice is its first pass; one that they skip is the moment after the gap.
    """
    # Python knows no offsets near the ends of its calendar; there the nearest one is taken.
    near = np.clip(wall, FIRST + 400 * DAY, LAST - 400 * DAY)
    index = pd.DatetimeIndex(near.astype("datetime64[us]"))
    first = np.ones(len(index), dtype=bool)
    aware = index.tz_localize(tz, ambiguous=first, nonexistent="NaT").tz_convert("UTC")
    instant = aware.tz_localize(None).to_numpy(dtype="datetime64[us]").astype(np.int64)
    # Not "shift_forward": pandas takes the wrong offset after some gaps (Alaska, Casey, Samoa).
    for row in np.flatnonzero(instant == MISSING):
        instant[row] = _gap_end(int(near[row]), tz)
    return np.asarray(instant + (wall - near), dtype=np.int64)


def _gap_end(wall: int, tz: ZoneInfo) -> int:
    """The instant at which the clocks of `tz` skip the wall-clock time `wall`."""
    skipped = (_EPOCH + timedelta(microseconds=wall)).replace(tzinfo=None)
    earliest, latest = (from_datetime(skipped.replace(tzinfo=tz, fold=fold)) for fold in (1, 0))

    def passed(microseconds: int) -> bool:
        moment = _EPOCH + timedelta(microseconds=earliest + microseconds)
        return moment.astimezone(tz).replace(tzinfo=None) > skipped

    return earliest + bisect_left(range(latest - earliest), True, key=passed)
