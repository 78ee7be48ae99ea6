"""The gate as a function of arrays: what each criterion stops, and that it stops nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from training.gate.backtest import Positions, Refit, backtest
from training.gate.criteria import CHANGED, POSITIVE_LEADS, TOO_FEW, GateRows, judge
from training.gate.verdict import Verdict
from training.resampling import Interval

Floats = npt.NDArray[np.float64]
LEADS, ROWS_EACH = 4000, 3
SPREAD = 1.3


def odds(p: Floats) -> Floats:
    return np.log(p / (1 - p))


def squash(raw: Floats) -> Floats:
    return 1 / (1 + np.exp(-raw))


def world(leads: int = LEADS, seed: int = 0) -> tuple[GateRows, Floats]:
    """A champion that knows the truth but for some noise, a challenger likewise, and the truth."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(leads), ROWS_EACH)
    raw = rng.normal(-2.5, SPREAD, leads)[group]
    truth = squash(raw)
    label = (rng.random(len(raw)) < truth).astype(np.int8)
    champion, challenger = (squash(raw + rng.normal(0, 0.2, len(raw))) for _ in range(2))
    scorecard = squash(-2.5 + 0.4 * (raw + 2.5) + rng.normal(0, 0.5, len(raw)))
    rows = GateRows(label, group, challenger, np.full(len(raw), truth.mean()), scorecard, champion)
    return rows, truth


def met(verdict: Verdict) -> dict[str, bool]:
    return {one.letter: one.met for one in verdict.criteria}


@pytest.fixture(scope="module")
def rows() -> GateRows:
    return world()[0]


@pytest.fixture(scope="module")
def registered() -> Interval:
    """The champion's figures on rows of its own, drawn from the same world."""
    before, _ = world(seed=1)
    assert before.champion is not None
    return before.loss(before.champion)


def test_a_model_as_good_as_the_champion_is_promoted(rows: GateRows, registered: Interval) -> None:
    verdict = judge(rows, registered, "4")
    assert met(verdict) == dict.fromkeys("abcd", True)
    assert verdict.promote
    assert verdict.champion == "4"
    b = verdict.criterion("b")
    assert b is not None
    assert rows.champion is not None
    assert b.numbers["limit"] == pytest.approx(rows.loss(rows.champion).mean / 100)
    assert b.numbers["low"] < b.numbers["difference"] < b.numbers["high"] < b.numbers["limit"]


def test_fewer_than_200_positive_leads_are_not_enough(registered: Interval) -> None:
    rows, _ = world()
    positive = np.unique(rows.group[rows.label == 1])
    for kept, enough in ((POSITIVE_LEADS, True), (POSITIVE_LEADS - 1, False)):
        gone = np.isin(rows.group, positive[kept:])
        fewer = replace(rows, label=np.where(gone, 0, rows.label).astype(np.int8))
        # One positive lead has several positive rows, and counts once.
        assert fewer.label.sum() > kept
        verdict = judge(fewer, registered)
        assert met(verdict)["a"] is enough
        assert (TOO_FEW in verdict.reason) is not enough
    assert not verdict.promote


def test_no_rows_at_all_are_not_enough() -> None:
    none = GateRows(np.empty(0, np.int8), np.empty(0, np.int64), *np.empty((4, 0)))
    verdict = judge(none, champion="1")
    assert (verdict.promote, verdict.reason, met(verdict)) == (False, TOO_FEW, {"a": False})


def test_a_model_that_may_be_one_percent_worse_is_stopped(
    rows: GateRows, registered: Interval
) -> None:
    rng = np.random.default_rng(3)
    noisy = squash(odds(rows.challenger) + rng.normal(0, 0.6, len(rows)))
    verdict = judge(replace(rows, challenger=noisy), registered)
    assert met(verdict) == {"a": True, "b": False, "c": True, "d": True}
    assert not verdict.promote


def test_what_is_not_known_well_enough_is_stopped_too(registered: Interval) -> None:
    few, _ = world(leads=250)
    assert few.champion is not None
    verdict = judge(few, few.loss(few.champion))
    b = verdict.criterion("b")
    assert b is not None
    assert b.numbers["low"] < 0 < b.numbers["limit"] < b.numbers["high"]
    assert not b.met


@pytest.mark.parametrize(("factor", "calibrated"), [(1.0, True), (1.5, False), (0.7, False)])
def test_the_slope_is_between_four_fifths_and_five_quarters(
    registered: Interval, factor: float, calibrated: bool
) -> None:
    rows, truth = world()
    centre = odds(rows.base_rate)
    best = centre + (odds(truth) - centre) * factor
    # Beside a bad champion any of them is good enough: only the slope can stop it.
    verdict = judge(replace(rows, challenger=squash(best), champion=rows.base_rate), registered)
    b = verdict.criterion("b")
    assert b is not None
    assert b.numbers["high"] < b.numbers["limit"]
    assert b.numbers["slope"] == pytest.approx(1 / factor, rel=0.08)
    assert b.met is calibrated


def test_another_base_rate_is_changed_data(registered: Interval) -> None:
    rows, truth = world(seed=5)
    moved = (np.random.default_rng(6).random(len(truth)) < squash(odds(truth) + 1)).astype(np.int8)
    verdict = judge(replace(rows, label=moved), registered)
    assert met(verdict)["c"] is False
    assert not verdict.promote
    assert verdict.reason.startswith(f"(c) {CHANGED}")


def test_noise_of_the_registered_figures_counts(rows: GateRows) -> None:
    assert rows.champion is not None
    now = rows.loss(rows.champion)
    # 1.2 half-widths away: more than the noise of one figure explains, less than that of two.
    half = now.high - now.mean
    near = Interval(now.mean - 1.2 * half, now.mean - 2.2 * half, now.mean - 0.2 * half)
    sharp = Interval(near.mean, near.mean - 1e-6, near.mean + 1e-6)
    assert met(judge(rows, near))["c"] is True
    assert met(judge(rows, sharp))["c"] is False
    assert met(judge(rows, None))["c"] is False
    assert "a person decides" in judge(rows, None).reason


def test_a_first_model_has_to_know_more_than_the_base_rate_and_the_scorecard(
    rows: GateRows,
) -> None:
    first = replace(rows, champion=None)
    verdict = judge(first)
    assert (verdict.promote, met(verdict)) == (True, {"d": True})
    for worse in (rows.base_rate, rows.scorecard):
        verdict = judge(replace(first, challenger=worse))
        assert (verdict.promote, met(verdict)) == (False, {"d": False})


def test_better_than_the_base_rate_by_luck_is_not_better() -> None:
    lucky = 0
    for seed in range(20):
        rows, _ = world(leads=400, seed=seed)
        rng = np.random.default_rng(100 + seed)
        knows_nothing = squash(odds(rows.base_rate) + rng.normal(0, 0.02, len(rows)))
        first = replace(
            rows, challenger=knows_nothing, scorecard=rows.base_rate * 0.5, champion=None
        )
        lucky += first.excess(first.base_rate).mean < 0
        assert judge(first).promote is bool(first.excess(first.base_rate).high < 0)
    assert lucky > 3


def test_a_shuffle_of_training_labels_is_stopped_by_b_and_d(registered: Interval) -> None:
    rows, _ = world()
    shuffled = np.random.default_rng(0).permutation(rows.challenger)
    flat = squash(0.05 * (odds(shuffled) - odds(rows.base_rate)) + odds(rows.base_rate))
    verdict = judge(replace(rows, challenger=flat), registered)
    assert met(verdict) == {"a": True, "b": False, "c": True, "d": False}
    assert not verdict.promote


def test_a_shuffle_of_all_labels_is_stopped_by_c(registered: Interval) -> None:
    rows, _ = world()
    label = np.random.default_rng(0).permutation(rows.label)
    verdict = judge(replace(rows, label=label, challenger=rows.base_rate + 1e-4), registered)
    assert met(verdict)["c"] is False
    assert verdict.reason.startswith(f"(c) {CHANGED}")


def test_leads_are_resampled_not_rows(rows: GateRows) -> None:
    """Each row written down four times tells no more than once."""
    four = GateRows(*(np.tile(getattr(rows, name), 4) for name in vars(rows)))
    one, many = rows.excess(rows.scorecard), four.excess(four.scorecard)
    assert (many.high - many.low) == pytest.approx(one.high - one.low, rel=1e-9)


def test_a_verdict_is_the_same_after_json(rows: GateRows, registered: Interval) -> None:
    verdict = judge(rows, registered, "4")
    found = backtest(*fitted_again(), {"skill": 1.0}, {"skill": 0.0})
    for one in (verdict, replace(verdict, backtest=found)):
        stored = json.loads(json.dumps(one.to_json(), allow_nan=False))
        assert Verdict.from_json(stored) == one


def fitted_again() -> tuple[Any, Any, Any, Refit]:
    """A history of three folds, on the second of which nothing can be fitted, and a refit."""
    rows, truth = world(leads=900, seed=8)
    at = np.arange(len(rows))
    folds = [(at[:900], at[900:1500]), (at[:0], at[:300]), (at[:1500], at[1500:])]

    def refit(parameters: Mapping[str, Any], fitted: Positions, predicted: Positions) -> Floats:
        assert not np.intersect1d(fitted, predicted).size
        base = np.full(len(predicted), rows.label[fitted].mean())
        return parameters["skill"] * truth[predicted] + (1 - parameters["skill"]) * base

    return rows.label, rows.group, folds, refit


def test_the_backtest_finds_the_better_procedure() -> None:
    found = backtest(*fitted_again(), {"skill": 0.0}, {"skill": 1.0})
    assert found is not None
    # The fold on which nothing could be fitted is left out.
    assert found.rows == 900 * ROWS_EACH - 900
    assert found.challenger < found.champion
    assert found.difference.high < 0
    assert found.difference.mean == pytest.approx(found.challenger - found.champion)
    label, group, folds, refit = fitted_again()
    assert backtest(label, group, folds[1:2], refit, {}, {}) is None
