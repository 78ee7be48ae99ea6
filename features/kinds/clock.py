"""When the lead acts, by the clocks of the playbook's zone.

``night``: the share of acts in [22:00, 06:00); ``weekend``: on Saturday or Sunday; ``hour`` (0 to 24)
and ``weekday`` (Monday is 0) of the last act. Missing without acts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np

from features.instants import DAY, HOUR, offsets
from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature

_CHOICES = ("night", "weekend", "hour", "weekday")
_OF_NIGHT, _OF_WEEKEND, _OF_HOUR, _OF_WEEKDAY = range(4)
_ACTS, _NIGHT, _WEEKEND, _WALL, _CHANGE = range(5)
_EVENING, _MORNING = 22 * HOUR, 6 * HOUR
_MONDAYS = 7 * DAY * 200_000 + 3 * DAY
"""From a Monday before all time to 1970-01-01, a Thursday: walls count from it and are positive."""


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    """Numbers: the moments at which the zone's clocks change, then by how much they are ahead."""
    moments, ahead = offsets(setting.plan.timezone)
    places = [(_CHOICES.index(f.choice), 0) for f in features]
    return Layout(cells=5, places=places, numbers=[*moments, math.inf, *ahead])


def update(memory: Any, numbers: Any, event: Any) -> None:
    change, half = int(memory[_CHANGE]), len(numbers) // 2
    if memory[_ACTS] == 0.0:
        low, high = 0, half
        while high - low > 1:
            middle = (low + high) // 2
            if numbers[middle] <= event.at:
                low = middle
            else:
                high = middle
        change = low
    while numbers[change + 1] <= event.at:
        change += 1
    wall = event.at + np.int64(numbers[half + 1 + change])
    in_week = np.uint64(wall + _MONDAYS) % np.uint64(7 * DAY)
    hour = in_week % np.uint64(DAY)
    memory[_CHANGE] = change
    memory[_ACTS] += 1.0
    memory[_NIGHT] += 1.0 if hour >= np.uint64(_EVENING) or hour < np.uint64(_MORNING) else 0.0
    memory[_WEEKEND] += 1.0 if in_week >= np.uint64(5 * DAY) else 0.0
    memory[_WALL] = np.int64(in_week)


def finish(memory: Any, numbers: Any, lead_age: float, choice: int, _: int) -> float:
    acts = memory[_ACTS]
    if acts == 0.0:
        return math.nan
    if choice == _OF_NIGHT:
        return memory[_NIGHT] / acts
    if choice == _OF_WEEKEND:
        return memory[_WEEKEND] / acts
    day = math.floor(memory[_WALL] / DAY)
    return day if choice == _OF_WEEKDAY else (memory[_WALL] - day * DAY) / HOUR


def reference(seen: Seen, feature: Feature) -> float:
    tz = ZoneInfo(seen.plan.timezone)
    begin = datetime(1970, 1, 1, tzinfo=UTC)
    walls = [(begin + timedelta(microseconds=event.at)).astimezone(tz) for event in seen.acts]
    if not walls:
        return math.nan
    last = walls[-1]
    if feature.choice == "hour":
        midnight = last.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        return (last.replace(tzinfo=None) - midnight) / timedelta(hours=1)
    if feature.choice == "weekday":
        return float(last.weekday())
    if feature.choice == "night":
        return sum(wall.hour >= 22 or wall.hour < 6 for wall in walls) / len(walls)
    return sum(wall.weekday() >= 5 for wall in walls) / len(walls)


KIND = Kind(
    name="clock",
    per="lead",
    choices={
        "night": Choice("share", math.nan),
        "weekend": Choice("share", math.nan),
        "hour": Choice("o'clock", math.nan),
        "weekday": Choice("weekday", math.nan),
    },
    lay_out=lay_out,
    update=update,
    finish=finish,
    reference=reference,
    source="acts",
    calendar=True,
)
