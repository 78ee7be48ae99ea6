"""Leads that were sent back to nurturing: with which reason, from which source, and what then."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from features.errors import UsageError
from features.plan import Attribute
from models.conditions import Conditions, View
from models.evidence import Basis, wilson
from models.playbook.conditions import Looked
from models.playbook.references import nearest
from models.scorecard import Scorecard
from models.stages import Stages
from training.breakdown.exposed import History

_BY = "source"


class Rejection(NamedTuple):
    """Leads of a source that an event sent back with a reason.

    Attributes
    ----------
    source, reason : str or None
        None where it is missing.
    event : str
    times : int
        How often; a lead may be sent back more than once.
    share : Basis
        Of the leads of the source: how many were sent back so.
    cycles : dict of int to int
        How often it ended the first cycle, the second, ...
    taken_up : int
        Of those leads, how many entered a stage again afterwards.
    """

    source: str | None
    event: str
    reason: str | None
    times: int
    share: Basis
    cycles: dict[int, int]
    taken_up: int


def rejections(history: History, by: str | None) -> tuple[str, list[Rejection]]:
    """The attribute that tells sources, and rejections by source, event and reason, most first.

    Raises
    ------
    UsageError
        When the playbook names no event that sends leads back, or there is no such attribute.
    """
    playbook, material = history.playbook, history.material
    back = playbook.said.stages.back
    if not back:
        raise UsageError(
            f'{playbook.source}: nothing sends leads back. Name the events in [stages]: back = ["..."].'
        )
    attribute = _attribute(history, by)
    log, leads = material.log, material.leads
    view = View.now(
        leads, log, np.full(len(leads), material.observed_until), material.intake.changes
    )
    values: list[str | None] = pa.array(
        view.attribute(Attribute(attribute, "category"))
    ).to_pylist()
    stages = Stages(playbook, Scorecard(playbook))
    moves = stages.moves(view)
    events = np.flatnonzero(
        Conditions(playbook).events(Looked(event=back), log)
        & (log.visible_at <= material.observed_until)
    )
    of_lead = log.lead_of_event()
    there = leads.created_at <= material.observed_until
    per_source = _counts([value for value, is_there in zip(values, there, strict=True) if is_there])
    cycle: dict[int, int] = {}
    told: dict[tuple[str | None, str, str | None], dict[str, list[int]]] = {}
    for event in events:
        lead = int(of_lead[event])
        cycle[lead] = cycle.get(lead, 0) + 1
        content = int(log.content[event])
        reason = log.contents[content] if content >= 0 else None
        key = values[lead], log.types[log.event_type[event]], reason
        entry = told.setdefault(key, {"leads": [], "cycles": [], "again": []})
        entry["leads"].append(lead)
        entry["cycles"].append(cycle[lead])
        later = slice(event + 1, log.offsets[lead + 1])
        if (moves.role[later] & _ENTERS).any():
            entry["again"].append(lead)
    found = [
        Rejection(
            source,
            event_type,
            reason,
            len(entry["leads"]),
            wilson(per_source[source], len(set(entry["leads"]))),
            _tally(entry["cycles"]),
            len(set(entry["again"])),
        )
        for (source, event_type, reason), entry in told.items()
    ]
    found.sort(key=lambda r: (-r.times, r.source or "", r.event, r.reason or ""))
    return attribute, found


_ENTERS = 0b11110
"""The bits of `models.stages.Moves.role` of the stages above ``"lead"``."""


def _attribute(history: History, by: str | None) -> str:
    there_are = history.material.leads.attributes.column_names
    if by is not None:
        if by not in there_are:
            raise UsageError(
                f"--by {by!r}: the lead list has no such column; it has {', '.join(there_are)}."
                f"{nearest(by, there_are)}"
            )
        return by
    if _BY in there_are:
        return _BY
    raise UsageError(
        f"No column is called {_BY!r}; say with --by which tells where leads came from: "
        f"{', '.join(there_are)}."
    )


def _counts(values: list[str | None]) -> dict[str | None, int]:
    counts: dict[str | None, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


def _tally(cycles: list[int]) -> dict[int, int]:
    return {cycle: cycles.count(cycle) for cycle in sorted(set(cycles))}
