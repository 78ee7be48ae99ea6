"""A list of leads, with what is said of each of them and of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from features.instants import HOUR, iso
from models.tally import Integers
from models.wording import ago, quoted
from serving.lists.seen import Seen

Record = dict[str, Any]

_OF_THE_ANSWER = (
    *("probability", "points", "grade", "temperature", "stage", "psychological_stage"),
    *("journey_step", "scored_by", "reasons", "next_action"),
)


@dataclass(frozen=True)
class Listed:
    """A list of leads.

    Attributes
    ----------
    name : str
        ``"call"``, ``"rising"``, ``"untouched"``, ``"recycle"`` or ``"dormant"``.
    seen : Seen
    leads : list of dict
        One for each lead, in the order of the list, with the same keys.
    rows : ndarray of int64
        Their rows in the lead list.
    said : dict
        What the list says of all, in plain values.
    notes, warnings : list of str
        The same for people, and what they should know.
    """

    name: str
    seen: Seen
    leads: list[Record]
    rows: Integers
    said: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The whole list in plain values, for ``--json``."""
        seen = self.seen
        return {
            "list": self.name,
            "task": seen.taken.asked.task,
            "as_of": iso(seen.as_of),
            "temperature_by": seen.scores.temperature_by,
            "leads_in": len(seen),
            "listed": len(self.leads),
            **self.said,
            "versions": seen.scores.versions,
            "warnings": self.warnings,
            "leads": self.leads,
        }


def records(seen: Seen, rows: Integers, own: Sequence[Record]) -> list[Record]:
    """What is said of each lead on a list: its place, its answer, what happened last, and `own`,
    what this list alone says of each."""
    if not len(rows):
        return []
    told, places = seen.told(rows)
    shown = {name: seen.attribute(name) for name in display(seen)}
    phone = seen.playbook.said.suppress.phone
    number = None if phone is None else seen.attribute(phone)
    return [
        {
            "place": n,
            "lead_id": seen.scores.lead_id[row],
            "display": {name: column[int(row)].as_py() for name, column in shown.items()},
            "phone": None if number is None else number[int(row)].as_py(),
            **_answer(told.record(int(place))),
            "last_act": happened(seen, int(seen.last_act[row])),
            "last_touch": happened(seen, int(seen.last_touch[row])),
            **mine,
        }
        for n, (row, place, mine) in enumerate(zip(rows, places, own, strict=True), 1)
    ]


def _answer(record: Record) -> Record:
    action, trend = record["next_action"], record["trend"]
    return {
        **{name: record[name] for name in _OF_THE_ANSWER},
        "next_action": action and action["label"],
        "trend": trend and trend["direction"],
    }


def display(seen: Seen) -> list[str]:
    """Columns of the list that the playbook declares to be shown: names, companies."""
    there = seen.taken.intake.leads.attributes.column_names
    said = seen.playbook.said.attributes.items()
    return [name for name, entry in said if entry.role == "display" and name in there]


def happened(seen: Seen, event: int) -> Record | None:
    """An event of the log: its type, what people call it, when it was, how long ago; None for -1."""
    if event < 0:
        return None
    log = seen.log
    name, at = log.types[log.event_type[event]], int(log.occurred_at[event])
    return {
        "event": name,
        "label": called(seen, name),
        "at": iso(at),
        "ago": ago((seen.as_of - at) / HOUR, seen.lang),
    }


def called(seen: Seen, event_type: str) -> str:
    """What people call an event."""
    return seen.playbook.event_label(event_type, seen.lang) or quoted(event_type, seen.lang)


def first(rows: Integers, most: int) -> Integers:
    """The first so many rows; all of them for 0."""
    return rows[:most] if most else rows


def in_order(seen: Seen, mask: np.ndarray[Any, np.dtype[np.bool_]]) -> Integers:
    """The rows of a mask, the most likely first: by probability, raw score or points, `lead_id`."""
    order = seen.scores.order()
    return order[mask[order]]
