"""Invented leads by what happened to them, for tests of a playbook's definitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from features.changes import Changes
from features.instants import DAY, MISSING
from features.log import EventLog, Leads, event_log
from models.conditions import View
from tests.features.histories import EventColumns

NOW = 1_000 * DAY


class Event(NamedTuple):
    """An event of one lead, so many days before NOW."""

    type: str
    days_ago: float
    channel: str | None = None
    lead: int = 0
    recorded_days_ago: float | None = None
    content: str | None = None
    value: float | None = None


def world(
    events: Sequence[Event], attributes: dict[str, Any] | None = None, created: Sequence[int] = (0,)
) -> tuple[Leads, EventLog]:
    """Leads created at some instants, with attributes and events."""
    n = len(created)
    columns = attributes or {"nothing": [None] * n}
    leads = Leads(
        pa.array([f"L{i}" for i in range(n)], pa.string()),
        np.array(created, dtype=np.int64),
        pa.table(columns),
    )

    def at(days_ago: float | None) -> int:
        return MISSING if days_ago is None else NOW - round(days_ago * DAY)

    log = event_log(
        leads,
        EventColumns(
            np.array([e.lead for e in events], dtype=np.int64),
            np.array([at(e.days_ago) for e in events], dtype=np.int64),
            np.array([at(e.recorded_days_ago) for e in events], dtype=np.int64),
            pa.array([e.type for e in events], pa.string()),
            pa.array([e.channel for e in events], pa.string()),
            pa.array([e.content for e in events], pa.string()),
            pa.nulls(len(events), pa.string()),
            np.array([np.nan if e.value is None else e.value for e in events]),
        ).arrivals(),
    )
    return leads, log


def view_of(
    events: Sequence[Event],
    attributes: dict[str, Any] | None = None,
    created: Sequence[int] = (0,),
    changes: Changes | None = None,
    cutoff: int = NOW,
) -> View:
    """Those leads, all seen at one moment."""
    leads, log = world(events, attributes, created)
    return View.now(leads, log, np.full(len(leads), cutoff), changes)
