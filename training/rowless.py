"""Why there is nothing to learn from: events that never occur, too little time, nobody on the task."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from features.instants import DAY, MISSING, iso
from features.log import Leads
from features.spine import Spine
from features.task import Task
from models.playbook import Playbook

_SHOWN = 20
_ALIKE = 0.85
"""How alike two names are, in [0, 1], of which one is taken for a misspelling of the other."""


def without_its_events(task: Task, playbook: Playbook, came: Sequence[str]) -> str | None:
    """What to say of a task whose label, or an event that opens or closes leads, never occurs.

    One of the label has to occur. An event that the playbook declares may not have happened yet,
    unless something the playbook does not know looks like it; one that it does not declare is a
    mistake.

    Parameters
    ----------
    came : sequence of str
        The event types of the log.
    """
    if not set(task.label) & set(came):
        return _never("label", task.label, task, came)
    if task.after and not set(task.after) & set(came):
        return _never("after", task.after, task, came)
    for key in ("label", "closes", "reopens"):
        for name in getattr(task, key):
            if name not in came and (
                name not in playbook.events or any(_misspelt(name, playbook.events, came))
            ):
                return _never(key, (name,), task, came)
    return None


def without_rows(task: Task, spine: Spine, leads: Leads, observed_until: int, tz: ZoneInfo) -> str:
    """What to say of a task whose label occurs, and that has no row."""
    assert task.horizon is not None
    # A lead with events has a created_at, since the first of them stands in for it.
    begins = int(leads.created_at[leads.created_at != MISSING].min())
    if observed_until - begins < task.horizon:
        return (
            f"The horizon of task {task.name!r} is {task.horizon_text}, and the data are shorter: from "
            f"the first lead ({iso(begins, tz)}) until {iso(observed_until, tz)} are "
            f"{max(0, observed_until - begins) / DAY:.1f} days. Give more history, or a shorter horizon "
            f"in the playbook's [tasks.{task.name}]."
        )
    left = ", ".join(f"{n:,} {reason}" for reason, n in spine.left_out.items() if n)
    who = f"closed by {' or '.join(task.after)}" if task.after else "open"
    return (
        f"No row of task {task.name!r} is {who} and mature (observed until "
        f"{iso(observed_until, tz)}; left out: {left or 'nothing'}). A horizon of {task.horizon_text} "
        "needs data that go on so long after a cutoff: give more history, or a shorter horizon in the "
        f"playbook's [tasks.{task.name}]."
    )


def _never(key: str, names: Sequence[str], task: Task, came: Sequence[str]) -> str:
    """That none of `names` occurs, with the types that do, the nearest first."""
    near = [n for name in names for n in get_close_matches(name, came, n=3, cutoff=0.5)]
    shown = list(dict.fromkeys([*near, *came]))
    types = ", ".join(shown[:_SHOWN]) or "none"
    more = ", ..." if len(shown) > _SHOWN else ""
    meant = f" Did you mean {near[0]!r}?" if near else ""
    declared = (
        ""
        if key in ("label", "after")
        else f", or declare [events.{names[0]}] if it has only not happened yet"
    )
    return (
        f"The playbook's [tasks.{task.name}] has {key} {' or '.join(names)}, which never occurs.{meant} "
        f"The event types that came are: {types}{more}. Name the right one there{declared}."
    )


def _misspelt(name: str, known: Collection[str], came: Sequence[str]) -> Iterator[str]:
    """The types that came, are unknown to the playbook, and look like `name`."""
    for other in came:
        if other not in known and get_close_matches(
            name.casefold(), [other.casefold()], cutoff=_ALIKE
        ):
            yield other
