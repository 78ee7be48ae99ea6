"""Trees: what is chosen on held-out rows, and what tuning, pairs and drifting columns do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.calibration import log_loss
from models.encode import Encoder
from models.statistics import Key
from training.evaluate import metrics
from training.fit import DEFAULT, Fitted, Tuning, fit
from training.rows import Rows
from training.split import grouped_folds
from training.stability import calendar_columns
from training.trees import Bench, Candidate, Tried, blended
from training.tune import Budget

pytestmark = pytest.mark.usefixtures("few_trees")

LEVELS = 40


def pairs(n: int, seed: int) -> Rows:
    """Leads whose conversion depends on two categories together, and on neither alone."""
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, LEVELS, n), rng.integers(0, LEVELS, n)
    label = (rng.random(n) < np.where((a * 3 + b * 5) % 8 < 4, 0.5, 0.05)).astype(np.int8)
    X = np.column_stack([a + 1, b + 1]).astype(np.float32)
    keys = {"a": Key(a + 1, LEVELS + 2), "b": Key(b + 1, LEVELS + 2)}
    return Rows(X, label, np.arange(n), keys)


ENCODER = Encoder({name: tuple(f"{n:02}" for n in range(LEVELS)) for name in ("a", "b")})


def fitted(rows: Rows, tuning: Tuning = DEFAULT, seed: int = 1) -> Fitted:
    folds = grouped_folds(rows.label, rows.lead, 0)[:3]
    return fit(rows, folds, "lightgbm", ENCODER, ["a", "b"], seed, lambda _: None, tuning)


def test_a_signal_that_only_a_pair_has_is_found() -> None:
    rows, new = pairs(12_000, 1), pairs(6000, 2)
    found = fitted(rows)
    assert [s.of for s in found.encoder.statistics] == [("a",), ("b",), ("a", "b")]
    columns = [s.columns(new.keys) for s in found.encoder.statistics]
    p = found.model.probability(np.hstack([new.X, *columns]))
    codes = fitted(Rows(rows.X, rows.label, rows.lead))
    plain = metrics(new.label, codes.model.probability(new.X))
    best = metrics(new.label, np.where((new.X[:, 0] * 3 + new.X[:, 1] * 5) % 8 < 4, 0.5, 0.05))
    ours = metrics(new.label, p)
    assert best.auc is not None
    assert ours.auc is not None
    assert plain.auc is not None
    assert ours.auc > best.auc - 0.05
    assert ours.auc > plain.auc + 0.05


def test_so_many_trials_give_the_same_model_again(tmp_path: Path) -> None:
    rows = pairs(1500, 3)
    tuning = Tuning(Budget(seconds=None, trials=2, threads=1))
    one, other = fitted(rows, tuning), fitted(rows, tuning)
    assert one.model.estimator == other.model.estimator
    assert one.parameters == other.parameters
    assert [trial.name for trial in one.trials][-2:] == ["trial 1", "trial 2"]


def test_a_search_that_was_broken_off_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, budget = pairs(800, 3), Budget(seconds=None, trials=3, threads=1, store=tmp_path)
    tried = Bench.tried

    def broken_off(self: Bench, candidate: Candidate, prune: Any = None) -> Tried:
        if candidate.name == "trial 3":
            raise KeyboardInterrupt
        return tried(self, candidate, prune)

    with monkeypatch.context() as patch:
        patch.setattr(Bench, "tried", broken_off)
        with pytest.raises(KeyboardInterrupt):
            fitted(rows, Tuning(budget))
    assert len(list(tmp_path.iterdir())) == 1
    on = fitted(rows, Tuning(replace(budget, resume=True)))
    suggested = [trial.name for trial in on.trials if trial.name.startswith("trial")]
    assert sorted(suggested[:-1]) == ["trial 1", "trial 2"]  # the best before, once more
    assert suggested[-1] == "trial 4"  # 3 was begun and never ended
    assert list(tmp_path.iterdir()) == []
    asked = [json.dumps(trial.params["parameters"], sort_keys=True) for trial in on.trials]
    assert len(set(asked[-3:])) == 3


def test_what_was_broken_off_is_forgotten_where_nobody_goes_on_with_it(tmp_path: Path) -> None:
    rows, budget = pairs(800, 3), Budget(seconds=None, trials=1, threads=1, store=tmp_path)
    assert fitted(rows, Tuning(budget)).trials[-1].name == "trial 1"
    assert fitted(rows, Tuning(replace(budget, resume=True))).trials[-1].name == "trial 1"


def test_given_candidates_are_the_members_and_nothing_else_is_tried() -> None:
    rows = pairs(1500, 3)
    first = fitted(rows)
    given = tuple(
        Candidate.from_json({k: v for k, v in m.items() if k not in ("n_trees", "log_loss")})
        for m in first.parameters["members"]
    )
    again = fitted(rows, Tuning(given=given))
    assert again.trials == []
    assert again.parameters["members"] == first.parameters["members"]
    assert again.model.estimator == first.model.estimator


def tried(raw: np.ndarray, label: np.ndarray) -> Tried:
    return Tried(Candidate("x"), 1, raw, log_loss(label, 1 / (1 + np.exp(-raw))))


def test_a_blend_has_who_says_something_else_and_not_who_harms() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=4000)
    label = (rng.random(4000) < 1 / (1 + np.exp(-truth))).astype(np.int8)
    # What is known of the truth from one look at it with an error of the same size is half of it.
    one, other = ((truth + rng.normal(size=4000)) / 2 for _ in range(2))
    best, second, bad = (tried(raw, label) for raw in (one, other, -truth))
    again, same = tried(one + 1e-9, label), tried(one.copy(), label)
    assert blended([best, same], label) == [best]
    members = blended([best, second, bad], label)
    assert {id(m) for m in members} == {id(best), id(second)}
    # Among many rows a member must save something.
    many = [tried(np.tile(t.raw, 20), np.tile(label, 20)) for t in (best, again, bad)]
    assert blended(many, np.tile(label, 20)) == many[:1]
    nothing = np.full(4000, np.nan)
    assert len(blended([Tried(Candidate("x"), 1, nothing, np.inf)] * 2, label)) == 1


def test_columns_that_go_with_time_tell_the_calendar_and_others_do_not() -> None:
    rng = np.random.default_rng(1)
    when = np.sort(rng.integers(0, 10**9, 3000))
    rate = when / 1e9 + rng.normal(scale=0.1, size=3000)
    season = np.sin(when / 1e8)
    X = np.column_stack([when // 10**7, rate, rng.normal(size=3000), season, np.full(3000, np.nan)])
    names = ["month", "rate", "noise", "season", "empty"]
    found = calendar_columns(X.astype(np.float32), names, when)
    assert set(found) >= {"month", "rate"}
    assert not set(found) & {"noise", "empty"}


def test_recent_rows_weigh_more_and_the_latest_weighs_one() -> None:
    X, label = np.zeros((3, 1), np.float32), np.zeros(3, np.int8)
    rows = Rows(X, label, np.arange(3), {}, np.array([0, 10, 20]), np.array([5, 15, 25]))
    weight = rows.weight(np.arange(3), 10)
    assert weight is not None
    np.testing.assert_allclose(weight, [0.25, 0.5, 1.0])
    assert rows.weight(np.arange(3), None) is None
