"""Dates as people write them, rewritten as ISO 8601: 2026年4月1日, 令和8年4月1日, Apr 1, 2026 9:00 AM."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

DateOrder = Literal["mdy", "dmy"]
"""What ``3/4/2026`` means: the 4th of March, or the 3rd of April."""

_ERAS = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018}
_ERAS |= {letter: _ERAS[era] for letter, era in zip("MTSHR", list(_ERAS), strict=True)}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONES = {"": "", "z": "Z", "utc": "Z", "gmt": "Z", "jst": "+09:00"}

_TIME = (
    r"(?:(?:\s*T|\s+|(?<=[日)]))\s*(?P<before>午前|午後)?\s*(?P<hour>\d{1,2})"
    r"(?:(?::|時)(?P<minute>\d{1,2})?分?(?::?(?P<second>\d{1,2})秒?(?P<fraction>[.,]\d{1,9})?)?|(?=\s*[AaPp]))"
    r"\s*(?P<after>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>[A-Za-z]{1,3}|[+-]\d{2}(?::?\d{2})?)?)?"
)
_WEEKDAY = r"(?:\s*\(.{1,3}\))?"
_JAPANESE = re.compile(
    r"(?:(?P<era>明治|大正|昭和|平成|令和)\s*)?(?P<year>元|\d{1,4})\s*年\s*(?P<month>\d{1,2})\s*月"
    rf"\s*(?P<day>\d{{1,2}})\s*日{_WEEKDAY}{_TIME}"
)
_PARTS = re.compile(
    rf"(?P<era>[MTSHR])?(?P<year>\d{{1,4}})(?P<by>[-/.])(?P<month>\d{{1,2}})(?P=by)(?P<day>\d{{1,2}}){_WEEKDAY}{_TIME}"
)
_COMPACT = re.compile(rf"(?P<year>\d{{4}})(?P<month>\d{{2}})(?P<day>\d{{2}}){_TIME}")
_NAMED = re.compile(
    r"(?:[A-Za-z]{3,9},?\s+)?(?:(?P<name>[A-Za-z]{3,9})\.?\s+(?P<day>\d{1,2})|(?P<day2>\d{1,2})[\s-](?P<name2>[A-Za-z]{3,9}))"
    rf",?[\s-](?P<year>\d{{4}}),?{_TIME}"
)
_ORDERED = re.compile(
    rf"(?P<first>\d{{1,2}})(?P<by>[-/.])(?P<second_part>\d{{1,2}})(?P=by)(?P<year>\d{{4}}),?{_TIME}"
)


def order_of(texts: Iterable[str]) -> DateOrder | None:
    """The order that dates such as ``25/4/2026`` can only have; None where they leave it open.

    Examples
    --------
    >>> order_of(["3/4/2026", "25/4/2026"])
    'dmy'
    >>> order_of(["3/4/2026", "4/4/2026"]) is None
    True
    """
    orders: set[DateOrder] = set()
    for text in texts:
        match = _ORDERED.fullmatch(_plain(text))
        if match is not None:
            if int(match["first"]) > 12:
                orders.add("dmy")
            if int(match["second_part"]) > 12:
                orders.add("mdy")
    return orders.pop() if len(orders) == 1 else None


def is_ordered(text: str) -> bool:
    """Whether a text is a date whose meaning depends on the order of day and month."""
    match = _ORDERED.fullmatch(_plain(text))
    return match is not None and min(int(match["first"]), int(match["second_part"])) <= 12


def rewritten(text: str, order: DateOrder | None = None) -> str | None:
    """A date, or a date and a time, as ISO 8601; None when it is none.

    Years are of the common era or of Meiji (M) to Reiwa (R), the first year being 元年 too; an era
    is counted on beyond its end. Full-width letters are as good as others.

    Examples
    --------
    >>> rewritten("令和８年４月１日（水）午後3時5分")
    '2026-04-01T15:05:00'
    >>> rewritten("Apr 1, 2026 9:00 AM")
    '2026-04-01T09:00:00'
    >>> rewritten("4/1/2026", "mdy")
    '2026-04-01'
    >>> rewritten("4/1/2026") is None
    True
    """
    plain = _plain(text)
    for form in (_JAPANESE, _PARTS, _COMPACT, _NAMED):
        match = form.fullmatch(plain)
        if match is not None:
            return _iso(match.groupdict())
    match = _ORDERED.fullmatch(plain) if order is not None else None
    if match is None:
        return None
    month, day = ("first", "second_part") if order == "mdy" else ("second_part", "first")
    parts = match.groupdict()
    return _iso({**parts, "month": parts[month], "day": parts[day]})


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()


def _iso(parts: dict[str, str | None]) -> str | None:
    era, year = parts.get("era"), parts["year"] or ""
    if era is None and len(year) != 4:
        return None
    if era is not None and (len(year) > 2 or parts.get("by") == "-"):
        return None
    number = (1 if year == "元" else int(year)) + (_ERAS[era] if era else 0)
    month, day = _month(parts), int(parts.get("day") or parts.get("day2") or 0)
    if not month:
        return None
    date = f"{number:04d}-{month:02d}-{day:02d}"
    if parts["hour"] is None:
        return date
    hour = int(parts["hour"])
    half = {"午前": "a", "午後": "p"}.get(parts["before"] or "") or (parts["after"] or "").lower()[
        :1
    ]
    if half:
        if not 0 <= hour <= 12 or (hour == 0 and parts["after"]):
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    zone = parts["zone"] or ""
    if zone[:1] not in ("+", "-"):
        if zone.lower() not in _ZONES:
            return None
        zone = _ZONES[zone.lower()]
    minute, second = int(parts["minute"] or 0), int(parts["second"] or 0)
    return f"{date}T{hour:02d}:{minute:02d}:{second:02d}{parts['fraction'] or ''}{zone}"


def _month(parts: dict[str, str | None]) -> int:
    """The month, 1 to 12 where it is one; 0 for a name that is none."""
    name = parts.get("name") or parts.get("name2")
    if name is None:
        return int(parts["month"] or 0)
    full = name.lower()
    return _MONTHS.index(full[:3]) + 1 if full[:3] in _MONTHS else 0
