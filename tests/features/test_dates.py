"""Dates as people write them."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.cells import digits
from features.dates import order_of, rewritten
from features.instants import iso
from features.times import parse
from tests.features.histories import CHECKED

TOKYO = ZoneInfo("Asia/Tokyo")
FULL_WIDTH = str.maketrans("0123456789/:", "０１２３４５６７８９／：")
ERAS = (
    ("令和", "R", date(2019, 5, 1)),
    ("平成", "H", date(1989, 1, 8)),
    ("昭和", "S", date(1926, 12, 25)),
)


def day(moment: date) -> str:
    return moment.isoformat()


@CHECKED
@given(st.dates(date(1926, 12, 25), date(2060, 12, 31)))
def test_a_date_is_the_same_however_it_is_written(moment: date) -> None:
    year, month, day_ = moment.year, moment.month, moment.day
    era, letter, begins = next(era for era in ERAS if moment >= era[2])
    n = year - begins.year + 1
    months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    ways = [
        f"{year}年{month}月{day_}日",
        f"{year}年{month:02d}月{day_:02d}日",
        f"{era}{'元' if n == 1 else n}年{month}月{day_}日",
        f"{letter}{n}.{month}.{day_}",
        f"{year}.{month}.{day_}",
        f"{months[month - 1]} {day_}, {year}",
        f"{day_:02d}-{months[month - 1]}-{year}",
        moment.strftime("%Y%m%d").zfill(8),
        f"{year}/{month}/{day_}".translate(FULL_WIDTH),
    ]
    assert {rewritten(text) for text in ways} == {day(moment)}
    assert rewritten(f"{month}/{day_}/{year}", "mdy") == day(moment)
    assert rewritten(f"{day_}.{month}.{year}", "dmy") == day(moment)


@CHECKED
@given(st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)))  # noqa: DTZ001 - local times
def test_a_time_is_the_same_however_it_is_written(local: datetime) -> None:
    local = local.replace(second=0, microsecond=0)
    ways = [
        local.strftime("%Y年%m月%d日 %H時%M分"),
        f"{local:%Y/%m/%d} {'午後' if local.hour > 11 else '午前'}{local.hour % 12}時{local.minute}分",
        local.strftime("%Y/%m/%d %I:%M %p"),
        local.strftime("%b %d, %Y %I:%M:%S %p"),
        local.strftime("%Y/%m/%d %H:%M").translate(FULL_WIDTH),
        local.strftime("%Y%m%d %H:%M"),
    ]
    times = parse(pa.array(ways), TOKYO)
    assert not times.bad.any()
    assert {iso(int(at), TOKYO) for at in times.instant} == {
        local.replace(tzinfo=TOKYO).isoformat()
    }


def test_weekdays_zones_and_the_last_era_are_understood() -> None:
    assert rewritten("2026年4月1日（水）9:05") == "2026-04-01T09:05:00"
    assert rewritten("Wed, 1 Apr 2026 09:00:00 +0900") == "2026-04-01T09:00:00+0900"
    assert rewritten("2026-04-01 09:00 JST") == "2026-04-01T09:00:00+09:00"
    assert rewritten("平成35年4月1日") == "2023-04-01"  # old systems count on


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (["3/4/2026"], None),
        (["3/4/2026", "13/4/2026"], "dmy"),
        (["3/4/2026", "4/13/2026"], "mdy"),
        (["13/4/2026", "4/13/2026"], None),
        (["2026-04-01"], None),
    ],
)
def test_an_order_is_only_that_which_another_date_leaves(
    texts: list[str], order: str | None
) -> None:
    assert order_of(texts) == order


@pytest.mark.parametrize(
    "text", ["S1-2-3", "1.2.3", "3/4/26", "R8", "2026", "12:00", "May", "13月"]
)
def test_codes_and_parts_are_no_dates(text: str) -> None:
    assert rewritten(text, "mdy") is None


def test_amounts_are_numbers_with_yen_signs_thousands_and_full_width_digits() -> None:
    written = ["¥1,200", "￥１，２００", "1,200円", "\\1,200", "-¥500", "△1,200", "−5", "+7"]
    read = ["1200", "1200", "1200", "1200", "-500", "-1200", "-5", "+7"]
    assert digits(pa.array(written)).to_pylist() == read
    other = ["円", "¥", "abc\\", "1,2,3", "¥1,2,3x", "12%", "C:\\5", "5円玉"]
    assert digits(pa.array(other)).to_pylist() == other
