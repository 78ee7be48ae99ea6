"""Previews: who moves, what it comes to in calls, and how two playbooks would have done."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.instants import DAY, FOREVER
from features.known import Known
from features.spine import cutoffs
from models.playbook import Playbook
from models.playbook.temperature import TemperatureSection
from models.scorer import Scorer
from models.temperature import named
from training.preview.backtest import top
from training.preview.followed import Answerer, asked_about, follow
from training.preview.preview import Preview, preview
from training.sources import Material, Sources, gather

NOBODY = (Answerer(), Answerer())


@pytest.fixture(scope="module")
def company(small: Sources, short_playbook: Playbook) -> Material:
    return gather(small, short_playbook, "qualification")


def known_of(company: Material) -> Known:
    intake = company.intake
    return Known(intake.leads, intake.log, intake.changes, intake.colleagues)


def with_hot(playbook: Playbook, hot: float) -> Playbook:
    return playbook.altered(temperature=TemperatureSection(hot=hot, warm=25))


def held(company: Material, old: Playbook, new: Playbook, weeks: int = 12) -> Preview:
    return preview(old, new, company, NOBODY, as_of=company.observed_until, weeks=weeks)


def test_a_playbook_against_itself_moves_nobody(
    company: Material, short_playbook: Playbook
) -> None:
    found = held(company, short_playbook, short_playbook)
    assert found.movers == []
    assert all(old == new for old, new in [*found.moves, *found.stages])
    assert sum(found.moves.values()) == sum(found.stages.values()) == found.leads > 100
    assert found.load[0] == found.load[1]
    for way in (found.backtest.hot, found.backtest.top):
        assert way.old == way.new
        assert way.more_calls == way.more_caught == way.more_wasted == (0, 0, 0)
        assert way.old.calls > 0


def test_a_higher_line_makes_nobody_hot_and_a_lower_one_nobody_cool(
    company: Material, short_playbook: Playbook
) -> None:
    higher = held(company, short_playbook, with_hot(short_playbook, 60))
    lower = held(company, short_playbook, with_hot(short_playbook, 40))
    assert not any(new == "hot" != old for old, new in higher.moves)
    assert not any(old == "hot" != new for old, new in lower.moves)
    assert any(old == "hot" != new for old, new in higher.moves)
    assert any(new == "hot" != old for old, new in lower.moves)
    for mover in lower.movers:
        assert mover.points[0] == mover.points[1]
        assert mover.rules == []
        assert mover.points[1] + 5 >= 40


def test_who_moves_is_told_by_the_rules_that_changed(
    company: Material, short_playbook: Playbook
) -> None:
    rules = tuple(
        rule.model_copy(update={"points": rule.points + 12}) if rule.name == "price page" else rule
        for rule in short_playbook.points.rules
    )
    points = short_playbook.points.model_copy(update={"rules": rules})
    found = held(company, short_playbook, short_playbook.altered(points=points))
    assert found.movers
    for mover in found.movers:
        assert mover.points[1] >= mover.points[0]
        assert {name for name, _ in mover.rules} <= {"price page"}
        gained = sum(gain for _, gain in mover.rules)
        assert gained == pytest.approx(mover.points[1] - mover.points[0], abs=1)
        assert mover.temperature[0] != mover.temperature[1] or mover.stage[0] != mover.stage[1]


def test_leads_are_followed_as_they_are_scored(company: Material, short_playbook: Playbook) -> None:
    known = known_of(company)
    moments = cutoffs(
        company.observed_until - 120 * DAY, company.observed_until, 28 * DAY, company.tz
    )
    asked = asked_about(known, company.task, short_playbook.touches, moments)
    followed = follow(short_playbook, known, company.task, asked, moments, Answerer())
    for place, moment in enumerate(moments):
        scores = Scorer(short_playbook).score(
            known.leads, known.log, np.full(len(known.leads), moment), changes=known.changes
        )
        on_it = [task is not None for task in scores.task]
        assert asked[place].tolist() == on_it
        mine = named(followed.band[place].astype(np.int64))
        for row in np.flatnonzero(asked[place]):
            assert mine[row] == scores.temperature[row]
            assert followed.value[place, row] == scores.points.total[row]


def test_nothing_after_a_week_changes_what_is_said_of_it(
    company: Material, short_playbook: Playbook
) -> None:
    known = known_of(company)
    moments = cutoffs(
        company.observed_until - 90 * DAY, company.observed_until, 7 * DAY, company.tz
    )
    asked = asked_about(known, company.task, short_playbook.touches, moments)
    whole = follow(short_playbook, known, company.task, asked, moments, Answerer())
    early = moments[:4]
    at = known.log.visible_at
    assert known.changes is not None
    then = Known(
        known.leads,
        replace(known.log, visible_at=np.where(at <= early[-1], at, FOREVER)),
        known.changes,
        known.colleagues,
    )
    before = asked_about(then, company.task, short_playbook.touches, early)
    assert (before == asked[:4]).all()
    cut = follow(short_playbook, then, company.task, before, early, Answerer())
    assert (cut.band == whole.band[:4]).all()


def test_who_is_excluded_later_was_none_before(company: Material, short_playbook: Playbook) -> None:
    budgeted = short_playbook.said.exclude.rules[0].model_copy(
        update={"attribute": "project", "pattern": ("budgeted",)}
    )
    exclude = short_playbook.said.exclude.model_copy(update={"rules": (budgeted,)})
    playbook, known = short_playbook.altered(exclude=exclude), known_of(company)
    moments = cutoffs(
        company.observed_until - 150 * DAY, company.observed_until, 28 * DAY, company.tz
    )
    asked = asked_about(known, company.task, playbook.touches, moments)
    whole = follow(playbook, known, company.task, asked, moments, Answerer())
    for place, moment in enumerate(moments):
        scores = Scorer(playbook).score(
            known.leads, known.log, np.full(len(known.leads), moment), changes=known.changes
        )
        mine = named(whole.band[place].astype(np.int64))
        assert [mine[row] for row in np.flatnonzero(asked[place])] == [
            scores.temperature[row] for row in np.flatnonzero(asked[place])
        ]
    gone = (whole.band[1:] < 0) & (whole.band[:-1] >= 0) & asked[1:]
    assert gone.any()


def test_weeks_whose_horizon_has_not_ended_are_left_out(
    company: Material, short_playbook: Playbook
) -> None:
    found = held(company, short_playbook, with_hot(short_playbook, 45), weeks=10)
    # A horizon of 30 days: the last four or five Mondays have not seen its end.
    assert found.backtest.weeks + found.backtest.immature == found.weeks == 10
    assert found.backtest.immature in (4, 5)
    short = held(company, short_playbook, short_playbook, weeks=3)
    assert short.backtest.weeks == 0
    assert [key for key, _ in short.notes] == ["no_mature"]
    json.dumps(found.to_json(), allow_nan=False)


def test_calls_are_wasted_or_caught_something(company: Material, short_playbook: Playbook) -> None:
    told = held(company, short_playbook, with_hot(short_playbook, 40)).backtest
    for way in (told.hot, told.top):
        for calls in (way.old, way.new):
            assert calls.calls == calls.converted + calls.wasted
            assert calls.caught <= min(calls.converted, told.conversions)
        assert way.more_calls.mean == way.new.calls - way.old.calls
        assert way.more_caught.low <= way.more_caught.mean <= way.more_caught.high
    assert told.hot.new.caught >= 1


def test_the_highest_are_called_once_a_horizon() -> None:
    rng = np.random.default_rng(5)
    value = rng.normal(size=(9, 30))
    asked = rng.random((9, 30)) < 0.8
    called = top(value, asked, 4, 3)
    assert not (called & ~asked).any()
    for week in range(9):
        recent = called[max(0, week - 3) : week].any(axis=0)
        assert not (called[week] & recent).any()
        free = asked[week] & ~recent
        assert called[week].sum() == min(4, free.sum())
        assert value[week, called[week]].min() >= value[week, free & ~called[week]].max()


def test_the_grid_counts_the_leads_of_the_last_mature_week(
    company: Material, short_playbook: Playbook
) -> None:
    found = held(company, short_playbook, short_playbook)
    assert {cell.grade[0] for cell in found.grid} <= set("ABC")
    assert sum(cell.basis["n"] for cell in found.grid) > 100
    assert all(0 <= cell.basis["converted"] <= cell.basis["n"] for cell in found.grid)


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_command_previews_and_writes_who_moves(
    run: Any, world: Any, tmp_path: Path, lang: str
) -> None:
    text = Path("models/playbook.toml").read_text(encoding="utf-8")
    new = tmp_path / "新しい.toml"
    new.write_text(text.replace("\nhot = 50", "\nhot = 40"), encoding="utf-8")
    out = tmp_path / "moves.csv"
    files = ["--leads", world.leads, "--events", world.events, "--changes", world.changes]
    asked = ["playbook", "preview", new, *files, "--timezone", "Asia/Tokyo", "--lang", lang]
    ran = run(*asked, "--out", out, home=world.home)
    assert ran.code == 0, ran.err
    assert max(map(len, ran.out.splitlines())) <= 150
    said = run(*asked, "--json", home=world.home).said
    assert len(said["movers"]) == len(out.read_text(encoding="utf-8").splitlines()) - 1 > 0
    broken = tmp_path / "broken.toml"
    broken.write_text(text.replace("hot = 50", 'hot = "50"'), encoding="utf-8")
    refused = run("playbook", "preview", broken, *files, home=world.home)
    assert refused.code == 1
    assert "temperature.hot: expected a number" in refused.err


def test_by_probability_weeks_that_the_model_learnt_from_are_left_out(
    run: Any, world: Any, tmp_path: Path
) -> None:
    text = Path("models/playbook.toml").read_text(encoding="utf-8")
    head, rest = text.split("[temperature]\n")
    tail = rest[rest.index("# A lead is rising") :]
    new = tmp_path / "new.toml"
    lines = '[temperature]\nby = "probability"\nhot = 0.2\nwarm = 0.08\n\n'
    new.write_text(head + lines + tail, encoding="utf-8")
    files = ["--leads", world.leads, "--events", world.events, "--changes", world.changes]
    asked = ["playbook", "preview", new, *files, "--timezone", "Asia/Tokyo", "--weeks", "40"]
    ran = run(*asked, home=world.home)
    assert ran.code == 0, ran.err
    assert "Backtest from" in ran.out
    unlearnt = run(*asked)
    assert unlearnt.code == 2
    assert "nothing gives probabilities" in unlearnt.err


def test_nobody_excluded_has_a_temperature(company: Material, short_playbook: Playbook) -> None:
    everybody = short_playbook.said.exclude.rules[0].model_copy(
        update={"attribute": "industry", "pattern": ("*",)}
    )
    exclude = short_playbook.said.exclude.model_copy(update={"rules": (everybody,)})
    found = held(company, short_playbook, short_playbook.altered(exclude=exclude))
    assert all(new == "none" for _, new in found.moves)
    assert found.movers
