"""Training: what is measured is what ships, and nothing that comes later is learnt."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.errors import TrainingRefused
from features.instants import DAY, MISSING
from features.spine import labels_of
from models.artefact import check, load
from models.conditions import View
from models.playbook import Playbook
from models.points_map import PointsMap
from models.qualification import Qualification
from training.evaluate import metrics
from training.report.making import report_of_training
from training.sources import Material, Sources, gather
from training.split import split_by_time
from training.train import Trained, train

Export = Callable[[Mapping[str, Sequence[Any]]], Path]


def test_the_figures_are_those_of_the_artefact_that_ships(
    trained: Trained, material: Material, tmp_path: Path
) -> None:
    assert trained.artefact is not None
    trained.artefact.save(tmp_path / "artefact")
    shipped = load(tmp_path / "artefact")
    test = material.spine.take(split_by_time(material.spine, 30 * DAY).test)
    matrix = shipped.matrix(material.leads, material.log, test, material.intake.changes)
    assert test.label is not None
    p = shipped.model.probability(shipped.encoder.encode(matrix))
    assert metrics(test.label, p) == trained.figures["model"]
    assert shipped.record["figures"]["model"] == trained.figures["model"].to_json()
    check(tmp_path / "artefact")


def test_the_scorecard_and_the_base_rate_are_measured_on_the_same_rows(
    trained: Trained, material: Material, short_playbook: Playbook
) -> None:
    split = split_by_time(material.spine, 30 * DAY)
    test, label = material.spine.take(split.test), material.spine.label
    assert label is not None
    points = Qualification(short_playbook).points(
        View(material.leads, material.log, test.lead, test.cutoff, material.intake.changes)
    )
    p = trained.points_map.probability(points.total)
    assert metrics(label[split.test], p) == trained.figures["scorecard"]
    base = np.full(len(split.test), label[split.train].mean())
    assert metrics(label[split.test], base) == trained.figures["base rate"]
    assert sum(m.n for m in trained.by_segment.values()) == len(test)
    assert sum(m.positives for m in trained.by_segment.values()) == label[split.test].sum()


def test_the_points_map_is_of_training_rows_only(
    trained: Trained, material: Material, short_playbook: Playbook
) -> None:
    split = split_by_time(material.spine, 30 * DAY)
    rows = material.spine.take(split.train)
    points = Qualification(short_playbook).points(
        View(material.leads, material.log, rows.lead, rows.cutoff, material.intake.changes)
    )
    assert rows.label is not None
    assert trained.points_map == PointsMap.fit(
        points.total,
        rows.label,
        rows.lead,
        task="qualification",
        playbook_version=short_playbook.version,
        observed_until=split.first_test_cutoff or MISSING,
        seed=3,
    )


def test_the_ladder_was_climbed_as_far_as_the_leads_reach(trained: Trained) -> None:
    assert trained.artefact is not None
    assert trained.rung == ("lightgbm" if trained.converted >= 120 else "logistic")
    assert trained.artefact.model.kind == trained.rung
    assert any("logistic regression; trees from 120" in note for note in trained.notes) == (
        trained.rung == "logistic"
    )


def test_counts_add_up(trained: Trained, material: Material) -> None:
    counts = trained.record["counts"]
    assert counts["rows"] == len(material.spine)
    parts = ("training rows", "test rows", "between training and test")
    assert sum(counts[name] for name in parts) == counts["rows"]
    assert counts["leads on the spine"] == len(np.unique(material.spine.lead))
    json.dumps(trained.record, allow_nan=False)


def test_the_model_knows_more_than_the_base_rate(large: Sources, trained: Trained) -> None:
    if trained.rung == "lightgbm":
        assert trained.figures["model"].log_loss < trained.figures["base rate"].log_loss


def test_evidence_is_of_test_rows_at_most_one_of_a_lead(
    trained: Trained, material: Material
) -> None:
    assert trained.artefact is not None
    assert trained.artefact.evidence is not None
    test = material.spine.take(split_by_time(material.spine, 30 * DAY).test)
    n = sum(b.n for b in trained.artefact.evidence.bins)
    assert len(np.unique(test.lead)) / 2 < n <= len(np.unique(test.lead)) < len(test)


def test_display_snapshot_and_outcome_columns_are_not_learnt(trained: Trained) -> None:
    assert trained.artefact is not None
    learnt = {a.name for a in trained.artefact.plan.attributes}
    assert {"industry", "employees", "role", "source"} <= learnt
    assert not learnt & {"company", "person", "email", "lead_status", "lead_id"}
    texts = json.dumps(trained.artefact.encoder.to_json(), ensure_ascii=False)
    assert "@" not in texts
    assert "株式会社" not in texts


def content(trained: Trained) -> tuple[Any, ...]:
    """Everything that training decides, apart from the test rows' evidence and figures."""
    artefact = trained.artefact
    assert artefact is not None
    return (
        artefact.plan,
        artefact.encoder,
        artefact.model.calibrator,
        json.dumps(artefact.model.estimator.to_json()),  # type: ignore[union-attr]
        artefact.golden,
        trained.points_map,
    )


in_small = pytest.mark.parametrize("material", ["logistic"], indirect=True)


@pytest.mark.usefixtures("few_trees")
def test_training_again_gives_the_same_bytes(
    trained: Trained, material: Material, short_playbook: Playbook
) -> None:
    again = train(material, short_playbook, seed=3)
    assert trained.artefact is not None
    assert again.artefact is not None
    assert again.artefact.version == trained.artefact.version
    assert again.points_map == trained.points_map
    assert json.dumps(again.record) == json.dumps(trained.record)


@in_small
def test_what_happens_after_the_first_test_cutoff_is_not_learnt(
    small: Sources,
    material: Material,
    trained: Trained,
    short_playbook: Playbook,
    tmp_path: Path,
) -> None:
    """Touches there change features of test rows, and with them figures; nothing else."""
    split = split_by_time(material.spine, 30 * DAY)
    assert split.first_test_cutoff is not None
    assert small.events is not None
    events = pd.read_parquet(small.events)
    at = pd.Timestamp(split.first_test_cutoff + DAY, unit="us", tz="UTC")
    more = pd.DataFrame(
        {
            "lead_id": np.repeat(pd.read_csv(small.leads)["lead_id"].to_numpy(), 3),
            "event_type": "call_made",
            "occurred_at": at,
        }
    )
    new_type = more.iloc[::3].assign(event_type="never_seen_before")
    changed = pd.concat([events, more, new_type]).sample(frac=1, random_state=1)
    changed.to_parquet(tmp_path / "events.parquet")
    playbook = Playbook.parse(short_playbook.text + "\n[events.never_seen_before]\nby = 'us'\n")
    sources = replace(small, events=tmp_path / "events.parquet")
    after = train(gather(sources, playbook, "qualification"), playbook, seed=3)
    assert after.figures["model"] != trained.figures["model"]
    *same, points_map = content(trained)
    *also, other_map = content(after)
    assert also == same
    assert other_map.evidence == points_map.evidence
    assert after.artefact is not None
    assert "never_seen_before" not in after.artefact.plan.known_types


@in_small
def test_the_order_of_the_files_changes_nothing(
    small: Sources, trained: Trained, short_playbook: Playbook, tmp_path: Path
) -> None:
    assert small.events is not None
    events = pd.read_parquet(small.events).sample(frac=1, random_state=2)
    events.to_parquet(tmp_path / "events.parquet")
    sources = replace(small, events=tmp_path / "events.parquet")
    shuffled = train(gather(sources, short_playbook, "qualification"), short_playbook, seed=3)
    assert content(shuffled) == content(trained)


@in_small
def test_shuffled_labels_teach_nothing(material: Material, short_playbook: Playbook) -> None:
    spine = material.spine
    label = np.random.default_rng(0).permutation(spine.label)
    trained = train(replace(material, spine=replace(spine, label=label)), short_playbook, seed=3)
    model, base = trained.figures["model"], trained.figures["base rate"]
    assert model.auc is not None
    assert 0.3 < model.auc < 0.7
    assert model.log_loss > 0.97 * base.log_loss


def exported(n: int, positives: int, **more: Sequence[Any]) -> dict[str, Sequence[Any]]:
    rng = np.random.default_rng(3)
    won = np.r_[np.ones(positives, int), np.zeros(n - positives, int)]
    return {
        "lead_id": [f"l{row}" for row in range(n)],
        "won": won.tolist(),
        "size": (rng.normal(won, 1.0, n)).round(4).tolist(),
        "industry": rng.choice(["a", "b", "c"], n).tolist(),
        **more,
    }


def flat(
    export: Export, playbook: Playbook, columns: Mapping[str, Sequence[Any]], **more: Any
) -> Trained:
    sources = Sources(export(columns), label="won", **more)
    return train(gather(sources, playbook, "qualification"), playbook, seed=3)


def test_a_flat_export_says_in_every_report_that_it_is_random(
    export: Export, playbook: Playbook
) -> None:
    trained = flat(export, playbook, exported(400, 100))
    assert trained.artefact is not None
    said = "the test rows are a random share, not later ones, and what was known before the outcome"
    assert said in trained.notes[0]
    assert trained.record["notes"] == trained.notes == trained.artefact.record["notes"]
    assert (trained.record["split"], trained.record["horizon"]) == ("random", None)
    assert trained.rung == "logistic"
    assert trained.figures["model"].log_loss < trained.figures["base rate"].log_loss
    assert trained.points_map.observed_until == MISSING


def test_too_few_conversions_give_rules_a_points_map_and_a_plain_word(
    export: Export, playbook: Playbook
) -> None:
    trained = flat(export, playbook, exported(400, 50))
    assert (trained.artefact, trained.rung) == (None, "rules")
    assert trained.converted == 35
    assert trained.points_map.evidence.bins
    assert list(trained.figures) == ["scorecard", "base rate"]
    assert (
        "35 leads converted and 241 did not in the fitted span; a model needs 40"
        in trained.notes[1]
    )


@pytest.mark.parametrize(("positives", "says"), [(0, "no row has"), (60, "every row has")])
def test_one_class_only_is_refused(
    export: Export, playbook: Playbook, positives: int, says: str
) -> None:
    with pytest.raises(TrainingRefused, match=f"One class only: of the .* {says} label 1"):
        flat(export, playbook, exported(60, positives))


def test_copies_of_rows_are_one_lead_to_the_ladder(export: Export, playbook: Playbook) -> None:
    once = exported(150, 50)
    columns = {name: list(values) * 4 for name, values in once.items()}
    columns["lead_id"] = [f"l{row}" for row in range(600)]
    trained = flat(export, playbook, columns)
    assert (trained.rung, trained.converted) == ("rules", 35)
    assert 60 <= trained.others <= 80


BAD = ["nan", "inf", "-Infinity", "1e999"]


def with_bad_numbers(n: int, positives: int) -> dict[str, Sequence[Any]]:
    columns = exported(n, positives)
    size = [str(value) for value in columns["size"]]
    size[10:14] = BAD
    return {**columns, "size": size}


def test_bad_numbers_are_refused_with_their_line_and_the_rest_is_trained_on(
    export: Export, playbook: Playbook
) -> None:
    trained = flat(export, playbook, with_bad_numbers(400, 100))
    assert [(r.line, r.column, r.value, r.reason) for r in trained.refused] == [
        (12 + place, "size", value, "not a finite number") for place, value in enumerate(BAD)
    ]
    assert trained.record["counts"]["rows"] == 396


def test_bad_numbers_of_the_file_of_test_rows_are_refused_too(
    export: Export, playbook: Playbook
) -> None:
    test = export(with_bad_numbers(200, 50))
    trained = flat(export, playbook, exported(400, 100), test=test)
    assert [(r.file, r.line, r.value) for r in trained.refused] == [
        (str(test), 12 + place, value) for place, value in enumerate(BAD)
    ]
    assert trained.figures["model"].n == 196
    assert "the test rows are those given by --test" in trained.notes[0]


def test_when_every_row_has_a_bad_number_training_is_refused(
    export: Export, playbook: Playbook
) -> None:
    columns = {**exported(60, 30), "size": ["inf"] * 59 + ["-inf"]}
    with pytest.raises(
        TrainingRefused, match=r"No row has finite numbers and dates.*column 'size'"
    ):
        flat(export, playbook, columns)


def test_answers_are_told_of_a_base_rate_that_moved_where_the_report_is(
    trained: Trained, material: Material, short_playbook: Playbook
) -> None:
    report = report_of_training(material, trained.held_out, short_playbook, trained.artefact)
    moved = trained.record["base_rate_moved"]
    assert (moved is not None) == any("base rate moved" in said for said in report.warnings)
    if moved is not None:
        train = labels_of(material.spine)[trained.held_out.split.train]
        assert moved == (train.mean(), trained.held_out.label.mean())
