"""How often touches are answered in training: the rate that stands before a lead's own."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from features.kinds.response import INSTANT
from features.log import EventLog
from features.plan import Response


def with_rates(
    responses: Iterable[Response], log: EventLog, visible: npt.NDArray[np.bool_]
) -> tuple[Response, ...]:
    """The same responses with the share of touches that were answered.

    A touch is answered as `features.kinds.response` has it, at most once: a rate of answers per
    touch would be above 1 where one mail is opened time and again.

    Parameters
    ----------
    visible : ndarray of shape (n_events,), bool
        Events that training rows see.
    """
    found = []
    for response in responses:
        touches, answered = _answered(response, log, visible)
        rate = answered / touches if touches else 0.0
        found.append(Response(response.touch, response.answer, rate, response.by_mail))
    return tuple(found)


def _answered(response: Response, log: EventLog, visible: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """How many touches there were, and how many of them were answered."""
    name = np.array(log.types, dtype=object)
    plays = (name == response.touch) | (name == response.answer)
    rows = np.flatnonzero(visible & plays[log.event_type])
    lead, at = log.lead_of_event()[rows], log.occurred_at[rows]
    touch = (name == response.touch)[log.event_type[rows]]
    order = np.lexsort((~touch, at, lead))  # of one instant, touches come before answers
    lead, at, touch = lead[order], at[order], touch[order]
    if response.by_mail:
        before = np.maximum.accumulate(np.where(touch, np.arange(len(rows)), -1))
        sent = (before >= 0) & (lead[before] == lead)
        kept = touch | ~sent | (at - at[before] >= INSTANT)
        lead, touch = lead[kept], touch[kept]
    answered = touch[:-1] & ~touch[1:] & (lead[:-1] == lead[1:])
    return int(touch.sum()), int(answered.sum())
