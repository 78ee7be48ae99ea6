"""The features of one lead by the plain reference of each kind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from features.changes import Changes
from features.colleagues import NOT_TOLD, Colleagues
from features.instants import MISSING
from features.kinds import KINDS, Happened, Seen
from features.log import EventLog
from features.plan import Plan


def by_plain_python(
    plan: Plan,
    log: EventLog,
    lead: int,
    created_at: int,
    cutoff: int,
    changes: Changes | None = None,
    colleagues: Colleagues | None = None,
) -> npt.NDArray[np.float32]:
    """The features of one lead of a log as of a cutoff.

    Returns
    -------
    ndarray of shape (n_features,), float32
        NaN where a feature is missing, as all are whose source is not given.
    """
    if colleagues is not None and colleagues.account[lead] == NOT_TOLD:
        colleagues = None
    seen = Seen(
        plan=plan,
        events=_events(plan, log, lead, cutoff),
        lead_age=None if created_at == MISSING else cutoff - created_at,
        changes=_changes(plan, changes, lead, cutoff) if changes else [],
        colleagues=_colleagues(plan, colleagues, lead, cutoff) if colleagues else [],
    )
    given = {"events", "acts", *(["changes"] if changes else [])}
    given |= {"colleagues"} if colleagues else set()
    values = [
        KINDS[feature.kind].reference(seen, feature)
        if KINDS[feature.kind].source in given
        else np.nan
        for feature in plan.features
    ]
    return np.array(values, dtype=np.float32)


def _events(plan: Plan, log: EventLog, lead: int, cutoff: int) -> list[Happened]:
    touches, known = set(plan.touches), set(plan.known_types)
    rows = range(log.offsets[lead], log.offsets[lead + 1])
    channel, content = _named(log.channels), _named(log.contents)
    return [
        Happened(
            age=cutoff - int(log.occurred_at[row]),
            at=int(log.occurred_at[row]),
            type=log.types[log.event_type[row]],
            by_us=log.types[log.event_type[row]] in touches,
            channel=channel(int(log.channel[row])),
            content=content(int(log.content[row])),
            value=float(log.value[row]),
        )
        for row in rows
        if log.visible_at[row] <= cutoff and log.types[log.event_type[row]] in known
    ]


def _named(names: tuple[str, ...]) -> Callable[[int], str | None]:
    return lambda code: names[code] if code >= 0 else None


def _changes(plan: Plan, changes: Changes, lead: int, cutoff: int) -> list[Happened]:
    first, end = np.searchsorted(changes.lead, [lead, lead + 1])
    rows = [
        row
        for row in range(first, end)
        if changes.changed_at[row] <= cutoff and changes.attribute[row] in plan.tracked
    ]
    at = [int(changes.changed_at[row]) for row in rows]
    found = [
        Happened(cutoff - t, t, changes.attribute[row]) for t, row in zip(at, rows, strict=True)
    ]
    return sorted(found, key=lambda change: change.at)


def _colleagues(plan: Plan, others: Colleagues, lead: int, cutoff: int) -> list[Happened]:
    touches, known = set(plan.touches), set(plan.known_types)
    account = others.account[lead]
    if account < 0:
        return []
    return [
        Happened(
            age=cutoff - int(others.occurred_at[row]),
            at=int(others.occurred_at[row]),
            type=others.types[others.event_type[row]],
            by_us=others.types[others.event_type[row]] in touches,
            who=str(others.who[row]),
        )
        for row in range(others.offsets[account], others.offsets[account + 1])
        if others.visible_at[row] <= cutoff
        and others.who[row] != lead
        and others.types[others.event_type[row]] in known
    ]
