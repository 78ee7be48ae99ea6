"""What happened to leads: what they did, and how we touched them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from features.instants import Instants
from features.log import EventLog
from models.conditions import Mask
from models.playbook import Playbook
from models.playbook.stages import STAGES
from models.tally import Integers


def acts(playbook: Playbook, log: EventLog) -> Mask:
    """Which types of a log are something that a lead did, shape (n_types,).

    Not what we did, not outcomes, and not what only moves a lead from stage to stage: events named
    in ``[stages]`` without a flow or a step of the journey.
    """
    said = playbook.said.stages
    moving = {*said.moves, *said.found, *said.back}
    moving |= {name for stage in STAGES for name in said.way(stage).event}
    moving |= {*said.enter.tql.before_call.event, *said.enter.tql.after_call.event}
    done = {name for name, event in playbook.events.items() if event.flow or event.step}
    others = {*playbook.touches, *playbook.outcomes, *(moving - done)}
    return of_types(log, set(log.types) - others)


def touches(playbook: Playbook, log: EventLog) -> Mask:
    """Which types of a log are a touch of one lead by us, shape (n_types,)."""
    return of_types(log, playbook.personal_touches)


def of_types(log: EventLog, names: Iterable[str]) -> Mask:
    """Which types of a log are some that are named, shape (n_types,)."""
    named = set(names)
    return np.array([name in named for name in log.types], dtype=bool)


def latest(log: EventLog, types: Mask, as_of: Instants) -> Integers:
    """The place in the log of the last event of some types that each lead's moment sees; -1 for none.

    Parameters
    ----------
    types : ndarray of shape (n_types,), bool
    as_of : ndarray of shape (n_leads,), int64
    """
    lead = log.lead_of_event()
    rows = np.flatnonzero(types[log.event_type] & (log.visible_at <= as_of[lead]))
    last = np.full(log.n_leads, -1)
    np.maximum.at(last, lead[rows], rows)
    return last


def since(log: EventLog, types: Mask, lead: int, after: int, as_of: int) -> Integers:
    """The places in the log of one lead's events of some types that occurred in ``(after, as_of]``
    and are seen as of then, oldest first."""
    mine = np.arange(log.offsets[lead], log.offsets[lead + 1])
    seen = (log.occurred_at[mine] > after) & (log.visible_at[mine] <= as_of)
    return mine[types[log.event_type[mine]] & seen]
