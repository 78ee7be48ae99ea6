"""Whom to take up again: lost leads past the cool-off, and customers who have long bought nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from features.instants import DAY, HOUR, MISSING
from models.conditions import Mask
from models.playbook import Playbook
from models.settings import Settings
from models.terminal import Report
from models.wording import span, texts
from serving.asked import warnings_of
from serving.lists.closed import (
    Outcome,
    acts_since,
    changes_since,
    closing_event,
    closings,
    task_of,
)
from serving.lists.left_out import cooling_off
from serving.lists.listed import Listed, first, happened, in_order, records
from serving.lists.seen import Seen, Wanted, see


def recycle(
    wanted: Wanted, task: str | None, settings: Settings, playbook: Playbook, report: Report
) -> Listed:
    """Lost leads past ``[suppress] cool_off``, the most likely to become a deal again first.

    Without a model of theirs the points decide.

    Raises
    ------
    UsageError
        When no task of the playbook asks about lost leads.
    """
    wanted = replace(wanted, task=task_of(playbook, "lost", task))
    seen = see(wanted, settings, playbook, report)
    return _again("recycle", "lost", seen, cooling_off(seen), wanted.most, report)


def dormant(
    wanted: Wanted, task: str | None, settings: Settings, playbook: Playbook, report: Report
) -> Listed:
    """Customers who bought nothing for long, the most likely to buy again first.

    Without a model of theirs the points decide.

    Raises
    ------
    UsageError
        When no task of the playbook asks about customers.
    """
    wanted = replace(wanted, task=task_of(playbook, "won", task))
    seen = see(wanted, settings, playbook, report)
    return _again("dormant", "won", seen, np.zeros(len(seen), dtype=bool), wanted.most, report)


def _again(
    name: str, outcome: Outcome, seen: Seen, too_early: Mask, most: int, report: Report
) -> Listed:
    asked = seen.on_task & ~seen.excluded
    order = in_order(seen, asked & ~too_early)
    rows = first(order, most)
    report("looking what changed since")
    closed = closing_event(seen, outcome)[rows]
    at = seen.log.occurred_at[closed] if seen.log.n_events else np.full(len(rows), MISSING)
    changed = changes_since(seen, rows, at)
    own: list[dict[str, Any]] = []
    for place, (row, event) in enumerate(zip(rows, closed, strict=True)):
        own.append(
            {
                "closed": happened(seen, int(event)),
                "days_since": int((seen.as_of - at[place]) // DAY),
                "closings": closings(seen, outcome, int(row)),
                "reason": _reason(seen, int(row), int(event)),
                "acts_since": acts_since(seen, int(row), int(at[place])),
                "changes_since": changed[place],
            }
        )
    left_out = {
        "not_asked": int((~seen.on_task).sum()),
        "excluded": int((seen.on_task & seen.excluded).sum()),
        "cool_off": int((asked & too_early).sum()),
    }
    facts = {
        "on_task": int(seen.on_task.sum()),
        "eligible": len(order),
        "left_out": left_out,
        "by_model": bool(seen.scores.by_model[rows].all()) if len(rows) else None,
    }
    words = texts(seen.lang)["lists"]
    early = span(seen.playbook.said.suppress.cool_off / HOUR, seen.lang)
    note = words[f"{name}_note"].format(
        eligible=f"{len(order):,}", cooling=f"{left_out['cool_off']:,}", span=early
    )
    report("saying why")
    leads = records(seen, rows, own)
    return Listed(name, seen, leads, rows, facts, [note], warnings_of(seen.taken))


def _reason(seen: Seen, row: int, event: int) -> str | None:
    """The content of the closing event; else that of the event that sent the lead back."""
    log, standing = seen.log, seen.scores.qualified.standing
    back = -1 if standing is None else int(standing.back[row])
    for place in (event, back):
        if place >= 0 and log.content[place] >= 0:
            return str(log.contents[log.content[place]])
    return None
