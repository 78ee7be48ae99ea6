"""How well a capacity is solved: one week of each of many simulated worlds, each with its own model.

In each world a model is trained on the past, the capacity is solved on the weeks up to that moment,
and the one week after it, of which nothing was known, is looked at: how many leads came to be called,
and how many of them converted within the horizon.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.build import build
from features.errors import TrainingRefused
from features.instants import iso, zone
from features.known import Known
from features.program import compile_plan
from features.spine import Spine, labels, labels_of
from models.artefact import Artefact
from models.capacity.distributions import Interval, interval, of_called, poisson_binomial
from models.capacity.reference import Reference
from models.capacity.shift import Became
from models.capacity.solve import lines, shift_over, solve
from models.evidence import wilson
from models.past import Past
from models.playbook import Playbook
from models.playbook.tasks import Cutoffs
from models.playbook.temperature import SHARE_OF_HYSTERESIS, CapacitySection
from models.qualification import Qualification
from models.terminal import Report
from training.fit import Tuning, fit_matrix, rung
from training.freeze import freeze
from training.report.best_possible import best_possible
from training.simulate import simulate
from training.sources import Material, Sources, gather
from training.split import split_by_time
from training.trees import CAREFUL, PARAMETERS, Candidate
from training.tune import Budget

LEADS, DAYS, WEEKS = 4000, 540, 8
CALLS = 40
WAYS = ("calls", "conversions", "conversions of those called", "conversions of the top")
HEADER = (
    "90% intervals of one week",
    "held",
    "95% interval",
    "mean width",
    "Poisson-binomial",
    "x",
)

_ZONE = "Asia/Tokyo"
_END = datetime(2026, 7, 1, tzinfo=zone(_ZONE))
_YEAR = 364
"""Days; worlds end at different times of a year, since their calendars of mails and fairs are alike."""
_ONE = Candidate("shallow", {**CAREFUL, "num_leaves": 7, "extra_trees": True, "learning_rate": 0.1})


class Forecast(NamedTuple):
    """An interval, what came, and the interval of who knows every lead's true probability.

    `best` is None where that is no matter of probabilities of leads: of how many are called.
    """

    said: Interval
    came: int
    best: Interval | None


@dataclass(frozen=True)
class OneWeek:
    """One week of one world: a forecast for each of `WAYS`.

    Attributes
    ----------
    seed : int
    expected : tuple of float
        Calls, and conversions of those called.
    """

    seed: int
    forecasts: tuple[Forecast, ...]
    expected: tuple[float, float]


def seeds_of(base: int, n: int) -> list[int]:
    """Seeds of n independent worlds, derived from one."""
    return [int(s.generate_state(1)[0]) for s in np.random.SeedSequence(base).spawn(n)]


def one_week(seed: int, n_leads: int = LEADS, calls: int = CALLS) -> OneWeek:
    """Simulate, train, solve, and look at the week after."""
    playbook = _biweekly(Playbook.load())
    last = _END - timedelta(days=int(np.random.default_rng(seed).integers(_YEAR)))
    end = last - timedelta(days=90)
    solved_at = end - timedelta(days=7)
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        simulate(here, leads=n_leads, days=DAYS, seed=seed, end=last, timezone=_ZONE)
        files = (here / "leads.csv", here / "events.parquet", here / "changes.parquet")
        until = solved_at.isoformat()
        sources = Sources(*files, timezone=_ZONE, until=until)
        material = gather(sources, playbook, "qualification")
        past = _past(material, playbook)
        capacity, now = CapacitySection(calls=calls), _micro(solved_at)
        after = Reference.look(past, _micro(end), capacity.per, WEEKS + 1)
        reference = after.before_last()
        hot, _ = lines(reference, capacity, SHARE_OF_HYSTERESIS)
        became = Became.of(past, now, capacity.per)
        shift = shift_over(past, became, hot, reference.now)
        solved = solve(reference, capacity, SHARE_OF_HYSTERESIS, shift)
        probability = after.probability[-1]
        crossings = after.crossings(SHARE_OF_HYSTERESIS, hot=True)
        called = crossings.lead[crossings.at(hot) & (crossings.week == WEEKS)]
        top = np.argsort(-np.nan_to_num(probability, nan=-1.0), kind="stable")[:calls]
        lead = np.arange(len(material.leads))
        then = np.full(len(lead), _micro(end))
        label = labels(material.log, material.task, lead, then)
        spine = Spine(lead, then, None, np.zeros_like(lead))
        best = best_possible(here / "truth.parquet", material.leads, spine)
    line_of_top = float(probability[top].min())
    shift_of_top = shift_over(past, became, line_of_top, reference.now)
    best = np.where(np.isnan(best), probability, best)

    def known(leads: npt.NDArray[np.int64]) -> Interval:
        return interval(poisson_binomial(best[leads]))

    came = int(label[called].sum())
    return OneWeek(
        seed,
        (
            Forecast(solved.calls.interval, len(called), None),
            Forecast(solved.conversions.interval, came, known(called)),
            Forecast(interval(of_called(probability[called], shift)), came, known(called)),
            Forecast(
                interval(of_called(probability[top], shift_of_top)),
                int(label[top].sum()),
                known(top),
            ),
        ),
        (solved.calls.mean, solved.conversions.mean),
    )


@dataclass(frozen=True)
class Worlds:
    """One week of each of many worlds."""

    weeks: Sequence[OneWeek]
    base: int
    n_leads: int
    calls: int

    @property
    def name(self) -> str:
        """What was done, for a heading."""
        return (
            f"capacity: {len(self.weeks)} simulated worlds of {self.n_leads:,} leads (seeds from "
            f"{self.base}), {self.calls} calls a week, one week each"
        )

    def lines(self) -> list[list[str]]:
        """Rows under `HEADER`: each way's intervals, then those of who knows the truth."""
        rows = []
        for place, way in enumerate(WAYS):
            of = [week.forecasts[place] for week in self.weeks]
            best = [f.best for f in of if f.best is not None]
            width = float(np.mean([f.said.width for f in of]))
            reference = float(np.mean([b.width for b in best])) if best else None
            rows.append(_row(way, [f.said.holds(f.came) for f in of], width, reference))
        for place, way in enumerate(WAYS):
            known = [(f.best, f.came) for f in (w.forecasts[place] for w in self.weeks) if f.best]
            if known and place != 1:
                held = [best.holds(came) for best, came in known]
                width = float(np.mean([best.width for best, _ in known]))
                rows.append(_row(f"{way}, by the truth", held, width, width))
        return rows

    @property
    def note(self) -> str:
        """What was expected and what came, on the average."""
        came = [(week.forecasts[0].came, week.forecasts[1].came) for week in self.weeks]
        calls, conversions = np.mean(came, axis=0)
        expected = np.mean([week.expected for week in self.weeks], axis=0)
        return (
            f"Mean of the worlds: {calls:.1f} calls ({expected[0]:.1f} expected), {conversions:.1f} "
            f"conversions ({expected[1]:.1f} expected). Poisson-binomial: the mean width of the "
            "interval of who knows the true probability of every called lead; x: ours to it."
        )


def _row(way: str, held: Sequence[bool], width: float, reference: float | None) -> list[str]:
    observed = wilson(len(held), sum(held))
    return [
        way,
        f"{np.mean(held):.1%}",
        f"{observed['low']:.1%} to {observed['high']:.1%}",
        f"{width:.2f}",
        "-" if reference is None else f"{reference:.2f}",
        "-" if reference is None else f"{width / reference:.2f}",
    ]


def worlds(
    n: int,
    base: int,
    n_leads: int = LEADS,
    calls: int = CALLS,
    processes: int | None = None,
    report: Report = lambda step: None,
) -> Worlds:
    """One week of each of `n` worlds, several at a time; the same whatever their number."""
    processes = processes or os.cpu_count() or 1
    found: list[OneWeek] = []
    # Spawned: a forked process may hang in the threads that LightGBM has started.
    with ProcessPoolExecutor(processes, get_context("spawn"), _alone) as pool:
        asked = [pool.submit(one_week, seed, n_leads, calls) for seed in seeds_of(base, n)]
        for done in as_completed(asked):
            found.append(done.result())
            report(f"{len(found)} of {n} worlds")
    return Worlds([future.result() for future in asked], base, n_leads, calls)


def _alone() -> None:
    """One thread in each process: threads that wait for others' cores are slow."""
    import numba
    import pyarrow as pa

    numba.set_num_threads(1)
    pa.set_cpu_count(1)
    PARAMETERS["num_threads"] = 1


def _biweekly(playbook: Playbook) -> Playbook:
    """The same, with half as many training rows."""
    task = playbook.said.tasks["qualification"]
    rarer = task.model_copy(update={"cutoffs": Cutoffs(every="14d")})  # type: ignore[arg-type]
    return playbook.altered(tasks={**playbook.said.tasks, "qualification": rarer})


def _past(material: Material, playbook: Playbook) -> Past:
    """A model trained on the material, as `tegakari train` fits one, of one candidate."""
    assert material.task.horizon is not None
    split = split_by_time(material.spine, material.task.horizon)
    plan = freeze(material, playbook, split.train)
    intake, spine = material.intake, material.spine.take(split.train)
    known = Known(intake.leads, intake.log, intake.changes, intake.colleagues)
    matrix = build(
        plan, compile_plan(plan), known.leads, known.log, spine, known.changes, known.colleagues
    )
    form, _, _ = rung(labels_of(spine), spine.lead)
    if form == "rules":
        raise TrainingRefused("Too few leads converted for a model; give more leads.")
    tuning = Tuning(Budget(threads=1), given=(_ONE,))
    fitted = fit_matrix(
        matrix, spine, spine.lead, material.task.horizon, form, 0, lambda step: None, tuning
    )
    assert split.first_test_cutoff is not None
    record = {"first_test_cutoff": iso(split.first_test_cutoff)}
    artefact = Artefact(plan, material.task, fitted.encoder, fitted.model, record=record)
    return Past(known, material.task, Qualification(playbook), artefact, None)


def _micro(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)
