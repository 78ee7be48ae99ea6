"""The arithmetic of the figures: intervals, differences, gain, and which rows are compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from features.instants import DAY
from features.log import Leads
from features.spine import Spine
from models.calibration import log_loss
from models.playbook import Playbook
from training.baselines import plain_counts
from training.quality.__main__ import comparisons, main
from training.quality.comparison import HEADER, OURS, Comparison, gain_share
from training.quality.invented import LEVELS, noise, pairs
from training.quality.real import FLAT, bpi2012, own_training_rows
from training.quality.splits import HEADER as SPLITS
from training.quality.splits import on_splits, stratified
from training.quality.world import world as simulated_world
from training.report.best_possible import best_possible
from training.resampling import mean_interval
from training.sources import Sources, gather
from training.train import train
from training.trees import PARAMETERS

from .conftest import Export

DATA = Path(__file__).parents[3] / "shared" / "data"
RNG = np.random.default_rng(11)


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compared matters here, not how good it is."""
    monkeypatch.setattr("training.trees.MOST_TREES", 20)
    # Threads wait by spinning, which is slow where cores are shared.
    monkeypatch.setitem(PARAMETERS, "num_threads", 1)


def test_an_interval_of_independent_rows_is_that_of_the_normal_law() -> None:
    value, lead = RNG.normal(3, 2, 4000), np.arange(4000)
    found = mean_interval(value, lead, resamples=4000)
    half = 1.96 * value.std() / np.sqrt(4000)
    assert found.mean == pytest.approx(value.mean())
    assert found.low == pytest.approx(value.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(value.mean() + half, abs=0.1 * half)


def test_a_lead_is_the_unit_and_not_its_rows() -> None:
    value, lead = RNG.normal(size=300), np.arange(300)
    once = mean_interval(value, lead)
    ten_times = mean_interval(np.repeat(value, 10), np.repeat(lead, 10))
    assert ten_times == pytest.approx(once)
    as_if_independent = mean_interval(np.repeat(value, 10), np.arange(3000))
    wide, narrow = once.high - once.low, as_if_independent.high - as_if_independent.low
    assert narrow < wide / 2.5


def test_an_interval_does_not_depend_on_the_order_or_the_names_of_leads() -> None:
    lead = RNG.integers(0, 60, 400)
    value = RNG.normal(size=400)
    found = mean_interval(value, lead)
    order = RNG.permutation(400)
    assert mean_interval(value[order], lead[order]) == pytest.approx(found)
    assert mean_interval(value, lead * 7 + 1000) == pytest.approx(found)


def test_a_large_bootstrap_is_drawn_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    value, lead = RNG.normal(size=500), np.arange(500)
    whole = mean_interval(value, lead, resamples=100)
    monkeypatch.setattr("training.resampling._AT_ONCE", 3500)
    assert mean_interval(value, lead, resamples=100) == whole


def test_gain_share_is_0_at_the_base_rate_and_1_at_the_best() -> None:
    assert gain_share(0.3, 0.3, 0.2) == 0
    assert gain_share(0.3, 0.2, 0.2) == 1
    assert gain_share(0.3, 0.35, 0.2) == pytest.approx(-0.5)


def test_differences_are_paired_and_negative_where_ours_is_better() -> None:
    p = RNG.uniform(0.05, 0.6, 2000)
    label = (RNG.random(2000) < p).astype(np.int8)
    flat = np.full(2000, label.mean())
    compared = Comparison("x", label, np.arange(2000) // 2, {OURS: p, "same": p, "base": flat})
    assert compared.difference("same") == (0, 0, 0)
    by = compared.difference("base")
    assert by.mean == pytest.approx(log_loss(label, p) - log_loss(label, flat))
    assert by.low < by.mean < by.high < 0
    assert "2,000 test rows of 1,000 leads" in compared.heading()
    lines = compared.lines()
    assert [line[0] for line in lines] == [OURS, "same", "base"]
    assert all(len(line) == len(HEADER) for line in lines)
    assert lines[0][4:] == ["", ""]
    assert lines[2][1] == "0.500"


def test_rows_of_an_age_are_trained_on_once_their_horizon_has_ended() -> None:
    cutoff = np.arange(10) * DAY
    age = np.where(np.arange(10) % 2, 7 * DAY, DAY)
    spine = Spine(np.arange(10), cutoff, np.zeros(10, np.int8), age)
    test = np.array([6, 8])
    found = own_training_rows(spine, DAY, test, 2 * DAY)
    assert found.tolist() == [0, 2, 4]
    assert own_training_rows(spine, DAY, test, 2 * DAY + 1).tolist() == [0, 2]


def test_the_truth_is_joined_on_lead_and_cutoff(tmp_path: Path) -> None:
    days = pd.to_datetime(["2026-01-05", "2026-01-12"], utc=True).as_unit("us")
    truth = pd.DataFrame(
        {"lead_id": ["b", "a", "b"], "cutoff": days[[0, 0, 1]], "p_bayes": [0.1, 0.2, 0.3]}
    )
    truth.to_parquet(tmp_path / "truth.parquet")
    leads = Leads(pa.array(["a", "b"]), np.zeros(2, np.int64), pa.table({"x": [1, 2]}))
    at = days.astype(np.int64).to_numpy()
    spine = Spine(np.array([0, 0, 1, 1]), at[[0, 1, 0, 1]], None, np.zeros(4, np.int64))
    found = best_possible(tmp_path / "truth.parquet", leads, spine)
    np.testing.assert_array_equal(found, [0.2, np.nan, 0.1, 0.3])


def test_held_out_rows_are_those_measured_in_training(world: Any) -> None:
    files = world.leads, world.events, world.changes
    playbook = Playbook.load()
    material = gather(Sources(*files, timezone="Asia/Tokyo"), playbook, "qualification")
    trained = train(material, playbook)
    rows, artefact = trained.held_out, trained.artefact
    assert artefact is not None
    for name, figures in trained.figures.items():
        assert rows.metrics(name) == figures
    intake = material.intake
    again = artefact.matrix(
        material.leads, material.log, rows.spine, intake.changes, intake.colleagues
    )
    np.testing.assert_array_equal(
        artefact.model.probability(artefact.encoder.encode(again)), rows.probability["model"]
    )

    counts = plain_counts(material, rows.matrix)
    names = rows.matrix.plan.names
    of_type = [names.index(f"count_ever({name})") for name in rows.matrix.plan.event_types]
    np.testing.assert_array_equal(counts, rows.matrix.behaviour[:, of_type])


def test_no_model_is_better_than_the_best_possible_answer() -> None:
    compared = simulated_world(1600, seed=5)
    assert set(compared.answers) == {OURS, "p_bayes", "scorecard", "base rate"}
    assert compared.difference("p_bayes").high > 0
    assert all(np.isfinite(p).all() for p in compared.answers.values())
    assert "p_bayes): 0." in compared.note
    assert "Left out" not in compared.note


def test_only_pairs_of_the_invented_levels_tell() -> None:
    a, b, label = pairs(200_000, 1, seed=3)
    assert {a.min(), b.min()} == {0}
    assert {a.max(), b.max()} == {LEVELS - 1}
    of_pair = np.bincount(a * LEVELS + b, weights=label) / np.maximum(
        np.bincount(a * LEVELS + b), 1
    )
    of_one = np.bincount(a, weights=label) / np.bincount(a)
    assert of_one.std() < 0.03 < 0.2 < of_pair.std()


def test_a_column_of_noise_costs_next_to_nothing() -> None:
    compared = noise(6000)
    assert abs(compared.difference("ours, without the column").mean) < 0.01
    assert len(compared.label) == 1800


def test_absent_data_are_said_to_be_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = list(comparisons(tmp_path, (), 0, rows=0))
    assert len(found) == 1 + len(FLAT)
    assert all(isinstance(said, str) and "skipped, there is no" in said for said in found)
    main(["--data", str(tmp_path), "--seeds", "", "--rows", "0"])
    printed = capsys.readouterr().out
    assert printed.count("skipped") == len(found)


def test_the_rows_of_bpi2012_are_those_of_its_references() -> None:
    folder = DATA / "bpi2012_loan_leads"
    if not folder.is_dir():
        pytest.skip(f"the data are not in the repository, and there is no {folder}")
    found = list(bpi2012(folder))
    assert [len(c.label) for c in found] == [1240, 1005, 613]
    assert not any(c.note for c in found)
    for compared, auc, loss in zip(
        found, (0.672, 0.718, 0.849), (0.461, 0.515, 0.389), strict=True
    ):
        counts = compared.figures["counts, this age"]
        assert counts.auc == pytest.approx(auc, abs=0.015)
        assert counts.log_loss == pytest.approx(loss, abs=0.01)


def test_a_split_is_stratified_and_the_answers_are_of_its_rows(export: Export) -> None:
    rng = np.random.default_rng(2)
    n = 900
    group = rng.integers(0, 3, n)
    won = rng.random(n) < np.array([0.1, 0.3, 0.7])[group]
    size = rng.normal(size=n).round(3)
    path = export(
        {"lead_id": list(range(n)), "size": list(size), "kind": ["abc"[g] for g in group],
         "won": [int(w) for w in won]}
    )  # fmt: skip
    found = on_splits("x", Sources(path, label="won"), seeds=(1, 2))
    test = stratified(won.astype(np.int8), 1)
    assert abs(won[test].mean() - won.mean()) < 0.005
    assert test.sum() == 270
    assert [len(line) for line in found.lines()] == [len(SPLITS)] * 3
    for split in found.splits:
        gap = split.loss[OURS] - split.loss["CatBoost"]
        assert split.less_catboost.mean == pytest.approx(gap)
        assert split.loss[OURS] < 0.62  # the base rate's is .657
    assert found.mean(OURS) == pytest.approx(np.mean([s.loss[OURS] for s in found.splits]))
