"""Sessions: acts of the lead of which none is more than 30 minutes after the one before.

How many there were, acts and minutes of the mean session, and minutes of the last one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from features.instants import SECOND
from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature

_CHOICES = ("count", "events", "minutes", "last")
_OF_COUNT, _OF_EVENTS, _OF_MINUTES, _OF_LAST = range(4)
_MINUTE = 60 * SECOND
PAUSE = 30 * _MINUTE
"""A longer pause than this begins another session."""

_SESSIONS, _ACTS, _LENGTH, _LAST = range(4)


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    return Layout(cells=4, places=[(_CHOICES.index(f.choice), 0) for f in features])


def update(memory: Any, numbers: Any, event: Any) -> None:
    memory[_ACTS] += 1.0
    if 0.0 <= event.pause <= PAUSE:
        memory[_LENGTH] += event.pause
        memory[_LAST] += event.pause
    else:
        memory[_SESSIONS] += 1.0
        memory[_LAST] = 0.0


def finish(memory: Any, numbers: Any, lead_age: float, choice: int, _: int) -> float:
    sessions = memory[_SESSIONS]
    if choice == _OF_COUNT:
        return sessions
    if sessions == 0.0:
        return math.nan
    if choice == _OF_EVENTS:
        return memory[_ACTS] / sessions
    if choice == _OF_MINUTES:
        return memory[_LENGTH] / sessions / _MINUTE
    return memory[_LAST] / _MINUTE


def reference(seen: Seen, feature: Feature) -> float:
    sessions: list[list[int]] = []
    for event in seen.acts:
        if not sessions or sessions[-1][-1] - event.age > PAUSE:
            sessions.append([])
        sessions[-1].append(event.age)
    if feature.choice == "count":
        return float(len(sessions))
    if not sessions:
        return math.nan
    minutes = [(ages[0] - ages[-1]) / _MINUTE for ages in sessions]
    if feature.choice == "last":
        return minutes[-1]
    return fmean(minutes if feature.choice == "minutes" else map(len, sessions))


KIND = Kind(
    name="session",
    per="lead",
    choices={
        "count": Choice("sessions", 0.0),
        "events": Choice("events", math.nan),
        "minutes": Choice("minutes", math.nan),
        "last": Choice("minutes", math.nan),
    },
    lay_out=lay_out,
    update=update,
    finish=finish,
    reference=reference,
    source="acts",
)
