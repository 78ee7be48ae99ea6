"""The one kernel: one pass over a lead's events, oldest first, for every behavioural feature.

The events that the cutoffs of a block of rows see are decoded once, oldest first; while they lie in
the processor's cache, each kind that the plan has features of goes over them. What a kind does with
an event, and what its features are in the end, is in its own file; here they are put together into
one compiled function.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from features import kinds as _kinds
from features.changes import Changes
from features.colleagues import NOT_TOLD, Colleagues
from features.instants import LONGEST, MISSING
from features.kinds import EVENT, KINDS, Kind
from features.log import EventLog
from features.program import Program
from features.threads import in_threads

_CHUNK = 2048
"""The least rows that one thread takes at a time; fewer rows than this are not worth a thread."""
_LARGEST = float(np.finfo(np.float32).max)
_PARTS = 16
"""Parts that each thread takes of many rows: so many that none waits long for the last."""
_BLOCK = 32
"""Rows whose events lie decoded at one time: some thousand, which the second cache holds."""


class Stream(NamedTuple):
    """A log, changes or events of colleagues, as the kernel reads them.

    Attributes
    ----------
    group : ndarray of shape (n_leads,) or (0,), int64
        The group of each lead, -1 for none; where it is empty, lead i has group i.
    offsets : ndarray of shape (n_groups + 1,), int64
        The events of group g are ``offsets[g]:offsets[g + 1]``, oldest first.
    occurred_at, visible_at : ndarray of shape (n_events,), int64
    event_type : ndarray of shape (n_events,), int32
    channel, content, who : ndarray of shape (n_events,) or (0,), int32
    value : ndarray of shape (n_events,) or (0,), float64
    type_of, channel_of : ndarray of int64
        Codes of `event_type` and `channel` to the places that the plan gives them, -1 for none.
    """

    group: Any
    offsets: Any
    occurred_at: Any
    visible_at: Any
    event_type: Any
    channel: Any
    content: Any
    who: Any
    value: Any
    type_of: Any
    channel_of: Any


class Block(NamedTuple):
    """Some rows, with what each of them sees, oldest first.

    Attributes
    ----------
    start : int
        The first of the rows among all.
    lead_age : ndarray of shape (n_rows,), float64, microseconds, NaN where it is not known
    end : ndarray of shape (n_rows + 1,), int64
        The events of row i are ``events[end[i]:end[i + 1]]``.
    events : ndarray of `features.kinds.EVENT`
    """

    start: int
    lead_age: Any
    end: Any
    events: Any


def behaviour(
    program: Program,
    log: EventLog,
    created_at: npt.NDArray[np.int64],
    lead: npt.NDArray[np.int64],
    cutoff: npt.NDArray[np.int64],
    changes: Changes | None = None,
    colleagues: Colleagues | None = None,
) -> npt.NDArray[np.float32]:
    """The behavioural features of each row of a spine.

    Parameters
    ----------
    program : Program
    log : EventLog
    created_at : ndarray of shape (n_leads,), int64
    lead, cutoff : ndarray of shape (n_rows,), int64
    changes : Changes, optional
    colleagues : Colleagues, optional
        Without one of these, the features that read it are missing.

    Returns
    -------
    ndarray of shape (n_rows, n_features), float32
        NaN where a feature is missing.
    """
    out = np.empty((len(lead), program.n_features), dtype=np.float32)
    if not program.reads_changes:
        changes = None
    if not len(program.of_colleagues):
        colleagues = None
    arguments = (
        _events(program, log),
        _changes(program, changes, len(created_at)) if changes else _NOTHING,
        _colleagues(program, colleagues) if colleagues else _NOTHING,
        changes is not None,
        colleagues is not None,
        program.in_full,
        created_at,
        lead,
        cutoff,
        program.tables,
        out,
    )
    in_threads(lambda part: _rows(*part, *arguments), _parts(len(lead)))
    if colleagues is not None:
        _unread(out, program.of_colleagues, colleagues.account[lead] == NOT_TOLD, np.nan)
        _unread(
            out,
            program.of_colleagues,
            colleagues.since[lead] > cutoff,
            program.without_colleagues,
        )
    return out


def _parts(n_rows: int) -> list[tuple[int, int]]:
    """The rows as ranges ``(start, stop)``, each the work of one thread at a time."""
    if n_rows <= _CHUNK:
        return [(0, n_rows)]
    size = max(_CHUNK, n_rows // (numba.get_num_threads() * _PARTS))
    return [(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


def _unread(
    out: npt.NDArray[np.float32],
    columns: npt.NDArray[np.int64],
    rows: npt.NDArray[np.bool_],
    value: float | npt.NDArray[np.float32],
) -> None:
    """Give some features of some rows another value; as a rule there are no such rows."""
    if rows.any():
        out[np.ix_(rows, columns)] = value


_NO_CODES = np.empty(0, dtype=np.int32)
_NO_TIMES = np.empty(0, dtype=np.int64)
_NOTHING = Stream(
    _NO_TIMES, _NO_TIMES, _NO_TIMES, _NO_TIMES, _NO_CODES, _NO_CODES, _NO_CODES, _NO_CODES,
    np.empty(0), _NO_TIMES, _NO_TIMES,
)  # fmt: skip


def _places(names: Sequence[str], known: dict[str, int], other: int = -1) -> npt.NDArray[np.int64]:
    return np.array([known.get(name, other) for name in names] or [-1], dtype=np.int64)


def _events(program: Program, log: EventLog) -> Stream:
    return _NOTHING._replace(
        offsets=log.offsets,
        occurred_at=log.occurred_at,
        visible_at=log.visible_at,
        event_type=log.event_type,
        channel=log.channel,
        content=log.content,
        value=log.value,
        type_of=_places(log.types, program.type_place),
        channel_of=_places(log.channels, program.channel_place, len(program.channel_place)),
    )


def _changes(program: Program, changes: Changes, n_leads: int) -> Stream:
    names, codes = changes.coded
    return _NOTHING._replace(
        offsets=np.searchsorted(changes.lead, np.arange(n_leads + 1)).astype(np.int64),
        occurred_at=changes.changed_at,
        visible_at=changes.changed_at,
        event_type=codes,
        type_of=_places(names, program.tracked_place),
    )


def _colleagues(program: Program, colleagues: Colleagues) -> Stream:
    return _NOTHING._replace(
        group=colleagues.account,
        offsets=colleagues.offsets,
        occurred_at=colleagues.occurred_at,
        visible_at=colleagues.visible_at,
        event_type=colleagues.event_type,
        who=colleagues.who,
        type_of=_places(colleagues.types, program.type_place),
    )


@numba.njit(nogil=True)
def _decode_events(
    log: Any, lead: Any, cutoff: Any, tables: Any, in_full: bool, block: Any, acts: Any
) -> None:
    """Fill one block with the events that its rows see, and one with the acts of the lead.

    Unless `in_full`, of each event only `age`, `type`, `slot` and `bucket`, and no acts.
    """
    occurred_at, visible_at, event_type = log.occurred_at, log.visible_at, log.event_type
    channel, content, value, channel_of = log.channel, log.content, log.value, log.channel_of
    type_of, windows, types = log.type_of, tables.windows, tables.types
    events, own = block.events, acts.events
    n, m = 0, 0
    for i in range(len(block.lead_age)):
        block.end[i], acts.end[i] = n, m
        one, at = lead[block.start + i], cutoff[block.start + i]
        bucket, nth = len(windows) - 1, 0
        before, age_before, act_before, act_age_before, act_nth = -1, 0.0, -1, 0.0, 0
        for place in range(log.offsets[one], log.offsets[one + 1]):
            ago = at - occurred_at[place]
            if ago < 0:
                break
            code = type_of[event_type[place]]
            if code < 0 or visible_at[place] > at:
                continue
            while bucket > 0 and ago < windows[bucket - 1]:
                bucket -= 1
            age, slot = float(ago), types[code].slot
            event = events[n]
            n += 1
            event.age = age
            event.type = code
            event.slot = slot
            event.bucket = bucket
            if not in_full:
                continue
            of = channel[place]
            event.at = occurred_at[place]
            event.channel = channel_of[of] if of >= 0 else types[code].channel
            event.content = content[place]
            event.value = value[place]
            event.by_us = types[code].by_us
            event.before = before
            event.pause = age_before - age if nth else -1.0
            event.nth = nth
            before, age_before, nth = slot, age, nth + 1
            if types[code].by_us:
                continue
            own[m] = event
            act = own[m]
            m += 1
            act.before = act_before
            act.pause = act_age_before - age if act_nth else -1.0
            act.nth = act_nth
            act_before, act_age_before, act_nth = slot, age, act_nth + 1
    block.end[len(block.lead_age)], acts.end[len(block.lead_age)] = n, m


@numba.njit(nogil=True)
def _decode(stream: Any, lead: Any, cutoff: Any, longest: int, tables: Any, block: Any) -> None:
    """Fill a block with the changes or events of colleagues that its rows see, not longer ago."""
    n, occurred_at, windows, types = 0, stream.occurred_at, tables.windows, tables.types
    of_others = len(stream.who) > 0
    for i in range(len(block.lead_age)):
        block.end[i] = n
        one, at = lead[block.start + i], cutoff[block.start + i]
        group = stream.group[one] if len(stream.group) else one
        if group < 0:
            continue
        first, stop = stream.offsets[group], stream.offsets[group + 1]
        first += np.searchsorted(occurred_at[first:stop], at - longest, side="right")
        for place in range(first, stop):
            ago = at - occurred_at[place]
            if ago < 0:
                break
            code = stream.type_of[stream.event_type[place]]
            if code < 0 or stream.visible_at[place] > at:
                continue
            if of_others and stream.who[place] == one:
                continue
            event = block.events[n]
            event.age = ago
            event.at = occurred_at[place]
            event.type = code
            event.slot = types[code].slot if of_others else code
            event.bucket = np.searchsorted(windows, ago, side="right")
            event.by_us = types[code].by_us if of_others else False
            event.who = stream.who[place] if of_others else -1
            n += 1
    block.end[len(block.lead_age)] = n


def _step(place: int, kind: Kind) -> Callable[..., None]:
    """The compiled function that computes the features of one kind for a block of rows."""
    own, per_event = kind.shares is None, kind.per_event
    kept = any(other.shares == (kind.shares or kind.name) for other in KINDS.values())
    compiled = numba.njit(nogil=True)
    inlined = numba.njit(nogil=True, inline="always")
    update = inlined(kind.update) if own and kind.update else None
    settle = compiled(kind.settle) if own and kind.settle else None
    finish = compiled(kind.finish)

    @compiled
    def step(given, block, tables, scratch, shared, out):  # type: ignore[no-untyped-def]
        me, start, features = tables.kinds[place], block.start, tables.features
        if not me.runs:
            return
        if not given:
            for i in range(len(block.lead_age)):
                for f in range(me.first, me.end):
                    out[start + i, features[f].column] = np.nan
            return
        numbers = tables.numbers[me.number : me.number_end]
        lead_age, end, events = block.lead_age, block.end, block.events
        memory = scratch[: me.cells]
        for i in range(len(lead_age)):
            if kept:
                memory = shared[i, : me.cells]
            if per_event:
                memory = scratch[: me.cells + per_event * (end[i + 1] - end[i])]
            if own:
                memory[:] = me.initial
            if update is not None:
                for e in range(end[i], end[i + 1]):
                    update(memory, numbers, events[e])
            if settle is not None:
                settle(memory, numbers, tables.groups)
            for f in range(me.first, me.end):
                feature = features[f]
                number = finish(memory, numbers, lead_age[i], feature.a, feature.b)
                if abs(number) > _LARGEST:  # it would be infinite in single precision
                    number = _LARGEST if number > 0.0 else -_LARGEST
                out[start + i, feature.column] = number

    return step


@numba.njit(nogil=True)
def _nothing(*arguments):  # type: ignore[no-untyped-def]
    pass


def _in_turn(steps: Sequence[Callable[..., None]]) -> Callable[..., None]:
    """One compiled function that takes all the steps, one after the other."""
    # Few functions of several steps each: every compiled function costs time to compile.
    some: list[Callable[..., None]] = [*steps[:6], *[_nothing] * 6]
    one, two, three, four, five, six = some[:6]
    rest = _in_turn(steps[6:]) if len(steps) > 6 else _nothing

    @numba.njit(nogil=True)
    def all_of_them(*arguments):  # type: ignore[no-untyped-def]
        one(*arguments)
        two(*arguments)
        three(*arguments)
        four(*arguments)
        five(*arguments)
        six(*arguments)
        rest(*arguments)

    return all_of_them


_ON_EVENTS, _ON_ACTS, _ON_CHANGES, _ON_COLLEAGUES = (
    _in_turn([_step(i, k) for i, k in enumerate(KINDS.values()) if k.source == source])
    for source in ("events", "acts", "changes", "colleagues")
)
_SHARED = np.array(
    [any(other.shares == kind.name for other in KINDS.values()) for kind in KINDS.values()]
)
_PER_EVENT = np.array([kind.per_event for kind in KINDS.values()])


def _fingerprint() -> str:
    """A hash of the source of every kind.

    Numba takes a compiled function from disk as long as the file that defines it is the same; what
    that function calls lies in other files. The hash is a part of it, so that it is compiled again
    when one of them changes.
    """
    files = sorted(Path(_kinds.__file__ or "").parent.glob("*.py"))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


@numba.njit(nogil=True)
def _room(start: int, stop: int, stream: Any, lead: Any) -> int:
    """The most events that a block of rows has in a stream, seen or not."""
    room = 1
    for first in range(start, stop, _BLOCK):
        total = 0
        for row in range(first, min(first + _BLOCK, stop)):
            group = stream.group[lead[row]] if len(stream.group) else lead[row]
            if group >= 0:
                total += stream.offsets[group + 1] - stream.offsets[group]
        room = max(room, total)
    return room


def _compiled(fingerprint: str) -> Callable[..., None]:
    """The kernel, for some rows; it lets go of Python's lock, so that threads can share the rows."""

    @numba.njit(cache=True, nogil=True)
    def rows(  # type: ignore[no-untyped-def]
        start,
        stop,
        events,
        changes,
        colleagues,
        with_changes,
        with_colleagues,
        in_full,
        created_at,
        lead,
        cutoff,
        tables,
        out,
    ):
        _ = fingerprint  # captured: so it is a part of the key under which Numba stores this
        room = _room(start, stop, events, lead)
        if with_changes:
            room = max(room, _room(start, stop, changes, lead))
        if with_colleagues:
            room = max(room, _room(start, stop, colleagues, lead))
        most, cells = 1, 1
        for kind in range(len(tables.kinds)):
            most = max(most, tables.kinds[kind].cells + _PER_EVENT[kind] * room)
            if _SHARED[kind]:
                cells = max(cells, tables.kinds[kind].cells)
        size = max(min(_BLOCK, stop - start), 1)
        scratch, shared = np.empty(most), np.empty((size, cells))
        ages, ends = np.empty(size), np.empty((2, size + 1), np.int64)
        seen, acted = np.empty(room + 1, EVENT), np.empty(room + 1, EVENT)
        for first in range(start, stop, size):
            n = min(size, stop - first)
            for i in range(n):
                made = created_at[lead[first + i]]
                unknown = made == MISSING or made > cutoff[first + i]
                ages[i] = np.nan if unknown else float(cutoff[first + i] - made)
            block = Block(first, ages[:n], ends[0, : n + 1], seen)
            acts = Block(first, ages[:n], ends[1, : n + 1], acted)
            _decode_events(events, lead, cutoff, tables, in_full, block, acts)
            _ON_EVENTS(True, block, tables, scratch, shared, out)
            _ON_ACTS(True, acts, tables, scratch, shared, out)
            if with_changes:
                _decode(changes, lead, cutoff, LONGEST, tables, block)
            _ON_CHANGES(with_changes, block, tables, scratch, shared, out)
            if with_colleagues:
                _decode(colleagues, lead, cutoff, tables.longest, tables, block)
            _ON_COLLEAGUES(with_colleagues, block, tables, scratch, shared, out)

    return rows


_rows = _compiled(_fingerprint())
