"""What a CRM keeps of every lead while the world runs: its present values and how they changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.simulation.behaviour import Day
from training.simulation.population import HOUR, SEATS
from training.simulation.world import PROJECTS, Bools, Ints

STATUSES = ("open", "in_deal", "customer", "lost")
"""How a lead stands at the export. A photograph: what it was earlier is not kept."""

TRACKED: dict[str, tuple[str, ...]] = {"project": PROJECTS, "cad_seats": SEATS}
"""The changing attributes and their values."""

_SEATS_MOVE = 0.0008  # daily probability of the next or previous band; it means nothing


@dataclass(frozen=True)
class Changes:
    """Changes of one attribute on one day in arrays of shape (n_changes,).

    `old` and `new` are indices into the attribute's values, `at` is microseconds after midnight.
    """

    attribute: str
    day: int
    lead: Ints
    old: Ints
    new: Ints
    at: Ints


class Register:
    """Present values of all leads, and their changes so far.

    Attributes
    ----------
    status : ndarray of shape (n,), index into STATUSES.
    values : for each of TRACKED an ndarray of shape (n,), index into its values.
    changes : in the order in which they happened.
    """

    def __init__(self, seats: Ints, seed: np.random.SeedSequence) -> None:
        self._rng = np.random.default_rng(seed)
        self.status: Ints = np.zeros(len(seats), dtype=np.int64)
        self.values = {"project": np.zeros(len(seats), dtype=np.int64), "cad_seats": seats.copy()}
        self.changes: list[Changes] = []

    def note(self, day: Day) -> None:
        """Bring the register up to the end of the day."""
        for name, happened in (("in_deal", day.opened), ("customer", day.won), ("lost", day.lost)):
            self.status[happened] = STATUSES.index(name)
        self.values["project"][day.created] = day.project[day.created]
        self._change("project", day.number, day.present, day.project_after)
        chance = self._rng.random(len(self.status))
        move = (chance < _SEATS_MOVE).astype(np.int64) - (chance > 1 - _SEATS_MOVE)
        moved = np.clip(self.values["cad_seats"] + move, 0, len(SEATS) - 1)
        self._change("cad_seats", day.number, day.present, moved)

    def _change(self, attribute: str, day: int, present: Bools, new: Ints) -> None:
        values = self.values[attribute]
        lead = np.flatnonzero(present & (new != values))
        at = self._rng.integers(9 * HOUR, 18 * HOUR, len(lead))
        self.changes.append(Changes(attribute, day, lead, values[lead], new[lead], at))
        values[lead] = new[lead]
