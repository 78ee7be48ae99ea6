"""What became of the leads that converted."""

from __future__ import annotations

import numpy as np

from features.log import EventLog
from features.spine import Spine, labels_of
from models.playbook import Playbook


def converted_and_won(
    spine: Spine, log: EventLog, playbook: Playbook, until: int
) -> tuple[int, int] | None:
    """How many leads of a spine converted, and how many of these were won after that.

    Parameters
    ----------
    until : int
        The instant until which outcomes were observed; what came later counts for nothing.

    Returns
    -------
    (int, int) or None
        None where the playbook has no event with ``outcome = "won"``, or no such event came.
    """
    won = {name for name, event in playbook.events.items() if event.outcome == "won"}
    of_type = np.array([name in won for name in log.types], dtype=bool)
    if not of_type.any():
        return None
    converted = labels_of(spine) == 1
    first = np.full(log.n_leads, np.iinfo(np.int64).max)
    np.minimum.at(first, spine.lead[converted], spine.cutoff[converted])
    later = of_type[log.event_type] & (log.occurred_at <= until)
    later &= log.occurred_at > first[log.lead_of_event()]
    leads = np.unique(spine.lead[converted])
    return len(leads), len(np.intersect1d(log.lead_of_event()[later], leads))
