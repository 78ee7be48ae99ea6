"""Whole lists: a lead list in, the same list with its scores out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.instants import iso, isos
from features.reading import OWN_PREFIX, Refusal
from features.tables import Intake
from features.writing import FILES, SAFE, Spreadsheet
from models.explain import ALL
from models.playbook import Playbook
from models.scores import Scores
from models.settings import Settings
from models.terminal import Report
from models.trend import DAYS
from serving.asked import Asked, take, warnings_of
from serving.calls_due import calls_due
from serving.disagreement import Disagreement, disagreement
from serving.output import check_out, deliver


@dataclass(frozen=True, kw_only=True)
class Job(Asked):
    """A list to score.

    Attributes
    ----------
    out : Path
    sort : bool
        Most likely first, instead of the order of the list.
    reasons : int
        Columns of reasons, 0 to 5.
    disagreements : int
        At most this many leads about which rules and model disagree most are reported.
    how : Spreadsheet
        How CSV is written.
    """

    out: Path
    sort: bool = False
    reasons: int = 0
    disagreements: int = 0
    how: Spreadsheet = SAFE


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
    refused_to: list[Path]
    seconds: float
    disagreement: Disagreement | None = None

    @property
    def answered(self) -> int:
        """Leads that have an answer in the output."""
        return len(self.scores)

    @property
    def refused_by_kind(self) -> dict[str, int]:
        """Refused leads, events, changes and identities."""
        kinds = [refusal.lost for refusal in self.refused]
        return {kind: kinds.count(kind) for kind in ("lead", "event", "change", "identity")}

    def to_json(self) -> dict[str, Any]:
        """The counts, for ``--json``."""
        scores = self.scores
        temperatures = [t or "none" for t in scores.temperature]
        return {
            "out": str(self.out),
            "refused_to": [str(path) for path in self.refused_to],
            "as_of": iso(self.as_of),
            "rows_in": self.rows_in,
            "answered": self.answered,
            **{f"refused_{FILES[kind]}": n for kind, n in self.refused_by_kind.items()},
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
        When a file cannot be used. Rows that cannot be used go to files beside it.
    ArtefactError
        When the model that was asked for cannot be had.
    """
    began = time.perf_counter()
    check_out(job.out, job.read)
    taken = take(job, settings, playbook, report)
    intake = taken.intake
    report(f"scoring {len(intake.leads):,} leads")
    scores = taken.scores(reasons=job.reasons)
    disagree: Disagreement | None = None
    if job.disagreements:
        report("comparing rules and model")

        def again(leads: npt.NDArray[np.bool_]) -> Scores:
            return taken.keep(leads).scores(reasons=ALL)

        disagree = disagreement(scores, job.disagreements, again)
    refused = taken.refused
    order = scores.order() if job.sort else np.arange(len(scores))
    report("writing")
    refused_to = deliver(_output(intake, scores, order, job.reasons), refused, job.out, job.how)
    return Scored(
        scores,
        intake,
        refused,
        intake.table.rows_in,
        intake.duplicates,
        taken.as_of,
        warnings_of(taken) + calls_due(taken, scores),
        job.out,
        refused_to,
        time.perf_counter() - began,
        disagree,
    )


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
        "temperature_otherwise": scores.temperature_otherwise,
        **_standing(scores),
        **_trend(scores),
        "task": scores.task,
        "state": scores.state,
        "scored_by": ["model" if by_model else "rules" for by_model in scores.by_model],
        "fallback_reason": scores.fallback_reason,
        "next_action": [action and action["label"] for action in scores.next_action],
        "basis_n": [basis and basis["n"] for basis in scores.basis],
        "basis_converted": [basis and basis["converted"] for basis in scores.basis],
        **{
            f"basis_{end}": pa.array([basis and basis[end] for basis in scores.basis], pa.float64())
            for end in ("low", "high")
        },
        "warnings": ["; ".join(said) or None for said in scores.warnings],
        "missing_inputs": ["; ".join(names) or None for names in scores.missing_inputs],
        "outside_training": ["; ".join(names) or None for names in scores.outside_training],
    }
    for name, counts in scores.ignored.items():
        columns[f"ignored_{name}"] = counts
    if reasons:
        columns["starting_point"] = pa.array(scores.start, from_pandas=True)
    for place in range(reasons):
        columns[f"reason_{place + 1}"] = pa.array(
            [said[place]["text"] if place < len(said) else None for said in scores.reasons],
            pa.string(),
        )
        columns[f"effect_{place + 1}"] = pa.array(
            [said[place]["effect"] if place < len(said) else None for said in scores.reasons],
            pa.float64(),
        )
    columns["as_of"] = isos(scores.as_of)
    for name, version in scores.versions.items():
        columns[f"version_{name}"] = pa.array([version] * n, pa.string())
    return {
        name: column if isinstance(column, pa.Array) else pa.array(column, _type_of(name))
        for name, column in columns.items()
    }


def _standing(scores: Scores) -> dict[str, Any]:
    """Points by score, grade, stage and journey."""
    qualified = scores.qualified
    points, standing, reached = qualified.points, qualified.standing, qualified.reached
    columns: dict[str, Any] = {}
    for place, name in enumerate(points.scorecard.scores):
        if name is not None:
            columns[f"points_{name}"] = pa.array(points.by_score[:, place])
    columns |= {"grade": points.grades()}
    if standing is not None:
        columns |= {
            "stage": standing.names(),
            "stage_since": isos(standing.since()),
            "origin": standing.origins(),
            "cycle": pa.array(standing.cycle, pa.int64()),
        }
    return columns | {
        "psychological_stage": reached.psychological_stages(),
        "journey_step": reached.step_names(),
        "excluded": [rule and rule.name for rule in qualified.excluded],
    }


def _trend(scores: Scores) -> dict[str, Any]:
    """The direction, and the change of the log-odds in so many days."""
    trend = scores.trend
    columns: dict[str, Any] = {"trend": trend.direction.tolist()}
    for days, change in zip(DAYS, trend.change, strict=True):
        columns[f"change_{days}d"] = pa.array(change, from_pandas=True)
    return columns


_WHOLE = ("points", "basis_n", "basis_converted")


def _type_of(name: str) -> pa.DataType:
    return pa.int64() if name in _WHOLE or name.startswith("ignored_") else pa.string()
