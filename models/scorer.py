"""`Scorer`: the one answerer. HTTP, batch, the command and the MLflow model all ask it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import numpy.typing as npt

from features.changes import Changes
from features.colleagues import NOT_TOLD, Colleagues
from features.instants import DAY, MISSING, Instants, iso
from features.kinds.kind import Source
from features.log import EventLog, Leads
from features.spine import Spine, States, belongs, states
from models.artefact import Artefact
from models.evidence import Basis
from models.next_action import NextAction, NextActions
from models.playbook import Playbook
from models.points_map import PointsMap
from models.reasons import reasons_of
from models.scorecard import Points, Scorecard
from models.scores import FallbackReason, Scores
from models.settings import FIRST_TASK
from models.wording import texts

_LOG = logging.getLogger(__name__)

NO_TEMPERATURE = ("customer",)
"""States without a temperature, unless the task asks about them: there is nothing to qualify."""


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

    @cached_property
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
        task: str = FIRST_TASK,
        changes: Changes | None = None,
        colleagues: Colleagues | None = None,
        reasons: int = 0,
        lang: str = "en",
    ) -> Scores:
        """Score every lead of a list as of a moment of its own.

        Parameters
        ----------
        leads, log : Leads and the EventLog aligned to them
        as_of : ndarray of shape (n_leads,), int64
        task : str
            The task that is asked about; leads that are not on it get points, and no probability.
        changes : Changes, optional
        colleagues : Colleagues, optional
        reasons : int
            At most this many reasons for each lead.
        lang : {"en", "ja"}

        Returns
        -------
        Scores
            One row for each lead, in their order.

        Raises
        ------
        UsageError
            When neither the model nor the playbook knows the task.
        """
        rows = np.arange(len(leads))
        artefact = self.artefact_for(task)
        asked = artefact.task if artefact else self.playbook.task(task)
        seen = states(log, leads, asked, self.playbook.touches, rows, as_of, log.visible_at)
        state = self._states(leads, log, seen, as_of)
        asked_about = belongs(asked, log.types, seen, as_of) & (leads.created_at <= as_of)
        points = self.scorecard.points(leads, log, rows, as_of, changes)
        answer, reason = _Answer.empty(len(leads)), self.why_rules(task)
        if artefact is not None and asked_about.any():
            at = rows[asked_about]
            spine = Spine(at, as_of[asked_about], None, np.zeros_like(at))
            try:
                answer = self._by_model(
                    artefact, leads, log, spine, changes, colleagues, reasons, lang
                )
            except Exception as error:
                # It always answers: whatever a model does, rules answer, and the answer says why.
                # Only the kind of error is logged: its text may quote a lead.
                _LOG.warning("prediction failed (%s): rules answer", type(error).__name__)
                reason = "prediction_failed"
        self._by_rules(task, answer, points, asked_about & ~answer.by_model, reasons, lang)
        bands, by = self.playbook.temperature(points.total, answer.probability)
        temperature = [
            None if name in NO_TEMPERATURE and not on_it else band
            for name, band, on_it in zip(state, bands, asked_about, strict=True)
        ]
        tasks = [task if on_it else None for on_it in asked_about]
        plan_types = artefact.plan.known_types + artefact.task.exclude_events if artefact else ()
        known = {*plan_types, *self.playbook.events, *self.playbook.outcomes}
        return Scores(
            lead_id=leads.lead_id.to_pylist(),
            as_of=as_of,
            task=tasks,
            state=state,
            horizon=[asked.horizon_text if on_it else None for on_it in asked_about],
            probability=answer.probability,
            raw=np.where(answer.by_model, answer.raw, points.total),
            basis=answer.basis,
            points=points,
            temperature=temperature,
            temperature_by=by,
            by_model=answer.by_model,
            fallback_reason=[
                None if model else reason if on_it else "task_without_model"
                for model, on_it in zip(answer.by_model, asked_about, strict=True)
            ],
            start=answer.start,
            reasons=answer.reasons,
            next_action=self._next_actions(artefact, answer, temperature, tasks, state, lang),
            warnings=[
                of_lead + of_model
                for of_lead, of_model in zip(
                    _warnings(log, seen, state, asked_about, as_of, asked.until, lang),
                    answer.warnings,
                    strict=True,
                )
            ],
            ignored=_ignored(log, as_of, known),
            outside_training=answer.outside,
            missing_inputs=_missing_inputs(
                leads, artefact, asked.horizon is not None, answer.by_model, changes, colleagues
            ),
            versions=self.versions,
            lang=lang,
        )

    def artefact_for(self, task: str) -> Artefact | None:
        """The model that answers a task; None where rules do."""
        return self.artefact if self.artefact and self.artefact.task.name == task else None

    def why_rules(self, task: str) -> FallbackReason:
        """Why rules would answer a task."""
        return "task_without_model" if self.artefact else self.without

    def _next_actions(
        self,
        artefact: Artefact | None,
        answer: _Answer,
        temperature: list[str | None],
        tasks: list[str | None],
        state: list[str],
        lang: str,
    ) -> list[NextAction | None]:
        actions = NextActions(self.playbook, artefact.touches if artefact else None, lang)
        raw = [
            float(r) if by_model else None
            for r, by_model in zip(answer.raw, answer.by_model, strict=True)
        ]
        return list(map(actions.of, temperature, tasks, state, raw))

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
        colleagues: Colleagues | None,
        most: int,
        lang: str,
    ) -> _Answer:
        matrix = artefact.matrix(leads, log, spine, changes, colleagues)
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
            said, start = reasons_of(
                artefact, self.playbook, matrix, X, leads, log, spine, most, lang
            )
            answer.start[spine.lead] = start
            for row, mine in zip(spine.lead, said, strict=True):
                answer.reasons[row] = mine
        return answer

    def _by_rules(
        self,
        task: str,
        answer: _Answer,
        points: Points,
        asked_about: npt.NDArray[np.bool_],
        most: int,
        lang: str,
    ) -> None:
        """Reasons from the ledger where no model answered; for leads on the task also a probability."""
        for row in np.flatnonzero(~answer.by_model) if most else ():
            answer.reasons[row] = points.reasons(int(row), most, lang)
        observed = self.points_map
        if observed is None or observed.task != task or not asked_about.any():
            return
        total = points.total[asked_about]
        answer.probability[asked_about] = observed.probability(total)
        found = observed.evidence.basis(total)
        for row, basis in zip(np.flatnonzero(asked_about), found, strict=True):
            answer.basis[row] = basis


@dataclass(frozen=True)
class _Answer:
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
    def empty(cls, n: int) -> _Answer:
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


def _warnings(
    log: EventLog,
    seen: States,
    state: list[str],
    asked_about: npt.NDArray[np.bool_],
    as_of: Instants,
    until: int,
    lang: str,
) -> list[list[str]]:
    """What a reader of each answer should know."""
    words = texts(lang)["warnings"]
    warnings: list[list[str]] = [[] for _ in state]
    for row, name in enumerate(state):
        if name == "not_created":
            warnings[row].append(words["not_created"])
        elif name != "open" and not asked_about[row]:
            event, at = log.types[seen.closed_by[row]], iso(int(seen.closed_at[row]))
            warnings[row].append(words["not_open"].format(event=event, at=at))
        elif seen.last_act[row] != MISSING and as_of[row] - seen.last_act[row] >= until:
            warnings[row].append(words["silent"].format(days=until // DAY))
    return warnings


def _missing_inputs(
    leads: Leads,
    artefact: Artefact | None,
    timed: bool,
    by_model: npt.NDArray[np.bool_],
    changes: Changes | None,
    colleagues: Colleagues | None,
) -> list[list[str]]:
    """What would have been looked at, had it been given."""
    missing: list[list[str]] = [
        ["created_at"] if timed and at == MISSING else [] for at in leads.created_at
    ]
    if artefact is None:
        return missing
    not_told = np.full(len(leads), colleagues is None)
    if colleagues is not None:
        not_told = colleagues.account == NOT_TOLD
    inputs: tuple[tuple[str, npt.NDArray[np.bool_], Source], ...] = (
        ("account", not_told, "colleagues"),
        ("changes", np.full(len(leads), changes is None), "changes"),
    )
    for name, lacking, source in inputs:
        if artefact.plan.reads(source):
            for row in np.flatnonzero(by_model & lacking):
                missing[row].append(name)
    return missing


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


def code_version() -> str:
    """The version of the installed package."""
    try:
        return version("tegakari")
    except PackageNotFoundError:
        return "0"
