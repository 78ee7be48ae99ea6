"""Places and draws, expected conversions, working days, and since when a lead is hot."""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.instants import MISSING, from_datetime
from models.playbook import Playbook
from models.temperature import Temperatures, Values
from serving.lists.expected import expected, interval, poisson_binomial
from serving.lists.places import fill
from serving.lists.working_days import passed

TOKYO = ZoneInfo("Asia/Tokyo")


@given(
    n=st.integers(0, 60),
    places=st.integers(1, 70),
    share=st.floats(0, 1),
    seed=st.integers(0, 9),
    hot=st.integers(0, 60),
)
def test_places_go_to_the_first_and_to_some_drawn_from_those_behind_them(
    n: int, places: int, share: float, seed: int, hot: int
) -> None:
    order = np.random.default_rng(n).permutation(n)
    ids = [f"L{row:03}" for row in range(n)]
    is_hot = np.isin(np.arange(n), order[:hot])
    filled = fill(order, is_hot, ids, places, share, seed)
    assert len(set(filled.rows)) == len(filled.rows) == min(places, n)
    drawn, chosen = filled.rows[filled.drawn], filled.rows[~filled.drawn]
    assert not is_hot[drawn].any()
    others = order[~np.isin(order, drawn)]
    assert chosen.tolist() == others[: len(chosen)].tolist()
    below = max(0, n - max(hot, min(places, n)))
    wanted = int(share * min(places, n) + 0.5) if n > places else 0
    assert min(wanted, below) <= len(drawn) <= wanted
    assert fill(order, is_hot, ids, places, share, seed).rows.tolist() == filled.rows.tolist()


def test_two_of_forty_places_are_drawn_and_each_lead_below_the_cut_as_often_as_any_other() -> None:
    order, ids = np.arange(60), [f"L{row:03}" for row in range(60)]
    nobody = np.zeros(60, dtype=bool)
    times = np.zeros(60)
    for seed in range(2000):
        filled = fill(order, nobody, ids, 40, 0.05, seed)
        assert filled.drawn.sum() == 2
        assert filled.drawn_from == 22
        times[filled.rows[filled.drawn]] += 1
    assert times[:38].sum() == 0
    mean, sd = 2000 * 2 / 22, np.sqrt(2000 * 2 / 22 * (1 - 2 / 22))
    assert np.abs(times[38:] - mean).max() < 4 * sd


def test_the_order_of_the_lead_list_does_not_matter_to_the_draw() -> None:
    ids = [f"L{row:03}" for row in range(50)]
    shuffled = np.random.default_rng(0).permutation(50)
    order = np.arange(50)
    nobody = np.zeros(50, dtype=bool)
    first = fill(order, nobody, ids, 20, 0.2, 3)
    again = fill(np.argsort(shuffled), nobody, [ids[row] for row in shuffled], 20, 0.2, 3)
    assert [ids[row] for row in first.rows] == [ids[shuffled[row]] for row in again.rows]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_conversions_are_distributed_as_all_outcomes_together_say(p: list[float]) -> None:
    by_hand = np.zeros(len(p) + 1)
    for outcome in itertools.product((0, 1), repeat=len(p)):
        chance = np.prod([q if yes else 1 - q for q, yes in zip(p, outcome, strict=True)])
        by_hand[sum(outcome)] += chance
    found = poisson_binomial(np.array(p))
    np.testing.assert_allclose(found, by_hand, atol=1e-12)
    low, high = interval(found)
    assert found[low : high + 1].sum() >= 0.9 - 1e-9
    assert found[:low].sum() <= 0.05 + 1e-9
    assert found[high + 1 :].sum() <= 0.05 + 1e-9


def test_leads_without_a_probability_are_not_expected_of() -> None:
    told = expected(np.array([0.5, np.nan, 1.0]))
    assert told is not None
    assert (told["of"], told["mean"]) == (2, 1.5)
    assert expected(np.array([np.nan])) is None


@given(
    start=st.datetimes(datetime(2026, 4, 1), datetime(2026, 6, 1)),  # noqa: DTZ001 - wall clock
    hours=st.integers(0, 24 * 30),
)
def test_a_working_day_has_passed_when_the_clock_shows_the_time_again(
    start: datetime, hours: int
) -> None:
    holidays = (date(2026, 4, 29), date(2026, 5, 4), date(2026, 5, 5), date(2026, 5, 6))

    def works(day: date) -> bool:
        return day.weekday() < 5 and day not in holidays

    end = start + timedelta(hours=hours)
    begun = start
    while not works(begun.date()):
        begun = datetime.combine(begun.date() + timedelta(days=1), datetime.min.time())
    count, moment = 0, begun
    while True:
        moment += timedelta(days=1)
        if moment > end:
            break
        count += works(moment.date())
    ends = [from_datetime(at.replace(tzinfo=TOKYO)) for at in (start, end)]
    assert passed(np.array(ends[:1]), ends[1], TOKYO, holidays).tolist() == [count]


@pytest.mark.parametrize(
    ("points", "since"),
    [
        ([10, 50, 48, 55], 1),  # 48 stays hot: within the hysteresis
        ([10, 50, 44, 55], 3),
        ([60, 60, 60, 60], 0),
        ([60, 60, 60, 40], None),  # left, and came back unseen
        ([10, 20, 30, 49], None),
    ],
)
def test_a_lead_is_hot_since_it_last_came_over_the_line(points: list[int], since: int | None) -> None:
    value = np.array([*points, 99, 99, 99, 99], dtype=np.float64)
    lead, at = np.repeat([0, 1], 4), np.tile(np.arange(4) * 10, 2)
    scores = np.zeros((8, 2), dtype=np.int64)
    found = Temperatures(Playbook.load()).hot_since(Values(value, scores), lead, at, 3)
    assert found.tolist() == [MISSING if since is None else since * 10, 0, MISSING]
