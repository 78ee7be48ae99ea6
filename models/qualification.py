"""How a company sees its leads by its own definitions: points, stage, journey, who is excluded.

No model is asked here; the temperature, which one may decide, is in `models.temperature`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.conditions import Conditions, View
from models.journey import Journey, Reached
from models.playbook import Playbook, in_language
from models.playbook.conditions import Named
from models.scorecard import Points, Scorecard
from models.stages import Moves, Stages, Standing


@dataclass(frozen=True)
class Qualified:
    """Leads by the definitions of a playbook, one row each.

    Attributes
    ----------
    view : View
    points : Points
    standing : Standing or None
        None where the playbook has no stages.
    reached : Reached
    excluded : list of Named or None
        The first rule of ``[exclude]`` that holds.
    evidence : list of list of Named
        What of ``[[stages.evidence]]`` holds.
    moves : Moves or None
        What moved the leads from stage to stage.
    """

    view: View
    points: Points
    standing: Standing | None
    reached: Reached
    excluded: list[Named | None]
    evidence: list[list[Named]]
    moves: Moves | None

    def columns(self, rows: slice, lang: str) -> dict[str, Sequence[Any]]:
        """Where leads stand: what the contract says of each of the rows, by its names."""
        standing, reached, excluded = self.standing, self.reached, self.excluded[rows]
        evidence = [
            [in_language(named.label, lang) or named.name for named in held]
            for held in self.evidence[rows]
        ]
        unknown = [None] * len(excluded)
        return {
            "stage": standing.names(rows) if standing else unknown,
            "standing": standing.records(rows, evidence) if standing else unknown,
            "psychological_stage": reached.psychological_stages(rows),
            "journey_step": reached.step_names(rows),
            "journey": reached.records(rows),
            "excluded": [rule.name if rule else None for rule in excluded],
        }


class Qualification:
    """The definitions of a playbook, laid out to be asked of leads."""

    def __init__(self, playbook: Playbook) -> None:
        self.playbook = playbook
        self.scorecard = Scorecard(playbook)
        self.stages = Stages(playbook, self.scorecard)
        self.journey = Journey(playbook)
        self.conditions = Conditions(playbook)
        self._silence_matters = any(
            rule.form in ("silent_for", "all") for rule in self.scorecard.rules
        )

    def points(self, view: View, moves: Moves | None = None) -> Points:
        """The points of leads; rules for silence are not for leads that sales found by itself.

        Parameters
        ----------
        moves : Moves, optional
            Those of `Qualified.moves`, of leads that are seen at earlier moments.
        """
        if not (self._silence_matters and self.stages.known):
            return self.scorecard.points(view)
        standing = self.stages.standing(view, moves)
        return self.scorecard.points(replace(view, by_sales=standing.by_sales))

    def of(self, view: View) -> Qualified:
        """Leads by all definitions."""
        moves = self.stages.moves(view) if self.stages.known else None
        standing = None if moves is None else self.stages.standing(view, moves)
        if standing is not None:
            view = replace(view, by_sales=standing.by_sales)
        points = self.scorecard.points(view)
        excluded: list[Named | None] = [None] * len(view)
        for rule in reversed(self.playbook.said.exclude.rules):
            for row in np.flatnonzero(self.conditions.hold(rule, view)):
                excluded[row] = rule
        evidence: list[list[Named]] = [[] for _ in range(len(view))]
        for rule in self.playbook.said.stages.evidence:
            for row in np.flatnonzero(self.conditions.hold(rule, view)):
                evidence[row].append(rule)
        reached = self.journey.reached(view)
        return Qualified(view, points, standing, reached, excluded, evidence, moves)
