"""Times in the form that machines write, read at once: ``2026-03-31T18:05:40.250+09:00``, or with Z.

What is read here means what `features.times.parse` means by it; everything else is left to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numba
import numpy as np
import numpy.typing as npt

from features.instants import FIRST, LAST, MISSING, Instants

_SHORTEST = len("2026-03-31T18:05:40Z")
_DAY = 86_400_000_000


def read_usual(texts: Sequence[str | None]) -> tuple[Instants, npt.NDArray[np.bool_]]:
    """Read texts as instants.

    Returns
    -------
    instant : ndarray of shape (n,), int64
        `MISSING` where nothing came, and where the text has another form.
    other : ndarray of shape (n,), bool
        Where it has.

    Examples
    --------
    >>> read_usual(["1970-01-01T09:00:01+09:00", None, "soon"])[0][:1].tolist()
    [1000000]
    """
    n = len(texts)
    given = [text or "" for text in texts] if None in texts else cast(Sequence[str], texts)
    ends = np.fromiter(map(len, given), np.int64, n).cumsum()
    whole = "".join(given)
    instant = np.full(n, MISSING)
    if not whole.isascii():
        # Places would not be those of letters.
        return instant, np.array([bool(text) for text in given], dtype=np.bool_)
    other = np.zeros(n, dtype=np.bool_)
    _read(np.frombuffer(whole.encode(), dtype=np.uint8), ends, instant, other)
    return instant, other


@numba.njit(cache=True, nogil=True)
def _number(text: Any, begin: int, end: int) -> int:
    """The whole number that digits write; -1 where there is something else."""
    value = 0
    for place in range(begin, end):
        digit = int(text[place]) - 48
        if digit < 0 or digit > 9:
            return -1
        value = value * 10 + digit
    return value


# It keeps the interpreter: for a request's few texts it takes less than getting it back would.
@numba.njit(cache=True)
def _read(text: Any, ends: Any, instant: Any, other: Any) -> None:
    for row in range(len(ends)):
        end = ends[row]
        begin = ends[row - 1] if row else 0
        if end == begin:
            continue
        other[row] = True
        if end - begin < _SHORTEST:
            continue
        year, month = _number(text, begin, begin + 4), _number(text, begin + 5, begin + 7)
        day, hour = _number(text, begin + 8, begin + 10), _number(text, begin + 11, begin + 13)
        minute = _number(text, begin + 14, begin + 16)
        second = _number(text, begin + 17, begin + 19)
        if (
            text[begin + 4] != 45
            or text[begin + 7] != 45
            or text[begin + 10] != 84
            or text[begin + 13] != 58
            or text[begin + 16] != 58
            or min(year, month, day) < 1
            or min(hour, minute, second) < 0
            or month > 12
            or hour > 23
            or minute > 59
            or second > 59
        ):
            continue
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        longest = 31
        if month in (4, 6, 9, 11):
            longest = 30
        elif month == 2:
            longest = 29 if leap else 28
        if day > longest:
            continue
        place, fraction = begin + 19, 0
        if text[place] == 46:
            digits = 0
            place += 1
            while place < end and 48 <= text[place] <= 57:
                # What is below the microsecond is cut off.
                if digits < 6:
                    fraction = fraction * 10 + int(text[place]) - 48
                digits += 1
                place += 1
            if digits < 1 or digits > 9:
                continue
            for _ in range(digits, 6):
                fraction *= 10
        offset = 0
        if place + 1 == end and text[place] == 90:
            offset = 0
        elif place + 6 == end and text[place] in (43, 45) and text[place + 3] == 58:
            hours = _number(text, place + 1, place + 3)
            minutes = _number(text, place + 4, place + 6)
            if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
                continue
            offset = (hours * 60 + minutes) * 60_000_000
            if text[place] == 45:
                offset = -offset
        else:
            continue
        # Days since 1970 in the proleptic Gregorian calendar: H. Hinnant (2013), "chrono-Compatible
        # low-level date algorithms", days_from_civil.
        y = year - (1 if month <= 2 else 0)
        era = y // 400
        of_era = y - era * 400
        of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
        days = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
        wall = days * _DAY + (hour * 3600 + minute * 60 + second) * 1_000_000 + fraction
        at = wall - offset
        if FIRST <= at <= LAST:
            instant[row] = at
            other[row] = False
