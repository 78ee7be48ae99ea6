"""The named leads on which a capacity is solved: the probability of each, week after week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.instants import Instants
from models.capacity.crossings import Crossings, Floats, Mask
from models.conditions import View
from models.past import Past
from models.playbook import Playbook
from models.tally import Integers

BEFORE = 2
"""Looks before the first week: what the hysteresis makes of a lead depends on its earlier looks, and
with one alone about 4% too many would seem to cross in the first week."""


@dataclass(frozen=True)
class Reference:
    """Leads that were looked at once a week.

    Attributes
    ----------
    at : ndarray of shape (n_looks,), int64
        The moments: `BEFORE` looks, then the end of each week.
    probability : ndarray of shape (n_looks, n_leads), float64
        NaN where a lead was not the task's, or is excluded.
    enough : ndarray of shape (n_looks, n_leads), bool
        Whether it had the least of each score that a hot lead needs.
    """

    at: Instants
    probability: Floats
    enough: Mask

    @classmethod
    def look(cls, past: Past, as_of: int, length: int, weeks: int) -> Reference:
        """Look at all leads of a list at the end of each of the last weeks.

        Parameters
        ----------
        length : int
            Of a week, microseconds: the time `per` of the capacity.
        """
        at = as_of - length * np.arange(weeks + BEFORE - 1, -1, -1, dtype=np.int64)
        lead = np.arange(len(past.known.leads))
        playbook = past.qualification.playbook
        left_out = excluded(past, as_of)
        found, enough = [], []
        for moment in at:
            p = past.probability(lead, np.full(len(lead), moment))
            p[left_out] = np.nan
            found.append(p)
            enough.append(_enough(past, playbook, lead, int(moment)))
        return cls(at, np.array(found), np.array(enough))

    @property
    def weeks(self) -> int:
        """How many weeks there are."""
        return len(self.at) - BEFORE

    def before_last(self) -> Reference:
        """What was known a week before."""
        return Reference(self.at[:-1], self.probability[:-1], self.enough[:-1])

    @property
    def n(self) -> int:
        """How many leads were the task's at any look."""
        return int((~np.isnan(self.probability)).any(axis=0).sum())

    @property
    def now(self) -> Floats:
        """The probabilities at the last look, of those who have one."""
        last = self.probability[-1]
        return np.asarray(last[~np.isnan(last)])

    def crossings(self, hysteresis: float, *, hot: bool) -> Crossings:
        """Which lines leads cross; lines of hot leads only those that have enough of each score."""
        value = self.probability
        if hot:
            value = np.where(self.enough | np.isnan(value), value, 0.0)
        return Crossings.of(value, hysteresis).after(BEFORE - 1)


def excluded(past: Past, as_of: int) -> Mask:
    """Which leads are none by a rule of ``[exclude]``, as of a moment."""
    known, lead = past.known, np.arange(len(past.known.leads))
    view = View(known.leads, known.log, lead, np.full(len(lead), as_of), known.changes)
    found = np.zeros(len(lead), dtype=bool)
    for rule in past.qualification.playbook.said.exclude.rules:
        found |= past.qualification.conditions.hold(rule, view)
    return found


def _enough(past: Past, playbook: Playbook, lead: Integers, at: int) -> Mask:
    scores = playbook.points.scores
    least = [scores[name].hot for name in sorted(scores)]
    if all(n is None for n in least):
        return np.ones(len(lead), dtype=bool)
    known = past.known
    view = View(known.leads, known.log, lead, np.full(len(lead), at), known.changes)
    least_of = np.array([-np.inf if n is None else n for n in least])
    return np.asarray((past.qualification.points(view).by_score >= least_of).all(axis=1))
