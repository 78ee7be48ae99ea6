"""The truth is the best possible answer: three ways to compute it agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import numpy as np
import pytest
from scipy.stats import bernoulli, poisson

from training.simulation.behaviour import Day, Traits, draw, live, step
from training.simulation.population import populate
from training.simulation.reseller import default_world
from training.simulation.truth import Forecast, deal_within, forecasts
from training.simulation.world import PAGES, RESPONSES, World

FOUR_DAYS = [date(2026, 4, 20) + timedelta(days=i) for i in range(4)]
N_LEADS = 100


def tiny_world(is_open: tuple[bool, ...], deal: int, lost: int) -> World:
    """Three states, two profiles, two projects, arbitrary numbers."""
    rng = np.random.default_rng(5)

    def rows(*shape: int) -> np.ndarray:
        return rng.dirichlet(np.full(shape[-1], 2.0), shape[:-1])

    initial = rows(13, 3) * is_open
    return World(
        open=np.array(is_open),
        deal=deal,
        customer=-1,
        lost=lost,
        initial=initial / initial.sum(axis=1, keepdims=True),
        transition=rows(2, 2, 3, 3),
        project=rows(2, 2),
        project_start=np.array([0.5, 0.5]),
        sessions=np.array([0.4, 1.5, 0.9]),
        activity=np.array([1.0, 1.6]),
        weekday=np.linspace(0.6, 1.4, 7),
        extra_pages=np.array([0.3, 1.7, 0.8]),
        mix=rows(3, len(PAGES)),
        response=rng.uniform(0.1, 0.9, (len(RESPONSES), 3)),
        purchase=0.0,
    )


WORLDS = {
    "two open states": tiny_world((True, True, False), deal=2, lost=-1),
    "through lost and back": tiny_world((True, False, False), deal=1, lost=2),
}


def traits(n: int, rng: np.random.Generator) -> Traits:
    """Leads of every kind, all created on the first day."""
    return Traits(
        arrival=np.zeros(n, dtype=np.int64),
        source=rng.integers(0, 13, n),
        profile=rng.integers(0, 2, n),
        do_not_mail=rng.random(n) < 0.2,
        near=rng.random(n) < 0.5,
    )


def four_days(world: World, who: Traits) -> list[Day]:
    """Days of the tiny world in which occasions and responses of all kinds are dealt at random.

    An enumeration holds for whatever is seen, and so few days would not have all kinds.
    """
    rng = np.random.default_rng(4)
    days = [day for day, _ in live(world, who, FOUR_DAYS, np.random.SeedSequence(2))]
    dealt = []
    for day in days:
        tried = day.present & (rng.random(day.tried.shape) < 0.4)
        responded = tried & (rng.random(tried.shape) < 0.5)
        dealt.append(replace(day, tried=tried, responded=responded))
    return dealt


def emission(world: World, day: Day, lead: int, profile: int, state: int) -> float:
    """P(what the lead did that day | state), act by act from the definitions."""
    rate = world.sessions[state] * world.activity[profile] * world.weekday[day.weekday]
    p = poisson.pmf(day.sessions[lead], rate)
    mine = day.page_lead == lead
    for session in range(day.sessions[lead]):
        pages = int((day.page_session[mine] == session).sum())
        p *= poisson.pmf(pages - 1, world.extra_pages[state])
    for kind in day.page_kind[mine]:
        p *= world.mix[state, kind]
    for r in np.flatnonzero(day.tried[:, lead]):
        p *= bernoulli.pmf(day.responded[r, lead], world.response[r, state])
    return float(p)


def by_enumeration(
    world: World, who: Traits, days: list[Day], lead: int, cutoff: int, horizon: int
) -> float:
    """P(deal within the horizon | seen, open) as a ratio of sums over every path there is.

    The state takes every path over days 0 to cutoff + horizon - 1; the changing attribute is known
    up to the cutoff and takes every path after it.
    """
    profile, source = who.profile[lead], who.source[lead]
    known = [days[d].project[lead] for d in range(cutoff)] + [days[cutoff - 1].project_after[lead]]
    with_deal = total = 0.0
    for z in product(range(3), repeat=cutoff + horizon):
        if not all(world.open[state] for state in z[:cutoff]):
            continue
        for future in product(range(2), repeat=horizon - 1):
            x = [*known, *future]
            p = world.initial[source, z[0]]
            for d in range(1, cutoff + horizon):
                p *= world.transition[profile, x[d], z[d - 1], z[d]]
                if d > cutoff:
                    p *= world.project[x[d - 1], x[d]]
                if d < cutoff:
                    p *= emission(world, days[d], lead, profile, z[d])
            total += p
            with_deal += p * (world.deal in z[cutoff:])
    return with_deal / total


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize(("cutoff", "horizon"), [(1, 3), (2, 2), (3, 1)])
def test_it_equals_the_enumeration_of_every_path(name: str, cutoff: int, horizon: int) -> None:
    world, who = WORLDS[name], traits(N_LEADS, np.random.default_rng(1))
    days = four_days(world, who)
    forecast = list(forecasts(world, who, days, horizon))[cutoff - 1]
    assert forecast.midnight == cutoff
    assert len(forecast.leads) >= 5
    expected = [by_enumeration(world, who, days, i, cutoff, horizon) for i in forecast.leads]
    np.testing.assert_allclose(forecast.p_bayes, expected, rtol=1e-10)


def test_the_enumerated_days_hold_something_of_everything() -> None:
    """Else agreement with the enumeration would say little."""
    world, who = WORLDS["two open states"], traits(N_LEADS, np.random.default_rng(1))
    days = four_days(world, who)
    for day in days[1:3]:
        assert day.responded.any(axis=1).all()
        assert (day.tried & ~day.responded).any(axis=1).all()
    assert max(day.sessions.max() for day in days) > 1
    assert any((day.project != day.project_after).any() for day in days)
    assert any((day.present & (day.sessions == 0)).any() for day in days)


@pytest.fixture(scope="module")
def lived() -> tuple[World, Traits, list[Forecast], list[Day]]:
    """Half a year of the default world."""
    world, seeds = default_world(), np.random.SeedSequence(11).spawn(2)
    who = populate(400, 180, seeds[0]).traits
    dates = [date(2025, 10, 1) + timedelta(days=i) for i in range(180)]
    days = [day for day, _ in live(world, who, dates, seeds[1])]
    return world, who, list(forecasts(world, who, days)), days


def test_it_equals_the_share_of_deals_when_the_world_is_run_on(
    lived: tuple[World, Traits, list[Forecast], list[Day]],
) -> None:
    """Twenty leads from the least to the most likely, each run on 4000 times from its belief."""
    world, who, truth, days = lived
    last, copies, rng = truth[-1], 4000, np.random.default_rng(3)
    rows = np.argsort(last.p_bayes)[np.linspace(0, len(last.leads) - 1, 20).astype(int)]
    leads, p = last.leads[rows], last.p_bayes[rows]
    state = draw(np.repeat(last.belief[rows], copies, axis=0), rng)
    profile = np.repeat(who.profile[leads], copies)
    project = np.repeat(days[-1].project_after[leads], copies)
    deal = np.zeros(len(state), dtype=bool)
    for _ in range(90):
        state = step(world, profile, project, state, rng)
        project = draw(world.project[project], rng)
        deal |= state == world.deal
    share = deal.reshape(20, copies).mean(axis=1)
    assert p.max() > 5 * p.min()
    # Binomial standard error; 4 of them are passed by chance once in 16 000 comparisons.
    assert (np.abs(share - p) < 4 * np.sqrt(p * (1 - p) / copies)).all()


def test_silence_alone_lowers_it(
    lived: tuple[World, Traits, list[Forecast], list[Day]],
) -> None:
    """An active lead that does nothing for a month, with nothing sent, is less likely to buy."""
    world, who, truth, days = lived
    last = truth[-1]
    top = last.leads[np.argsort(last.p_bayes)[-10:]]
    n = len(who.arrival)
    none, no_pages = np.zeros(n, dtype=bool), np.zeros(0, dtype=np.int64)

    def and_then_nothing() -> Iterator[Day]:
        yield from days
        for i in range(30):
            silent = np.zeros((8, n), dtype=bool)
            yield Day(
                len(days) + i, i % 7, ~none, none,
                days[-1].project_after, days[-1].project_after,
                np.zeros(n, dtype=np.int64), no_pages, no_pages, no_pages,
                silent[:5], silent, silent, none, none, none, none,
            )  # fmt: skip

    later = list(forecasts(world, who, and_then_nothing()))[-1]
    before = last.p_bayes[np.searchsorted(last.leads, top)]
    after = later.p_bayes[np.searchsorted(later.leads, top)]
    assert (after < 0.8 * before).all()


def test_what_happens_later_changes_nothing(
    lived: tuple[World, Traits, list[Forecast], list[Day]],
) -> None:
    world, who, truth, days = lived
    earlier = list(forecasts(world, who, days[:100]))[-1]
    np.testing.assert_array_equal(earlier.leads, truth[99].leads)
    np.testing.assert_array_equal(earlier.p_bayes, truth[99].p_bayes)


def test_beliefs_are_distributions_over_open_states(
    lived: tuple[World, Traits, list[Forecast], list[Day]],
) -> None:
    world, _, truth, _ = lived
    belief = np.concatenate([forecast.belief for forecast in truth])
    np.testing.assert_allclose(belief.sum(axis=1), 1)
    assert (belief >= 0).all()
    assert (belief[:, ~world.open] == 0).all()


def test_a_longer_horizon_never_makes_a_deal_less_likely() -> None:
    world = default_world()
    by_horizon = np.array([deal_within(world, days) for days in (0, 1, 30, 90, 365)])
    assert (by_horizon[0] == 0).all()
    assert (np.diff(by_horizon, axis=0) >= 0).all()
    assert by_horizon.max() <= 1
