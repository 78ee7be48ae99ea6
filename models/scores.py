"""`Scores`: answers for leads, with the names of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from features.instants import Instants, isos
from models.evidence import Basis
from models.next_action import NextAction
from models.playbook.stages import Stage
from models.playbook.temperature import By
from models.qualification import Qualified
from models.scorecard import Points
from models.temperature import Temperature
from models.trend import Trends, known

FallbackReason = Literal[
    "no_model",
    "model_unavailable",
    "model_damaged",
    "prediction_failed",
    "deadline_passed",
    "task_without_model",
]
"""Why rules answered, a closed list."""


@dataclass(frozen=True)
class Scores:
    """Answers for leads, one row each.

    Attributes
    ----------
    lead_id : list of str
    as_of : ndarray of shape (n,), int64
    task : list of str or None
        The task that the lead belongs to at `as_of`; None between tasks.
    state : list of str
        ``open``, ``in_deal``, ``customer``, ``lost``, ``closed``, ``not_created``.
    horizon : list of str or None
    probability : ndarray of shape (n,), float64
        In [0, 1]; NaN where nothing was observed from which to say it.
    raw : ndarray of shape (n,), float64
        The score that breaks ties: the model's raw score, else the points.
    basis : list of Basis or None
        ``n, converted, low, high`` of comparable leads; None where there is none.
    qualified : Qualified
        Points, stages, journey: what the playbook's definitions say.
    temperature : list of str or None
        None for customers between purchases and for excluded leads, and where it is not known.
    temperature_by : {"points", "probability", "capacity"}
    temperature_otherwise : list of str or None
        What the temperature would be by what does not decide it; None where rules answered, or
        nothing was observed for points.
    trend : Trends
    by_model : ndarray of shape (n,), bool
    fallback_reason : list of str or None
    start : ndarray of shape (n,), float64
        The probability from which the effects of reasons set out: that of the mean raw score of
        training rows. NaN by rules, and where no reasons were asked for.
    reasons : list of list of dict
    next_action : list of NextAction or None
        None where no rule of the playbook holds.
    warnings : list of list of str
    ignored : dict of str to ndarray of shape (n,), int64
        Events that were not used: ``future``, ``duplicate``, ``unknown_type``.
    outside_training : list of list of str
        Attributes, or `models.limits.AGE`, with a value beyond those of training.
    missing_inputs : list of list of str
    versions : dict
    lang : str
    """

    lead_id: list[str]
    as_of: Instants
    task: list[str | None]
    state: list[str]
    horizon: list[str | None]
    probability: npt.NDArray[np.float64]
    raw: npt.NDArray[np.float64]
    basis: list[Basis | None]
    qualified: Qualified
    temperature: list[Temperature | None]
    temperature_by: By
    temperature_otherwise: list[Temperature | None]
    trend: Trends
    by_model: npt.NDArray[np.bool_]
    fallback_reason: list[FallbackReason | None]
    start: npt.NDArray[np.float64]
    reasons: list[list[dict[str, Any]]]
    next_action: list[NextAction | None]
    warnings: list[list[str]]
    ignored: dict[str, npt.NDArray[np.int64]]
    outside_training: list[list[str]]
    missing_inputs: list[list[str]]
    versions: dict[str, str | None]
    lang: str = "en"

    def __len__(self) -> int:
        return len(self.lead_id)

    @property
    def points(self) -> Points:
        """The points, and where they come from."""
        return self.qualified.points

    def stage(self, row: int) -> Stage | None:
        """The stage of a row; None where the playbook has no stages."""
        standing = self.qualified.standing
        return standing.name(row) if standing else None

    def order(self) -> npt.NDArray[np.int64]:
        """Rows from most to least likely: by probability, then raw score, then `lead_id`.

        Where no probability is known, by points.
        """
        probability = np.where(np.isnan(self.probability), -1.0, self.probability)
        return np.lexsort((np.array(self.lead_id, dtype=object), -self.raw, -probability))

    def records(self, rows: slice = slice(None)) -> list[dict[str, Any]]:
        """Answers with the names of the contract, those of many rows at once."""
        points, lang, lead_id = self.points, self.lang, self.lead_id[rows]
        ignored = [counts[rows].tolist() for counts in self.ignored.values()]
        columns: dict[str, Sequence[Any]] = {
            "lead_id": lead_id,
            "as_of": isos(self.as_of[rows]),
            "known_at": [None] * len(lead_id),
            "task": self.task[rows],
            "state": self.state[rows],
            "horizon": self.horizon[rows],
            "probability": known(self.probability[rows]),
            "basis": self.basis[rows],
            "points": points.total[rows].tolist(),
            "points_by_score": points.by_name(rows),
            "grade": points.grades(rows),
            "ledger": points.ledgers(rows, lang),
            "temperature": self.temperature[rows],
            "temperature_by": [self.temperature_by] * len(lead_id),
            "temperature_otherwise": self.temperature_otherwise[rows],
            **self.qualified.columns(rows, lang),
            "trend": self.trend.records(rows),
            "scored_by": ["model" if one else "rules" for one in self.by_model[rows].tolist()],
            "fallback_reason": self.fallback_reason[rows],
            "starting_point": known(self.start[rows]),
            "reasons": self.reasons[rows],
            "next_action": self.next_action[rows],
            "warnings": self.warnings[rows],
            "ignored": [
                dict(zip(self.ignored, line, strict=True)) for line in zip(*ignored, strict=True)
            ],
            "outside_training": self.outside_training[rows],
            "missing_inputs": self.missing_inputs[rows],
            "versions": [self.versions] * len(lead_id),
        }
        return [
            dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)
        ]

    def record(self, row: int) -> dict[str, Any]:
        """The answer of one row."""
        return self.records(slice(row, row + 1))[0]
