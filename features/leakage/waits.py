"""How long conversion takes, and how many leads convert within which time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.instants import DAY, MISSING
from features.leakage.outcome import first_at
from features.log import EventLog, Leads

HORIZONS = (30, 60, 90, 180)
"""Days."""


@dataclass(frozen=True)
class Within:
    """Leads that converted within a number of days of creation, among those observed so long."""

    days: int
    converted: int
    others: int


@dataclass(frozen=True)
class Wait:
    """Time from creation to the first event of a type.

    Attributes
    ----------
    event_type : str
    leads : int
        That have it after creation.
    days : tuple of float, or None
        The 10%, 50% and 90% quantiles of days from creation, over leads that have it.
    within : tuple of Within
    """

    event_type: str
    leads: int
    days: tuple[float, float, float] | None
    within: tuple[Within, ...]


def wait(leads: Leads, log: EventLog, event_type: str, until: int) -> Wait:
    """How long leads take to their first event of a type, observed until `until`.

    A lead counts for a horizon of d days when ``created_at + d <= until``; it converted within it
    when its first event lies in ``[created_at, created_at + d]``. Leads whose first event comes
    before creation are left out.
    """
    first = first_at(log, [event_type])
    known = leads.created_at != MISSING
    has = known & (first != MISSING) & (first <= until)
    early = has & (first < leads.created_at)
    took = first[has & ~early] - leads.created_at[has & ~early]
    days = tuple(float(d) / DAY for d in np.quantile(took, (0.1, 0.5, 0.9))) if len(took) else None
    within = []
    for horizon in HORIZONS:
        # The comparison is turned round so that a missing creation does not overflow.
        mature = known & ~early & (leads.created_at <= until - horizon * DAY)
        in_time = mature & has & (first - horizon * DAY <= leads.created_at)
        within.append(Within(horizon, int(in_time.sum()), int((mature & ~in_time).sum())))
    quantiles = (days[0], days[1], days[2]) if days else None
    return Wait(event_type, len(took), quantiles, tuple(within))
