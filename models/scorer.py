"""`Scorer`: the one answerer. HTTP, batch, the command and the MLflow model all ask it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import numpy.typing as npt

from features.changes import Changes
from features.colleagues import Colleagues
from features.instants import Instants
from features.known import Known
from features.log import EventLog, Leads
from features.spine import belongs, states
from features.task import Task
from models.answer import Answer, by_model, by_rules
from models.artefact import Artefact
from models.capacity.due import of_lines
from models.conditions import View
from models.next_action import next_actions
from models.past import Past
from models.playbook import Playbook
from models.points_map import PointsMap
from models.qualification import Qualification, Qualified
from models.remarks import State, Warmth, ignored, missing_inputs, warnings_of
from models.scores import FallbackReason, Scores
from models.settings import FIRST_TASK
from models.temperature import Temperatures, Values, named
from models.trend import Trends

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
        answer, reason = Answer.empty(len(leads)), self.why_rules(task)
        if artefact is not None and state.on_it.any():
            try:
                answer = by_model(artefact, self.playbook, known, state.on_it, as_of, reasons, lang)
            except Exception as error:
                # It always answers: whatever a model does, rules answer, and the answer says why.
                # Only the kind of error is logged: its text may quote a lead.
                _LOG.warning("prediction failed (%s): rules answer", type(error).__name__)
                reason = "prediction_failed"
        left = state.on_it & ~answer.by_model
        by_rules(self._observed(task), answer, qualified.points, left, reasons, lang)
        past = Past(
            known,
            asked,
            self.qualification,
            artefact if answer.by_model.any() else None,
            self._observed(task),
            qualified.moves,
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
            trend=_trends(past, answer.probability, as_of),
            by_model=answer.by_model,
            fallback_reason=[
                None if model else reason if on_it else "task_without_model"
                for model, on_it in zip(answer.by_model, state.on_it, strict=True)
            ],
            start=answer.start,
            reasons=answer.reasons,
            next_action=[],
            warnings=warnings_of(
                known,
                state,
                qualified,
                warmth,
                asked.until,
                as_of,
                answer,
                of_lines(self.playbook, artefact, lang),
                lang,
            ),
            ignored=ignored(log, as_of, self._known_types(artefact)),
            outside_training=answer.outside,
            missing_inputs=missing_inputs(
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

    def _known_types(self, artefact: Artefact | None) -> set[str]:
        """The event types of which model or playbook know."""
        of_model = artefact.plan.known_types + artefact.task.exclude_events if artefact else ()
        return {*of_model, *self.playbook.events, *self.playbook.outcomes}

    def _states(self, known: Known, asked: Task, as_of: Instants) -> State:
        leads, log = known.leads, known.log
        rows = np.arange(len(leads))
        seen = states(log, leads, asked, self.playbook.touches, rows, as_of, log.visible_at)
        names: list[str] = [self.playbook.state_after(name) for name in log.types] + ["open"]
        state = [names[code] for code in seen.closed_by]
        for row in np.flatnonzero(leads.created_at > as_of):
            state[row] = "not_created"
        on_it = belongs(asked, log.types, seen, as_of) & (leads.created_at <= as_of)
        return State(seen, state, on_it)

    def _warmth(
        self,
        task: str,
        qualified: Qualified,
        answer: Answer,
        state: State,
        past: Past,
        as_of: Instants,
    ) -> Warmth:
        """Hot, warm or cold, and what it would be by what does not decide it."""
        temperatures, points = Temperatures(self.playbook), qualified.points
        by_points = temperatures.by_points
        value = points.total.astype(np.float64) if by_points else answer.probability
        values, known = Values(value, points.by_score), past.known
        has_one = state.on_it | ~np.isin(np.array(state.names, dtype=object), NO_TEMPERATURE)
        has_one &= np.array([rule is None for rule in qualified.excluded], dtype=bool)
        try:
            band = temperatures.of(
                values,
                partial(past.values, by_points),
                known.leads,
                known.log,
                as_of,
                known.changes,
            )
        except Exception as error:
            _LOG.warning("no past to look at (%s): the line alone decides", type(error).__name__)
            band = temperatures.at_once(values)
        observed = self._observed(task)
        other = np.full(len(band), -1)
        if observed is not None:
            other = temperatures.otherwise(answer.probability, points.total, observed)
            other[~answer.by_model] = -1
        return Warmth(*(named(np.where(has_one, bands, -1)) for bands in (band, other)))


def _trends(past: Past, now: npt.NDArray[np.float64], as_of: Instants) -> Trends:
    """The trends; nobody's where the past cannot be answered, which keeps no answer back."""
    try:
        return past.trends(now, as_of)
    except Exception as error:
        _LOG.warning("no past to look at (%s): no trends", type(error).__name__)
        return Trends.unknown(len(now))


def code_version() -> str:
    """The version of the installed package."""
    try:
        return version("tegakari")
    except PackageNotFoundError:
        return "0"
