"""``tegakari playbook capacity``: so many calls a week, solved into the lines of the temperature."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console

from features.errors import UsageError
from features.instants import HOUR, MISSING, duration_text, iso, zone
from models.capacity.due import of_lines
from models.capacity.reference import Reference
from models.capacity.shift import Became
from models.capacity.solve import Solved, lines, shift_over, solve
from models.kept import keep
from models.past import Past
from models.playbook import Playbook
from models.playbook.playbook import DEFAULT
from models.playbook.temperature import (
    SHARE_OF_HYSTERESIS,
    CapacitySection,
    SolvedSection,
    TemperatureSection,
)
from models.playbook.writing import rewritten, save
from models.points_map import PointsMap
from models.settings import Settings
from models.terminal import REFUSED_ROWS, Report, people, print_json, print_refused, progress
from models.wording import span, texts
from serving.asked import Asked, Taken, take, warnings_of

_MOST_WEEKS = 104


@dataclass(frozen=True, kw_only=True)
class Population(Asked):
    """The leads on which a capacity is solved.

    Attributes
    ----------
    name : str
        What they are called, such as ``"open leads of 2026-10-01"``.
    weeks : int
        In how many weeks, up to `as_of`, they are looked at.
    calls : int or None
        How many can be made in a week; default what the playbook says.
    """

    name: str
    weeks: int = 8
    calls: int | None = None


@dataclass(frozen=True)
class Frozen:
    """A capacity, solved, and what is to be written down of it.

    Attributes
    ----------
    taken : Taken
    capacity : CapacitySection
        With the lines in it.
    solved : Solved
    """

    taken: Taken
    capacity: CapacitySection
    solved: Solved

    @property
    def section(self) -> SolvedSection:
        """The lines, as the playbook has them."""
        assert self.capacity.solved is not None
        return self.capacity.solved

    @property
    def warnings(self) -> list[str]:
        """What a reader should know; that lines were not solved before, or otherwise, is the point."""
        scorer, lang = self.taken.scorer, self.taken.asked.lang
        before = of_lines(scorer.playbook, scorer.artefact_for(self.taken.asked.task), lang)
        return [said for said in warnings_of(self.taken) if said not in before]

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        solved, taken = self.solved, self.taken
        return {
            "as_of": iso(taken.as_of),
            "calls": self.capacity.calls,
            "per": duration_text(self.capacity.per),
            "solved": self.section.model_dump(mode="json"),
            "weekly": solved.counts.tolist(),
            "shift": {"mean": solved.shift.mean, "spread": solved.shift.spread},
            "covers": _covers(taken.asked.lang),
            "refused": len(taken.refused),
            "warnings": self.warnings,
        }


def run_capacity(
    population: Population, settings: Settings, *, write: bool = False, as_json: bool = False
) -> int:
    """Solve a capacity, print what it came to, and write it into the playbook if asked to."""
    own = settings.playbook
    if write and (own is None or own.resolve() == DEFAULT.resolve()):
        raise UsageError(
            "--write: expected a playbook of your own to write to, as FILE or TEGAKARI_PLAYBOOK; the one "
            "that comes with Tegakari is not changed."
        )
    playbook = Playbook.load(settings.playbook)
    with progress("capacity") as report:
        frozen = frozen_on(population, settings, playbook, report)
    if write and own is not None:
        _write(frozen, playbook, own, settings)
    written = str(own) if write else None
    if as_json:
        print_json({**frozen.to_json(), "written_to": written})
    _print(people(as_json), frozen, written)
    print_refused(people(True), frozen.taken.refused)
    return REFUSED_ROWS if frozen.taken.refused else 0


def frozen_on(
    population: Population,
    settings: Settings,
    playbook: Playbook,
    report: Report = lambda step: None,
) -> Frozen:
    """Solve a capacity on leads.

    Raises
    ------
    UsageError
        When nothing says how many calls can be made, or no line comes of it.
    """
    if not 2 <= population.weeks <= _MOST_WEEKS:
        raise UsageError(
            f"--weeks {population.weeks}: expected 2 to {_MOST_WEEKS}; from one week alone nobody can "
            "tell how much weeks differ."
        )
    if not population.name.strip():
        raise UsageError(
            '--name: expected what these leads are called, such as "open leads of 2026-10-01".'
        )
    capacity = _capacity(playbook.said.temperature, population.calls)
    hysteresis = _hysteresis(playbook.said.temperature)
    taken = take(population, settings, playbook, report)
    past = past_of(taken)
    report("looking at the weeks")
    reference = Reference.look(past, taken.as_of, capacity.per, population.weeks)
    hot = lines(reference, capacity, hysteresis)[0]
    report("looking up what became of leads")
    newest = taken.intake.observed_until
    until = taken.as_of if newest == MISSING else min(taken.as_of, newest)
    became = Became.of(past, until, capacity.per)
    solved = solve(reference, capacity, hysteresis, shift_over(past, became, hot, reference.now))
    model = past.artefact.version if past.artefact else None
    section = solved.section(_day(taken, playbook), population.name, model)
    return Frozen(taken, capacity.model_copy(update={"solved": section}), solved)


def _capacity(said: TemperatureSection, calls: int | None) -> CapacitySection:
    """What can be called, without lines solved before."""
    if calls is not None and calls < 1:
        raise UsageError(f"--calls {calls}: expected 1 or more.")
    if said.capacity is not None:
        asked = {} if calls is None else {"calls": calls}
        return said.capacity.model_copy(update={"solved": None, **asked})
    if calls is None:
        raise UsageError(
            "How many calls can be made in a week? Give --calls 40, or write [temperature.capacity] with "
            "calls = 40 into the playbook."
        )
    return CapacitySection(calls=calls)


def _hysteresis(said: TemperatureSection) -> float:
    """The share of the line by which a lead has to fall below it."""
    if said.by == "points" or said.hysteresis is None:
        return SHARE_OF_HYSTERESIS
    return said.hysteresis


def past_of(taken: Taken) -> Past:
    """What would have been answered earlier, by whoever answers now."""
    scorer, task = taken.scorer, taken.asked.task
    artefact = scorer.artefact_for(task)
    asked = artefact.task if artefact else scorer.playbook.task(task)
    points_map = scorer.points_map
    observed = points_map if points_map and points_map.task == task else None
    return Past(taken.known, asked, scorer.qualification, artefact, observed)


def _day(taken: Taken, playbook: Playbook) -> datetime.date:
    plan = taken.scorer.artefact.plan if taken.scorer.artefact else None
    name = taken.asked.timezone or playbook.timezone
    tz: ZoneInfo = zone(name) if name else plan.tz if plan else zone("UTC")
    return datetime.datetime.fromtimestamp(taken.as_of / 1e6, tz).date()


def _write(frozen: Frozen, playbook: Playbook, path: Path, settings: Settings) -> None:
    """Freeze the lines in the playbook, whose temperature is by capacity from then on."""
    said, temperature = frozen.capacity, ("temperature",)
    values: dict[tuple[str | int, ...], Any] = {}
    if playbook.said.temperature.by != "capacity":
        values = {(*temperature, name): None for name in ("hot", "warm")}
        if playbook.said.temperature.by == "points":
            values[*temperature, "hysteresis"] = None
        values[*temperature, "by"] = "capacity"
    values[*temperature, "capacity", "calls"] = said.calls
    values[*temperature, "capacity", "solved"] = {
        key: value for key, value in frozen.section.model_dump().items() if value is not None
    }
    text = rewritten(playbook.text, values, playbook.source)
    # Points mean what they meant: before the playbook stands there, what was observed for them does.
    version = Playbook.parse(text, playbook.source).version
    for task in playbook.tasks:
        observed, _ = PointsMap.load(settings.points_maps, task, playbook.version)
        if observed is not None:
            replace(observed, playbook_version=version).save(settings.points_maps)
    for kept in (playbook.text, text):
        keep(kept.encode(), settings.playbooks)
    save(text, path)


def _covers(lang: str) -> list[str]:
    """What the intervals cover, and what they do not."""
    words = texts(lang)["capacity"]
    return [words[name] for name in ("covers_calls", "covers_conversions", "covers_not")]


def _print(console: Console, frozen: Frozen, written: str | None) -> None:
    words, solved = texts(frozen.taken.asked.lang)["capacity"], frozen.section
    day, weeks = solved.date.isoformat(), frozen.solved.counts
    console.print(
        words["asked"].format(
            calls=f"{frozen.capacity.calls:,}",
            per=span(frozen.capacity.per / HOUR, frozen.taken.asked.lang),
        )
    )
    console.print(
        words["reference"].format(
            population=solved.population,
            date=day,
            n=f"{solved.n:,}",
            weeks=solved.weeks,
            model=solved.model or words["rules"],
        )
    )
    console.print(words["lines"].format(hot=f"{solved.hot:g}", warm=f"{solved.warm:g}"))
    console.print(words["weekly"].format(counts=", ".join(f"{n:,}" for n in weeks)))
    for name in ("calls", "conversions"):
        said = getattr(solved, name)
        figures = {"mean": f"{said.mean:,.1f}", "low": f"{said.low:,}", "high": f"{said.high:,}"}
        console.print(words[f"expected_{name}"].format(**figures))
    for line in _covers(frozen.taken.asked.lang):
        console.print(f"  {line}")
    for warning in frozen.warnings:
        console.print(f"warning: {warning}")
    key = "not_written" if written is None else "written"
    console.print(words[key].format(path=written))
