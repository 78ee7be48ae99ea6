"""Spines: which leads are looked at as of which cutoffs, in which state, and with which label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import numba
import numpy as np
import numpy.typing as npt
import pandas as pd

from features.instants import DAY, MISSING, Instants, localise
from features.log import EventLog, Leads
from features.task import Task

_CLOSES, _REOPENS, _ACT = 1, 2, 4
_MONDAY = 4 * DAY
"""1970-01-05, from which ``every`` counts."""


@dataclass(frozen=True)
class Spine:
    """The rows to compute, ordered by lead and cutoff.

    Attributes
    ----------
    lead : ndarray of shape (n_rows,), int64
        Row of the lead list.
    cutoff : ndarray of shape (n_rows,), int64
    label : ndarray of shape (n_rows,), int8, or None
        1 when the task's label event lies in ``(cutoff, cutoff + horizon]``.
    age : ndarray of shape (n_rows,), int64
        Where the task has `ages`: the age of the lead that the cutoff stands for; else 0.
    left_out : dict of str to int
        Rows not on the spine, by reason.
    """

    lead: npt.NDArray[np.int64]
    cutoff: Instants
    label: npt.NDArray[np.int8] | None
    age: npt.NDArray[np.int64]
    left_out: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lead)

    def take(self, rows: npt.NDArray[Any]) -> Spine:
        """Some of the rows, by mask or by position."""
        label = None if self.label is None else self.label[rows]
        return Spine(self.lead[rows], self.cutoff[rows], label, self.age[rows])

    @classmethod
    def at(cls, n_leads: int, cutoff: int) -> Spine:
        """Every lead of a list as of one cutoff."""
        lead = np.arange(n_leads)
        return cls(lead, np.full(n_leads, cutoff), None, np.zeros(n_leads, dtype=np.int64))

    @classmethod
    def none(cls) -> Spine:
        """No rows, with their labels."""
        nothing = np.empty(0, dtype=np.int64)
        return cls(nothing, nothing, np.empty(0, dtype=np.int8), nothing)


def labels_of(spine: Spine) -> npt.NDArray[np.int8]:
    """The labels of a spine that must have them."""
    if spine.label is None:
        raise ValueError("expected a spine with labels")
    return spine.label


@dataclass(frozen=True)
class States:
    """How leads stand at cutoffs.

    Attributes
    ----------
    closed_by : ndarray of shape (n_rows,), int32
        The latest closing event's type (a code of the log's `types`); -1 for an open lead.
    closed_at : ndarray of shape (n_rows,), int64
        When it occurred; `MISSING` for an open lead.
    last_act : ndarray of shape (n_rows,), int64
        The lead's last act of its own by the cutoff, else its creation, else `MISSING`.
    """

    closed_by: npt.NDArray[np.int32]
    closed_at: Instants
    last_act: Instants


def training_spine(
    leads: Leads,
    log: EventLog,
    task: Task,
    touches: Iterable[str],
    observed_until: int,
    tz: ZoneInfo,
) -> Spine:
    """Every lead of the task at every mature cutoff, with its label.

    A row with ``cutoff + horizon > observed_until`` is immature: left out and counted, whatever
    has happened so far. States are taken by when things occurred, also where the source recorded
    them late: a lead already closed has nothing left to predict. A row is counted under one reason,
    the first of: not the task's lead, silent for too long, immature.
    """
    if task.horizon is None:
        raise ValueError("a flat task has no cutoffs")
    lead, cutoff, age = _candidates(leads, task, observed_until, tz)
    seen = states(log, leads, task, touches, lead, cutoff, log.occurred_at)
    mature = cutoff + task.horizon <= observed_until
    others = others_by_reason(task, log.types, seen, cutoff)
    theirs = _none_of(others, len(cutoff))
    active = cutoff - seen.last_act < task.until
    kept = mature & theirs & active
    left_out = {
        "immature": int((~mature & theirs & active).sum()),
        **{reason: int(rows.sum()) for reason, rows in others.items()},
        "no act for longer than until": int((theirs & ~active).sum()),
        "leads without created_at": int((leads.created_at == MISSING).sum()),
    }
    lead, cutoff = lead[kept], cutoff[kept]
    return Spine(lead, cutoff, labels(log, task, lead, cutoff), age[kept], left_out)


def _candidates(
    leads: Leads, task: Task, observed_until: int, tz: ZoneInfo
) -> tuple[npt.NDArray[np.int64], Instants, npt.NDArray[np.int64]]:
    """Every lead at every cutoff from its creation to the end of the data, in order."""
    known = np.flatnonzero(leads.created_at != MISSING)
    created = leads.created_at[known]
    if task.ages:
        ages = np.array(sorted(task.ages), dtype=np.int64)
        lead = np.repeat(known, len(ages))
        age = np.tile(ages, len(known))
        cutoff = np.repeat(created, len(ages)) + age
        kept = cutoff <= observed_until
        return lead[kept], cutoff[kept], age[kept]
    if not len(created) or task.every is None:
        none = np.empty(0, dtype=np.int64)
        return none, none, none
    grid = cutoffs(int(created.min()), observed_until, task.every, tz)
    first = np.searchsorted(grid, created, side="left")
    per_lead = np.maximum(len(grid) - first, 0)
    lead = np.repeat(known, per_lead)
    place = np.arange(len(lead)) - np.repeat(np.cumsum(per_lead) - per_lead, per_lead)
    cutoff = grid[np.repeat(first, per_lead) + place]
    return lead, cutoff, np.zeros(len(lead), dtype=np.int64)


def cutoffs(start: int, end: int, every: int, tz: ZoneInfo) -> Instants:
    """The cutoffs of ``every`` in [start, end], ascending: multiples of it on the wall clock of `tz`."""
    low, high = ((instant - _MONDAY - 2 * DAY) // every for instant in (start, end + 4 * DAY))
    grid = localise(_MONDAY + np.arange(low, high + 2, dtype=np.int64) * every, tz)
    return np.unique(grid[(grid >= start) & (grid <= end)])


def labels(
    log: EventLog, task: Task, lead: npt.NDArray[np.int64], cutoff: Instants
) -> npt.NDArray[np.int8]:
    """1 where an event of the task's label lies in ``(cutoff, cutoff + horizon]``, else 0."""
    is_label = np.isin(np.array(log.types, dtype=object), task.label)
    rows = np.flatnonzero(is_label[log.event_type]) if log.n_events else np.empty(0, dtype=np.int64)
    happened = pd.DataFrame({"lead": log.lead_of_event()[rows], "at": log.occurred_at[rows]})
    wanted = pd.DataFrame({"lead": lead, "at": cutoff, "row": np.arange(len(lead))})
    found = pd.merge_asof(
        wanted.sort_values("at", kind="stable"),
        happened.assign(label_at=happened["at"]).sort_values("at", kind="stable"),
        on="at",
        by="lead",
        direction="forward",
        allow_exact_matches=False,
        tolerance=task.horizon,
    )
    label = np.zeros(len(lead), dtype=np.int8)
    label[found["row"].to_numpy()] = found["label_at"].notna().to_numpy()
    return label


def belongs(
    task: Task, types: Sequence[str], seen: States, cutoff: Instants
) -> npt.NDArray[np.bool_]:
    """Whether each row's lead is one that the task asks about at its cutoff.

    Tasks that share `closes` and `reopens`, and no type of `after`, share no lead.

    Parameters
    ----------
    types : sequence of str
        Those of the log, of which ``seen.closed_by`` holds codes.
    """
    return _none_of(others_by_reason(task, types, seen, cutoff), len(cutoff))


def others_by_reason(
    task: Task, types: Sequence[str], seen: States, cutoff: Instants
) -> dict[str, npt.NDArray[np.bool_]]:
    """The rows of leads that are not the task's, by why not; no row is under two reasons."""
    is_open = seen.closed_by < 0
    if not task.after:
        return {"closed": ~is_open}
    in_after = np.array([name in task.after for name in types] + [False])
    after = in_after[seen.closed_by]  # -1, open, is the last
    others = {"open": is_open, "closed by another event": ~is_open & ~after}
    if task.dormant:
        others["not yet dormant"] = after & (cutoff - seen.closed_at < task.dormant)
    return others


def _none_of(masks: dict[str, npt.NDArray[np.bool_]], n: int) -> npt.NDArray[np.bool_]:
    none = np.ones(n, dtype=bool)
    for rows in masks.values():
        none &= ~rows
    return none


def states(
    log: EventLog,
    leads: Leads,
    task: Task,
    touches: Iterable[str],
    lead: npt.NDArray[np.int64],
    cutoff: Instants,
    known_at: Instants,
) -> States:
    """How each lead stands at its cutoff.

    Parameters
    ----------
    known_at : ndarray of shape (n_events,), int64
        When each event counts: ``log.visible_at`` for what was known at the cutoff,
        ``log.occurred_at`` for what had happened by then.
    """
    ours = set(touches)
    role = np.array(
        [
            _CLOSES * (name in task.closes)
            | _REOPENS * (name in task.reopens)
            | _ACT * (name not in ours)
            for name in log.types
        ]
        or [0],
        dtype=np.int64,
    )
    closed_by = np.empty(len(lead), dtype=np.int32)
    closed_at = np.empty(len(lead), dtype=np.int64)
    last_act = np.empty(len(lead), dtype=np.int64)
    _states(
        log.offsets,
        log.occurred_at,
        known_at,
        log.event_type,
        role,
        leads.created_at,
        lead,
        cutoff,
        closed_by,
        closed_at,
        last_act,
    )
    return States(closed_by, closed_at, last_act)


@numba.njit(cache=True, nogil=True)
def _states(
    offsets: Any,
    occurred_at: Any,
    known_at: Any,
    event_type: Any,
    role: Any,
    created_at: Any,
    lead: Any,
    cutoff: Any,
    closed_by: Any,
    closed_at: Any,
    last_act: Any,
) -> None:
    for row in range(len(lead)):
        by, at, act = -1, MISSING, created_at[lead[row]]
        for event in range(offsets[lead[row]], offsets[lead[row] + 1]):
            if occurred_at[event] > cutoff[row]:
                break
            if known_at[event] > cutoff[row]:
                continue
            bits = role[event_type[event]]
            if bits & _CLOSES:
                by, at = event_type[event], occurred_at[event]
            if bits & _REOPENS:
                by, at = -1, MISSING
            if bits & _ACT:
                act = max(act, occurred_at[event])
        closed_by[row], closed_at[row], last_act[row] = by, at, act
