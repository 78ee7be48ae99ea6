"""Texts, timestamps and dates read as times."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import UsageError
from features.instants import DAY, MISSING, from_datetime, iso
from features.times import Times, parse, parse_one
from tests.features.histories import CHECKED

TOKYO = ZoneInfo("Asia/Tokyo")
NEW_YORK = ZoneInfo("America/New_York")

moments = st.datetimes(
    datetime(1, 1, 3),  # noqa: DTZ001 - the zone is drawn below
    datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=st.integers(-23 * 60 - 59, 23 * 60 + 59).map(
        lambda minutes: timezone(timedelta(minutes=minutes))
    ),
)


def read(text: str | None, tz: ZoneInfo | None = None) -> Times:
    return parse(pa.array([text], pa.string()), tz)


def shown(times: Times) -> tuple[str | None, str | None]:
    return iso(int(times.instant[0])), iso(int(times.day_end[0]))


@CHECKED
@given(moments, st.sampled_from("T "), st.sampled_from(("hh:mm", "hhmm")), st.booleans())
def test_a_text_with_an_offset_is_its_instant_whatever_the_zone(
    moment: datetime, between: str, form: str, spaced: bool
) -> None:
    offset = moment.strftime("%z")
    offset = f"{offset[:3]}:{offset[3:]}" if form == "hh:mm" else offset
    text = moment.replace(tzinfo=None).isoformat(between) + " " * spaced + offset
    for tz in (None, TOKYO, NEW_YORK):
        times = read(text, tz)
        assert not times.bad[0]
        assert times.instant[0] == times.day_end[0] == from_datetime(moment)


@CHECKED
@given(
    st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1)),  # noqa: DTZ001 - local times
    st.sampled_from(("Asia/Tokyo", "America/New_York", "Europe/Dublin", "UTC")),
    st.sampled_from("-/"),
)
def test_a_local_text_is_its_instant_in_the_zone_declared(
    local: datetime, tz: str, dash: str
) -> None:
    text = f"{local.year}{dash}{local.month}{dash}{local.day} {local:%H:%M:%S.%f}"
    times = read(text, ZoneInfo(tz))
    at = from_datetime(local.replace(tzinfo=ZoneInfo(tz)))
    known = datetime.fromtimestamp(at / 1e6, ZoneInfo(tz)).replace(tzinfo=None)
    if abs(known - local) < timedelta(milliseconds=1):  # the clock was not moved over it
        assert times.instant[0] == times.day_end[0] == at
    unzoned = read(text)
    assert unzoned.unzoned[0]
    assert not unzoned.bad[0]
    assert unzoned.instant[0] == MISSING


@CHECKED
@given(st.integers(1800, 2200), st.integers(0, 14), st.integers(0, 33))
def test_a_day_is_a_day_of_the_calendar_or_bad(year: int, month: int, day: int) -> None:
    times = read(f"{year}-{month:02}-{day:02}", ZoneInfo("UTC"))
    try:
        start = from_datetime(datetime(year, month, day, tzinfo=UTC))
    except ValueError:
        assert times.bad[0]
        assert times.instant[0] == times.day_end[0] == MISSING
    else:
        assert not times.bad[0]
        assert (times.instant[0], times.day_end[0]) == (start, start + DAY)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-04-01", "2026-03-31T15:00:00Z", "2026-04-01T15:00:00Z"),
        ("2026/4/1", "2026-03-31T15:00:00Z", "2026-04-01T15:00:00Z"),
        (" 2026-04-01 ", "2026-03-31T15:00:00Z", "2026-04-01T15:00:00Z"),
        ("2026/4/1 9:05", "2026-04-01T00:05:00Z", "2026-04-01T00:05:00Z"),
        ("2026-04-01T09:00:00,5", "2026-04-01T00:00:00.500000Z", "2026-04-01T00:00:00.500000Z"),
        ("2026-04-01T09:00:00.123456789Z", *["2026-04-01T09:00:00.123456Z"] * 2),
        ("2026-04-01T09:00z", *["2026-04-01T09:00:00Z"] * 2),
        ("2026-04-01T09:00-03", *["2026-04-01T12:00:00Z"] * 2),
        ("2026-04-01T09:00 +05:30", *["2026-04-01T03:30:00Z"] * 2),
        ("1969-12-31T23:59:59.999999Z", *["1969-12-31T23:59:59.999999Z"] * 2),
    ],
)
def test_forms_of_a_time_in_tokyo(text: str, start: str, end: str) -> None:
    assert shown(read(text, TOKYO)) == (start, end)


def test_the_day_clocks_change_is_as_long_as_it_is() -> None:
    for day, hours in (("2026-03-08", 23), ("2026-11-01", 25), ("2026-06-01", 24)):
        times = read(day, NEW_YORK)
        assert times.day_end[0] - times.instant[0] == hours * DAY // 24


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "2023-02-29",
        "2026-13-01",
        "2026-00-10",
        "2026-04-31T09:00Z",
        "0000-01-01",
        "26-04-01",
        "2026-04-01T24:00",
        "2026-04-01T09:60Z",
        "2026-04-01T09:00:60Z",
        "2026-04-01T9Z",
        "2026-04-01Z",
        "2026-04-01T09:00+24:00",
        "2026-04-01T09:00+09:60",
        "2026-04-01T09:00+9",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1775001600",
        "3/4/2026",
        "令和8年13月1日",
        "2026年4月",
        "午後3時",
        "Smarch 3, 2026",
        "2026/4/1 13:00 PM",
        "2026-04-01T09:00XYZ",
        "tomorrow",
        "   ",
    ],
)
@pytest.mark.parametrize("tz", [None, TOKYO], ids=["no zone", "Tokyo"])
def test_what_is_no_time_is_bad_and_missing(text: str, tz: ZoneInfo | None) -> None:
    times = read(text, tz)
    assert times.bad[0]
    assert not times.unzoned[0]
    assert times.instant[0] == times.day_end[0] == MISSING


@pytest.mark.parametrize("tz", [None, TOKYO], ids=["no zone", "Tokyo"])
@pytest.mark.parametrize(
    "nothing",
    [
        pa.array([None, ""], pa.string()),
        pa.array(["", None], pa.large_string()),
        pa.array([None, ""], pa.string()).dictionary_encode(),
        pa.nulls(2),
        pa.nulls(2, pa.timestamp("ns")),
        pa.nulls(2, pa.timestamp("us", "UTC")),
        pa.nulls(2, pa.date32()),
        pa.nulls(2, pa.int64()),
    ],
    ids=lambda column: str(column.type),
)
def test_nothing_is_missing_and_neither_bad_nor_without_a_zone(
    nothing: pa.Array, tz: ZoneInfo | None
) -> None:
    times = parse(nothing, tz)
    assert (times.instant == MISSING).all()
    assert (times.day_end == MISSING).all()
    assert not times.bad.any()
    assert not times.unzoned.any()


@pytest.mark.parametrize("type_", [pa.string(), pa.date32(), pa.timestamp("s"), pa.int8()], ids=str)
def test_a_column_without_rows_is_read(type_: pa.DataType) -> None:
    assert len(parse(pa.array([], type_), TOKYO).instant) == 0


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_timestamp_with_a_zone_is_its_instant_and_without_one_is_local(unit: str) -> None:
    moment = datetime(2026, 4, 1, 9, tzinfo=UTC)
    zoned = parse(pa.array([moment, None], pa.timestamp(unit, "America/New_York")), TOKYO)
    assert zoned.instant.tolist() == zoned.day_end.tolist() == [from_datetime(moment), MISSING]
    local = pa.array([moment.replace(tzinfo=None), None], pa.timestamp(unit))
    assert parse(local, TOKYO).instant[0] == from_datetime(moment.replace(tzinfo=TOKYO))
    assert parse(local, None).unzoned.tolist() == [True, False]
    assert not parse(local, None).bad.any()


@pytest.mark.parametrize("type_", [pa.date32(), pa.date64()], ids=str)
def test_a_date_is_a_day_of_the_zone(type_: pa.DataType) -> None:
    days = pa.array([date(2026, 4, 1), None], type_)
    assert shown(parse(days, TOKYO)) == ("2026-03-31T15:00:00Z", "2026-04-01T15:00:00Z")
    assert parse(days, None).unzoned.tolist() == [True, False]


def test_numbers_and_truth_values_are_no_times() -> None:
    for column in (pa.array([1775001600, None]), pa.array([1.5, None]), pa.array([True, None])):
        assert parse(column, TOKYO).bad.tolist() == [True, False]


def test_a_timestamp_beyond_the_calendar_is_bad() -> None:
    times = parse(pa.array([2**60, -(2**60), 0], pa.timestamp("us", "UTC")), None)
    assert times.bad.tolist() == [True, True, False]
    assert times.instant.tolist() == [MISSING, MISSING, 0]


@pytest.mark.parametrize("tz", ["UTC", "Asia/Tokyo", "America/New_York", "Europe/Dublin"])
def test_the_end_of_time_of_other_systems_is_read(tz: str) -> None:
    times = read("9999-12-31", ZoneInfo(tz))
    assert not times.bad[0]
    assert times.day_end[0] - times.instant[0] == DAY


def test_rows_do_not_depend_on_each_other() -> None:
    texts = ["2026-04-01", "2026-02-30", None, "2026-04-01T09:00Z", "2026-04-01 09:00", ""]
    together = parse(pa.chunked_array([texts[:2], texts[2:]], pa.string()), TOKYO)
    for row, text in enumerate(texts):
        alone = read(text, TOKYO)
        for name in ("instant", "day_end", "bad", "unzoned"):
            assert getattr(together, name)[row] == getattr(alone, name)[0], (text, name)


def test_one_time_is_read_or_refused_by_name() -> None:
    assert parse_one("2026-04-01", TOKYO, "--as-of") == from_datetime(
        datetime(2026, 4, 1, tzinfo=TOKYO)
    )
    for text in ("2026-02-30", "", "soon"):
        with pytest.raises(UsageError, match=r"^--as-of: expected a time such as") as refused:
            parse_one(text, TOKYO, "--as-of")
        assert repr(text) in str(refused.value)
    with pytest.raises(
        UsageError, match=r"'2026-04-01' has no zone.*offset.*--timezone Asia/Tokyo"
    ):
        parse_one("2026-04-01", None, "--as-of")
