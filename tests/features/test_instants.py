"""Instants: what a length of time or a wall clock means, in every zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import UsageError
from features.instants import (
    DAY,
    HOUR,
    MISSING,
    SECOND,
    duration,
    duration_text,
    from_datetime,
    iso,
    localise,
    offsets,
    zone,
)
from tests.features.histories import CHECKED

ZONES = (
    "UTC",
    "Asia/Tokyo",
    "America/New_York",
    "Europe/Dublin",  # winter time is its daylight saving time
    "Australia/Lord_Howe",  # half an hour
    "America/Sao_Paulo",  # skipped midnights
    "America/Juneau",
    "Antarctica/Casey",
    "Pacific/Apia",  # skipped a whole day
)
TOKYO = ZoneInfo("Asia/Tokyo")
NEW_YORK = ZoneInfo("America/New_York")
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a reading of a wall clock


def wall(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def instant(text: str) -> int:
    return from_datetime(datetime.fromisoformat(text))


def localised(text: str, tz: str) -> str | None:
    return iso(int(localise(np.array([wall(text)]), ZoneInfo(tz))[0]))


@given(st.integers(1, 10**6), st.sampled_from("mhdw"))
def test_a_length_of_time_and_its_text_are_each_other_again(n: int, unit: str) -> None:
    length = duration(f"{n}{unit}")
    assert length == n * {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}[unit] * SECOND
    assert duration(duration_text(length)) == length
    assert len(duration_text(length)) <= len(f"{n}{unit}") + (unit == "w")


def test_a_text_is_the_shortest() -> None:
    assert [duration_text(d) for d in (DAY, 36 * HOUR, 2 * DAY, 90 * 60 * SECOND)] == [
        "1d",
        "36h",
        "2d",
        "90m",
    ]


@pytest.mark.parametrize("text", ["", "0d", "d", "1.5d", "-1d", "90", "90 days", "1y", "ever"])
def test_what_is_no_length_of_time_is_refused_and_shown(text: str) -> None:
    with pytest.raises(UsageError, match="whole number above 0") as refused:
        duration(text)
    assert repr(text) in str(refused.value)


def test_a_length_below_a_minute_has_no_text() -> None:
    with pytest.raises(ValueError, match="whole minutes"):
        duration_text(DAY + SECOND)


@pytest.mark.parametrize("name", ["Tokyo", "", "Asia/Edo", "../etc/passwd", "Asia"])
def test_a_zone_that_does_not_exist_is_refused_and_shown(name: str) -> None:
    with pytest.raises(UsageError, match="Asia/Tokyo") as refused:
        zone(name)
    assert repr(name) in str(refused.value)


def test_a_wall_clock_is_no_instant() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        from_datetime(EPOCH)


@CHECKED
@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(ZONES),
)
def test_an_instant_written_in_any_zone_is_the_same_instant(moment: datetime, tz: str) -> None:
    written = iso(from_datetime(moment), ZoneInfo(tz))
    assert written is not None
    assert from_datetime(datetime.fromisoformat(written)) == from_datetime(moment)


def test_a_missing_instant_has_no_text_and_one_beyond_the_calendar_has() -> None:
    assert iso(MISSING) is None
    assert iso(instant("9999-12-31T23:59:59+00:00"), TOKYO) == "9999-12-31T23:59:59.000000Z"


@CHECKED
@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.sampled_from(ZONES),
)
def test_every_moment_is_read_off_its_wall_clock_or_is_its_second_pass(
    moment: datetime, tz: str
) -> None:
    local = moment.astimezone(ZoneInfo(tz))
    at = int(localise(np.array([wall(local.replace(tzinfo=None).isoformat())]), local.tzinfo)[0])
    first_pass = from_datetime(local.replace(fold=0))
    assert at == first_pass
    assert at == from_datetime(moment) or local.fold == 1


@pytest.mark.parametrize("tz", ZONES)
def test_a_skipped_time_is_the_moment_after_the_gap_and_time_never_runs_back(tz: str) -> None:
    """Every quarter of an hour from 2010 to 2012: read back, it is itself or was skipped."""
    walls = np.arange(wall("2010-01-01"), wall("2012-06-01"), 15 * 60 * SECOND)
    at = localise(walls, ZoneInfo(tz))
    forward = np.diff(at) >= 0
    back = [
        (datetime.fromtimestamp(int(a) // SECOND, ZoneInfo(tz)).replace(tzinfo=None) - EPOCH)
        // timedelta(microseconds=1)
        for a in at[:: 24 * 4]
    ]
    skipped = np.array(back) - walls[:: 24 * 4]
    assert forward.all(), walls[1:][~forward][0]
    assert (skipped >= 0).all()
    assert (skipped <= DAY).all()


@pytest.mark.parametrize(
    ("text", "tz", "at"),
    [
        ("2026-03-08T02:30", "America/New_York", "2026-03-08T07:00:00Z"),
        ("2026-11-01T01:30", "America/New_York", "2026-11-01T05:30:00Z"),
        ("2026-10-25T01:30", "Europe/Dublin", "2026-10-25T00:30:00Z"),
        ("2017-10-15T00:00", "America/Sao_Paulo", "2017-10-15T03:00:00Z"),
        ("2027-03-14T02:00", "America/Juneau", "2027-03-14T11:00:00Z"),
        ("2022-10-02T00:15", "Antarctica/Casey", "2022-10-01T16:01:00Z"),
        ("2011-12-30T12:00", "Pacific/Apia", "2011-12-30T10:00:00Z"),
        ("2026-04-01T00:00", "Asia/Tokyo", "2026-03-31T15:00:00Z"),
    ],
)
def test_gaps_and_folds(text: str, tz: str, at: str) -> None:
    assert localised(text, tz) == at


@pytest.mark.parametrize("tz", ZONES)
def test_the_ends_of_the_calendar_are_read_in_every_zone(tz: str) -> None:
    ends = np.array([wall("0001-01-01"), wall("9999-12-31T23:59:59")])
    assert (np.abs(localise(ends, ZoneInfo(tz)) - ends) < DAY).all()


@pytest.mark.parametrize(
    "name",
    [
        *ZONES,
        "Europe/Berlin",
        "Europe/Lisbon",
        "Africa/Cairo",
        "Africa/Casablanca",
        "Asia/Jerusalem",
    ],
)
def test_the_offsets_of_every_zone_are_those_of_its_clocks(name: str) -> None:
    moments, ahead = offsets(name)
    assert list(moments) == sorted(set(moments))
    tz = zone(name)
    begin = datetime(1970, 1, 1, tzinfo=UTC)
    changes = [int(moment) for moment in moments[1:]]
    around = [change + beside for change in changes[-60:] for beside in (-1, 0, SECOND)]
    for instant in [0, 1_700_000_000 * SECOND, *around]:
        offset = (begin + timedelta(microseconds=instant)).astimezone(tz).utcoffset()
        assert offset is not None
        place = int(np.searchsorted(moments, instant, side="right")) - 1
        assert ahead[place] == offset / timedelta(microseconds=1)
