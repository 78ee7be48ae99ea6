"""An old and a new playbook held against the same leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from features.errors import UsageError
from features.instants import DAY, Instants, iso
from features.known import Known
from features.spine import cutoffs
from features.task import Task
from features.times import parse_one
from models.conditions import View
from models.evidence import Basis, wilson
from models.playbook import Playbook
from models.qualification import Qualification
from models.temperature import Temperature, named
from training.preview.backtest import Backtest, backtest, converted
from training.preview.followed import Answerer, Followed, asked_about, follow
from training.sources import Material

WEEK = 7 * DAY
NO_BAND = "none"


class Mover(NamedTuple):
    """A lead that has another temperature or stage by the new playbook."""

    lead_id: str
    points: tuple[int, int]
    probability: tuple[float | None, float | None]
    temperature: tuple[Temperature | None, Temperature | None]
    stage: tuple[str | None, str | None]
    rules: list[tuple[str, float]]


class Load(NamedTuple):
    """Leads that became hot in a week: the mean of the weeks, the fewest and the most."""

    mean: float
    least: int
    most: int


class Cell(NamedTuple):
    """A grade of the new playbook's grid, at the last week whose horizon has ended."""

    grade: str
    basis: Basis


@dataclass(frozen=True)
class Preview:
    """What the new playbook would change.

    Attributes
    ----------
    old, new : Playbook
    task : Task
    as_of : int
        The end of the last week.
    tz : ZoneInfo
    leads : int
        Whom the task asks about then.
    moves, stages : dict of (str, str) to int
        Leads by what they are by the old and by the new playbook.
    movers : list of Mover
        Those with another temperature, then those with another stage; the hot ones first, then most
        points moved.
    load : (Load, Load)
        Newly hot leads a week, old and new.
    weeks : int
    per_week : int
        Calls that can be made, by the new playbook.
    backtest : Backtest
    grid : list of Cell
    notes : list of str
        Keys of texts that a reader should know, with what is said in them.
    """

    old: Playbook
    new: Playbook
    task: Task
    as_of: int
    tz: ZoneInfo
    leads: int
    moves: dict[tuple[str, str], int]
    stages: dict[tuple[str, str], int]
    movers: list[Mover]
    load: tuple[Load, Load]
    weeks: int
    per_week: int
    backtest: Backtest
    grid: list[Cell]
    notes: list[tuple[str, dict[str, str]]]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "old": self.old.version,
            "new": self.new.version,
            "task": self.task.name,
            "as_of": iso(self.as_of),
            "leads": self.leads,
            "temperatures": _counts(self.moves),
            "stages": _counts(self.stages),
            "movers": [mover._asdict() for mover in self.movers],
            "newly_hot_a_week": {
                name: load._asdict() for name, load in zip(("old", "new"), self.load, strict=True)
            },
            "weeks": self.weeks,
            "calls_per_week": self.per_week,
            "backtest": _plain(self.backtest),
            "grid": [{"grade": cell.grade, **cell.basis} for cell in self.grid],
        }


def _counts(pairs: dict[tuple[str, str], int]) -> list[dict[str, Any]]:
    return [{"old": old, "new": new, "leads": n} for (old, new), n in pairs.items()]


def _plain(value: Any) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(inner) for name, inner in value._asdict().items()}
    return value


def preview(
    old: Playbook,
    new: Playbook,
    material: Material,
    answerers: tuple[Answerer, Answerer],
    *,
    as_of: int,
    weeks: int,
) -> Preview:
    """Hold two playbooks against the leads of a material.

    Only what was known at the end of each week enters what they say of it. Where probabilities
    decide, the weeks in which the model's outcomes lie are left out of the backtest.

    Raises
    ------
    UsageError
        When the data are too short for one week.
    """
    task, intake = material.task, material.intake
    known = Known(intake.leads, intake.log, intake.changes, intake.colleagues)
    moments = _moments(known, material, as_of, weeks)
    asked = asked_about(known, task, new.touches, moments)
    before, after = (
        follow(playbook, known, task, asked, moments, answerer)
        for playbook, answerer in zip((old, new), answerers, strict=True)
    )
    ways = before, after
    assert task.horizon is not None
    ends = moments[1:]
    became = converted(known.log, task, ends, len(known.leads))
    ended = ends + task.horizon <= material.observed_until
    notes: list[tuple[str, dict[str, str]]] = []
    seen_until = max(_outcomes_seen(answerer) for answerer in answerers)
    if not ended.any():
        notes.append(("no_mature", {"horizon": task.horizon_text or ""}))
    learnt = ends < seen_until
    if learnt.any():
        notes.append(("flattered", {"since": str(iso(seen_until, material.tz))}))
    of_now = asked[-1]
    return Preview(
        old,
        new,
        task,
        int(moments[-1]),
        material.tz,
        int(of_now.sum()),
        _pairs(_names(before.band[-1]), _names(after.band[-1]), of_now),
        _pairs(_stages(before), _stages(after), of_now),
        _movers(ways, of_now, known.leads.lead_id.to_pylist()),
        (_load(ways[0]), _load(ways[1])),
        len(ends),
        new.said.actions.calls.per_week,
        backtest(
            before,
            after,
            asked[1:],
            became,
            ended,
            learnt,
            per_week=new.said.actions.calls.per_week,
            weeks_of_horizon=-(-task.horizon // WEEK),
        ),
        _grid(after, known, asked[1:], became, ended, ends),
        notes,
    )


def _moments(known: Known, material: Material, as_of: int, weeks: int) -> Instants:
    """The ends of the weeks, Mondays at midnight in the zone, and the one before the first."""
    created = known.leads.created_at[known.leads.created_at > 0]
    start = max(int(created.min()) if len(created) else as_of, as_of - (weeks + 1) * WEEK)
    grid = cutoffs(start, as_of, WEEK, material.tz)
    if len(grid) < 2:
        raise UsageError(
            f"The data end {iso(as_of)} and hold no whole week before: give more, or an earlier --as-of."
        )
    return grid[-(weeks + 1) :]


def _outcomes_seen(answerer: Answerer) -> int:
    """Until when outcomes entered a model; the beginning of time without one."""
    record = answerer.artefact.record if answerer.artefact else {}
    told = record.get("outcomes_seen_until") or record.get("first_test_cutoff")
    return parse_one(told, None, "the model's record") if told else int(np.iinfo(np.int64).min)


def _names(band: npt.NDArray[np.int8]) -> list[str]:
    return [name or NO_BAND for name in named(band.astype(np.int64))]


def _stages(way: Followed) -> list[str]:
    standing = way.qualified.standing
    n = len(way.qualified.view)
    return [*standing.names()] if standing else [NO_BAND] * n


def _pairs(
    old: Sequence[str], new: Sequence[str], of_now: npt.NDArray[np.bool_]
) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for row in map(int, np.flatnonzero(of_now)):
        pair = old[row], new[row]
        counts[pair] = counts.get(pair, 0) + 1
    return dict(sorted(counts.items()))


def _movers(
    ways: Sequence[Followed], of_now: npt.NDArray[np.bool_], lead_id: Sequence[str]
) -> list[Mover]:
    bands, stages = [_names(way.band[-1]) for way in ways], [_stages(way) for way in ways]
    moved = [
        int(row)
        for row in np.flatnonzero(of_now)
        if bands[0][row] != bands[1][row] or stages[0][row] != stages[1][row]
    ]
    rules = [_rules(way, moved) for way in ways]
    movers = []
    for place, row in enumerate(moved):
        before, after = (of[place] for of in rules)
        changed = {
            name: after.get(name, 0.0) - before.get(name, 0.0) for name in {**before, **after}
        }
        told = sorted(
            ((name, gain) for name, gain in changed.items() if abs(gain) >= 0.005),
            key=lambda rule: (-abs(rule[1]), rule[0]),
        )
        points = [int(way.qualified.points.total[row]) for way in ways]
        p = [
            None
            if np.isnan(way.value[-1, row]) or way.playbook.said.temperature.by == "points"
            else float(way.value[-1, row])
            for way in ways
        ]
        temperature = [named(way.band[-1, row : row + 1].astype(np.int64))[0] for way in ways]
        movers.append(
            Mover(
                lead_id[row],
                (points[0], points[1]),
                (p[0], p[1]),
                (temperature[0], temperature[1]),
                (stages[0][row], stages[1][row]),
                told,
            )
        )
    warmth = {"hot": 0, "warm": 1, "cold": 2, None: 3}
    return sorted(
        movers,
        key=lambda m: (
            m.temperature[0] == m.temperature[1],
            min(map(warmth.__getitem__, m.temperature)),
            -abs(m.points[1] - m.points[0]),
            m.lead_id,
        ),
    )


def _rules(way: Followed, rows: Sequence[int]) -> list[dict[str, float]]:
    """What each rule adds to the points of leads."""
    points = way.qualified.points
    names = [rule.name for rule in points.scorecard.rules]
    return [dict(zip(names, map(float, points.contribution[row]), strict=True)) for row in rows]


def _load(way: Followed) -> Load:
    hot = way.newly_hot.sum(axis=1)
    return Load(float(hot.mean()), int(hot.min()), int(hot.max()))


def _grid(
    way: Followed,
    known: Known,
    asked: npt.NDArray[np.bool_],
    became: npt.NDArray[np.bool_],
    mature: npt.NDArray[np.bool_],
    ends: Instants,
) -> list[Cell]:
    """The grades as of the last mature week, and how their leads converted."""
    if way.playbook.points.grid is None or not mature.any():
        return []
    week = int(np.flatnonzero(mature)[-1])
    rows = np.flatnonzero(asked[week])
    view = View(known.leads, known.log, rows, np.full(len(rows), ends[week]), known.changes)
    points = Qualification(way.playbook).points(view, way.qualified.moves)
    found: dict[str, list[int]] = {}
    for grade, row in zip(points.grades(), rows, strict=True):
        counts = found.setdefault(str(grade), [0, 0])
        counts[0] += 1
        counts[1] += int(became[week, row])
    return [Cell(grade, wilson(*found[grade])) for grade in sorted(found)]
