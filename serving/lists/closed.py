"""Leads that were closed, lost or won: which task is of them, and what changed since."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from features.attributes import as_of as attribute_as_of
from features.errors import UsageError
from features.instants import HOUR, MISSING, iso
from features.plan import Attribute
from features.spine import Spine
from models.playbook import Playbook
from models.since import changed_to
from models.tally import Integers
from models.wording import events
from serving.lists.happened import acts, latest, of_types, since
from serving.lists.listed import called
from serving.lists.seen import Seen

Outcome = Literal["lost", "won"]


def task_of(playbook: Playbook, outcome: Outcome, asked: str | None) -> str:
    """The task that asks about lost leads, or about customers: by its `after`, not by its name.

    Parameters
    ----------
    asked : str or None
        The task that was asked for, where the playbook has several.

    Raises
    ------
    UsageError
        When there is none, saying what to write into the playbook; or when the task that was asked
        for is another one.
    """
    ends = [name for name, event in playbook.events.items() if event.outcome == outcome]
    fitting = [
        name for name, task in playbook.said.tasks.items() if set(task.after).intersection(ends)
    ]
    if asked is not None:
        playbook.task(asked)
        if asked not in fitting:
            there = f"there is {', '.join(fitting)}" if fitting else "there is none"
            raise UsageError(
                f"--task {asked}: expected a task whose after is of events with "
                f'outcome = "{outcome}"; {there} in {playbook.source}.'
            )
        return asked
    if fitting:
        return fitting[0]
    example = ends[0] if ends else "lost" if outcome == "lost" else "deal_won"
    dormant = ', dormant = "180d"' if outcome == "won" else ""
    declare = "" if ends else f'[events.{example}] with outcome = "{outcome}" and '
    raise UsageError(
        f"{playbook.source}: no task asks about leads after an event with "
        f'outcome = "{outcome}". Add {declare}a table [tasks.<name>] with after = "{example}"{dormant}, '
        "and with label, closes and horizon as the default playbook has them."
    )


def closing_event(seen: Seen, outcome: Outcome) -> Integers:
    """The place in the log of the last event with an outcome that each lead has; -1 for none."""
    ends = [name for name, event in seen.playbook.events.items() if event.outcome == outcome]
    return latest(seen.log, of_types(seen.log, ends), seen.scores.as_of)


def closings(seen: Seen, outcome: Outcome, row: int) -> int:
    """How many events with an outcome a lead has: losses, or purchases."""
    ends = [name for name, event in seen.playbook.events.items() if event.outcome == outcome]
    return len(since(seen.log, of_types(seen.log, ends), row, MISSING, seen.as_of))


def acts_since(seen: Seen, row: int, after: int) -> list[dict[str, Any]]:
    """What a lead did since: each type of event, how often and when last.

    What may earn most points comes first, and of equal ones what came last.
    """
    log = seen.log
    mine = since(log, acts(seen.playbook, log), row, after, seen.as_of)
    count = Counter(log.event_type[mine].tolist())
    last = {int(log.event_type[event]): int(log.occurred_at[event]) for event in mine}
    return [
        {
            "event": log.types[code],
            "count": count[code],
            "last_at": iso(last[code]),
            "text": events(
                called(seen, log.types[code]),
                seen.playbook.event_said(log.types[code], seen.lang),
                {"count": count[code], "hours_since_last": (seen.as_of - last[code]) / HOUR},
                seen.lang,
            ),
        }
        for code in sorted(last, key=lambda code: (-_worth(seen, log.types[code]), -last[code]))
    ]


def _worth(seen: Seen, event_type: str) -> float:
    """The most points that a rule has for an event of a type; 0 where none does."""
    rules = seen.playbook.points.rules
    return max((rule.points for rule in rules if event_type in (rule.event or ())), default=0)


def changes_since(seen: Seen, rows: Integers, after: Integers) -> list[list[dict[str, Any]]]:
    """Attributes of some leads that took another value since, each after a moment of its own."""
    known = seen.taken.known
    found: list[list[dict[str, Any]]] = [[] for _ in rows]
    if known.changes is None or not len(rows):
        return found
    order = np.argsort(rows, kind="stable")
    nothing = np.zeros_like(rows)
    then = Spine(rows[order], after[order], None, nothing)
    now = Spine(rows[order], np.full(len(rows), seen.as_of), None, nothing)
    there = known.leads.attributes.column_names
    for name in known.changes.coded[0]:
        if name not in there:
            continue
        attribute = Attribute(name, "category", "tracked")
        ends = [attribute_as_of(attribute, known.leads, known.changes, at) for at in (then, now)]
        pairs = zip(*(pa.array(column).to_pylist() for column in ends), strict=True)
        for place, (before, value) in zip(order, pairs, strict=True):
            if before != value:
                text = changed_to(name, [before, value], seen.playbook, seen.lang)
                found[place].append(
                    {"attribute": name, "before": before, "after": value, "text": text}
                )
    return found
