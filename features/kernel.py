"""The one kernel: one pass over a lead's events, oldest first, for every behavioural feature."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from features.instants import HOUR, MISSING
from features.kinds import KINDS
from features.log import EventLog
from features.plan import ANY, BY_LEAD, BY_US, OTHER, Plan

_FOREVER = int(np.iinfo(np.int64).max)
_AGE, _COUNT, _DECAY, _RECENCY = (
    list(KINDS).index(name) for name in ("age", "count", "decay", "recency")
)
_CHUNK = 256
"""Rows that one thread takes at a time; fewer rows than this are not worth waking threads for."""


@dataclass(frozen=True)
class Program:
    """A plan as the arrays that the kernel reads.

    Attributes
    ----------
    slot_of_type : dict
        Event type -> slot of state; types not in it are not seen.
    windows : ndarray of shape (n_windows,), int64, ascending, the last one for ever
    rates : ndarray of shape (n_half_lives,), float64, ln 2 / half-life, per microsecond
    kind, group, index : ndarray of shape (n_features,), int64
        Kind code, group, and place among `windows` or `rates`.
    group_start : ndarray of shape (n_groups + 1,), int64
        The slots of group g are ``members[group_start[g]:group_start[g + 1]]``.
    members : ndarray of int64
    n_slots : int
    """

    slot_of_type: dict[str, int]
    windows: npt.NDArray[np.int64]
    rates: npt.NDArray[np.float64]
    kind: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    index: npt.NDArray[np.int64]
    group_start: npt.NDArray[np.int64]
    members: npt.NDArray[np.int64]
    n_slots: int


def compile_plan(plan: Plan) -> Program:
    """Lay a plan out for the kernel: rare types have a slot for acts and one for touches."""
    touches = set(plan.touches)
    n = len(plan.event_types)
    slot_of_type = {name: slot for slot, name in enumerate(plan.event_types)}
    slot_of_type |= {name: n + (name in touches) for name in plan.other_types}
    slots = range(n + 2)
    ours = {slot_of_type[name] for name in plan.event_types if name in touches} | {n + 1}
    members_of = {name: [slot] for slot, name in enumerate(plan.event_types)}
    members_of |= {
        OTHER: [n, n + 1],
        ANY: list(slots),
        BY_LEAD: [slot for slot in slots if slot not in ours],
        BY_US: sorted(ours),
    }
    names = list(members_of)
    windows = sorted(
        {f.parameter or _FOREVER for f in plan.features if f.kind == "count"} | {_FOREVER}
    )
    half_lives = sorted({f.parameter for f in plan.features if f.kind == "decay" and f.parameter})
    index = [
        windows.index(f.parameter or _FOREVER)
        if f.kind == "count"
        else half_lives.index(f.parameter)
        if f.kind == "decay" and f.parameter
        else 0
        for f in plan.features
    ]
    codes = {name: code for code, name in enumerate(KINDS)}
    return Program(
        slot_of_type=slot_of_type,
        windows=np.array(windows, dtype=np.int64),
        rates=math.log(2.0) / np.array(half_lives, dtype=np.float64),
        kind=np.array([codes[f.kind] for f in plan.features], dtype=np.int64),
        group=np.array([names.index(f.of) if f.of else 0 for f in plan.features], dtype=np.int64),
        index=np.array(index, dtype=np.int64),
        group_start=np.cumsum([0, *(len(m) for m in members_of.values())]).astype(np.int64),
        members=np.array([slot for m in members_of.values() for slot in m], dtype=np.int64),
        n_slots=n + 2,
    )


def behaviour(
    program: Program,
    log: EventLog,
    created_at: npt.NDArray[np.int64],
    lead: npt.NDArray[np.int64],
    cutoff: npt.NDArray[np.int64],
) -> npt.NDArray[np.float32]:
    """The behavioural features of each row of a spine.

    Parameters
    ----------
    program : Program
    log : EventLog
    created_at : ndarray of shape (n_leads,), int64
    lead, cutoff : ndarray of shape (n_rows,), int64

    Returns
    -------
    ndarray of shape (n_rows, n_features), float32
        NaN where a feature is missing.
    """
    out = np.empty((len(lead), len(program.kind)), dtype=np.float32)
    slot = np.array(
        [program.slot_of_type.get(name, -1) for name in log.types] or [-1], dtype=np.int64
    )
    arguments = (
        log.offsets,
        log.occurred_at,
        log.visible_at,
        log.event_type,
        slot,
        created_at,
        lead,
        cutoff,
        program.windows,
        program.rates,
        program.kind,
        program.group,
        program.index,
        program.group_start,
        program.members,
        program.n_slots,
        out,
    )
    if len(lead) <= _CHUNK:
        _rows(0, len(lead), *arguments)
    else:
        _all_rows(*arguments)
    return out


@numba.njit(cache=True, nogil=True)
def _rows(
    start: int,
    stop: int,
    offsets: Any,
    occurred_at: Any,
    visible_at: Any,
    event_type: Any,
    slot_of: Any,
    created_at: Any,
    lead: Any,
    cutoff: Any,
    windows: Any,
    rates: Any,
    kind: Any,
    group: Any,
    index: Any,
    group_start: Any,
    members: Any,
    n_slots: int,
    out: Any,
) -> None:
    n_windows, n_rates = len(windows), len(rates)
    counts = np.empty((n_slots, n_windows))
    decays = np.empty((n_slots, n_rates))
    last = np.empty(n_slots, dtype=np.int64)
    for row in range(start, stop):
        counts[:] = 0.0
        decays[:] = 0.0
        last[:] = MISSING
        at = cutoff[row]
        for event in range(offsets[lead[row]], offsets[lead[row] + 1]):
            if occurred_at[event] > at:
                break
            slot = slot_of[event_type[event]]
            if slot < 0 or visible_at[event] > at:
                continue
            age = at - occurred_at[event]
            window = 0
            while age >= windows[window]:
                window += 1
            counts[slot, window] += 1.0
            for r in range(n_rates):
                decays[slot, r] += math.exp(-rates[r] * age)
            last[slot] = occurred_at[event]
        for slot in range(n_slots):
            for window in range(1, n_windows):
                counts[slot, window] += counts[slot, window - 1]
        for feature in range(len(kind)):
            first, end = group_start[group[feature]], group_start[group[feature] + 1]
            value = 0.0
            if kind[feature] == _COUNT:
                for m in range(first, end):
                    value += counts[members[m], index[feature]]
            elif kind[feature] == _DECAY:
                for m in range(first, end):
                    value += decays[members[m], index[feature]]
            elif kind[feature] == _RECENCY:
                latest = MISSING
                for m in range(first, end):
                    latest = max(latest, last[members[m]])
                value = np.nan if latest == MISSING else (at - latest) / HOUR
            elif kind[feature] == _AGE:
                created = created_at[lead[row]]
                value = np.nan if created == MISSING else (at - created) / HOUR
            out[row, feature] = value


@numba.njit(cache=True, nogil=True, parallel=True)
def _all_rows(*arguments: Any) -> None:
    n_rows = len(arguments[6])
    for chunk in numba.prange((n_rows + _CHUNK - 1) // _CHUNK):
        _rows(chunk * _CHUNK, min(n_rows, (chunk + 1) * _CHUNK), *arguments)
