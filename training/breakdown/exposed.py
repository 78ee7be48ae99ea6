"""Leads from a moment of theirs on: who of them converted within the horizon, and how soon."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from features.instants import DAY, FOREVER, MISSING, Instants
from features.spine import belongs, states
from models.conditions import Conditions, Mask, View
from models.evidence import Basis, wilson
from models.playbook import Playbook
from training.sources import Material

_SURE = 0.95


class Median(NamedTuple):
    """The median days from the moment to the conversion, of those who converted within the horizon.

    The interval is between order statistics and holds whatever the distribution (David and Nagaraja
    2003, "Order Statistics", section 7.1); None of too few.
    """

    days: float
    low: float | None
    high: float | None


class Outcome(NamedTuple):
    """What became of some leads.

    Attributes
    ----------
    basis : Basis or None
        Leads, how many of them converted within the horizon, and the interval of the rate; None of
        nobody.
    median : Median or None
    left_out : dict of str to int
        Leads that had it and are not counted, by why.
    """

    basis: Basis | None
    median: Median | None
    left_out: dict[str, int]


@dataclass(frozen=True)
class History:
    """Leads, and what is known of their conversions.

    Parameters
    ----------
    material : Material
    playbook : Playbook
    """

    material: Material
    playbook: Playbook

    @property
    def n_leads(self) -> int:
        return len(self.material.leads)

    def first(self, events: Mask) -> Instants:
        """When each lead first had one of some events while the task asked about it, else when it
        first had one; shape (n_leads,), `FOREVER` for never.

        Parameters
        ----------
        events : ndarray of shape (n_events,), bool
        """
        log = self.material.log
        rows = np.flatnonzero(events & (log.visible_at <= self.material.observed_until))
        lead, at = log.lead_of_event()[rows], log.visible_at[rows]
        ever, asked = (np.full(self.n_leads, FOREVER) for _ in range(2))
        np.minimum.at(ever, lead, at)
        on_it = self._asked(lead, at)
        np.minimum.at(asked, lead[on_it], at[on_it])
        return np.where(asked < FOREVER, asked, ever)

    def begun(self) -> Instants:
        """When the task began to ask about each lead: its creation, or the event after which it is
        on the task, and the dormancy; `FOREVER` for never."""
        task, log = self.material.task, self.material.log
        if task.after:
            types = np.array([name in task.after for name in log.types] or [False])
            mask = types[log.event_type] if log.n_events else np.empty(0, dtype=bool)
            first = np.full(self.n_leads, FOREVER)
            rows = np.flatnonzero(mask)
            np.minimum.at(first, log.lead_of_event()[rows], log.visible_at[rows])
            return np.where(
                first < FOREVER, np.minimum(first, FOREVER - task.dormant) + task.dormant, first
            )
        created = self.material.leads.created_at
        return np.where(created == MISSING, FOREVER, created)

    @cached_property
    def excluded(self) -> Mask:
        """Whom the playbook takes for no lead, as of the end of the data."""
        material = self.material
        moments = np.full(self.n_leads, material.observed_until)
        view = View.now(material.leads, material.log, moments, material.intake.changes)
        conditions, none = Conditions(self.playbook), np.zeros(self.n_leads, dtype=bool)
        rules = self.playbook.said.exclude.rules
        return reduce(np.logical_or, (conditions.hold(rule, view) for rule in rules), none)

    def _asked(self, lead: npt.NDArray[np.int64], at: Instants) -> Mask:
        """Whether the task asks about leads at moments."""
        task, log, leads = self.material.task, self.material.log, self.material.leads
        seen = states(log, leads, task, self.playbook.touches, lead, at, log.visible_at)
        there = (leads.created_at[lead] <= at) & ~self.excluded[lead]
        return np.asarray(belongs(task, log.types, seen, at) & there)

    def sorted_out(self, at: Instants) -> dict[str, Mask]:
        """Which leads that have a moment count, and why others do not: masks that exclude each other.

        ``used``; ``not_asked``: the task did not ask about them then, or they are excluded;
        ``immature``: their horizon has not ended.
        """
        material = self.material
        task = material.task
        assert task.horizon is not None
        rows = np.flatnonzero((at < FOREVER) & (at <= material.observed_until))
        on_it = np.zeros(self.n_leads, dtype=bool)
        on_it[rows] = self._asked(rows, at[rows])
        had = (at < FOREVER) & (at <= material.observed_until)
        ended = np.zeros(self.n_leads, dtype=bool)
        ended[rows] = at[rows] + task.horizon <= material.observed_until
        return {
            "used": had & on_it & ended,
            "not_asked": had & ~on_it,
            "immature": had & on_it & ~ended,
        }

    def outcome(self, at: Instants) -> Outcome:
        """What became of leads within the horizon after a moment of each; `FOREVER` for leads that
        are not meant."""
        masks = self.sorted_out(at)
        left_out = {name: int(mask.sum()) for name, mask in masks.items() if name != "used"}
        rows = np.flatnonzero(masks["used"])
        if not len(rows):
            return Outcome(None, None, left_out)
        took = self.took(rows, at[rows])
        found = np.sort(took[took >= 0])
        return Outcome(wilson(len(rows), len(found)), median(found), left_out)

    def took(self, lead: npt.NDArray[np.int64], at: Instants) -> npt.NDArray[np.float64]:
        """Days from moments to the label event in ``(at, at + horizon]``; -1 where none came."""
        material = self.material
        log, task = material.log, material.task
        is_label = np.array([name in task.label for name in log.types] or [False])
        took = np.full(len(lead), -1.0)
        mask = is_label[log.event_type] if log.n_events else np.empty(0, dtype=bool)
        _took(log.offsets, log.occurred_at, mask, lead, at, task.horizon, took)
        return np.where(took < 0, took, took / DAY)


def median(days: npt.NDArray[np.float64]) -> Median | None:
    """The median of sorted days, with its interval; None of nobody.

    Examples
    --------
    >>> median(np.arange(1.0, 12.0))
    Median(days=6.0, low=2.0, high=10.0)
    """
    n = len(days)
    if not n:
        return None
    middle = float(np.median(days))
    place = int(binom.ppf((1 - _SURE) / 2, n, 0.5))
    # The interval between the k-th smallest and the k-th largest holds with 1 - 2 P(B < k).
    if place < 1 or 2 * binom.cdf(place - 1, n, 0.5) > 1 - _SURE:
        return Median(middle, None, None)
    return Median(middle, float(days[place - 1]), float(days[n - place]))


@numba.njit(cache=True, nogil=True)
def _took(
    offsets: Any, occurred_at: Any, is_label: Any, lead: Any, at: Any, horizon: Any, took: Any
) -> None:
    for row in range(len(lead)):
        for event in range(offsets[lead[row]], offsets[lead[row] + 1]):
            since = occurred_at[event] - at[row]
            if is_label[event] and since > 0:
                if since <= horizon:
                    took[row] = since
                break
