"""What model and rules say of leads: probability, basis, reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.instants import DAY, MISSING, Instants
from features.known import Known
from features.spine import Spine
from models.artefact import Artefact
from models.evidence import Basis
from models.playbook import Playbook
from models.points_map import PointsMap
from models.reasons import reasons_of
from models.scorecard import Points


@dataclass(frozen=True)
class Answer:
    """Answers while they are being made; arrays of shape (n_leads,)."""

    by_model: npt.NDArray[np.bool_]
    raw: npt.NDArray[np.float64]
    probability: npt.NDArray[np.float64]
    start: npt.NDArray[np.float64]
    basis: list[Basis | None]
    outside: list[list[str]]
    warnings: list[list[str]]
    reasons: list[list[dict[str, Any]]]

    @classmethod
    def empty(cls, n: int) -> Answer:
        """No answer for anyone."""
        return cls(
            np.zeros(n, dtype=bool),
            np.full(n, np.nan),
            np.full(n, np.nan),
            np.full(n, np.nan),
            [None] * n,
            [[] for _ in range(n)],
            [[] for _ in range(n)],
            [[] for _ in range(n)],
        )


def by_model(
    artefact: Artefact,
    playbook: Playbook,
    known: Known,
    on_it: npt.NDArray[np.bool_],
    as_of: Instants,
    most: int,
    lang: str,
) -> Answer:
    """What a model says of the leads that it is asked about.

    Raises
    ------
    ValueError
        When a probability is not a number.
    """
    leads, log = known.leads, known.log
    rows = np.flatnonzero(on_it)
    spine = Spine(rows, as_of[rows], None, np.zeros_like(rows))
    matrix = artefact.matrix(leads, log, spine, known.changes, known.colleagues)
    X = artefact.encoder.encode(matrix)
    raw = artefact.model.raw(X)
    probability = artefact.model.calibrator(raw)
    if not np.isfinite(probability).all():
        raise ValueError("the model gave a probability that is not a number")
    answer = Answer.empty(len(leads))
    answer.by_model[spine.lead] = True
    answer.raw[spine.lead] = raw
    answer.probability[spine.lead] = probability
    if artefact.evidence is not None:
        observed = artefact.evidence.basis(probability)
        unlike = artefact.evidence.unlike(probability, lang)
        for row, basis, warned in zip(spine.lead, observed, unlike, strict=True):
            answer.basis[row] = basis
            answer.warnings[row].extend(warned)
    created = leads.created_at[spine.lead]
    age = np.where(created == MISSING, np.nan, (spine.cutoff - created) / DAY)
    outside = artefact.limits.outside(matrix.plan, X, age)
    for name, strange in outside + artefact.encoder.unseen(matrix.plan, X):
        for row in spine.lead[strange]:
            answer.outside[row].append(name)
    told = artefact.limits.warnings(spine.cutoff, lang)
    for row, warned in zip(spine.lead, told, strict=True):
        answer.warnings[row].extend(warned)
    if most:
        said, start = reasons_of(artefact, playbook, matrix, X, leads, log, spine, most, lang)
        answer.start[spine.lead] = start
        for row, mine in zip(spine.lead, said, strict=True):
            answer.reasons[row] = mine
    return answer


def by_rules(
    observed: PointsMap | None,
    answer: Answer,
    points: Points,
    asked_about: npt.NDArray[np.bool_],
    most: int,
    lang: str,
) -> None:
    """Reasons from the ledger where no model answered; for leads on the task also a probability."""
    rows = np.flatnonzero(~answer.by_model if most else [])
    for row, reasons in zip(rows, points.reasons(rows, most, lang), strict=True):
        answer.reasons[row] = reasons
    if observed is None or not asked_about.any():
        return
    total = points.total[asked_about]
    answer.probability[asked_about] = observed.probability(total)
    found = observed.evidence.basis(total)
    for row, basis in zip(np.flatnonzero(asked_about), found, strict=True):
        answer.basis[row] = basis
