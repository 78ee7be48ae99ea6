"""`Scorer`: the one answerer. HTTP, batch, the command and the MLflow model all ask it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from features.build import Matrix
from features.instants import MISSING, Instants, iso
from features.log import EventLog, Leads
from features.spine import Spine, States, states
from features.tables import Changes
from models import explain, wording
from models.artefact import Artefact
from models.evidence import Basis
from models.playbook import Playbook
from models.points_map import PointsMap
from models.scorecard import Points, Scorecard

FallbackReason = Literal[
    "no_model",
    "model_unavailable",
    "model_damaged",
    "prediction_failed",
    "task_without_model",
]
"""Why rules answered, a closed list."""

NO_TEMPERATURE = ("customer",)
"""States without a temperature: there is nothing to qualify."""


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
    points : Points
    temperature : list of str or None
    temperature_by : str
    by_model : ndarray of shape (n,), bool
    fallback_reason : list of str or None
    reasons : list of list of dict
    warnings : list of list of str
    ignored : dict of str to ndarray of shape (n,), int64
        Events that were not used: ``future``, ``duplicate``, ``unknown_type``.
    outside_training : list of list of str
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
    points: Points
    temperature: list[str | None]
    temperature_by: str
    by_model: npt.NDArray[np.bool_]
    fallback_reason: list[FallbackReason | None]
    reasons: list[list[dict[str, Any]]]
    warnings: list[list[str]]
    ignored: dict[str, npt.NDArray[np.int64]]
    outside_training: list[list[str]]
    missing_inputs: list[list[str]]
    versions: dict[str, str | None]
    lang: str = "en"

    def __len__(self) -> int:
        return len(self.lead_id)

    def order(self) -> npt.NDArray[np.int64]:
        """Rows from most to least likely: by probability, then raw score, then `lead_id`.

        Where no probability is known, by points.
        """
        probability = np.where(np.isnan(self.probability), -1.0, self.probability)
        return np.lexsort((np.array(self.lead_id, dtype=object), -self.raw, -probability))

    def record(self, row: int) -> dict[str, Any]:
        """One answer with the names of the contract."""
        p = float(self.probability[row])
        by_model = bool(self.by_model[row])
        return {
            "lead_id": self.lead_id[row],
            "as_of": iso(int(self.as_of[row])),
            "known_at": None,
            "task": self.task[row],
            "state": self.state[row],
            "horizon": self.horizon[row],
            "probability": None if np.isnan(p) else p,
            "basis": self.basis[row],
            "points": int(self.points.total[row]),
            "ledger": self.points.ledger(row, self.lang),
            "temperature": self.temperature[row],
            "temperature_by": self.temperature_by,
            "scored_by": "model" if by_model else "rules",
            "fallback_reason": self.fallback_reason[row],
            "reasons": self.reasons[row],
            "warnings": self.warnings[row],
            "ignored": {name: int(counts[row]) for name, counts in self.ignored.items()},
            "outside_training": self.outside_training[row],
            "missing_inputs": self.missing_inputs[row],
            "versions": self.versions,
        }


@dataclass(frozen=True)
class Scorer:
    """Answers for leads, by a model where there is one and by rules where there is not.

    Attributes
    ----------
    playbook : Playbook
    artefact : Artefact or None
    points_map : PointsMap or None
        The conversion observed for points; kept apart so that losing the model does not lose it.
    without : FallbackReason
        Why there is no artefact, where there is none.
    """

    playbook: Playbook
    artefact: Artefact | None = None
    points_map: PointsMap | None = None
    without: FallbackReason = "no_model"
    scorecard: Scorecard = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "scorecard", Scorecard(self.playbook))

    @property
    def versions(self) -> dict[str, str | None]:
        """Which model, playbook, features and code answer."""
        artefact = self.artefact
        return {
            "model": artefact.version if artefact else None,
            "playbook": self.playbook.version,
            "features": artefact.plan.version if artefact else None,
            "code": code_version(),
        }

    def score(
        self,
        leads: Leads,
        log: EventLog,
        as_of: Instants,
        *,
        task: str = "qualification",
        changes: Changes | None = None,
        reasons: int = 0,
        lang: str = "en",
    ) -> Scores:
        """Score every lead of a list as of a moment of its own.

        Parameters
        ----------
        leads, log : Leads and the EventLog aligned to them
        as_of : ndarray of shape (n_leads,), int64
        task : str
            The task to which open leads belong.
        changes : Changes, optional
        reasons : int
            At most this many reasons for each lead, 0 to 5.
        lang : {"en", "ja"}
        """
        rows = np.arange(len(leads))
        answered_by = self.artefact if self.artefact and self.artefact.task.name == task else None
        asked = answered_by.task if answered_by else self.playbook.task(task)
        seen = states(log, leads, asked, self.playbook.touches, rows, as_of, log.visible_at)
        state = self._states(leads, log, seen, as_of)
        is_open = np.array([name == "open" for name in state], dtype=bool)
        points = self.scorecard.points(leads, log, rows, as_of, changes)
        answer = _Answer.empty(len(leads))
        reason: FallbackReason = self.without
        if answered_by is not None and is_open.any():
            try:
                picked = Spine(
                    rows[is_open], as_of[is_open], None, np.zeros(int(is_open.sum()), int)
                )
                answer = self._by_model(answered_by, leads, log, picked, changes, reasons, lang)
            except Exception:
                # It always answers: whatever a model does, rules answer, and the answer says why.
                answer, reason = _Answer.empty(len(leads)), "prediction_failed"
        elif self.artefact is not None and answered_by is None:
            reason = "task_without_model"
        by_rules = is_open & ~answer.by_model
        self._by_rules(answer, points, by_rules)
        for row in np.flatnonzero(~answer.by_model):
            answer.reasons[row] = points.reasons(int(row), reasons, lang) if reasons else []
        temperature, by = self.playbook.temperature(points.total, answer.probability)
        listed = [
            None if name in NO_TEMPERATURE else value
            for name, value in zip(state, temperature, strict=True)
        ]
        known = answered_by.plan.known_types if answered_by else tuple(self.playbook.events)
        hidden = answered_by.task.exclude_events if answered_by else ()
        return Scores(
            lead_id=leads.lead_id.to_pylist(),
            as_of=as_of,
            task=[task if opened else None for opened in is_open],
            state=state,
            horizon=[asked.horizon_text if opened else None for opened in is_open],
            probability=answer.probability,
            raw=np.where(answer.by_model, answer.raw, points.total),
            basis=answer.basis,
            points=points,
            temperature=listed,
            temperature_by=by,
            by_model=answer.by_model,
            fallback_reason=[
                None if model else reason if opened else "task_without_model"
                for model, opened in zip(answer.by_model, is_open, strict=True)
            ],
            reasons=answer.reasons,
            warnings=self._warnings(leads, log, seen, state, as_of, asked.until),
            ignored=_ignored(log, as_of, {*known, *hidden, *self.playbook.outcomes}),
            outside_training=answer.outside,
            missing_inputs=[["created_at"] if at == MISSING else [] for at in leads.created_at],
            versions=self.versions,
            lang=lang,
        )

    def _states(self, leads: Leads, log: EventLog, seen: States, as_of: Instants) -> list[str]:
        names = [self.playbook.state_after(name) for name in log.types] + ["open"]
        state = [names[code] for code in seen.closed_by]
        for row in np.flatnonzero(leads.created_at > as_of):
            state[row] = "not_created"
        return state

    def _by_model(
        self,
        artefact: Artefact,
        leads: Leads,
        log: EventLog,
        spine: Spine,
        changes: Changes | None,
        most: int,
        lang: str,
    ) -> _Answer:
        matrix = artefact.matrix(leads, log, spine, changes)
        X = artefact.encoder.encode(matrix)
        raw = artefact.model.raw(X)
        probability = artefact.model.calibrator(raw)
        if not np.isfinite(probability).all():
            raise ValueError("the model gave a probability that is not a number")
        answer = _Answer.empty(len(leads))
        answer.by_model[spine.lead] = True
        answer.raw[spine.lead] = raw
        answer.probability[spine.lead] = probability
        if artefact.evidence is not None:
            for row, basis in zip(spine.lead, artefact.evidence.basis(probability), strict=True):
                answer.basis[row] = basis
        for name, unseen in artefact.encoder.unseen(matrix):
            for row in spine.lead[unseen]:
                answer.outside[row].append(name)
        if most:
            self._explain(answer, artefact, matrix, X, leads, log, spine, most, lang)
        return answer

    def _explain(
        self,
        answer: _Answer,
        artefact: Artefact,
        matrix: Matrix,
        X: npt.NDArray[np.float32],
        leads: Leads,
        log: EventLog,
        spine: Spine,
        most: int,
        lang: str,
    ) -> None:
        effect, _ = explain.effects(artefact.model, artefact.groups, X)
        names, roles = artefact.groups.names, artefact.groups.roles
        columns = {
            a.name: c for a, c in zip(matrix.plan.attributes, matrix.attributes, strict=True)
        }
        for place, (row, cutoff) in enumerate(zip(spine.lead, spine.cutoff, strict=True)):
            for group in explain.strongest(effect[place], names, min(most, explain.MOST)):
                name, role = names[group], roles[group]
                facts: Mapping[str, Any]
                if role == "events":
                    facts = explain.event_facts(
                        log, int(row), int(cutoff), matrix.plan.members(name)
                    )
                elif role == "age":
                    facts = explain.age_facts(int(leads.created_at[row]), int(cutoff))
                else:
                    facts = {"value": _plain(columns[name][place])}
                answer.reasons[row].append(
                    {
                        "group": name,
                        "facts": facts,
                        "effect": float(effect[place, group]),
                        "text": wording.sentence(role, self._label(role, name, lang), facts, lang),
                    }
                )

    def _label(self, role: str, name: str, lang: str) -> str:
        if role == "events":
            group = wording.texts(lang)["groups"].get(name)
            return group or self.playbook.event_label(name, lang) or f"“{name}”"
        return self.playbook.attribute_label(name, lang) or name

    def _by_rules(self, answer: _Answer, points: Points, rows: npt.NDArray[np.bool_]) -> None:
        if self.points_map is None or not rows.any():
            return
        total = points.total[rows].astype(np.float64)
        answer.probability[rows] = self.points_map.probability(total)
        for row, basis in zip(
            np.flatnonzero(rows), self.points_map.evidence.basis(total), strict=True
        ):
            answer.basis[row] = basis

    def _warnings(
        self,
        leads: Leads,
        log: EventLog,
        seen: States,
        state: list[str],
        as_of: Instants,
        until: int,
    ) -> list[list[str]]:
        warnings: list[list[str]] = [[] for _ in state]
        for row, name in enumerate(state):
            if name == "not_created":
                warnings[row].append("the lead was created after as_of")
            elif name != "open":
                event = log.types[seen.closed_by[row]]
                at = iso(int(seen.closed_at[row]))
                warnings[row].append(f"not open: {event} at {at}")
            elif seen.last_act[row] != MISSING and as_of[row] - seen.last_act[row] >= until:
                warnings[row].append("no act for longer than any lead in training")
        return warnings


@dataclass(frozen=True)
class _Answer:
    """Answers while they are being made; arrays of shape (n_leads,)."""

    by_model: npt.NDArray[np.bool_]
    raw: npt.NDArray[np.float64]
    probability: npt.NDArray[np.float64]
    basis: list[Basis | None]
    outside: list[list[str]]
    reasons: list[list[dict[str, Any]]]

    @classmethod
    def empty(cls, n: int) -> _Answer:
        """No answer for anyone."""
        return cls(
            np.zeros(n, dtype=bool),
            np.full(n, np.nan),
            np.full(n, np.nan),
            [None] * n,
            [[] for _ in range(n)],
            [[] for _ in range(n)],
        )


def _ignored(log: EventLog, as_of: Instants, known: set[str]) -> dict[str, npt.NDArray[np.int64]]:
    lead = log.lead_of_event()
    future = log.visible_at > as_of[lead]
    unknown = ~np.array([name in known for name in log.types] or [True], dtype=bool)
    strange = unknown[log.event_type] & ~future if log.n_events else future
    n = log.n_leads
    return {
        "future": np.bincount(lead[future], minlength=n),
        "duplicate": log.duplicates,
        "unknown_type": np.bincount(lead[strange], minlength=n),
    }


def _plain(value: Any) -> str | float | None:
    """A cell of an attribute column as a plain value."""
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else float(value)
    text: str | None = value.as_py()
    return text


def code_version() -> str:
    """The version of the installed package."""
    try:
        return version("tegakari")
    except PackageNotFoundError:
        return "0"
