"""Who came to be called, and what a reader of the answers should know of the lines that decide it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from models.artefact import Artefact
from models.capacity.crossings import Mask
from models.playbook import Playbook
from models.wording import texts


def newly_hot(now: Sequence[str | None], before: Callable[[Mask], Sequence[str | None]]) -> Mask:
    """Which leads are hot and were not at an earlier moment.

    Parameters
    ----------
    now : sequence of str or None, of n_leads
        Temperatures.
    before : callable
        The temperatures that leads marked in a mask had; asked of those alone who are hot now.
    """
    hot = np.array([temperature == "hot" for temperature in now], dtype=bool)
    if hot.any():
        hot[hot] = [temperature != "hot" for temperature in before(hot)]
    return hot


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
