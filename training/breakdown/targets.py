"""Target coverage: how many leads of whom we want to reach had what we offer, and how."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from features.errors import UsageError
from models.conditions import Conditions, Mask, View
from models.evidence import Basis, wilson
from training.breakdown.exposed import History


class Combination(NamedTuple):
    """One of whom, what and how; None where the playbook names none.

    Attributes
    ----------
    leads : int
        Whom the task asks about at the end of the data.
    basis : Basis or None
        Those at the latest moment whose horizon has ended, and how many of them converted; None of
        nobody.
    """

    who: str | None
    what: str | None
    how: str | None
    leads: int
    basis: Basis | None


class Coverage(NamedTuple):
    """All combinations, as of now and as of the latest moment whose horizon has ended."""

    now: int
    then: int
    leads_now: int
    leads_then: int
    combinations: list[Combination]

    @property
    def empty(self) -> list[Combination]:
        """Combinations that no lead has."""
        return [c for c in self.combinations if not c.leads and c.basis is None]


def coverage(history: History) -> Coverage:
    """Count the leads of each combination.

    Raises
    ------
    UsageError
        When the playbook has no targets.
    """
    said, task = history.playbook.said.target, history.material.task
    if not (said.who or said.what or said.how):
        raise UsageError(
            f"{history.playbook.source}: no targets. Add conditions under [target.who], [target.what] "
            "or [target.how]."
        )
    assert task.horizon is not None
    now = history.material.observed_until
    then = now - task.horizon
    asked = {at: _asked(history, at) for at in (now, then)}
    holds = {at: _holds(history, at) for at in (now, then)}
    lead = np.arange(history.n_leads)
    became = history.took(lead, np.full(len(lead), then)) >= 0
    found = []
    for names in itertools.product(
        *(tuple(part) or (None,) for part in (said.who, said.what, said.how))
    ):
        mask = {at: asked[at].copy() for at in (now, then)}
        for part, name in zip(("who", "what", "how"), names, strict=True):
            if name is not None:
                for at in (now, then):
                    mask[at] &= holds[at][part, name]
        n = int(mask[then].sum())
        basis = wilson(n, int(became[mask[then]].sum())) if n else None
        who, what, how = names
        found.append(Combination(who, what, how, int(mask[now].sum()), basis))
    found.sort(key=lambda c: -c.leads)
    return Coverage(now, then, int(asked[now].sum()), int(asked[then].sum()), found)


def _asked(history: History, at: int) -> Mask:
    """Leads that the task asks about at a moment."""
    masks = history.sorted_out(np.full(history.n_leads, at))
    return masks["used"] | masks["immature"]


def _holds(history: History, at: int) -> dict[tuple[str, str], Mask]:
    """Where each condition holds."""
    material = history.material
    moments = np.full(history.n_leads, at)
    view = View.now(material.leads, material.log, moments, material.intake.changes)
    conditions, said = Conditions(history.playbook), history.playbook.said.target
    return {
        (part, name): conditions.hold(condition, view)
        for part in ("who", "what", "how")
        for name, condition in getattr(said, part).items()
    }
