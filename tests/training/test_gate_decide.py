"""Training asks the gate about real models: shuffled labels, new outcomes, champions that are gone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from features.build import build
from features.instants import DAY, iso
from features.program import compile_plan
from features.spine import labels_of
from models.artefact import Artefact
from models.calibration import Calibrator
from models.conditions import View
from models.conversion import ConversionModel
from models.encode import Encoder
from models.logistic import Logistic
from models.playbook import Playbook
from models.points_map import PointsMap
from models.qualification import Qualification
from models.settings import Settings
from training.freeze import freeze
from training.gate import champion as champion_module
from training.gate.criteria import CHANGED, TOO_FEW
from training.gate.decide import NOT_AS_SHIPPED, decide
from training.gate.rows import NOT_THE_SAME, fingerprint, instant, registered
from training.gate.verdict import Verdict
from training.golden import golden
from training.held_out import HeldOut
from training.simulate import simulate
from training.sources import Material, Sources, gather
from training.split import split_by_time
from training.tracking import log_run

TASK = "qualification"


@dataclass(frozen=True)
class Fitted:
    """What the gate asks of a training run."""

    artefact: Artefact
    held_out: HeldOut

    @property
    def record(self) -> dict[str, Any]:
        return self.artefact.record

    def recorded(self, **more: Any) -> Fitted:
        """The same, with more in its record."""
        return replace(self, artefact=replace(self.artefact, record={**self.record, **more}))


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """A champion's check takes seconds, and has tests of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(champion_module, "check", lambda folder: None)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """A company with positive leads enough for the gate."""
    folder = tmp_path_factory.mktemp("gate")
    simulate(folder, leads=8000, days=360, seed=5, end=datetime(2025, 6, 1, tzinfo=UTC))
    files = (folder / name for name in ("leads.csv", "events.parquet", "changes.parquet"))
    return Sources(*files, timezone="Asia/Tokyo")


@pytest.fixture(scope="module")
def whole(sources: Sources, short_playbook: Playbook) -> Material:
    return gather(sources, short_playbook, TASK)


def fitted(material: Material, playbook: Playbook) -> Fitted:
    """Logistic regression with a record: all of training that the gate meets, in two seconds."""
    spine, label, task = material.spine, labels_of(material.spine), material.task
    assert task.horizon is not None
    split = split_by_time(spine, task.horizon)
    plan = freeze(material, playbook, split.train)
    bare = (material.leads, material.log, spine, material.intake.changes)
    matrix = build(plan, compile_plan(plan), *bare, material.intake.colleagues)
    encoder = Encoder.fit(matrix.take(split.train), spine.lead[split.train])
    X = encoder.encode(matrix)
    known, weight = label[split.train], np.ones(len(split.train))
    logistic = Logistic.fit(X[split.train], known, weight, encoder, plan.names, 0.03)
    model = ConversionModel(logistic, Calibrator("sigmoid", values=(1.0, 0.0)))
    leads, log, _, changes = bare
    points = (
        Qualification(playbook).points(View(leads, log, spine.lead, spine.cutoff, changes)).total
    )
    points_map = PointsMap.fit(
        points[split.train],
        known,
        spine.lead[split.train],
        task=task.name,
        playbook_version=playbook.version,
        observed_until=split.first_test_cutoff or 0,
        seed=0,
    )
    held_out = HeldOut(
        split=split,
        matrix=matrix,
        spine=spine.take(split.test),
        label=label[split.test],
        group=spine.lead[split.test],
        probability={
            "model": model.probability(X[split.test]),
            "scorecard": points_map.probability(points[split.test]),
            "base rate": np.full(len(split.test), known.mean()),
        },
        points=points[split.test],
    )
    record = {
        "code": "0",
        "parameters": {"strength": 0.03},
        "first_test_cutoff": iso(split.first_test_cutoff or 0),
        "outcomes_seen_until": iso(int(spine.cutoff[split.train].max()) + task.horizon),
        "observed_until": iso(material.observed_until),
        **registered(material, held_out),
    }
    artefact = Artefact(plan, task, encoder, model, record=record)
    return Fitted(golden(artefact, 0), held_out)


@pytest.fixture(scope="module")
def trained(whole: Material, short_playbook: Playbook) -> Fitted:
    return fitted(whole, short_playbook)


def reign(home: Path, trained: Fitted) -> Settings:
    """A home in which a model is the champion."""
    settings = Settings(home=home)
    trained.artefact.save(home / "artefact")
    logged = log_run(settings, TASK, home / "artefact", trained.record, Verdict(True, "first"))
    assert (logged.version, logged.champion, logged.note) == ("1", True, "")
    return settings


@pytest.fixture(scope="module")
def settings(trained: Fitted, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return reign(tmp_path_factory.mktemp("home"), trained)


def relabelled(material: Material, label: npt.NDArray[np.int8]) -> Material:
    return replace(material, spine=replace(material.spine, label=label))


def met(verdict: Verdict) -> dict[str, bool]:
    return {one.letter: one.met for one in verdict.criteria}


def test_the_first_model_is_promoted_where_nothing_was_registered(
    trained: Fitted, whole: Material, tmp_path: Path
) -> None:
    verdict = decide(Settings(home=tmp_path / "new"), TASK, trained, whole)
    assert (verdict.promote, verdict.champion, met(verdict)) == (True, None, {"d": True})
    assert not (tmp_path / "new").exists()


def test_the_same_model_again_is_as_good_as_the_champion(
    settings: Settings, trained: Fitted, whole: Material
) -> None:
    verdict = decide(settings, TASK, trained, whole)
    assert met(verdict) == dict.fromkeys("abcd", True)
    assert (verdict.promote, verdict.champion) == (True, "1")
    # The champion gives its own answers again, to the last bit, by its own plan from raw events.
    b, c = verdict.criterion("b"), verdict.criterion("c")
    assert b is not None
    assert c is not None
    assert (b.numbers["difference"], c.numbers["difference"]) == (0.0, 0.0)


def test_shuffled_training_labels_are_stopped_by_b_and_d(
    settings: Settings, trained: Fitted, whole: Material, short_playbook: Playbook
) -> None:
    label = labels_of(whole.spine).copy()
    rows = trained.held_out.split.train
    label[rows] = np.random.default_rng(1).permutation(label[rows])
    shuffled = relabelled(whole, label)
    verdict = decide(settings, TASK, fitted(shuffled, short_playbook), shuffled)
    assert met(verdict) == {"a": True, "b": False, "c": True, "d": False}
    assert not verdict.promote


def test_labels_that_are_all_shuffled_are_stopped_by_c(
    settings: Settings, whole: Material, short_playbook: Playbook
) -> None:
    label = np.random.default_rng(2).permutation(labels_of(whole.spine))
    shuffled = relabelled(whole, label)
    challenger = fitted(shuffled, short_playbook)
    verdict = decide(settings, TASK, challenger, shuffled)
    assert met(verdict)["c"] is False
    assert verdict.reason.startswith(f"(c) {CHANGED}")
    # Nor is it a first model.
    alone = decide(Settings(home=settings.home / "elsewhere"), TASK, challenger, shuffled)
    assert (alone.promote, met(alone)) == (False, {"d": False})


@pytest.fixture(scope="module")
def earlier(sources: Sources, short_playbook: Playbook) -> tuple[Material, Fitted]:
    """What was known two months before, and the model of then."""
    material = gather(replace(sources, until="2025-04-01"), short_playbook, TASK)
    return material, fitted(material, short_playbook)


@pytest.fixture(scope="module")
def long_ago(
    earlier: tuple[Material, Fitted], tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    return reign(tmp_path_factory.mktemp("earlier"), earlier[1])


def test_with_new_outcomes_only_cutoffs_that_neither_has_seen_count(
    long_ago: Settings, earlier: tuple[Material, Fitted], trained: Fitted, whole: Material
) -> None:
    assert earlier[1].record["held_out"] != trained.record["held_out"]
    verdict, seen = (
        decide(long_ago, TASK, trained, whole),
        instant(trained.record, "outcomes_seen_until"),
    )
    held_out = trained.held_out
    after = held_out.spine.cutoff > seen
    a = verdict.criterion("a")
    assert a is not None
    assert a.numbers["positive leads"] == len(
        np.unique(held_out.group[after & (held_out.label == 1)])
    )
    assert met(verdict).keys() == set("abcd")
    assert verdict.champion == "1"


def test_too_few_new_outcomes_are_said_and_both_procedures_go_back_in_time(
    long_ago: Settings, trained: Fitted, whole: Material
) -> None:
    tried: list[dict[str, Any]] = []
    horizon, cutoff = whole.task.horizon, whole.spine.cutoff
    assert horizon is not None

    def refit(
        parameters: Mapping[str, Any], fitted: npt.NDArray[np.int64], later: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        assert cutoff[fitted].max() + horizon <= cutoff[later].min()
        assert not np.isin(later, trained.held_out.split.test).any()
        tried.append(dict(parameters))
        return np.full(len(later), labels_of(whole.spine)[fitted].mean())

    last = int(trained.held_out.spine.cutoff.max())
    for seen, letters in ((last - 1, "abcd"), (last, "a")):
        late = trained.recorded(outcomes_seen_until=iso(seen))
        verdict = decide(long_ago, TASK, late, whole, refit)
        assert not verdict.promote
        assert set(met(verdict)) == set(letters)
        assert met(verdict)["a"] is False
        assert TOO_FEW in verdict.reason
        assert verdict.backtest is not None
        assert verdict.backtest.difference == (0.0, 0.0, 0.0)
        assert "a person decides" in verdict.reason
    assert trained.record["parameters"] in tried
    assert "no backtest could be made" in decide(long_ago, TASK, late, whole).reason


def test_without_new_outcomes_only_the_same_held_out_rows_will_do(
    settings: Settings, earlier: tuple[Material, Fitted]
) -> None:
    verdict = decide(settings, TASK, earlier[1], earlier[0])
    assert (verdict.promote, verdict.champion) == (False, "1")
    assert verdict.reason == f"{NOT_THE_SAME}."


def test_what_was_fitted_again_is_never_promoted_by_itself(
    settings: Settings, trained: Fitted, whole: Material
) -> None:
    again = trained.recorded(measured_as_shipped=False)
    verdict = decide(settings, TASK, again, whole)
    assert met(verdict) == dict.fromkeys("abcd", True)
    assert not verdict.promote
    assert verdict.reason.startswith(NOT_AS_SHIPPED)


def test_rows_that_a_champion_was_fitted_on_again_do_not_measure_it(
    trained: Fitted, whole: Material, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path)
    champion = trained.recorded(measured_as_shipped=False)
    champion.artefact.save(tmp_path / "artefact")
    log_run(settings, TASK, tmp_path / "artefact", champion.record, Verdict(True, "by a person"))
    verdict = decide(settings, TASK, trained, whole)
    assert not verdict.promote
    assert "fitted on these rows too" in verdict.reason


def test_another_horizon_is_another_question(
    settings: Settings, trained: Fitted, whole: Material
) -> None:
    task = replace(trained.artefact.task, horizon=60 * DAY)
    other = replace(trained, artefact=replace(trained.artefact, task=task))
    verdict = decide(settings, TASK, other, whole)
    assert not verdict.promote
    assert "within 30d; now deal_opened within 60d" in verdict.reason


def test_a_champion_that_cannot_be_loaded_leaves_it_to_a_person(
    trained: Fitted, whole: Material, tmp_path: Path
) -> None:
    settings = reign(tmp_path, trained)
    (content,) = (tmp_path / "mlartifacts").rglob("logistic.json")
    content.write_text(content.read_text("utf-8").replace("0", "1", 1), "utf-8")
    shutil.rmtree(tmp_path / "artefact")
    verdict = decide(settings, TASK, trained, whole)
    assert not verdict.promote
    assert met(verdict) == {"d": True}
    said = "the champion cannot be loaded, a person decides: version 1: content/logistic.json is damaged"
    assert verdict.reason.startswith(said)
    shutil.rmtree(tmp_path / "mlartifacts")
    assert "the champion cannot be loaded" in decide(settings, TASK, trained, whole).reason


def test_the_same_rows_have_the_same_fingerprint_whatever_their_order_and_outcome(
    trained: Fitted, whole: Material
) -> None:
    spine = trained.held_out.spine
    order = np.random.default_rng(0).permutation(len(spine))
    same = fingerprint(whole, spine)
    assert fingerprint(whole, replace(spine.take(order), label=1 - labels_of(spine))) == same
    assert fingerprint(whole, spine.take(order[1:])) != same
    assert fingerprint(whole, replace(spine, cutoff=spine.cutoff + 1)) != same


def test_in_a_flat_export_a_row_is_what_it_says(whole: Material) -> None:
    spine = whole.spine.take(np.arange(40))
    flat = replace(whole, flat=True)
    same = fingerprint(flat, spine)
    later = replace(spine, cutoff=spine.cutoff + 1)
    assert fingerprint(flat, later) == same
    outcome = next(c.name for c in whole.columns if c.role != "outcome")
    told = [replace(c, role="outcome") if c.name == outcome else c for c in whole.columns]
    assert fingerprint(replace(flat, columns=told), spine) != same
    leads = whole.leads
    at = leads.attributes.column_names.index(outcome)
    text = pa.array([f"row {place}" for place in range(len(leads))])
    other = replace(leads, attributes=leads.attributes.set_column(at, outcome, text))
    changed = replace(flat, intake=replace(whole.intake, leads=other))
    assert fingerprint(changed, spine) != same
    # What is the outcome of a row does not make it another row.
    assert fingerprint(replace(changed, columns=told), spine) == fingerprint(
        replace(flat, columns=told), spine
    )
