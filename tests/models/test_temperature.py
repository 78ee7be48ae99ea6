"""Temperature: where the lines lie, and that a lead leaves a temperature only well below one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.changes import Changes
from features.instants import DAY
from models.evidence import Evidence
from models.playbook import Playbook
from models.points_map import PointsMap
from models.scorer import Scorer
from models.temperature import Temperatures, Values, looks, named
from tests.models.diaries import NOW, Event, view_of

NOBODY = np.empty((0, 0), dtype=np.int64)


def bands(text: str, value: Sequence[float], scores: Any = None) -> list[str | None]:
    playbook = Playbook.parse(f"schema = 1\n{text}")
    by_score = np.zeros((len(value), 1), dtype=np.int64) if scores is None else np.array(scores)
    return list(named(Temperatures(playbook).at_once(Values(np.array(value, float), by_score))))


def test_49_points_are_warm_and_50_hot() -> None:
    points = [-7, 24, 25, 49, 50, 51]
    assert bands("", points) == ["cold", "cold", "warm", "warm", "hot", "hot"]


def test_by_probability_nothing_is_invented_where_none_is_known() -> None:
    text = '[temperature]\nby = "probability"\nhot = 0.2\nwarm = 0.1'
    p = [0.2, 0.1999, 0.1, 0.0, np.nan]
    assert bands(text, p) == ["hot", "warm", "warm", "cold", None]


SOLVED = """
[temperature]
by = "capacity"
[temperature.capacity]
calls = 40
[temperature.capacity.solved]
hot = 0.3
warm = 0.1
date = 2026-10-01
population = "open leads"
n = 900
weeks = 8
calls = { mean = 39.0, low = 30, high = 49 }
conversions = { mean = 9.0, low = 4, high = 14 }
"""


def test_by_capacity_the_solved_lines_decide_and_unsolved_ones_do_not() -> None:
    assert bands(SOLVED, [0.3, 0.29, 0.09]) == ["hot", "warm", "cold"]
    unsolved = SOLVED[: SOLVED.index("[temperature.capacity.solved]")]
    assert bands(unsolved, [0.3, 0.29, 0.09]) == [None] * 3


def test_hot_may_need_a_minimum_of_each_score() -> None:
    text = "[points.scores.engagement]\nhot = 20\n[points.scores.fit]\nhot = 10\n"
    assert bands(text, [60, 60, 60], [[50, 10], [51, 9], [19, 41]]) == ["hot", "warm", "warm"]


VISIT = '[[points.rules]]\nname = "visit"\nevent = "visit"\npoints = 40\nhalf_life = "10d"\n'


def temperature(
    events: Sequence[Event], text: str = VISIT, cutoff: int = NOW, **more: Any
) -> tuple[int, str | None]:
    view = view_of(events, created=[NOW - 90 * DAY], cutoff=cutoff, **more)
    playbook = Playbook.parse(
        f'schema = 1\n{text}\n[tasks.qualification]\nlabel = "won"\nhorizon = "9d"'
    )
    scores = Scorer(playbook).score(view.leads, view.log, view.cutoff, changes=view.changes)
    return int(scores.points.total[0]), scores.temperature[0]


def test_a_lead_leaves_hot_only_more_than_five_points_below_the_line() -> None:
    # 80 points fade: 50 after 6.8 days, 45 after 8.3.
    twice = [Event("visit", 0), Event("visit", 0)]
    seen = [temperature(twice, cutoff=NOW + days * DAY) for days in range(12)]
    assert [band for _, band in seen] == ["hot" if p >= 45 else "warm" for p, _ in seen]
    assert {p for p, _ in seen} & {45, 46, 47, 48, 49}
    strict = VISIT + "[temperature]\nhysteresis = 0\n"
    seen = [temperature(twice, strict, NOW + days * DAY) for days in range(12)]
    assert [band for _, band in seen] == ["hot" if p >= 50 else "warm" for p, _ in seen]


def test_a_lead_that_never_was_hot_is_not_held_there() -> None:
    once = VISIT.replace("points = 40", "points = 49")
    assert temperature([Event("visit", 0)], once) == (49, "warm")


def test_a_lead_that_fell_out_in_between_has_to_reach_the_line_again() -> None:
    # 80 points 20 days ago, 20 left: cold. Then 60 less what faded: hot, then held until below 45.
    events = [Event("visit", 20), Event("visit", 20), Event("visit", 0)]
    points, band = temperature(events)
    assert (points, band) == (60, "hot")
    smaller = '[[points.rules]]\nname = "form"\nevent = "form"\npoints = 27\n' + VISIT
    events = [Event("visit", 20), Event("visit", 20), Event("form", 0)]
    points, band = temperature(events, smaller)
    assert 45 <= points < 50
    assert band == "warm"


def test_an_attribute_that_changed_is_a_moment_to_look_at() -> None:
    text = (
        '[[points.rules]]\nname = "plan"\nattribute = "plan"\nequals = "yes"\npoints = 5\n' + VISIT
    )
    text = text.replace("points = 40", "points = 46").replace('half_life = "10d"\n', "")
    was = Changes(np.array([0]), ["plan"], ["yes"], np.array([NOW - DAY]))
    attributes = {"plan": ["no"]}
    assert temperature([Event("visit", 5)], text, attributes=attributes) == (46, "warm")
    # 51 points from the visit until the plan was given up.
    assert temperature([Event("visit", 5)], text, attributes=attributes, changes=was) == (46, "hot")


@given(
    days=st.lists(st.integers(0, 60), max_size=8),
    step=st.integers(0, 30),
    hysteresis=st.integers(0, 20),
)
@settings(max_examples=60, deadline=None)
def test_it_is_what_walking_through_the_past_gives(
    days: list[int], step: int, hysteresis: int
) -> None:
    text = f"{VISIT}[temperature]\nhysteresis = {hysteresis}\n"
    events = [Event("visit", float(d)) for d in days]
    cutoff = NOW + step * DAY
    state = 0
    moments = sorted({NOW - d * DAY for d in days} | {NOW - d * DAY - 1 for d in days} | {cutoff})
    for at in moments:
        if at > cutoff:
            break
        known = [age for age in ((at - (NOW - d * DAY)) / DAY for d in days) if age >= 0]
        points = int(np.floor(sum(40 * 2 ** (-age / 10) for age in known) + 0.5))
        for place, line in ((2, 50), (1, 25)):
            if points >= line:
                state = max(state, place)
            elif state >= place and points < line - hysteresis:
                state = place - 1
    assert temperature(events, text, cutoff)[1] == ("cold", "warm", "hot")[state]


@given(points=st.integers(-30, 120), higher=st.integers(0, 40))
@settings(max_examples=40, deadline=None)
def test_more_points_are_never_colder(points: int, higher: int) -> None:
    names = [None, "cold", "warm", "hot"]
    one, other = bands("", [points, points + higher])
    assert names.index(other) >= names.index(one)


def test_looks_are_at_what_became_known_and_just_before() -> None:
    view = view_of(
        [Event("visit", 3), Event("visit", 3), Event("visit", 9, recorded_days_ago=1)],
        created=[NOW - 5 * DAY],
    )
    lead, at = looks(view.leads, view.log, view.cutoff, None, np.array([True]))
    days = [(NOW - int(moment)) / DAY for moment in at]
    assert lead.tolist() == [0] * len(at)
    assert [round(d, 3) for d in days] == [5, 3, 3, 1, 1]
    assert np.diff(at).min() > 0


def test_what_does_not_decide_says_what_it_would_be() -> None:
    rng = np.random.default_rng(3)
    points = np.repeat([0, 25, 50], 400)
    label = rng.random(1200) < np.repeat([0.02, 0.2, 0.5], 400)
    observed = PointsMap("t", "v", 0, Evidence.of(points, label))
    by_points = Temperatures(Playbook.parse("schema = 1"))
    p = np.array([0.9, 0.3, 0.001, np.nan])
    assert named(by_points.otherwise(p, np.zeros(4, dtype=np.int64), observed)) == [
        "hot",
        "warm",
        "cold",
        None,
    ]
    text = '[temperature]\nby = "probability"\nhot = 0.4\nwarm = 0.1'
    by_probability = Temperatures(Playbook.parse(f"schema = 1\n{text}"))
    assert named(by_probability.otherwise(p[:3], np.array([50, 25, 0]), observed)) == [
        "hot",
        "warm",
        "cold",
    ]


@pytest.mark.parametrize("text", ["", SOLVED])
def test_nobody_has_no_temperature(text: str) -> None:
    assert bands(text, [], np.empty((0, 1), dtype=np.int64)) == []
