"""A warning when more leads of a list came to be called than calls can be made."""

from __future__ import annotations

from dataclasses import replace

from models.capacity.crossings import Mask
from models.capacity.due import newly_hot, too_many
from models.scores import Scores
from models.temperature import Temperature
from serving.asked import Taken


def calls_due(taken: Taken, scores: Scores) -> list[str]:
    """What to say where more leads became hot in the time of a capacity than can be called in it."""
    capacity = taken.scorer.playbook.said.temperature.capacity
    if capacity is None:
        return []
    due = newly_hot_of(taken, scores, capacity.per)
    warning = too_many(taken.scorer.playbook, int(due.sum()), taken.asked.lang)
    return [warning] if warning else []


def newly_hot_of(taken: Taken, scores: Scores, length: int) -> Mask:
    """Which leads came over the hot line within so long, in microseconds."""

    def before(leads: Mask) -> list[Temperature | None]:
        earlier = replace(taken, as_of=taken.as_of - length)
        return earlier.keep(leads).scores(reasons=0).temperature

    return newly_hot(scores, taken.scorer.playbook, before)
