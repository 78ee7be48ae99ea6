"""Lines from a capacity, and the distributions of what a week brings, against plain arithmetic."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, poisson

from features.errors import UsageError
from models.capacity.crossings import Crossings, Floats, Line
from models.capacity.distributions import (
    SURE,
    Shift,
    Weeks,
    interval,
    mean_of,
    of_called,
    poisson_binomial,
)
from models.capacity.reference import BEFORE, Reference
from models.capacity.shift import LATER, PRIOR, Became, Observed, learnt, of_evidence
from models.capacity.solve import lines, solve
from models.evidence import Evidence
from models.playbook.temperature import CapacitySection

# Few different values, so that ties and returns are common; 0.0 stands for no probability.
LOOKS = st.integers(2, 6).flatmap(
    lambda weeks: st.lists(
        st.lists(
            st.sampled_from([0.0, 0.1, 0.19, 0.2, 0.21, 0.3, 0.5, 0.55, 0.6]),
            min_size=weeks + 1,
            max_size=weeks + 1,
        ),
        min_size=1,
        max_size=12,
    )
)


def looked_at(leads: list[list[float]]) -> Floats:
    """Looks by leads, NaN for no probability."""
    p = np.array(leads).T
    return np.where(p == 0, np.nan, p)


def one_by_one(probability: Floats, line: float, hysteresis: float) -> list[int]:
    """How many cross a line in each week, each lead followed as the playbook says it."""
    counts = [0] * (len(probability) - 1)
    for lead in probability.T:
        over = False
        for week, p in enumerate(lead):
            enters = p >= line
            stays = p >= line * (1 - hysteresis)
            if week and enters and not over:
                counts[week - 1] += 1
            over = bool(enters or (over and stays))
    return counts


@given(LOOKS, st.sampled_from([0.0, 0.1, 0.4]))
def test_crossings_of_every_line_are_those_of_leads_followed_one_by_one(
    leads: list[list[float]], hysteresis: float
) -> None:
    p = looked_at(leads)
    crossings = Crossings.of(p, hysteresis)
    for line in (0.05, 0.1, 0.15, 0.2, 0.205, 0.21, 0.28, 0.3, 0.45, 0.5, 0.58, 0.6, 0.7):
        assert crossings.counts(line).tolist() == one_by_one(p, line, hysteresis)


@given(LOOKS, st.floats(0.3, 12))
def test_the_line_is_the_lowest_with_no_line_above_it_crossed_too_often(
    leads: list[list[float]], most: float
) -> None:
    p = looked_at(leads)
    crossings = Crossings.of(p, 0.1)
    every = np.concatenate([crossings.upto, crossings.over])
    every = np.unique(every[every > 0])

    def fits(line: float) -> bool:
        above = [line, *every[every >= line]]
        return all(np.mean(one_by_one(p, cut, 0.1)) <= most for cut in above)

    found = crossings.lowest(most)
    if found is None:
        assert not len(every) or not fits(float(every[-1]))
        return
    assert fits(found.shortest)
    assert found.over < found.shortest <= found.upto
    if found.over:
        assert not fits(found.over)


@given(LOOKS, st.floats(0.3, 6), st.floats(0, 6))
def test_more_calls_never_raise_the_line(
    leads: list[list[float]], calls: float, more: float
) -> None:
    crossings = Crossings.of(looked_at(leads), 0.1)
    few, many = crossings.lowest(calls), crossings.lowest(calls + more)
    if few is not None:
        assert many is not None
        assert many.shortest <= few.shortest


@given(st.floats(0.0, 0.99), st.floats(1e-9, 1.0))
def test_a_line_is_written_with_as_few_decimals_as_it_can_be(over: float, step: float) -> None:
    line = Line(over, min(over + step, 1.0))
    written = line.shortest
    assert line.over < written <= line.upto
    digits = len(f"{written:.16f}".rstrip("0").split(".")[1])
    if 1 < digits < 12:
        shorter = 10 ** (digits - 1)
        above = (np.floor(over * shorter) + np.arange(1, 3)) / shorter
        assert not ((above > over) & (above <= line.upto - 1e-12)).any()


@given(st.lists(st.floats(0, 1), max_size=8))
def test_poisson_binomial_is_what_counting_every_outcome_gives(probability: list[float]) -> None:
    expected = np.zeros(len(probability) + 1)
    for outcome in itertools.product((0, 1), repeat=len(probability)):
        chance = [p if y else 1 - p for p, y in zip(probability, outcome, strict=True)]
        expected[sum(outcome)] += np.prod(chance)
    assert poisson_binomial(np.array(probability)) == pytest.approx(expected, abs=1e-12)


def test_poisson_binomial_of_equal_probabilities_is_binomial() -> None:
    found = poisson_binomial(np.full(500, 0.13))
    assert found == pytest.approx(binom.pmf(np.arange(501), 500, 0.13), abs=1e-12)


def test_an_interval_is_the_shortest_that_holds_the_share() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        distribution = rng.dirichlet(np.full(15, 0.7))
        found = interval(distribution)
        held = {
            (low, high): distribution[low : high + 1].sum()
            for low in range(15)
            for high in range(low, 15)
        }
        assert held[found] >= 0.9 - 1e-9
        shortest = min(high - low for (low, high), share in held.items() if share >= 0.9)
        assert found.width == shortest
        assert held[found] == max(s for (a, b), s in held.items() if b - a == shortest)


def test_known_probabilities_are_covered_as_often_as_said() -> None:
    rng = np.random.default_rng(4)
    held = []
    for _ in range(800):
        p = rng.beta(1.5, 3, 60)
        held.append(interval(of_called(p)).holds(int((rng.random(60) < p).sum())))
    # At least 90%, and more by what whole numbers force; three standard errors of 800.
    assert 0.9 - 0.032 <= np.mean(held) <= 0.98


def test_a_shift_of_all_log_odds_is_covered_only_where_it_is_told() -> None:
    rng = np.random.default_rng(5)
    odds, shift = rng.normal(-1, 0.8, 60), Shift(0.2, 0.5)
    p = 1 / (1 + np.exp(-odds))
    told, untold = interval(of_called(p, shift)), interval(of_called(p, SURE))
    drawn = 1 / (1 + np.exp(-(odds + rng.normal(0.2, 0.5, (2000, 1)))))
    came = (rng.random((2000, 60)) < drawn).sum(axis=1)
    assert np.mean([told.holds(n) for n in came]) == pytest.approx(0.91, abs=0.025)
    assert np.mean([untold.holds(n) for n in came]) < 0.75


def test_no_spread_is_no_shift_and_a_little_is_nearly_none() -> None:
    p = np.linspace(0.05, 0.6, 30)
    assert of_called(p) == pytest.approx(poisson_binomial(p))
    assert of_called(p, Shift(0, 1e-4)) == pytest.approx(poisson_binomial(p), abs=1e-6)


@pytest.mark.parametrize("variation", [0.0, 0.2])
def test_calls_of_a_week_not_seen_are_covered_as_often_as_said(variation: float) -> None:
    rng = np.random.default_rng(6)
    held = []
    for _ in range(200):
        rate = 30 * (rng.gamma(variation**-2, variation**2, 9) if variation else np.ones(9))
        counts = rng.poisson(rate)
        held.append(interval(Weeks(counts[:8]).coming()).holds(counts[8]))
    # A Poisson count about the mean of the weeks would hold 72% of the varying ones.
    assert 0.82 <= np.mean(held) <= 0.98


def test_many_alike_weeks_predict_a_poisson_count() -> None:
    counts = poisson(25).ppf((np.arange(400) + 0.5) / 400).astype(np.int64)
    found = Weeks(counts).coming()
    expected = poisson.pmf(np.arange(len(found)), 25)
    assert mean_of(found) == pytest.approx(25, rel=0.01)
    assert np.abs(found - expected).sum() < 0.03


def test_conversions_of_a_week_are_a_share_of_its_calls() -> None:
    weeks = Weeks(np.array([20, 30, 25, 41]))
    p = np.array([0.1, 0.3, 0.5])
    converting = weeks.converting(p)
    assert mean_of(converting) == pytest.approx(0.3 * mean_of(weeks.coming()), rel=0.01)
    calls = weeks.coming()
    # Of every number of calls a binomial share: the same, by the sum over calls.
    n = np.arange(len(calls))
    summed = (calls[:, None] * binom.pmf(np.arange(len(converting)), n[:, None], 0.3)).sum(axis=0)
    assert converting == pytest.approx(summed, abs=1e-4)
    assert weeks.converting(p, Shift(0, 0.5)) @ n**2 > converting @ n**2


def test_a_shift_is_learnt_as_far_as_leads_tell_it() -> None:
    p = np.full(50, 0.25)
    nothing = learnt([])
    assert nothing.mean == pytest.approx(0, abs=1e-9)
    assert nothing.spread == pytest.approx(np.hypot(PRIOR, LATER), rel=0.01)
    right = learnt([Observed(400, 100, p)])
    assert right.mean == pytest.approx(0, abs=0.01)
    assert LATER < right.spread < nothing.spread
    twice = learnt([Observed(100_000, 40_000, p)])
    # log-odds of 0.4 less those of 0.25
    assert twice.mean == pytest.approx(np.log(0.4 / 0.6) - np.log(0.25 / 0.75), abs=0.01)
    assert learnt([Observed(100, 40, p)]).mean < twice.mean
    assert twice.spread == pytest.approx(LATER, rel=0.05)


def test_a_lead_seen_often_tells_no_more_than_one_seen_once() -> None:
    lead, label, p = np.arange(300), np.tile([1, 0, 0], 100).astype(np.int8), np.full(300, 0.4)
    once = Became(lead, label, p)
    often = Became(np.repeat(lead, 9), np.repeat(label, 9), np.repeat(p, 9))
    assert learnt(often.over(0.3)) == pytest.approx(learnt(once.over(0.3)))
    assert once.over(0.3)[0].n == 300


def test_a_line_over_which_few_were_is_lowered_until_some_tell() -> None:
    rng = np.random.default_rng(7)
    became = Became(np.arange(1000), np.zeros(1000, dtype=np.int8), rng.random(1000))
    assert became.over(0.999)[0].n == 100
    assert became.over(0.5)[0].n == (became.probability >= 0.5).sum()
    assert Became(np.arange(0), np.empty(0, dtype=np.int8), np.empty(0)).over(0.5) == []


def test_evidence_tells_from_the_bin_of_the_line_on() -> None:
    rng = np.random.default_rng(8)
    p = rng.random(3000)
    evidence = Evidence.of(p, (rng.random(3000) < p).astype(np.int8))
    observed = of_evidence(evidence, 0.6, p)
    first = int(evidence.find(np.array([0.6]))[0])
    assert sum(found.n for found in observed) == sum(b.n for b in evidence.bins[first:])
    assert of_evidence(None, 0.6, p) == of_evidence(Evidence(()), 0.6, p) == []


def a_reference(weeks: int = 4, n: int = 2000, *, seed: int = 1, steps: int = 0) -> Reference:
    """Leads whose log-odds wander; those of even rows have enough of each score."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-2, 1, n) + rng.normal(0, 0.5, (weeks + BEFORE, n)).cumsum(axis=0)
    p = 1 / (1 + np.exp(-odds))
    p = np.round(p * steps) / steps if steps else p
    enough = np.ones(p.shape, dtype=bool)
    return Reference(np.arange(weeks + BEFORE), p, enough)


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 40), st.integers(0, 50))
def test_hot_is_crossed_by_as_many_as_can_be_called_and_warm_by_more(calls: int, seed: int) -> None:
    reference = a_reference(seed=seed)
    solved = solve(reference, CapacitySection(calls=calls), 0.1)
    everyone = Crossings.of(reference.probability, 0.1)
    hot = everyone.counts(solved.hot)[BEFORE - 1 :]
    warm = everyone.counts(solved.warm)[BEFORE - 1 :]
    assert solved.counts.tolist() == hot.tolist()
    # A line crosses nobody or one lead more at a time, so the capacity is used up.
    assert calls - 1 / 4 <= hot.mean() <= calls
    assert warm.mean() <= 3 * calls
    assert solved.warm < solved.hot
    assert len(solved.called) == hot.sum()
    assert (solved.called >= solved.hot).all()


def test_leads_without_enough_of_a_score_cross_the_hot_line_never() -> None:
    reference = a_reference()
    half = np.zeros(reference.probability.shape, dtype=bool)
    half[:, ::2] = True
    halved = Reference(reference.at, reference.probability, half)
    crossings = halved.crossings(0.1, hot=True)
    assert len(crossings.lead)
    assert (crossings.lead % 2 == 0).all()
    assert len(halved.crossings(0.1, hot=False).lead) > len(crossings.lead)
    assert (
        lines(halved, CapacitySection(calls=10), 0.1)[0]
        < lines(reference, CapacitySection(calls=10), 0.1)[0]
    )


def test_warm_is_the_next_value_where_probabilities_are_coarse() -> None:
    reference = a_reference(steps=8)
    calls = int(Crossings.of(reference.probability, 0.1).counts(3 / 8)[BEFORE - 1 :].mean()) + 1
    hot, warm = lines(reference, CapacitySection(calls=calls, warm=1.01), 0.1)
    assert 2 / 8 < hot <= 3 / 8
    assert warm == 2 / 8


def test_a_capacity_without_a_line_says_why() -> None:
    reference = a_reference()
    with pytest.raises(UsageError, match="everybody can be called"):
        lines(reference, CapacitySection(calls=400), 0.1)
    coarse = Reference(
        reference.at, np.where(reference.probability > 0.2, 0.3, 0.1), reference.enough
    )
    with pytest.raises(UsageError, match=r"highest\s+probability of the reference, 0.3000"):
        lines(coarse, CapacitySection(calls=1), 0.1)
    nobody = Reference(reference.at, np.full(reference.probability.shape, np.nan), reference.enough)
    with pytest.raises(UsageError, match="No lead of the reference"):
        lines(nobody, CapacitySection(calls=10), 0.1)
