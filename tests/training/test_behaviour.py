"""What the world may and may not let be seen."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from training.simulation.behaviour import Day, Traits, live
from training.simulation.diary import entries, page_times
from training.simulation.outreach import Calendar, Seen, touches
from training.simulation.population import HOUR, Population, populate
from training.simulation.reseller import default_world
from training.simulation.world import RESPONSES, STATES, TOUCHES, Bools, Ints

START, N_DAYS, N_LEADS = date(2025, 1, 6), 250, 3000
DORMANT = STATES.index("dormant")


@pytest.fixture(scope="module")
def population() -> Population:
    return populate(N_LEADS, N_DAYS // 2, np.random.SeedSequence(1))


@pytest.fixture(scope="module")
def lived(population: Population) -> list[tuple[Day, Ints]]:
    dates = [START + timedelta(days=i) for i in range(N_DAYS)]
    return list(live(default_world(), population.traits, dates, np.random.SeedSequence(2)))


def test_dormant_leads_do_nothing(lived: list[tuple[Day, Ints]]) -> None:
    tried = 0
    for day, state in lived:
        dormant = day.present & (state == DORMANT)
        assert not (day.acted() & dormant).any()
        assert not np.isin(day.page_lead, np.flatnonzero(dormant)).any()
        assert not ((day.opened | day.won | day.lost | day.bought) & dormant).any()
        tried += int((day.tried & dormant).sum())
    assert tried > 1000  # they were given occasions enough


def test_nobody_acts_before_being_created_nor_on_the_day_but_by_the_creating_act(
    lived: list[tuple[Day, Ints]], population: Population
) -> None:
    arrival = population.traits.arrival
    for day, state in lived:
        absent = arrival >= day.number
        assert (state[arrival > day.number] == -1).all()
        assert not ((day.sessions > 0) & absent).any()
        assert not (day.sent & absent).any()
        assert not (day.tried & absent).any()


def test_sends_follow_from_what_can_be_seen_alone() -> None:
    """The rule is a function of `Seen`, the day and chance; and `Seen` has no room for a state."""
    rng = np.random.default_rng(0)
    seen = Seen.nobody(rng.random(500) < 0.2, rng.random(500) < 0.5)
    seen.present[:] = True
    seen.last_act[:] = rng.integers(0, 300, 500)
    assert set(vars(seen)) == {
        "present", "closed", "do_not_mail", "near",
        "last_act", "last_request", "mailed", "registered", "invited",
    }  # fmt: skip
    for i in range(28):
        today = Calendar.of(START + timedelta(days=i))
        first, again = (touches(seen, 300 + i, today, np.random.default_rng(i)) for _ in "ab")
        np.testing.assert_array_equal(first, again)
        assert not (first[[0, 1, 3, 4]] & seen.do_not_mail).any()


def test_among_leads_that_look_alike_the_dormant_are_called_as_often(
    lived: list[tuple[Day, Ints]],
) -> None:
    """Mantel and Haenszel (1959): calls against expectation within bands of equal silence."""
    call = TOUCHES.index("call_made")
    closed, last_act = np.zeros(N_LEADS, dtype=bool), np.zeros(N_LEADS, dtype=np.int64)
    excess = variance = 0.0
    for day, state in lived:
        closed |= day.opened | day.lost
        silence = day.number - last_act
        if day.weekday < 5:
            for least, most in ((8, 30), (31, 90), (91, 400)):
                alike = day.present & ~closed & (silence >= least) & (silence <= most)
                excess_here, variance_here = _excess(day.sent[call][alike], state[alike] == DORMANT)
                excess, variance = excess + excess_here, variance + variance_here
        last_act[day.acted()] = day.number
    assert variance > 100
    assert abs(excess) < 4 * np.sqrt(variance)  # 4 standard errors: once in 16 000 by chance


def _excess(called: Bools, dormant: Bools) -> tuple[float, float]:
    """Calls to the dormant beyond expectation, and the (hypergeometric) variance of that."""
    n, k, m = len(called), int(called.sum()), int(dormant.sum())
    if n < 2:
        return 0.0, 0.0
    variance = k * (m / n) * (1 - m / n) * (n - k) / (n - 1)
    return float((called & dormant).sum() - k * m / n), variance


def test_responses_need_an_occasion(lived: list[tuple[Day, Ints]]) -> None:
    click, opened = RESPONSES.index("newsletter_click"), RESPONSES.index("newsletter_open")
    for day, _ in lived:
        assert (day.responded <= day.tried).all()
        assert (day.tried[click] <= day.responded[opened]).all()
        assert (day.responded[opened] <= day.sent[TOUCHES.index("newsletter_sent")]).all()


def test_sessions_can_be_counted_from_the_log(lived: list[tuple[Day, Ints]]) -> None:
    """A gap of 30 minutes parts two sessions: the likelihood counts what a reader can count."""
    rng = np.random.default_rng(3)
    several = 0
    for day, _ in lived[100:200]:
        order = np.lexsort((times := page_times(day, rng), day.page_lead))
        lead, at = day.page_lead[order], times[order]
        begins = np.ones(len(lead), dtype=bool)
        begins[1:] = (np.diff(lead) != 0) | (np.diff(at) > HOUR // 2)
        counted = np.bincount(lead[begins], minlength=N_LEADS)
        np.testing.assert_array_equal(counted, day.sessions)
        several += int((counted > 1).sum())
    assert several > 50


def test_every_event_lies_strictly_inside_its_day(
    lived: list[tuple[Day, Ints]], population: Population
) -> None:
    """At midnight it would belong to the day before, after 23:00 to the day after a short one."""
    rng = np.random.default_rng(4)
    for day, _ in lived[:60]:
        written = entries(day, population, week=day.number // 7, rng=rng)
        assert ((written.at > 0) & (written.at < 23 * HOUR)).all()


def test_the_world_before_a_day_does_not_depend_on_how_long_it_runs(population: Population) -> None:
    """No look ahead: a shorter run is the beginning of a longer one."""
    traits: Traits = population.traits
    dates = [START + timedelta(days=i) for i in range(40)]
    long, short = (
        list(live(default_world(), traits, dates[:n], np.random.SeedSequence(5))) for n in (40, 20)
    )
    for (day, state), (same_day, same_state) in zip(long, short, strict=False):
        np.testing.assert_array_equal(state, same_state)
        np.testing.assert_array_equal(day.sent, same_day.sent)
        np.testing.assert_array_equal(day.page_lead, same_day.page_lead)
