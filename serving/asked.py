"""What a list is scored from: its files read, the model that answers, and the moment they are seen at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features.attributes import unreadable
from features.instants import DAY, MISSING, iso, now
from features.known import Known
from features.reading import AS_FOUND, Declared, Refusal
from features.tables import Intake, take_in, take_in_others
from features.times import parse_one
from models.capacity.due import of_lines
from models.intake import check_created_at, form_of
from models.playbook import Playbook
from models.scorer import Scorer
from models.scores import Scores
from models.settings import FIRST_TASK, Settings
from models.terminal import Report
from serving.registry import load_scorer

STALE = 7 * DAY
"""A newest event older than this at `as_of` is worth a warning."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Files, and how they are to be seen.

    Attributes
    ----------
    leads, events, changes, identities : Path
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
    declared : Declared
        What is said of the files themselves.
    """

    leads: Path
    events: Path | None = None
    changes: Path | None = None
    account_events: Path | None = None
    as_of: str | None = None
    model: str | None = None
    task: str = FIRST_TASK
    columns: Mapping[str, str] = field(default_factory=dict)
    timezone: str | None = None
    lang: str = "en"
    identities: Path | None = None
    declared: Declared = AS_FOUND

    @property
    def read(self) -> list[Path]:
        """The files that are read."""
        files = (
            self.leads,
            self.events,
            self.changes,
            self.account_events,
            self.identities,
        )
        return [file for file in files if file is not None]


@dataclass(frozen=True)
class Taken:
    """What was asked for, read.

    Attributes
    ----------
    asked : Asked
    scorer : Scorer
    intake : Intake
    as_of : int
    refused : list of Refusal
        Rows that cannot be used, those of unreadable numbers and dates too.
    """

    asked: Asked
    scorer: Scorer
    intake: Intake
    as_of: int
    refused: list[Refusal]

    @property
    def known(self) -> Known:
        """What is known of the leads."""
        intake = self.intake
        return Known(intake.leads, intake.log, intake.changes, intake.colleagues)

    def keep(self, leads: npt.NDArray[np.bool_]) -> Taken:
        """The leads marked in a mask of shape (n_leads,)."""
        return replace(self, intake=self.intake.keep(leads))

    def scores(self, reasons: int) -> Scores:
        """The answers, with at most so many reasons each."""
        intake = self.intake
        return self.scorer.score(
            intake.leads,
            intake.log,
            np.full(len(intake.leads), self.as_of),
            task=self.asked.task,
            changes=intake.changes,
            colleagues=intake.colleagues,
            reasons=reasons,
            lang=self.asked.lang,
        )


def take(asked: Asked, settings: Settings, playbook: Playbook, report: Report) -> Taken:
    """Find the model, then read the files as it was trained on such files.

    Raises
    ------
    UsageError
        When options contradict each other or the files.
    InputError
        When a file cannot be used.
    ArtefactError
        When the model that was asked for cannot be had.
    """
    report("checking the model")
    scorer = load_scorer(settings, playbook, asked.task, asked.model)
    report("reading")
    plan = scorer.artefact.plan if scorer.artefact else None
    form = form_of(
        playbook,
        columns=asked.columns,
        timezone=asked.timezone,
        plan=plan,
        declared=asked.declared,
    )
    at = parse_one(asked.as_of, form.tz, "--as-of") if asked.as_of else now()
    intake = take_in(asked.leads, asked.events, asked.changes, form, asked.identities)
    check_created_at(asked.columns, intake)
    others = take_in_others(asked.account_events, intake, form) if asked.account_events else None
    if plan and plan.reads("colleagues"):
        intake = intake.with_colleagues(plan.account, others)
    intake, bad = _without_unreadable(intake, scorer)
    return Taken(asked, scorer, intake, at, intake.refused + bad)


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


def warnings_of(taken: Taken) -> list[str]:
    """What a reader of all the answers should know."""
    intake, scorer, at = taken.intake, taken.scorer, taken.as_of
    artefact = scorer.artefact_for(taken.asked.task)
    warnings = of_lines(scorer.playbook, artefact, taken.asked.lang)
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
