"""`Scorer`: the one answerer. HTTP, batch, the command and the MLflow model all ask it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from features.changes import Changes
from features.colleagues import NOT_TOLD, Colleagues
from features.instants import DAY, MISSING, Instants, iso
from features.kinds.kind import Source
from features.known import Known
from features.log import EventLog, Leads
from features.spine import Spine, States, belongs, states
from features.task import Task
from models.artefact import Artefact
from models.conditions import View
from models.evidence import Basis
from models.next_action import next_actions
from models.past import Past
from models.playbook import Playbook, in_language
from models.points_map import PointsMap
from models.qualification import Qualification, Qualified
from models.reasons import reasons_of
from models.scorecard import Points
from models.scores import FallbackReason, Scores
from models.settings import FIRST_TASK
from models.temperature import Temperature, Temperatures, Values, named
from models.wording import quoted, texts

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
    qualification: Qualification = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "qualification", Qualification(self.playbook))

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
        known = Known(leads, log, changes, colleagues)
        artefact = self.artefact_for(task)
        asked = artefact.task if artefact else self.playbook.task(task)
        qualified = self.qualification.of(View.now(leads, log, as_of, changes))
        state = self._states(known, asked, as_of)
        answer, reason = _Answer.empty(len(leads)), self.why_rules(task)
        if artefact is not None and state.on_it.any():
            try:
                answer = self._by_model(artefact, known, state.on_it, as_of, reasons, lang)
            except Exception as error:
                # It always answers: whatever a model does, rules answer, and the answer says why.
                # Only the kind of error is logged: its text may quote a lead.
                _LOG.warning("prediction failed (%s): rules answer", type(error).__name__)
                reason = "prediction_failed"
        by_rules = state.on_it & ~answer.by_model
        self._by_rules(task, answer, qualified.points, by_rules, reasons, lang)
        past = Past(
            known,
            asked,
            self.qualification,
            artefact if answer.by_model.any() else None,
            self._observed(task),
        )
        warmth = self._warmth(task, qualified, answer, state, past, as_of)
        scores = Scores(
            lead_id=leads.lead_id.to_pylist(),
            as_of=as_of,
            task=[task if on_it else None for on_it in state.on_it],
            state=state.names,
            horizon=[asked.horizon_text if on_it else None for on_it in state.on_it],
            probability=answer.probability,
            raw=np.where(answer.by_model, answer.raw, qualified.points.total),
            basis=answer.basis,
            qualified=qualified,
            temperature=warmth.temperature,
            temperature_by=self.playbook.said.temperature.by,
            temperature_otherwise=warmth.otherwise,
            trend=past.trends(answer.probability, as_of),
            by_model=answer.by_model,
            fallback_reason=[
                None if model else reason if on_it else "task_without_model"
                for model, on_it in zip(answer.by_model, state.on_it, strict=True)
            ],
            start=answer.start,
            reasons=answer.reasons,
            next_action=[],
            warnings=_warnings(known, state, qualified, warmth, asked.until, as_of, answer, lang),
            ignored=self._ignored(known, artefact, as_of),
            outside_training=answer.outside,
            missing_inputs=_missing_inputs(
                known, artefact, asked.horizon is not None, answer.by_model
            ),
            versions=self.versions,
            lang=lang,
        )
        touches = artefact.touches if artefact else None
        return replace(scores, next_action=next_actions(self.playbook, touches, scores))

    def artefact_for(self, task: str) -> Artefact | None:
        """The model that answers a task; None where rules do."""
        return self.artefact if self.artefact and self.artefact.task.name == task else None

    def why_rules(self, task: str) -> FallbackReason:
        """Why rules would answer a task."""
        return "task_without_model" if self.artefact else self.without

    def _observed(self, task: str) -> PointsMap | None:
        """What was observed for points on a task."""
        return self.points_map if self.points_map and self.points_map.task == task else None

    def _states(self, known: Known, asked: Task, as_of: Instants) -> _State:
        leads, log = known.leads, known.log
        rows = np.arange(len(leads))
        seen = states(log, leads, asked, self.playbook.touches, rows, as_of, log.visible_at)
        names: list[str] = [self.playbook.state_after(name) for name in log.types] + ["open"]
        state = [names[code] for code in seen.closed_by]
        for row in np.flatnonzero(leads.created_at > as_of):
            state[row] = "not_created"
        on_it = belongs(asked, log.types, seen, as_of) & (leads.created_at <= as_of)
        return _State(seen, state, on_it)

    def _warmth(
        self,
        task: str,
        qualified: Qualified,
        answer: _Answer,
        state: _State,
        past: Past,
        as_of: Instants,
    ) -> _Warmth:
        """Hot, warm or cold, and what it would be by what does not decide it."""
        temperatures, points = Temperatures(self.playbook), qualified.points
        by_points = temperatures.by_points
        value = points.total.astype(np.float64) if by_points else answer.probability
        values, known = Values(value, points.by_score), past.known
        has_one = np.array([name not in NO_TEMPERATURE for name in state.names], dtype=bool)
        has_one |= state.on_it
        has_one &= np.array([rule is None for rule in qualified.excluded], dtype=bool)
        band = temperatures.of(
            values, partial(past.values, by_points), known.leads, known.log, as_of, known.changes
        )
        observed = self._observed(task)
        other = np.full(len(band), -1)
        if observed is not None:
            other = temperatures.otherwise(answer.probability, points.total, observed)
            other[~answer.by_model] = -1
        return _Warmth(*(named(np.where(has_one, bands, -1)) for bands in (band, other)))

    def _ignored(
        self, known: Known, artefact: Artefact | None, as_of: Instants
    ) -> dict[str, npt.NDArray[np.int64]]:
        plan_types = artefact.plan.known_types + artefact.task.exclude_events if artefact else ()
        types = {*plan_types, *self.playbook.events, *self.playbook.outcomes}
        return _ignored(known.log, as_of, types)

    def _by_model(
        self,
        artefact: Artefact,
        known: Known,
        on_it: npt.NDArray[np.bool_],
        as_of: Instants,
        most: int,
        lang: str,
    ) -> _Answer:
        leads, log = known.leads, known.log
        rows = np.flatnonzero(on_it)
        spine = Spine(rows, as_of[rows], None, np.zeros_like(rows))
        matrix = artefact.matrix(leads, log, spine, known.changes, known.colleagues)
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
        observed = self._observed(task)
        if observed is None or not asked_about.any():
            return
        total = points.total[asked_about]
        answer.probability[asked_about] = observed.probability(total)
        found = observed.evidence.basis(total)
        for row, basis in zip(np.flatnonzero(asked_about), found, strict=True):
            answer.basis[row] = basis


class _State(NamedTuple):
    """How leads stand: by which events, in words, and whether they belong to the task asked about."""

    seen: States
    names: list[str]
    on_it: npt.NDArray[np.bool_]


class _Warmth(NamedTuple):
    """Temperatures, and those by what does not decide; None where there is none."""

    temperature: list[Temperature | None]
    otherwise: list[Temperature | None]


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
    known: Known,
    state: _State,
    qualified: Qualified,
    warmth: _Warmth,
    until: int,
    as_of: Instants,
    answer: _Answer,
    lang: str,
) -> list[list[str]]:
    """What a reader of each answer should know."""
    words, log, seen = texts(lang)["warnings"], known.log, state.seen
    warnings: list[list[str]] = [[] for _ in state.names]
    for row, name in enumerate(state.names):
        said = warnings[row]
        if name == "not_created":
            said.append(words["not_created"])
        elif name != "open" and not state.on_it[row]:
            event, at = log.types[seen.closed_by[row]], iso(int(seen.closed_at[row]))
            said.append(words["not_open"].format(event=event, at=at))
        elif seen.last_act[row] != MISSING and as_of[row] - seen.last_act[row] >= until:
            said.append(words["silent"].format(days=until // DAY))
        said += answer.warnings[row]
        rule = qualified.excluded[row]
        if rule is not None:
            label = in_language(rule.label, lang) or quoted(rule.name, lang)
            said.append(words["excluded"].format(label=label))
        bands = warmth.temperature[row], warmth.otherwise[row]
        if set(bands) == {"hot", "cold"}:
            names = [texts(lang)["page"][str(band)] for band in bands]
            said.append(words["disagrees"].format(temperature=names[0], otherwise=names[1]))
    return warnings


def _missing_inputs(
    known: Known, artefact: Artefact | None, timed: bool, by_model: npt.NDArray[np.bool_]
) -> list[list[str]]:
    """What would have been looked at, had it been given."""
    leads, changes, colleagues = known.leads, known.changes, known.colleagues
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
