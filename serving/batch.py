"""Whole lists: a lead list in, the same list with its scores out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.attributes import unreadable
from features.errors import UsageError
from features.instants import DAY, MISSING, iso, now
from features.reading import OWN_PREFIX, Refusal
from features.tables import Intake, take_in, take_in_others
from features.times import parse_one
from features.writing import check_output, refused_path, write, write_refused
from models.intake import check_created_at, form_of
from models.playbook import Playbook
from models.scorer import Scorer
from models.scores import Scores
from models.settings import FIRST_TASK, Settings
from models.terminal import Report
from serving.disagreement import Disagreement, disagreement
from serving.registry import load_scorer

STALE = 7 * DAY
"""A newest event older than this at `as_of` is worth a warning."""


@dataclass(frozen=True)
class Job:
    """A list to score.

    Attributes
    ----------
    leads, events, changes, out : Path
    account_events : Path or None
        Events of colleagues who are not in the list.
    as_of : str or None
        The moment as of which leads are seen; default now.
    model : str or None
        An MLflow URI or the folder of an artefact; default the champion, else rules.
    task, lang : str
    columns : mapping
        The contract's name -> the file's name.
    timezone : str or None
    sort : bool
        Most likely first, instead of the order of the list.
    reasons : int
        Columns of reasons, 0 to 5.
    disagreements : int
        At most this many leads about which rules and model disagree most are reported.
    """

    leads: Path
    events: Path | None
    changes: Path | None
    out: Path
    as_of: str | None = None
    model: str | None = None
    task: str = FIRST_TASK
    columns: Mapping[str, str] = field(default_factory=dict)
    timezone: str | None = None
    sort: bool = False
    reasons: int = 0
    lang: str = "en"
    account_events: Path | None = None
    disagreements: int = 0

    @property
    def read(self) -> list[Path]:
        """The files that are read."""
        files = (self.leads, self.events, self.changes, self.account_events)
        return [file for file in files if file is not None]


@dataclass(frozen=True)
class Scored:
    """What became of a list.

    ``rows_in == answered + refused leads + duplicates``, always. `disagreement` is None where it was
    not asked for.
    """

    scores: Scores
    intake: Intake
    refused: list[Refusal]
    rows_in: int
    duplicates: int
    as_of: int
    warnings: list[str]
    out: Path
    refused_to: Path | None
    seconds: float
    disagreement: Disagreement | None = None

    @property
    def answered(self) -> int:
        """Leads that have an answer in the output."""
        return len(self.scores)

    @property
    def refused_by_kind(self) -> dict[str, int]:
        """Refused leads, events and changes."""
        kinds = [refusal.lost for refusal in self.refused]
        return {kind: kinds.count(kind) for kind in ("lead", "event", "change")}

    def to_json(self) -> dict[str, Any]:
        """The counts, for ``--json``."""
        scores = self.scores
        temperatures = [t or "none" for t in scores.temperature]
        return {
            "out": str(self.out),
            "refused_to": str(self.refused_to) if self.refused_to else None,
            "as_of": iso(self.as_of),
            "rows_in": self.rows_in,
            "answered": self.answered,
            **{f"refused_{kind}s": n for kind, n in self.refused_by_kind.items()},
            "duplicates": self.duplicates,
            "by_model": int(scores.by_model.sum()),
            "by_rules": int((~scores.by_model).sum()),
            "temperature": {t: temperatures.count(t) for t in sorted(set(temperatures))},
            "ignored": {name: int(n.sum()) for name, n in scores.ignored.items()},
            "counts": self.intake.counts,
            "versions": scores.versions,
            "disagreements": self.disagreement and self.disagreement.to_json(),
            "warnings": self.warnings,
            "seconds": round(self.seconds, 2),
        }


def score_file(
    job: Job, settings: Settings, playbook: Playbook, report: Report = lambda step: None
) -> Scored:
    """Score a list and write it with its scores, whole or not at all.

    Raises
    ------
    UsageError
        When options contradict each other or the files.
    InputError
        When a file cannot be used. Rows that cannot be used go to ``<out>.refused.csv``.
    ArtefactError
        When the model that was asked for cannot be had.
    """
    began = time.perf_counter()
    check_output(job.out)
    for given in job.read:
        if given.resolve() == job.out.resolve():
            raise UsageError(f"--out {job.out} would overwrite what is read. Give another name.")
    report("checking the model")
    scorer = load_scorer(settings, playbook, job.task, job.model)
    report("reading")
    plan = scorer.artefact.plan if scorer.artefact else None
    form = form_of(playbook, columns=job.columns, timezone=job.timezone, plan=plan)
    at = parse_one(job.as_of, form.tz, "--as-of") if job.as_of else now()
    intake = take_in(job.leads, job.events, job.changes, form)
    check_created_at(job.columns, intake)
    others = take_in_others(job.account_events, intake, form) if job.account_events else None
    if plan and plan.reads("colleagues"):
        intake = intake.with_colleagues(plan.account, others)
    report(f"scoring {len(intake.leads):,} leads")
    intake, bad = _without_unreadable(intake, scorer)
    scores = _score(intake, scorer, at, job, job.reasons)
    disagree: Disagreement | None = None
    if job.disagreements:
        report("comparing rules and model")

        def again(leads: npt.NDArray[np.bool_]) -> Scores:
            return _score(intake.keep(leads), scorer, at, job, 1)

        disagree = disagreement(scores, job.disagreements, again)
    refused = intake.refused + bad
    order = scores.order() if job.sort else np.arange(len(scores))
    report("writing")
    refused_to = refused_path(job.out)
    if refused:
        write_refused(refused, refused_to)
    # Last, so that a new output always has its refused rows beside it.
    write(_output(intake, scores, order, job.reasons), job.out)
    if not refused:
        refused_to.unlink(missing_ok=True)
    return Scored(
        scores,
        intake,
        refused,
        intake.table.rows_in,
        intake.duplicates,
        at,
        _warnings(intake, scorer, at),
        job.out,
        refused_to if refused else None,
        time.perf_counter() - began,
        disagree,
    )


def _score(intake: Intake, scorer: Scorer, at: int, job: Job, reasons: int) -> Scores:
    return scorer.score(
        intake.leads,
        intake.log,
        np.full(len(intake.leads), at),
        task=job.task,
        changes=intake.changes,
        colleagues=intake.colleagues,
        reasons=reasons,
        lang=job.lang,
    )


def _without_unreadable(intake: Intake, scorer: Scorer) -> tuple[Intake, list[Refusal]]:
    """Refuse leads whose number columns hold NaN, infinity or a text, or whose dates are none."""
    plan = scorer.artefact.plan if scorer.artefact else None
    bad = np.zeros(len(intake.leads), dtype=bool)
    refused: list[Refusal] = []
    strange = unreadable(intake.leads, plan.attributes, plan.tz) if plan else {}
    for name, (cells, expected) in strange.items():
        rows = np.zeros(intake.table.data.num_rows, dtype=bool)
        rows[intake.rows[cells & ~bad]] = True
        refused += intake.table.refusals(rows, name, f"not {expected}")
        bad |= cells
    return (intake.keep(~bad), refused) if bad.any() else (intake, refused)


def _output(intake: Intake, scores: Scores, order: np.ndarray[Any, Any], reasons: int) -> pa.Table:
    """The columns of the list, as they came, then the scores."""
    rows = pa.array(order)
    table = intake.table.data.take(pa.array(intake.rows)).take(rows)
    for name, column in _columns(scores, reasons).items():
        table = table.append_column(OWN_PREFIX + name, column.take(rows))
    return table


def _columns(scores: Scores, reasons: int) -> dict[str, pa.Array]:
    n = len(scores)
    columns: dict[str, Any] = {
        "probability": pa.array(scores.probability, from_pandas=True),
        "points": scores.points.total,
        "temperature": scores.temperature,
        "temperature_by": [scores.temperature_by] * n,
        "task": scores.task,
        "state": scores.state,
        "scored_by": ["model" if by_model else "rules" for by_model in scores.by_model],
        "fallback_reason": scores.fallback_reason,
        "next_action": [action and action["label"] for action in scores.next_action],
        "basis_n": [basis and basis["n"] for basis in scores.basis],
        "basis_converted": [basis and basis["converted"] for basis in scores.basis],
        "warnings": ["; ".join(said) or None for said in scores.warnings],
        "missing_inputs": ["; ".join(names) or None for names in scores.missing_inputs],
        "outside_training": ["; ".join(names) or None for names in scores.outside_training],
    }
    for name, counts in scores.ignored.items():
        columns[f"ignored_{name}"] = counts
    for place in range(reasons):
        columns[f"reason_{place + 1}"] = pa.array(
            [said[place]["text"] if place < len(said) else None for said in scores.reasons],
            pa.string(),
        )
        columns[f"effect_{place + 1}"] = pa.array(
            [said[place]["effect"] if place < len(said) else None for said in scores.reasons],
            pa.float64(),
        )
    columns["as_of"] = [iso(int(at)) for at in scores.as_of]
    for name, version in scores.versions.items():
        columns[f"version_{name}"] = pa.array([version] * n, pa.string())
    return {
        name: column if isinstance(column, pa.Array) else pa.array(column, _type_of(name))
        for name, column in columns.items()
    }


_WHOLE = ("points", "basis_n", "basis_converted")


def _type_of(name: str) -> pa.DataType:
    return pa.int64() if name in _WHOLE or name.startswith("ignored_") else pa.string()


def _warnings(intake: Intake, scorer: Scorer, at: int) -> list[str]:
    warnings = []
    newest = intake.observed_until
    if newest != MISSING and at - newest > STALE:
        warnings.append(
            f"The newest event is from {iso(newest)}, {(at - newest) / DAY:.0f} days before as_of {iso(at)}. "
            "If the log ends there, pass --as-of."
        )
    if scorer.artefact:
        there = set(intake.leads.attributes.column_names)
        plan = scorer.artefact.plan
        learnt = [*(a.name for a in plan.attributes), *plan.date_events.values()]
        absent = [name for name in learnt if name not in there]
        if absent:
            warnings.append(
                f"Columns the model learnt from are absent, taken as missing: {', '.join(absent)}."
            )
        if plan.features and not plan.date_events and not intake.log.n_events:
            warnings.append("The model learnt from events and none were given: pass --events.")
    if "account events taken" in intake.counts and intake.colleagues is None:
        warnings.append(
            "--account-events was read and not used: the model does not look at colleagues, or the list "
            "has nothing that tells accounts."
        )
    return warnings
