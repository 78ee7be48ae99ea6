"""Planted signals: who sees them knows more, and exactly as much as the truth says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bernoulli, binom, poisson
from typer.testing import CliRunner

import tegakari
from features.errors import UsageError
from training.simulate import simulate
from training.simulation.behaviour import Day, Traits, draw, live, step
from training.simulation.difficulty import Rows, calibration_slope
from training.simulation.planting import Habits
from training.simulation.population import populate
from training.simulation.signals import SIGNALS, Nature, companies, nature
from training.simulation.truth import Forecast, Prior, forecasts
from training.simulation.world import PAGES, RESPONSES, Floats, World

SHARE, CHANCE = np.array([0.4, 0.6]), np.array([[0.3, 0.2], [0.7, 0.6]])
DEAL, CUSTOMER, LOST = 2, 3, 4
END = datetime(2026, 4, 1)  # noqa: DTZ001 - a midnight of the world's own zone


def tiny_world(name: str) -> World:
    """Two open states, deal, customer, lost; two paces, two profiles, two projects."""
    rng = np.random.default_rng(5)

    def rows(*shape: int) -> Floats:
        return rng.dirichlet(np.full(shape[-1], 2.0), shape[:-1])

    signal = SIGNALS[name]
    is_open = np.array([True, True, False, False, False])
    initial = rows(13, 5) * is_open
    transition = rows(4, 2, 5, 5)
    transition[..., :2, CUSTOMER] = 0.0  # nobody is won before a deal
    response = rng.uniform(0.1, 0.9, (len(RESPONSES), 5))
    response[[RESPONSES.index(quiet) for quiet in signal.quiet]] = 0.0
    return World(
        open=is_open,
        deal=DEAL,
        customer=CUSTOMER,
        lost=LOST,
        initial=initial / initial.sum(axis=1, keepdims=True),
        transition=transition / transition.sum(axis=-1, keepdims=True),
        project=rows(2, 2),
        project_start=np.array([0.5, 0.5]),
        sessions=np.array([0.4, 1.5, 0.9, 0.6, 0.2]),
        activity=np.tile([1.0, 1.6], 2),
        weekday=np.linspace(0.6, 1.4, 7),
        extra_pages=np.array([0.3, 1.7, 0.8, 0.5, 0.4]),
        mix=rows(5, len(PAGES)),
        response=response,
        purchase=0.3,
        sessions_tell=signal.sessions_tell,
    )


@dataclass
class Tiny:
    """Leads of the tiny world, all created on its first day, and what was seen of four days."""

    world: World
    traits: Traits
    prior: Prior
    days: list[Day]


@cache
def tiny(name: str) -> Tiny:
    """Occasions and responses are dealt at random: an enumeration holds for whatever is seen."""
    world, signal, n = tiny_world(name), SIGNALS[name], 300
    rng = np.random.default_rng(1)
    traits = Traits(
        arrival=np.zeros(n, dtype=np.int64),
        source=rng.integers(0, 13, n),
        profile=rng.integers(0, 2, n),
        do_not_mail=np.zeros(n, dtype=bool),
        near=rng.random(n) < 0.5,
    )
    account = None if signal.plant else np.arange(n) // 3
    pace = rng.integers(0, 2, n) if account is None else rng.integers(0, 2, n)[account]
    chance = CHANCE[:, : len(signal.chance)]
    habits = Habits(chance.T[:, pace], np.full(n, 0.8), traits.do_not_mail)
    plant = signal.plant and partial(signal.plant, habits)
    paced = replace(traits, profile=traits.profile + 2 * pace)
    dates = [date(2026, 4, 20) + timedelta(days=i) for i in range(4)]
    state = [RESPONSES.index(r) for r in RESPONSES if r not in signal.quiet]
    days = []
    for day, _ in live(world, paced, dates, np.random.SeedSequence(2), plant):
        tried, responded = day.tried.copy(), day.responded.copy()
        tried[state] = (day.present & (rng.random(tried.shape) < 0.4))[state]
        responded[state] = (tried & (rng.random(tried.shape) < 0.5))[state]
        days.append(replace(day, tried=tried, responded=responded))
    return Tiny(world, traits, Prior(SHARE, chance if signal.plant else None, account), days)


def emission(world: World, day: Day, lead: int, profile: int, state: int) -> float:
    """P(what the lead did that day | state), the coins left out."""
    rate = world.sessions[state] * world.activity[profile] * world.weekday[day.weekday]
    kinds = day.page_kind[day.page_lead == lead]
    extra = world.extra_pages[state]
    if world.sessions_tell:
        sessions = range(day.sessions[lead], day.sessions[lead] + 1)
    else:
        sessions = range(len(kinds) + 1)
    # Pages beyond the first of s sessions are s Poisson numbers, which sum to one of s times the mean.
    p = sum(poisson.pmf(s, rate) * poisson.pmf(len(kinds) - s, s * extra) for s in sessions)
    p *= np.prod(world.mix[state, kinds])
    for r in np.flatnonzero(day.tried[:, lead]):
        p *= bernoulli.pmf(day.responded[r, lead], world.response[r, state])
    return float(p)


def outcome(world: World, day: Day, lead: int, before: int, after: int) -> float:
    """P(outcomes of the day | states of the day before and of the day)."""
    seen = day.opened[lead], day.won[lead], day.lost[lead]
    if seen != tuple(before != after == goal for goal in (DEAL, CUSTOMER, LOST)):
        return 0.0
    may_buy = after == CUSTOMER and not day.won[lead]
    return float(bernoulli.pmf(day.bought[lead], world.purchase if may_buy else 0.0))


@cache
def paths(name: str, lead: int, pace: int, cutoff: int, horizon: int) -> tuple[float, float]:
    """P(own acts to the cutoff | pace), and the same with a deal in the horizon: sums over paths."""
    it = tiny(name)
    world, days, profile = it.world, it.days, int(it.traits.profile[lead]) + 2 * pace
    acts = [[emission(world, day, lead, profile, z) for z in range(5)] for day in days]
    known = [days[d].project[lead] for d in range(cutoff)] + [days[cutoff - 1].project_after[lead]]
    total = with_deal = 0.0
    for z in product(range(5), repeat=cutoff + horizon):
        seen = world.initial[it.traits.source[lead], z[0]]
        for d in range(1, cutoff):
            seen *= world.transition[profile, known[d], z[d - 1], z[d]] * acts[d][z[d]]
            seen *= outcome(world, days[d], lead, z[d - 1], z[d]) if seen else 0.0
        if not seen:
            continue
        for future in product(range(2), repeat=max(horizon - 1, 0)):
            x, p = [*known, *future], seen
            for d in range(cutoff, cutoff + horizon):
                p *= world.transition[profile, x[d], z[d - 1], z[d]]
                p *= world.project[x[d - 1], x[d]] if d > cutoff else 1.0
            total += p
            with_deal += p * (DEAL in z[cutoff:])
    return total, with_deal


def shown(name: str, lead: int, pace: int, cutoff: int) -> float:
    """P(what the planted signal shows of a lead | pace)."""
    it = tiny(name)
    p = 1.0
    if it.prior.account is not None:
        for other in np.flatnonzero(it.prior.account == it.prior.account[lead]):
            p *= paths(name, int(other), pace, cutoff, 0)[0] if other != lead else 1.0
    elif it.prior.chance is not None:
        for day in it.days[:cutoff]:
            assert day.coins is not None
            heads, tossed = day.coins.heads[:, lead], day.coins.tossed[:, lead]
            p *= np.prod(binom.pmf(heads, tossed, it.prior.chance[pace]))
    return p


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize(("cutoff", "horizon"), [(2, 2), (4, 1)])
def test_it_equals_the_enumeration_of_every_path(name: str, cutoff: int, horizon: int) -> None:
    it = tiny(name)
    forecast = list(forecasts(it.world, it.traits, it.days, horizon, it.prior))[cutoff - 1]
    chosen = slice(0, 12)
    assert len(forecast.leads) >= 12
    assert not np.allclose(forecast.p_bayes, forecast.p_without, rtol=0.01)
    with_it, without = [], []
    for lead in map(int, forecast.leads[chosen]):
        own = np.array([paths(name, lead, pace, cutoff, horizon) for pace in (0, 1)])
        signal = np.array([shown(name, lead, pace, cutoff) for pace in (0, 1)])
        total, with_deal = SHARE @ (own * signal[:, None])
        with_it.append(with_deal / total)
        total, with_deal = SHARE @ own
        without.append(with_deal / total)
    np.testing.assert_allclose(forecast.p_bayes[chosen], with_it, rtol=1e-10)
    np.testing.assert_allclose(forecast.p_without[chosen], without, rtol=1e-10)


def test_the_enumerated_days_hold_something_of_everything() -> None:
    """Else agreement with the enumeration would say little."""
    for name, signal in SIGNALS.items():
        days = tiny(name).days
        for coins in (day.coins for day in days[1:] if signal.plant):
            assert coins is not None
            assert coins.heads.any(axis=1).all()
            assert (coins.heads < coins.tossed).any(axis=1).all()
    days = tiny("accounts").days
    for outcomes in ("opened", "won", "lost", "bought"):
        assert any(getattr(day, outcomes).any() for day in days)


# A small world at the rates of the default one


@dataclass
class Lived:
    """Weekly rows with a horizon that is over, in arrays of shape (n,)."""

    nature: Nature
    days: list[Day]
    truth: list[Forecast]
    lead: Any
    unit: Any
    label: Any
    p_bayes: Floats
    p_without: Floats


@cache
def lived(name: str, leads: int = 2500, length: int = 260) -> Lived:
    seeds = np.random.SeedSequence(11).spawn(4)
    account = companies(leads, seeds[0]) if name == "accounts" else None
    traits = populate(leads, length - 90, seeds[1], account).traits
    hidden = nature(name, traits, account, seeds[2])
    dates = [date(2025, 10, 1) + timedelta(days=i) for i in range(length)]
    days = [day for day, _ in live(hidden.world, hidden.traits, dates, seeds[3], hidden.plant)]
    truth = list(forecasts(hidden.world, traits, days, prior=hidden.prior))
    opened = np.stack([day.opened for day in days])
    rows = truth[29 : length - 90 : 7]
    lead = np.concatenate([row.leads for row in rows])
    label = np.concatenate(
        [opened[row.midnight : row.midnight + 90, row.leads].any(axis=0) for row in rows]
    )
    p_bayes, p_without = (
        np.concatenate([getattr(row, answer) for row in rows])
        for answer in ("p_bayes", "p_without")
    )
    unit = lead if account is None else account[lead]
    return Lived(hidden, days, truth, lead, unit, label, p_bayes, p_without)


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("answer", ["p_bayes", "p_without"])
def test_both_answers_are_calibrated(name: str, answer: str) -> None:
    """Sum and slope; standard errors are over leads, or accounts, whose rows go together.

    3.5 of them are passed once in 2000 comparisons.
    """
    it = lived(name)
    p = getattr(it, answer)
    surplus = np.bincount(it.unit, it.label - p)
    assert abs(surplus.sum()) < 3.5 * np.sqrt((surplus**2).sum())
    slope, error = calibration_slope(Rows(it.unit, p, it.label, np.zeros((len(p), 0))))
    assert error < 0.1
    assert abs(slope - 1) < 3.5 * error


@pytest.mark.parametrize("name", SIGNALS)
def test_who_sees_the_signal_knows_more(name: str) -> None:
    """Measured beyond chance, and by its own account by as much as at the default size."""
    it = lived(name)
    p, q = it.p_bayes, it.p_without
    odds = np.log(p / q), np.log((1 - p) / (1 - q))
    gain = np.bincount(it.unit, np.where(it.label, *odds))
    assert gain.sum() > 3 * np.sqrt((gain**2).sum())
    expected = (p * odds[0] + (1 - p) * odds[1]).mean()
    assert expected > 0.006


@pytest.mark.parametrize("name", ["sessions", "accounts"])
def test_it_equals_the_share_of_deals_when_the_world_is_run_on(name: str) -> None:
    """Twenty leads from the least to the most likely, each run on 3000 times from its belief."""
    it, copies, rng = lived(name), 3000, np.random.default_rng(3)
    last, world = it.truth[-1], it.nature.world
    rows = np.argsort(last.p_bayes)[np.linspace(0, len(last.leads) - 1, 20).astype(int)]
    leads, p = last.leads[rows], last.p_bayes[rows]
    pace = draw(np.repeat(last.pace[:, rows].T, copies, axis=0), rng)
    state = draw(last.states[pace, np.repeat(rows, copies)], rng)
    visible = populated(name).profile
    profile = np.repeat(visible[leads], copies) + 3 * pace
    project = np.repeat(it.days[-1].project_after[leads], copies)
    deal = np.zeros(len(state), dtype=bool)
    for _ in range(90):
        state = step(world, profile, project, state, rng)
        project = draw(world.project[project], rng)
        deal |= state == world.deal
    share = deal.reshape(20, copies).mean(axis=1)
    assert (np.abs(share - p) < 4 * np.sqrt(p * (1 - p) / copies)).all()


def populated(name: str) -> Traits:
    """The traits of `lived` as anybody sees them."""
    hidden = lived(name).nature
    return replace(hidden.traits, profile=hidden.traits.profile - 3 * hidden.pace)


@pytest.mark.parametrize("name", SIGNALS)
def test_the_pace_of_an_active_lead_becomes_clear(name: str) -> None:
    """The true pace of those who acted most has the larger part of the posterior.

    Who may not be mailed shows nothing where responses are planted, and is left out everywhere.
    """
    it = lived(name)
    last = it.truth[-1]
    acts = sum(np.bincount(day.page_lead, minlength=len(it.nature.pace)) for day in it.days)
    active = np.flatnonzero(
        (np.asarray(acts) >= 15)[last.leads] & ~populated(name).do_not_mail[last.leads]
    )
    assert len(active) > 30
    up = np.array(SIGNALS[name].up)
    alike = up[:, None] == up[it.nature.pace[last.leads[active]]]
    right = (last.pace[:, active] * alike).sum(axis=0)
    assert right.mean() > 0.8


def test_nobody_but_colleagues_shows_the_pace_of_an_account() -> None:
    """Alone, a lead has the answer of who does not see the signal, whoever its colleagues are."""
    it = lived("accounts")
    account = it.nature.prior.account
    assert account is not None
    size = np.bincount(account)[account]
    assert set(size) == set(range(1, 9))
    apart = replace(it.nature.prior, account=np.arange(len(account)))
    traits, days = populated("accounts"), it.days[:60]
    for seen, alone in zip(
        it.truth, forecasts(it.nature.world, traits, days, prior=apart), strict=False
    ):
        np.testing.assert_allclose(alone.p_bayes, alone.p_without, rtol=1e-12)
        np.testing.assert_allclose(alone.p_bayes, seen.p_without, rtol=1e-12)
        single = size[seen.leads] == 1
        np.testing.assert_allclose(seen.p_bayes[single], seen.p_without[single], rtol=1e-12)


@pytest.mark.parametrize("name", ["accounts", "hours"])
def test_what_happens_later_changes_nothing(name: str) -> None:
    it = lived(name)
    earlier = list(forecasts(it.nature.world, populated(name), it.days[:50], prior=it.nature.prior))
    np.testing.assert_array_equal(earlier[-1].p_bayes, it.truth[49].p_bayes)
    np.testing.assert_array_equal(earlier[-1].p_without, it.truth[49].p_without)


# The files and the command


def test_only_a_world_with_a_signal_says_what_is_known_without_it(tmp_path: Path) -> None:
    plain = simulate(tmp_path / "none", leads=30, days=40, seed=1, end=END)
    columns = list(pd.read_parquet(plain.files["truth.parquet"]))
    attributes = list(pd.read_csv(plain.files["leads.csv"]))
    assert plain.signal is None
    assert "p_without" not in columns
    assert "account_id" not in attributes
    for name in SIGNALS:
        planted = simulate(tmp_path / name, leads=30, days=40, seed=1, end=END, signal=name)
        assert planted.signal == name
        truth = pd.read_parquet(planted.files["truth.parquet"])
        assert list(truth) == [*columns, "p_without"]
        assert truth[["p_bayes", "p_without"]].stack().between(0, 1, inclusive="neither").all()
        shared = ["account_id"] if name == "accounts" else []
        assert sorted(pd.read_csv(planted.files["leads.csv"])) == sorted(attributes + shared)


def test_colleagues_share_what_a_company_has(tmp_path: Path) -> None:
    simulate(tmp_path, leads=400, days=40, seed=1, end=END, signal="accounts")
    leads = pd.read_csv(tmp_path / "leads.csv", dtype=str)
    domain = leads["email"].str.split("@").str[1]
    assert leads["account_id"].nunique() == domain.nunique()
    company = leads.assign(domain=domain).groupby("account_id")
    common = company[["domain", "company", "industry", "employees", "prefecture"]].nunique()
    assert (common == 1).all(axis=None)
    assert company.size().between(1, 8).all()
    assert leads["lead_id"].is_unique


def test_an_unknown_signal_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'moon'.*sessions, order, responses, hours, accounts"):
        simulate(tmp_path / "world", leads=1, days=1, signal="moon")
    assert not list(tmp_path.iterdir())


def test_the_command_knows_every_signal(tmp_path: Path) -> None:
    told = CliRunner().invoke(tegakari.app, ["simulate", "--help"]).output
    assert all(name in told for name in SIGNALS)
    words = ["simulate", "--out", str(tmp_path), "--leads", "5", "--days", "9", "--signal", "order"]
    ran = CliRunner().invoke(tegakari.app, words)
    assert ran.exit_code == 0
    assert "p_without" in list(pd.read_parquet(tmp_path / "truth.parquet"))
