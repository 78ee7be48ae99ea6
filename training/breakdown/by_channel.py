"""What became of leads by what reached them: inbound and outbound, channels, contents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from models.conditions import Conditions, Mask
from models.playbook.conditions import Looked
from models.playbook.stages import STAGES
from training.breakdown.exposed import History, Outcome


class Row(NamedTuple):
    """Leads that had something, from the first time on.

    Attributes
    ----------
    kind : str
        ``all``, ``flow``, ``channel`` or ``content``.
    name : str
    acts, touches : int
        Events of it by leads, and by us.
    leads : int
        Who had it at all.
    outcome : Outcome
    """

    kind: str
    name: str
    acts: int
    touches: int
    leads: int
    outcome: Outcome


def everybody(history: History) -> Row:
    """All leads, from when the task began to ask about them."""
    log = history.material.log
    until = log.visible_at <= history.material.observed_until
    acts = (
        Conditions(history.playbook).is_act(log)[log.event_type] & until if log.n_events else until
    )
    return Row(
        "all",
        "",
        int(acts.sum()),
        int(until.sum() - acts.sum()),
        history.n_leads,
        history.outcome(history.begun()),
    )


def by_channel(history: History) -> list[Row]:
    """Inbound and outbound, then each channel, those of most leads first."""
    return list(_flows(history)) + _most_first(_channels(history))


def by_content(history: History, most: int) -> tuple[list[Row], int]:
    """Contents, those of most leads first, and how many more there are."""
    log, counted = history.material.log, no_outcome(history)
    named = counted & (log.content >= 0)
    pairs = np.unique(np.stack([log.content[named], log.lead_of_event()[named]]), axis=1)
    leads = np.bincount(pairs[0].astype(np.int64), minlength=len(log.contents))
    codes = np.argsort(-leads, kind="stable")[: min(most, int((leads > 0).sum()))]
    rows = [
        _row(history, "content", log.contents[code], named & (log.content == code))
        for code in codes
    ]
    return rows, int((leads > 0).sum()) - len(rows)


def channel_masks(history: History) -> dict[str, Mask]:
    """The events of each channel that tell no outcome."""
    log, playbook = history.material.log, history.playbook
    names = {*log.channels, *playbook.channel_of_type.values()}
    conditions, counted = Conditions(playbook), no_outcome(history)
    masks = {
        name: conditions.events(Looked(channel=(name,)), log) & counted for name in sorted(names)
    }
    return {name: mask for name, mask in masks.items() if mask.any()}


def no_outcome(history: History) -> Mask:
    """Events up to the end of the data that tell neither what became of a lead nor its stage."""
    log, playbook, task = history.material.log, history.playbook, history.material.task
    stages = playbook.said.stages
    ways = {name for stage in STAGES for name in stages.way(stage).event}
    records = ways | {*stages.moves, *stages.found, *stages.back}
    # What a lead or we do has a flow, also where it moves the lead.
    telling = {
        name
        for name in records
        if name not in playbook.events or playbook.events[name].flow is None
    }
    telling |= {*playbook.outcomes, *task.exclude_events}
    kept = np.array([name not in telling for name in log.types] or [True], dtype=bool)
    until = log.visible_at <= history.material.observed_until
    return kept[log.event_type] & until if log.n_events else np.empty(0, dtype=bool)


def _flows(history: History) -> Iterator[Row]:
    log, events = history.material.log, history.playbook.events
    for flow in ("inbound", "outbound"):
        types = [name for name in log.types if name in events and events[name].flow == flow]
        mask = np.isin(np.array(log.types, dtype=object), types)[log.event_type]
        yield _row(history, "flow", flow, mask & no_outcome(history))


def _channels(history: History) -> Iterator[Row]:
    for name, mask in channel_masks(history).items():
        yield _row(history, "channel", name, mask)


def _row(history: History, kind: str, name: str, mask: Mask) -> Row:
    log = history.material.log
    acts = Conditions(history.playbook).is_act(log)[log.event_type] & mask
    first = history.first(mask)
    leads = len(np.unique(log.lead_of_event()[mask]))
    n_acts = int(acts.sum())
    return Row(kind, name, n_acts, int(mask.sum()) - n_acts, leads, history.outcome(first))


def _most_first(rows: Iterator[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (-row.leads, row.name))
