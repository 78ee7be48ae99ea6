"""The canonical order of a lead's events, and what in it only the ids themselves can decide."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from features.threads import in_threads

TIED, REPEATED = 1, 2
"""Marks of events: whose order, and whose being versions of one event, depends on their ids."""

_BLOCK = 64
"""So many times are ranked by counting those before each, which has no branches to mispredict."""
_EVENTS = 1 << 17
"""Events of the leads that a thread takes at a time."""
_KEYS = ("occurred_at", "event_type", "channel", "content", "value", "recorded_at", "account")
_LONG = ("occurred_at", "value", "recorded_at", "event_id")
_SHORT = ("event_type", "channel", "content", "account", "row")


def order(
    offsets: npt.NDArray[np.int64], columns: dict[str, npt.NDArray[Any]]
) -> npt.NDArray[np.uint8]:
    """Put each lead's events into canonical order, in place, as far as that needs no ids.

    Parameters
    ----------
    offsets : ndarray of shape (n_leads + 1,), int64
    columns : dict of ndarray of shape (n,), or (0,) for what is not given
        The keys of the order, with codes that ascend as their texts do; ``event_id``, a hash of
        each id, 0 for none; and ``row``, that each event came from. Those of `_LONG` have 8 bytes
        a row, those of `_SHORT` 4.

    Returns
    -------
    ndarray of shape (n,), uint8
        `TIED`: the event equals another of its lead in time, type, channel, content and value, and
        it matters which comes first. `REPEATED`: another event of the lead has the same hash.
        Shape (0,) where no event has an id.
    """
    keys = tuple(columns[name] for name in _KEYS)
    longs = tuple(columns[name].view(np.int64) for name in _LONG)
    shorts = tuple(columns[name] for name in _SHORT)
    event_id = columns["event_id"]
    marks = np.zeros(len(event_id), dtype=np.uint8)

    def some(part: tuple[int, int]) -> None:
        _order(part[0], part[1], offsets, keys, longs, shorts, event_id, marks)

    in_threads(some, parts_of(offsets))
    return marks


def parts_of(offsets: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Ranges of leads, in each about as many events as one thread takes at a time."""
    n_leads, n = len(offsets) - 1, int(offsets[-1])
    if n <= _EVENTS:
        return [(0, n_leads)]
    cuts = np.searchsorted(offsets, np.arange(0, n, _EVENTS))
    cuts = np.unique(np.append(np.minimum(cuts, n_leads), n_leads))
    return [(a, b) for a, b in zip([0, *cuts.tolist()], cuts.tolist(), strict=False) if a < b]


@numba.njit(nogil=True)
def _precedes(keys: Any, a: int, b: int) -> bool:
    """Whether event `a` comes before event `b`: not when they are equal."""
    occurred_at, event_type, channel, content, value, recorded_at, account = keys
    if occurred_at[a] != occurred_at[b]:
        return bool(occurred_at[a] < occurred_at[b])
    if event_type[a] != event_type[b]:
        return bool(event_type[a] < event_type[b])
    if len(channel) and channel[a] != channel[b]:
        return bool(channel[a] < channel[b])
    if len(content) and content[a] != content[b]:
        return bool(content[a] < content[b])
    if len(value):
        x, y = value[a], value[b]
        if x < y or (math.isnan(y) and not math.isnan(x)):
            return True
        if y < x or (math.isnan(x) and not math.isnan(y)):
            return False
    if len(recorded_at) and recorded_at[a] != recorded_at[b]:
        return bool(recorded_at[a] < recorded_at[b])
    return bool(len(account) and account[a] < account[b])


@numba.njit(nogil=True)
def _equal_but_for_id(keys: Any, a: int, b: int) -> bool:
    """Whether two events are equal in all that comes before their ids in the order."""
    occurred_at, event_type, channel, content, value, _, _ = keys
    if occurred_at[a] != occurred_at[b] or event_type[a] != event_type[b]:
        return False
    if len(channel) and channel[a] != channel[b]:
        return False
    if len(content) and content[a] != content[b]:
        return False
    if len(value):
        x, y = value[a], value[b]
        return bool(x == y or (math.isnan(x) and math.isnan(y)))
    return True


@numba.njit(nogil=True)
def _differ_after_id(keys: Any, a: int, b: int) -> bool:
    """Whether it can be told which of two such events comes first."""
    value, recorded_at, account = keys[4], keys[5], keys[6]
    if len(recorded_at) and recorded_at[a] != recorded_at[b]:
        return True
    if len(account) and account[a] != account[b]:
        return True
    # 0.0 and -0.0 are equal, and two.
    return bool(
        len(value) and value[a] == 0 and math.copysign(1, value[a]) != math.copysign(1, value[b])
    )


@numba.njit(nogil=True)
def _merge(keys: Any, at: int, places: Any, other: Any, start: int, stop: int, width: int) -> None:
    """Sort ``places[start:stop]`` whose runs of `width` are sorted, equal ones as they stand."""
    # Compared here and not only in `_precedes`: most events differ in time, and a call has a price.
    occurred_at = keys[0]
    while width < stop - start:
        for low in range(start, stop - width, 2 * width):
            middle, high = low + width, min(low + 2 * width, stop)
            if not _precedes(keys, at + places[middle], at + places[middle - 1]):
                continue
            for i in range(low, middle):
                other[i] = places[i]
            left, right, out = low, middle, low
            while left < middle and right < high:
                a, b = at + places[right], at + other[left]
                if occurred_at[a] < occurred_at[b] or (
                    occurred_at[a] == occurred_at[b] and _precedes(keys, a, b)
                ):
                    places[out] = places[right]
                    right += 1
                else:
                    places[out] = other[left]
                    left += 1
                out += 1
            while left < middle:
                places[out] = other[left]
                left += 1
                out += 1
        width *= 2


@numba.njit(nogil=True)
def _argsort(keys: Any, at: int, n: int, places: Any, other: Any, times: Any) -> None:
    """The order of events ``at:at + n``, as places from 0, in ``places[:n]``; `times` is room."""
    occurred_at = keys[0]
    for start in range(0, n, _BLOCK):
        m = min(_BLOCK, n - start)
        for i in range(m):
            times[i] = occurred_at[at + start + i]
            places[start + i] = -1
        ties = False
        for i in range(m):
            rank = 0
            for j in range(m):
                rank += times[j] < times[i]
            while places[start + rank] >= 0:
                rank += 1
                ties = True
            places[start + rank] = start + i
        if ties:
            first = start
            for i in range(start + 1, start + m + 1):
                if i == start + m or times[places[i] - start] != times[places[first] - start]:
                    if i - first > 1:
                        _merge(keys, at, places, other, first, i, 1)
                    first = i
    _merge(keys, at, places, other, 0, n, _BLOCK)


@numba.njit(nogil=True)
def _move(column: Any, at: int, n: int, places: Any, scratch: Any) -> None:
    """Put the rows ``at:at + n`` of a column, where it is given, into the order of `places`."""
    if len(column):
        for i in range(n):
            scratch[i] = column[at + places[i]]
        for i in range(n):
            column[at + i] = scratch[i]


@numba.njit(nogil=True)
def _mark_tied(keys: Any, event_id: Any, start: int, stop: int, marks: Any) -> None:
    occurred_at = keys[0]
    first = start
    matters = False
    for event in range(start + 1, stop + 1):
        if (
            event < stop
            and occurred_at[event] == occurred_at[event - 1]
            and _equal_but_for_id(keys, event - 1, event)
        ):
            matters |= _differ_after_id(keys, event - 1, event)
            continue
        if matters:
            given = False
            for i in range(first, event):
                given |= event_id[i] != 0
            for i in range(first, event):
                marks[i] |= TIED * given
        first, matters = event, False


@numba.njit(nogil=True)
def _mark_repeated(
    event_id: Any, start: int, stop: int, marks: Any, seen: Any, when: Any, turn: int
) -> None:
    """Mark events with the hash of another; `seen` holds, where `when` is `turn`, an event each."""
    around = np.uint64(len(seen) - 1)
    for event in range(start, stop):
        if event_id[event] == 0:
            continue
        slot = event_id[event] & around
        while when[slot] == turn and event_id[seen[slot]] != event_id[event]:
            slot = (slot + np.uint64(1)) & around
        if when[slot] == turn:
            marks[seen[slot]] |= REPEATED
            marks[event] |= REPEATED
        else:
            seen[slot], when[slot] = event, turn


@numba.njit(cache=True, nogil=True)
def _order(
    first_lead: int,
    last_lead: int,
    offsets: Any,
    keys: Any,
    longs: Any,
    shorts: Any,
    event_id: Any,
    marks: Any,
) -> None:
    occurred_at = keys[0]
    longest = 1
    for lead in range(first_lead, last_lead):
        longest = max(longest, offsets[lead + 1] - offsets[lead])
    places = np.empty(longest, dtype=np.int64)
    other = np.empty(longest, dtype=np.int64)
    scratch = np.empty(longest, dtype=np.int64)
    times = np.empty(_BLOCK, dtype=np.int64)
    room = 1
    while room < 2 * longest:
        room *= 2
    seen = np.empty(room if len(event_id) else 1, dtype=np.int64)
    when = np.full(len(seen), -1, dtype=np.int64)
    for lead in range(first_lead, last_lead):
        start, stop = offsets[lead], offsets[lead + 1]
        for event in range(start + 1, stop):
            if occurred_at[event] < occurred_at[event - 1] or (
                occurred_at[event] == occurred_at[event - 1] and _precedes(keys, event, event - 1)
            ):
                _argsort(keys, start, stop - start, places, other, times)
                for column in longs:
                    _move(column, start, stop - start, places, scratch)
                for column in shorts:
                    _move(column, start, stop - start, places, scratch)
                break
        if len(event_id):
            _mark_tied(keys, event_id, start, stop, marks)
            _mark_repeated(event_id, start, stop, marks, seen, when, lead)
