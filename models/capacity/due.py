"""Who came to be called, and what a reader of the answers should know of the lines that decide it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from models.artefact import Artefact
from models.capacity.crossings import Mask
from models.playbook import Playbook
from models.scores import Scores
from models.temperature import Temperature
from models.wording import texts

Before = Callable[[Mask], Sequence[Temperature | None]]


def newly_hot(scores: Scores, playbook: Playbook, before: Before) -> Mask:
    """Which leads came over the hot line: they are hot, not by hysteresis alone, and were not before.

    These are the calls that came to be due, as `models.capacity.crossings` counts them.

    Parameters
    ----------
    before : callable
        The temperatures at an earlier moment of the leads marked in a mask; asked of those alone who
        are over the line now.
    """
    said = playbook.said.temperature
    over = np.array([temperature == "hot" for temperature in scores.temperature], dtype=bool)
    if said.lines is not None:
        value = scores.points.total if said.by == "points" else scores.probability
        over &= np.nan_to_num(value, nan=-np.inf) >= said.lines[1]
    if over.any():
        over[over] = [temperature != "hot" for temperature in before(over)]
    return over


def too_many(playbook: Playbook, due: int, lang: str) -> str | None:
    """A warning when more leads came to be called than calls can be made, else None."""
    capacity = playbook.said.temperature.capacity
    if capacity is None or due <= capacity.calls:
        return None
    words = texts(lang)["capacity"]
    return words["too_many"].format(due=f"{due:,}", calls=f"{capacity.calls:,}")


def of_lines(playbook: Playbook, artefact: Artefact | None, lang: str) -> list[str]:
    """Warnings where the temperature is by a capacity that is not solved, or was solved with another
    model than the one that answers (None where rules do)."""
    said, words = playbook.said.temperature, texts(lang)["capacity"]
    if said.by != "capacity" or said.capacity is None:
        return []
    if said.capacity.solved is None:
        return [words["unsolved"]]
    solved, answers = said.capacity.solved.model, artefact.version if artefact else None
    if solved == answers:
        return []
    names = {"solved": solved or words["rules"], "answers": answers or words["rules"]}
    return [words["another_model"].format(**names)]
