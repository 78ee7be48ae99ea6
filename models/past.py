"""What would have been answered earlier: same model and playbook, with what was known then."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.instants import DAY, MISSING, Instants
from features.known import Known
from features.spine import Spine, belongs, states
from features.task import Task
from models.artefact import Artefact
from models.conditions import View
from models.points_map import PointsMap
from models.qualification import Qualification
from models.stages import Moves
from models.tally import Integers
from models.temperature import Values
from models.trend import DAYS, Trends


@dataclass(frozen=True)
class Past:
    """Leads whose past answers are asked for.

    Attributes
    ----------
    known : Known
    task : Task
    qualification : Qualification
    artefact : Artefact or None
        None where rules answer.
    points_map : PointsMap or None
        Of the task, by which rules answer.
    moves : Moves or None
        What moved the leads from stage to stage.
    """

    known: Known
    task: Task
    qualification: Qualification
    artefact: Artefact | None
    points_map: PointsMap | None
    moves: Moves | None = None

    def probability(self, lead: Integers, at: Instants) -> npt.NDArray[np.float64]:
        """Of leads as of moments; NaN where a lead did not belong to the task, or nothing is known.

        Parameters
        ----------
        lead, at : ndarray of shape (n,), int64
            By lead, then moment.
        """
        found = np.full(len(lead), np.nan)
        rows = np.flatnonzero(self._belongs(lead, at))
        if not len(rows):
            return found
        lead, at = lead[rows], at[rows]
        known = self.known
        if self.artefact is not None:
            spine = Spine(lead, at, None, np.zeros_like(lead))
            matrix = self.artefact.matrix(
                known.leads, known.log, spine, known.changes, known.colleagues
            )
            found[rows] = self.artefact.model.probability(self.artefact.encoder.encode(matrix))
        elif self.points_map is not None:
            points = self.qualification.points(self._view(lead, at), self.moves)
            found[rows] = self.points_map.probability(points.total)
        return found

    def values(self, by_points: bool, lead: Integers, at: Instants) -> Values:
        """What decided the temperature of leads as of moments."""
        points = self.qualification.points(self._view(lead, at), self.moves)
        value = points.total.astype(np.float64) if by_points else self.probability(lead, at)
        return Values(value, points.by_score)

    def trends(self, now: npt.NDArray[np.float64], as_of: Instants) -> Trends:
        """The trends of all leads, whose probability as of `as_of` is `now`."""
        asked = np.flatnonzero(~np.isnan(now))
        lead = np.repeat(asked, len(DAYS))
        back = np.array(sorted(DAYS, reverse=True), dtype=np.int64) * DAY
        then = np.full((len(DAYS), len(now)), np.nan)
        if len(asked):
            p = self.probability(lead, (as_of[asked][:, None] - back).ravel())
            then[:, asked] = p.reshape(len(asked), len(DAYS)).T[::-1]
        return Trends.of(now, then, self.qualification.playbook.said.trend.threshold)

    def _view(self, lead: Integers, at: Instants) -> View:
        return View(self.known.leads, self.known.log, lead, at, self.known.changes)

    def _belongs(self, lead: Integers, at: Instants) -> npt.NDArray[np.bool_]:
        leads, log = self.known.leads, self.known.log
        touches = self.qualification.playbook.touches
        seen = states(log, leads, self.task, touches, lead, at, log.visible_at)
        created = leads.created_at[lead]
        there = (created != MISSING) & (created <= at)
        return np.asarray(belongs(self.task, log.types, seen, at) & there)
