"""Ideas of a qualified lead side by side: who is one by both, by one alone, and who converted."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.errors import UsageError
from features.instants import Instants
from models.conditions import Conditions, Mask, View
from models.definitions import qualifies
from models.evidence import Basis, wilson
from models.qualification import Qualification
from models.rates import Difference, newcombe
from training.breakdown.exposed import History

Probability = Callable[[npt.NDArray[np.int64], Instants], npt.NDArray[np.float64] | None]
"""Of leads as of moments; None where nothing may say it of those."""


class Group(NamedTuple):
    """Leads by whether each of two definitions holds.

    Attributes
    ----------
    one, other : bool
    now : int
        Leads at the end of the data.
    basis : Basis or None
        Leads at the latest moment whose horizon has ended, and how many converted.
    points : float or None
        Their median points then.
    examples : list of str
        Of those now: ids of the leads with most points.
    """

    one: bool
    other: bool
    now: int
    basis: Basis | None
    points: float | None
    examples: list[str]


class Overlap(NamedTuple):
    """Two definitions side by side.

    Attributes
    ----------
    groups : list of Group
        Both, only the one, only the other, neither.
    difference : Difference or None
        The rate of those of the one alone less that of the other alone.
    """

    one: str
    other: str
    groups: list[Group]
    difference: Difference | None


class SideBySide(NamedTuple):
    """All pairs of definitions; `skipped` are those by probabilities that nobody may tell."""

    now: int
    then: int
    overlaps: list[Overlap]
    skipped: list[str]


def side_by_side(history: History, probability: Probability, examples: int) -> SideBySide:
    """Compare the definitions of the playbook, pair by pair, on leads that the task asks about.

    Raises
    ------
    UsageError
        When the playbook has fewer than two definitions.
    """
    said, task = history.playbook.said.definitions, history.material.task
    if len(said) < 2:
        raise UsageError(
            f"{history.playbook.source}: expected two definitions or more, such as "
            f"[definitions.marketing] and [definitions.sales]; there are {len(said)}."
        )
    assert task.horizon is not None
    now = history.material.observed_until
    then = now - task.horizon
    qualification = Qualification(history.playbook)
    asked, holds, points = {}, {}, {}
    skipped: list[str] = []
    for at in (now, then):
        rows = np.flatnonzero(_asked(history, at))
        moments = np.full(len(rows), at)
        leads, log = history.material.leads, history.material.log
        view = View(leads, log, rows, moments, history.material.intake.changes)
        qualified = qualification.of(view)
        asked[at], points[at] = rows, qualified.points.total
        p = probability(rows, moments) if any(d.probability for d in said.values()) else None
        for name, definition in said.items():
            if definition.probability is not None and p is None:
                skipped.append(name)
                continue
            conditions = Conditions(history.playbook)
            holds[at, name] = qualifies(definition, conditions, qualified, p)
    took = history.took(asked[then], np.full(len(asked[then]), then)) >= 0
    names = [name for name in said if name not in skipped]
    ids = history.material.leads.lead_id.to_pylist()
    overlaps = []
    for one, other in itertools.combinations(names, 2):
        groups = []
        for of_one, of_other in ((True, True), (True, False), (False, True), (False, False)):
            mask = {
                at: (holds[at, one] == of_one) & (holds[at, other] == of_other)
                for at in (now, then)
            }
            n = int(mask[then].sum())
            most = np.argsort(-points[now][mask[now]], kind="stable")[:examples]
            groups.append(
                Group(
                    of_one,
                    of_other,
                    int(mask[now].sum()),
                    wilson(n, int(took[mask[then]].sum())) if n else None,
                    float(np.median(points[then][mask[then]])) if n else None,
                    [ids[row] for row in asked[now][mask[now]][most]],
                )
            )
        only_one, only_other = groups[1].basis, groups[2].basis
        difference = newcombe(only_one, only_other) if only_one and only_other else None
        overlaps.append(Overlap(one, other, groups, difference))
    return SideBySide(now, then, overlaps, sorted(set(skipped)))


def _asked(history: History, at: int) -> Mask:
    masks = history.sorted_out(np.full(history.n_leads, at))
    return masks["used"] | masks["immature"]
