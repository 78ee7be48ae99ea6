"""Where families are tried: a bank's loan applications, the simulated world, and planted signals."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features.instants import duration, zone
from features.spine import labels_of
from models.families import BASE, family_of, lines_of
from models.playbook import Playbook
from models.playbook.schema import FeaturesSection
from models.playbook.tasks import Cutoffs
from training.held_out import Probabilities
from training.quality.real import PLAYBOOK as BANK
from training.report.best_possible import best_possible
from training.simulate import simulate
from training.sources import Material, Sources, gather
from training.split import Split, split_by_time

TASK = "qualification"
BANK_LOG, SIMULATED = "bpi2012", "simulated"
PLANTED = {
    "sessions": "sessions",
    "order": "order",
    "responses": "responses",
    "hours": "clock",
    "accounts": "account",
}
"""The family that sees each of `training.simulation.signals.SIGNALS`."""

EVERY = "28d"
"""Between two cutoffs of a simulated lead: rows a week apart say nearly the same, and what tells one
model from another is the number of leads."""

_ZONE = "Asia/Tokyo"
_END = datetime(2026, 7, 1, tzinfo=zone(_ZONE))
"""A day that does not move, so that the figures do not either."""


@dataclass(frozen=True)
class World:
    """Leads, and what is known of them besides.

    Attributes
    ----------
    name : str
        `BANK_LOG`, `SIMULATED`, or the signal that is planted.
    material : Material
    playbook : Playbook
    seed : int
        Of a simulated world; of bpi2012 that of the fit, which draws features and rows for each tree.
    best, without : ndarray of shape (n_rows,) or None
        `p_bayes` and `p_without` of each row of the material's spine, where they are known.
    """

    name: str
    material: Material
    playbook: Playbook
    seed: int
    best: Probabilities | None = None
    without: Probabilities | None = None

    @property
    def title(self) -> str:
        """The name, with the seed."""
        return f"{self.name}, seed {self.seed}"

    @property
    def planted(self) -> str | None:
        """The family that sees what is planted here."""
        return PLANTED.get(self.name)

    @property
    def horizon(self) -> int:
        """Of the task, in microseconds."""
        assert self.material.task.horizon is not None
        return self.material.task.horizon

    @cached_property
    def split(self) -> Split:
        """As in training."""
        return split_by_time(self.material.spine, self.horizon)

    @cached_property
    def label(self) -> npt.NDArray[np.int8]:
        """Of each row of the spine."""
        return labels_of(self.material.spine)

    @cached_property
    def unit(self) -> npt.NDArray[np.int64]:
        """What is resampled: the account of each row's lead, else the lead."""
        lead = self.material.spine.lead
        colleagues = self.material.intake.colleagues
        if colleagues is None:
            return lead
        account = colleagues.account[lead]
        return np.where(account >= 0, account, len(colleagues.offsets) + lead)

    def with_families(self, *families: str) -> Playbook:
        """The playbook with the counts it has, or else the default ones, and some families."""
        own = tuple(line for line in self.playbook.catalogue if family_of(line) == BASE)
        lines = (own or lines_of([BASE])) + lines_of(set(families) - {BASE})
        return self.playbook.altered(features=FeaturesSection(catalogue=lines))


def bpi2012(folder: Path, seeds: Sequence[int]) -> list[World]:
    """The loan-lead log of `training.quality.real`, the same for every seed."""
    playbook = Playbook.load(BANK)
    sources = Sources(folder / "cases.parquet", folder / "events.parquet")
    material = gather(sources, playbook, TASK)
    return [World(BANK_LOG, material, playbook, seed) for seed in seeds]


def simulated(n_leads: int, seed: int, signal: str | None = None) -> World:
    """A simulated world, with a signal planted in it if there is one."""
    playbook = Playbook.load()
    often = playbook.said.tasks[TASK].model_copy(
        update={"cutoffs": Cutoffs.model_construct(every=duration(EVERY))}
    )
    playbook = playbook.altered(tasks={TASK: often})
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        simulate(here, leads=n_leads, seed=seed, end=_END, timezone=_ZONE, signal=signal)
        files = here / "leads.csv", here / "events.parquet", here / "changes.parquet"
        material = gather(Sources(*files, timezone=_ZONE), playbook, TASK)
        best, without = (
            best_possible(here / "truth.parquet", material.leads, material.spine, answer)
            if answer == "p_bayes" or signal
            else None
            for answer in ("p_bayes", "p_without")
        )
    return World(signal or SIMULATED, material, playbook, seed, best, without)
