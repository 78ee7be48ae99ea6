"""What every list is made of: the leads as read, their answers, and what happened last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.instants import FOREVER
from features.log import EventLog
from features.plan import Attribute
from models.conditions import Mask
from models.intake import declared_zone
from models.playbook import Playbook
from models.scores import Scores
from models.settings import Settings
from models.tally import Integers
from models.terminal import Report
from serving.asked import Asked, Taken, take
from serving.lists.happened import acts, latest, touches
from serving.output import check_out

REASONS = 3
"""Reasons that a list gives for each lead."""


@dataclass(frozen=True, kw_only=True)
class Wanted(Asked):
    """A list that is wanted.

    Attributes
    ----------
    out : Path or None
        CSV or Parquet for the leads of the list; None writes nothing.
    most : int
        At most so many leads, the first of the list; 0 for all of them.
    """

    out: Path | None = None
    most: int = 0


@dataclass(frozen=True)
class Seen:
    """Leads as of one moment, with their answers.

    Attributes
    ----------
    taken : Taken
    scores : Scores
        Of every lead, without reasons.
    tz : tzinfo
        Of times for people, and of working days.
    """

    taken: Taken
    scores: Scores
    tz: tzinfo

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def playbook(self) -> Playbook:
        return self.taken.scorer.playbook

    @property
    def log(self) -> EventLog:
        return self.taken.intake.log

    @property
    def as_of(self) -> int:
        """The moment, the same for every lead."""
        return self.taken.as_of

    @property
    def lang(self) -> str:
        return self.scores.lang

    @cached_property
    def last_act(self) -> Integers:
        """The place in the log of what each lead did last; -1 for nothing."""
        return latest(self.log, acts(self.playbook, self.log), self.scores.as_of)

    @cached_property
    def last_touch(self) -> Integers:
        """The place in the log of our last touch of each lead alone; -1 for none."""
        return latest(self.log, touches(self.playbook, self.log), self.scores.as_of)

    def ago(self, event: Integers) -> Integers:
        """How long ago events of the log occurred, microseconds; `FOREVER` for -1."""
        if not self.log.n_events:
            return np.full(len(event), FOREVER)
        return np.where(event >= 0, self.as_of - self.log.occurred_at[event], FOREVER)

    @cached_property
    def excluded(self) -> Mask:
        """Who is no lead by the playbook."""
        return np.array([rule is not None for rule in self.scores.qualified.excluded], dtype=bool)

    @cached_property
    def on_task(self) -> Mask:
        """Whom the task asks about."""
        return np.array([task is not None for task in self.scores.task], dtype=bool)

    @cached_property
    def hot(self) -> Mask:
        """Who is over the hot line."""
        return np.array([t == "hot" for t in self.scores.temperature], dtype=bool)

    def attribute(self, name: str) -> pa.Array:
        """The values of a column as texts, as they were then; missing where there is no such column."""
        return self.scores.qualified.view.attribute(Attribute(name, "category", "tracked"))

    def told(self, rows: Integers) -> tuple[Scores, Integers]:
        """The answers of some leads with reasons, and the place of each among them."""
        mask = np.zeros(len(self), dtype=bool)
        mask[rows] = True
        place = np.cumsum(mask) - 1
        return self.taken.keep(mask).scores(reasons=REASONS), place[rows]


def see(wanted: Wanted, settings: Settings, playbook: Playbook, report: Report) -> Seen:
    """Read what a list is made of, and answer for every lead; see `serving.asked.take`."""
    if wanted.out is not None:
        check_out(wanted.out, wanted.read)
    taken = take(wanted, settings, playbook, report)
    report(f"scoring {len(taken.intake.leads):,} leads")
    scores = taken.scores(reasons=0)
    return Seen(taken, scores, declared_zone(playbook, wanted.timezone) or UTC)
