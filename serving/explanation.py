"""One lead's answer in full, and why it changed: what the verb ``explain`` asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from features.errors import UsageError
from features.times import parse_one
from models.explain import ALL, MOST
from models.intake import declared_zone
from models.playbook import Playbook
from models.playbook.references import nearest
from models.points_map import PointsMap
from models.scorer import Scorer
from models.settings import Settings
from models.since import why_changed
from models.terminal import Report
from models.wording import texts
from serving.asked import Asked, Taken, take, warnings_of
from serving.registry import load_scorer

_COMPARED = 50_000
"""Ids of so many leads are compared with one that is not among them; more take too long."""


@dataclass(frozen=True, kw_only=True)
class Question(Asked):
    """A lead of a list, to be explained.

    Attributes
    ----------
    lead_id : str
    since : str or None
        The earlier moment from which on the change is explained.
    model_then, playbook_then : str, Path or None
        What answered then, where it was not what answers now.
    """

    lead_id: str
    since: str | None = None
    model_then: str | None = None
    playbook_then: Path | None = None


@dataclass(frozen=True)
class Explained:
    """An answer in full.

    Attributes
    ----------
    taken : Taken
        The one lead, with what it was scored from.
    answer : dict
        As every other door gives it, with `models.explain.MOST` reasons.
    reasons : list of dict
        All of them, the strongest first.
    change : dict or None
        As `models.since.why_changed` has it.
    warnings : list of str
        About the files.
    outcome : tuple of str
        The events that the probability is of.
    tz : tzinfo
        Of times for people.
    """

    taken: Taken
    answer: dict[str, Any]
    reasons: list[dict[str, Any]]
    change: dict[str, Any] | None
    warnings: list[str]
    outcome: tuple[str, ...]
    tz: tzinfo

    def to_json(self) -> dict[str, Any]:
        """The answer, with the change beside it where it was asked for."""
        return self.answer if self.change is None else {**self.answer, "change": self.change}


def explained(
    question: Question,
    settings: Settings,
    playbook: Playbook,
    report: Report = lambda step: None,
) -> Explained:
    """Answer for one lead of a list.

    Raises
    ------
    UsageError
        When the list has no such lead, options contradict each other, or `since` is after as_of.
    InputError
        When a file cannot be used.
    ArtefactError
        When a model that was asked for cannot be had.
    """
    _check(question)
    taken = take(question, settings, playbook, report)
    warnings = warnings_of(taken)
    one = taken.keep(_mask(taken, question.lead_id))
    report("explaining")
    artefact = one.scorer.artefact_for(question.task)
    answer = one.scores(reasons=ALL).record(0)
    reasons = answer["reasons"]
    answer["reasons"] = reasons[:MOST]
    change = None
    if question.since is not None:
        change = _change(question, one, settings, playbook, question.since)
        if taken.intake.changes is None and artefact and artefact.plan.tracked:
            warnings.append(texts(question.lang)["page"]["no_changes"])
    task = artefact.task if artefact else playbook.task(question.task)
    tz = declared_zone(playbook, question.timezone) or UTC
    return Explained(one, answer, reasons, change, warnings, task.label, tz)


def _check(question: Question) -> None:
    then = {"--model-then": question.model_then, "--playbook-then": question.playbook_then}
    given = [option for option, value in then.items() if value is not None]
    if given and question.since is None:
        raise UsageError(f"{given[0]} says what answered then: give --since, the moment of then.")


def _mask(taken: Taken, lead_id: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    ids = taken.intake.leads.lead_id
    mask = np.asarray(pc.equal(ids, lead_id).to_numpy(zero_copy_only=False), dtype=bool)
    if mask.any():
        return mask
    refused = f" {len(taken.refused):,} rows were refused." if taken.refused else ""
    near = nearest(lead_id, ids.to_pylist()) if len(ids) <= _COMPARED else ""
    raise UsageError(
        f"--id {lead_id!r}: {taken.intake.table.path} has no such lead among its {len(ids):,}."
        f"{near}{refused}"
    )


def _change(
    question: Question, one: Taken, settings: Settings, playbook: Playbook, since: str
) -> dict[str, Any]:
    at = parse_one(since, declared_zone(playbook, question.timezone), "--since")
    if at > one.as_of:
        raise UsageError(f"--since {since} is after the moment that is explained; give --as-of.")
    return why_changed(
        _scorer_then(question, one.scorer, settings, playbook),
        one.scorer,
        one.known,
        since=at,
        as_of=one.as_of,
        task=question.task,
        lang=question.lang,
    )


def _scorer_then(question: Question, now: Scorer, settings: Settings, playbook: Playbook) -> Scorer:
    """What answered then: the same as now, but for what the question says."""
    if question.playbook_then is None and question.model_then is None:
        return now
    before = Playbook.load(question.playbook_then) if question.playbook_then else playbook
    if question.model_then is not None:
        return load_scorer(settings, before, question.task, question.model_then)
    points_map, _ = PointsMap.load(settings.points_maps, question.task, before.version)
    return Scorer(before, now.artefact, points_map, now.without)
