"""A task: who is on the spine, which event is the label, and how far ahead it looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from features.instants import DAY, duration_text


@dataclass(frozen=True)
class Task:
    """One question asked of leads at a cutoff.

    Attributes
    ----------
    name : str
    label : tuple of str
        The event types of which one in ``(cutoff, cutoff + horizon]`` makes the label 1.
    closes, reopens : tuple of str
        A lead is open at c when no event of `closes` came by c after the latest of `reopens`.
    horizon : int or None
        Microseconds. None for a flat export, in which no time is known.
    every : int or None
        A cutoff at each multiple of this many microseconds, counted on the wall clock of the
        plan's zone from Monday 1970-01-05 00:00.
    ages : tuple of int
        Instead of `every`: a cutoff at each of these ages of the lead, in microseconds.
    after : tuple of str
        Of `closes`: the task's leads are those whose latest closing event is one of these. Empty
        for open leads.
    dormant : int
        Of those, the ones to whom it happened at least this many microseconds before c.
    until : int
        A lead with no act of its own for this many microseconds leaves the spine.
    exclude_events : tuple of str
        Event types that no feature may see: those that are, or follow, the outcome.
    """

    name: str
    label: tuple[str, ...]
    closes: tuple[str, ...] = ()
    reopens: tuple[str, ...] = ()
    horizon: int | None = 90 * DAY
    every: int | None = 7 * DAY
    ages: tuple[int, ...] = ()
    after: tuple[str, ...] = ()
    dormant: int = 0
    until: int = 365 * DAY
    exclude_events: tuple[str, ...] = ()

    @property
    def horizon_text(self) -> str | None:
        """The horizon as written in a playbook, ``"90d"``."""
        return None if self.horizon is None else duration_text(self.horizon)

    def to_json(self) -> dict[str, Any]:
        """Plain values, as stored in an artefact."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in self.__dict__.items()}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Task:
        """The task that `to_json` wrote; one from before `after` and `dormant` is of open leads."""
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()
        }
        return cls(**plain)
