"""Leads followed through the weeks by one playbook: who was hot at the end of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.instants import MISSING, Instants
from features.known import Known
from features.spine import belongs, states
from features.task import Task
from models.artefact import Artefact
from models.conditions import Mask, View
from models.past import Past
from models.playbook import Playbook
from models.points_map import PointsMap
from models.qualification import Qualification, Qualified
from models.temperature import Temperatures, Values

HOT = 2


@dataclass(frozen=True)
class Followed:
    """What one playbook made of leads at the end of each week.

    Attributes
    ----------
    playbook : Playbook
    qualified : Qualified
        As of the last moment.
    band : ndarray of shape (n_moments, n_leads), int8
        Places in `models.temperature.BANDS`; -1 where there is none, and for leads that the task
        does not ask about.
    value : ndarray of shape (n_moments, n_leads), float64
        What decides: points or probabilities.
    """

    playbook: Playbook
    qualified: Qualified
    band: npt.NDArray[np.int8]
    value: npt.NDArray[np.float64]

    @property
    def newly_hot(self) -> npt.NDArray[np.bool_]:
        """Who is hot at the end of a week and was not a week before, shape (n_weeks, n_leads)."""
        hot = self.band == HOT
        return np.asarray(hot[1:] & ~hot[:-1])


@dataclass(frozen=True)
class Answerer:
    """What answers where probabilities decide; both None where points do.

    Attributes
    ----------
    artefact : Artefact or None
    points_map : PointsMap or None
        Of the playbook that is followed.
    """

    artefact: Artefact | None = None
    points_map: PointsMap | None = None


def asked_about(known: Known, task: Task, touches: tuple[str, ...], moments: Instants) -> Mask:
    """Which leads a task asks about at each moment, shape (n_moments, n_leads)."""
    leads, log = known.leads, known.log
    rows = np.arange(len(leads))
    asked = np.zeros((len(moments), len(leads)), dtype=bool)
    for place, moment in enumerate(moments):
        at = np.full(len(leads), moment)
        seen = states(log, leads, task, touches, rows, at, log.visible_at)
        there = (leads.created_at != MISSING) & (leads.created_at <= moment)
        asked[place] = there & belongs(task, log.types, seen, at)
    return asked


def follow(
    playbook: Playbook,
    known: Known,
    task: Task,
    asked: Mask,
    moments: Instants,
    answerer: Answerer,
) -> Followed:
    """Follow leads by a playbook, with what was known at each moment and nothing later.

    Parameters
    ----------
    asked : ndarray of shape (n_moments, n_leads), bool
        Leads that the task asks about.
    moments : ndarray of shape (n_moments,), int64, ascending
    """
    qualification, temperatures = Qualification(playbook), Temperatures(playbook)
    leads, log = known.leads, known.log
    n = len(leads)
    at = np.full(n, moments[-1])
    qualified = qualification.of(View.now(leads, log, at, known.changes))
    past = Past(known, task, qualification, answerer.artefact, answerer.points_map, qualified.moves)
    by_points = temperatures.by_points
    band = np.full(asked.shape, -1, dtype=np.int8)
    value = np.full(asked.shape, np.nan)

    def values(lead: npt.NDArray[np.int64], when: Instants) -> Values:
        return past.values(by_points, lead, when)

    for place, moment in enumerate(moments):
        at = np.full(n, moment)
        rows = np.flatnonzero(asked[place])
        now = values(rows, at[rows])
        whole = Values(np.full(n, np.nan), np.zeros((n, now.scores.shape[1]), dtype=np.int64))
        whole.value[rows], whole.scores[rows] = now
        band[place] = temperatures.of(whole, values, leads, log, at, known.changes)
        value[place] = whole.value
        seen = View.now(leads, log, at, known.changes)
        for rule in playbook.said.exclude.rules:
            band[place, qualification.conditions.hold(rule, seen)] = -1
    return Followed(playbook, qualified, band, value)
