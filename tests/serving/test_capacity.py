"""`tegakari playbook capacity`: lines on an invented company's leads, frozen, used, and warned about."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.instants import DAY, iso
from models.capacity.reference import Reference
from models.capacity.shift import Became, learnt, of_evidence
from models.capacity.solve import shift_over
from models.playbook import Playbook
from models.playbook.playbook import DEFAULT
from models.points_map import PointsMap
from models.settings import Settings
from serving.asked import Asked, Taken, take
from serving.calls_due import calls_due, newly_hot_of
from serving.capacity import past_of

from ..conftest import Ran, Run, World

NAME = "open leads of 2025-06-01"
pytestmark = pytest.mark.usefixtures("checked")


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    """A playbook of one's own."""
    path = tmp_path / "mine.toml"
    path.write_text(Playbook.load().text, encoding="utf-8")
    return path


@pytest.fixture
def home(world: World, tmp_path: Path) -> Path:
    """The home of the world, to write to."""
    return Path(shutil.copytree(world.home, tmp_path / "copied"))


def words(world: World, *more: object) -> tuple[object, ...]:
    return (
        *("--leads", world.leads, "--events", world.events, "--changes", world.changes),
        *("--as-of", world.ends, "--timezone", "Asia/Tokyo", *more),
    )


def solve(run: Run, world: World, home: Path, playbook: Path, *more: object) -> Ran:
    options = words(world, "--name", NAME, *more)
    return run("playbook", "capacity", playbook, *options, home=home)


def score(run: Run, world: World, home: Path, playbook: Path, *more: object) -> Ran:
    out = playbook.with_name("scores.csv")
    return run(
        *("score", *words(world, "--out", out, "--playbook", playbook, "--json", *more)), home=home
    )


def test_lines_are_frozen_with_comments_kept_and_decide_the_temperature(
    run: Run, world: World, home: Path, playbook: Path, read_csv: Any
) -> None:
    before = playbook.read_text(encoding="utf-8")
    solved = solve(run, world, home, playbook, "--calls", "6", "--write", "--json")
    assert solved.code == 0
    said = solved.said["solved"]
    after = playbook.read_text(encoding="utf-8")
    comments = [line for line in before.splitlines() if line.startswith("#")]
    assert [line for line in after.splitlines() if line.startswith("#")] == comments
    frozen = Playbook.load(playbook).said.temperature
    assert frozen.by == "capacity"
    assert frozen.lines == (said["warm"], said["hot"])
    assert frozen.capacity is not None
    assert frozen.capacity.solved is not None
    assert frozen.capacity.solved.model_dump(mode="json") == said
    assert said["model"] == world.artefact.name
    assert said["date"] == "2025-06-01"
    assert said["population"] == NAME
    weekly = solved.said["weekly"]
    assert len(weekly) == said["weeks"] == 8
    assert 5.8 <= np.mean(weekly) <= 6
    for name in ("calls", "conversions"):
        assert said[name]["low"] <= said[name]["mean"] <= said[name]["high"]
    assert said["conversions"]["mean"] < said["calls"]["mean"]

    scored = score(run, world, home, playbook)
    assert scored.code == 0
    assert not [w for w in scored.said["warnings"] if "capacity" in w]
    rows = read_csv(playbook.with_name("scores.csv"))
    for row in rows:
        if row["tegakari_probability"] and row["tegakari_state"] == "open":
            p = float(row["tegakari_probability"])
            if p >= said["hot"]:
                assert row["tegakari_temperature"] == "hot"
            elif p < said["hot"] * 0.9:
                assert row["tegakari_temperature"] != "hot"
    assert {row["tegakari_temperature_by"] for row in rows} == {"capacity"}
    assert any(row["tegakari_temperature"] == "hot" for row in rows)


def test_the_points_map_goes_along_with_the_playbook(
    run: Run, world: World, home: Path, playbook: Path
) -> None:
    maps = Settings(home=home).points_maps
    old = Playbook.load(playbook).version
    before, _ = PointsMap.load(maps, "qualification", old)
    assert before is not None
    few = ("--calls", "6", "--weeks", "2", "--write")
    assert solve(run, world, home, playbook, *few).code == 0
    new = Playbook.load(playbook).version
    after, why_not = PointsMap.load(maps, "qualification", new)
    assert after is not None, why_not
    assert new != old
    assert after.evidence == before.evidence
    kept = {path.stem for path in Settings(home=home).playbooks.glob("*.toml")}
    assert {old, new} <= kept


def test_nothing_is_written_unasked_and_both_languages_say_so(
    run: Run, world: World, home: Path, playbook: Path
) -> None:
    before = playbook.read_bytes()
    few = ("--calls", "6", "--weeks", "2")
    english = solve(run, world, home, playbook, *few)
    japanese = solve(run, world, home, playbook, *few, "--lang", "ja")
    assert english.code == japanese.code == 0
    assert "nothing is written" in english.out
    assert "90% interval" in english.out
    assert "書き込みは行っていません" in japanese.out
    assert "90%区間" in japanese.out
    assert playbook.read_bytes() == before


def test_more_leads_than_calls_is_warned_about_and_no_fewer(world: World, playbook: Path) -> None:
    taken = taken_by(world, playbook, line=0.15)
    scores = taken.scores(reasons=0)
    due = newly_hot_of(taken, scores, 7 * DAY)
    week_ago = replace(taken, as_of=taken.as_of - 7 * DAY).scores(reasons=0)
    pairs = zip(scores.probability, week_ago.temperature, strict=True)
    assert due.tolist() == [bool(now >= 0.15 and before != "hot") for now, before in pairs]
    n = int(due.sum())
    assert 1 < n < scores.temperature.count("hot")
    for calls, warned in ((n - 1, True), (n, False)):
        playbook.write_text(by_capacity(0.15, calls), encoding="utf-8")
        scorer = replace(taken.scorer, playbook=Playbook.load(playbook))
        assert bool(calls_due(replace(taken, scorer=scorer), scores)) is warned


def test_batch_scoring_passes_the_warning_on(
    run: Run, world: World, home: Path, playbook: Path
) -> None:
    playbook.write_text(by_capacity(0.3, 1), encoding="utf-8")
    warnings = score(run, world, home, playbook).said["warnings"]
    assert any("1 calls can be made" in warning for warning in warnings)
    assert any("was solved" in w or "were solved" in w for w in warnings)


def test_lines_not_solved_give_no_temperature_and_say_what_to_do(
    run: Run, world: World, home: Path, playbook: Path, read_csv: Any
) -> None:
    playbook.write_text(by_capacity(None, 6), encoding="utf-8")
    scored = score(run, world, home, playbook)
    assert scored.code == 0
    assert any("tegakari playbook capacity" in warning for warning in scored.said["warnings"])
    rows = read_csv(playbook.with_name("scores.csv"))
    open_ones = [row for row in rows if row["tegakari_probability"]]
    assert open_ones
    assert not any(row["tegakari_temperature"] for row in rows)
    assert all("tegakari playbook capacity" in row["tegakari_warnings"] for row in open_ones)


def test_rules_answer_by_the_points_map_and_without_it_say_what_is_missing(
    run: Run, world: World, home: Path, playbook: Path, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path / "rules")
    shutil.copytree(Settings(home=home).points_maps, settings.points_maps)
    few = ("--weeks", "2", "--json")
    coarse = solve(run, world, settings.home, playbook, "--calls", "1", *few)
    assert coarse.code == 2
    assert "so few values" in coarse.err
    solved = solve(run, world, settings.home, playbook, "--calls", "70", *few)
    assert solved.code == 0, solved.err
    assert solved.said["solved"]["model"] is None
    assert 0 < np.mean(solved.said["weekly"]) <= 70
    shutil.rmtree(settings.points_maps)
    nothing = solve(run, world, settings.home, playbook, "--calls", "70", *few)
    assert nothing.code == 2
    assert "points map" in nothing.err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "How many calls"),
        (("--calls", "0"), "expected 1 or more"),
        (("--calls", "6", "--weeks", "1"), "expected 2 to 104"),
        (("--calls", "5000", "--weeks", "2"), "everybody can be called"),
    ],
)
def test_what_cannot_be_solved_is_said(
    run: Run, world: World, home: Path, playbook: Path, more: tuple[str, ...], said: str
) -> None:
    before = playbook.read_bytes()
    refused = solve(run, world, home, playbook, "--write", *more)
    assert refused.code == 2
    assert said in refused.err
    assert playbook.read_bytes() == before


def test_the_playbook_that_comes_along_is_not_written_to(
    run: Run, world: World, home: Path
) -> None:
    options = words(world, "--name", NAME, "--calls", "6", "--write")
    for named in ((), (DEFAULT,)):
        refused = run("playbook", "capacity", *named, *options, home=home)
        assert refused.code == 2
        assert "--write" in refused.err


def by_capacity(line: float | None, calls: int) -> str:
    """The default playbook, by a capacity with that hot line, solved by another model."""
    text = Playbook.load().text
    start, end = text.index("[temperature]\n"), text.index("# A lead is rising")
    solved = (
        f"[temperature.capacity.solved]\nhot = {line}\nwarm = {(line or 0) / 2}\ndate = 2025-05-01\n"
        'population = "x"\nn = 9\nweeks = 8\nmodel = "another"\n'
        "calls = { mean = 6.0, low = 3, high = 9 }\nconversions = { mean = 2.0, low = 0, high = 4 }\n"
    )
    section = f'[temperature]\nby = "capacity"\n[temperature.capacity]\ncalls = {calls}\n'
    return text[:start] + section + (solved if line else "") + "\n" + text[end:]


def taken_by(world: World, playbook: Path, line: float) -> Taken:
    """Some of the world's leads, under a capacity with that hot line."""
    playbook.write_text(by_capacity(line, 6), encoding="utf-8")
    asked = Asked(
        leads=world.leads,
        events=world.events,
        changes=world.changes,
        as_of=world.ends,
        timezone="Asia/Tokyo",
    )
    taken = take(asked, world.settings, Playbook.load(playbook), lambda step: None)
    return taken.keep(np.arange(len(taken.intake.leads)) % 5 == 0)


def test_excluded_leads_neither_cross_a_line_nor_tell_how_far_a_model_is_off(
    world: World, playbook: Path
) -> None:
    taken = taken_by(world, playbook, line=0.15)
    rule = '{ name = "demos", attribute = "source", equals = "demo" },\n'
    text = playbook.read_text(encoding="utf-8").replace(
        "[exclude]\nrules = [\n", f"[exclude]\nrules = [\n{rule}"
    )
    without = Playbook.parse(text)
    assert len(without.said.exclude.rules) == 2
    found = {}
    for name, chosen in (("all", taken.scorer.playbook), ("some", without)):
        past = past_of(replace(taken, scorer=replace(taken.scorer, playbook=chosen)))
        reference = Reference.look(past, taken.as_of, 7 * DAY, 2)
        found[name] = reference, Became.of(past, taken.as_of, 7 * DAY)
    demo = np.array([s == "demo" for s in taken.intake.leads.attributes["source"].to_pylist()])
    assert 0 < demo.sum() < len(demo)
    (everybody, told), (others, told_by_others) = found["all"], found["some"]
    assert np.isnan(others.probability[:, demo]).all()
    assert np.array_equal(
        others.probability[:, ~demo], everybody.probability[:, ~demo], equal_nan=True
    )
    assert len(told.lead)
    assert told_by_others.lead.tolist() == told.lead[~demo[told.lead]].tolist()


def test_only_outcomes_that_the_model_had_not_seen_tell_how_far_it_is_off(
    world: World, playbook: Path
) -> None:
    taken = taken_by(world, playbook, line=0.15)
    past, until = past_of(taken), taken.as_of
    assert past.artefact is not None
    told = Became.of(past, until, 7 * DAY)
    assert len(told.lead)
    # One that has seen every outcome tells nothing but what was held out when it was made.
    record = {**past.artefact.record, "outcomes_seen_until": iso(until)}
    late = replace(past, artefact=replace(past.artefact, record=record))
    nothing = Became.of(late, until, 7 * DAY)
    assert not len(nothing.lead)
    evidence = of_evidence(past.artefact.evidence, 0.15, told.probability)
    assert shift_over(late, nothing, 0.15, told.probability) == learnt(evidence)
    assert shift_over(late, told, 0.15, told.probability) == learnt(told.over(0.15))
