"""The list of features: every one with its unit and its sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from features.kinds import KINDS
from models.families import FAMILIES, kinds_of, lines_of
from models.playbook import Playbook
from models.settings import Settings
from training.listing import declared_plan, run_features
from training.train import Trained


@pytest.mark.parametrize("whole", [False, True])
def test_every_feature_is_listed_with_unit_and_both_languages(
    whole: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_features(Settings(), "qualification", None, whole=whole, as_json=True) == 0
    listed = json.loads(capsys.readouterr().out)["features"]
    playbook = Playbook.load()
    catalogue = lines_of(FAMILIES) if whole else playbook.catalogue
    plan = declared_plan(playbook, "qualification", catalogue)
    assert [row["name"] for row in listed] == [feature.name for feature in plan.features]
    for row in listed:
        assert row["unit"]
        assert row["en"].isascii() is False or "…" not in row["en"]
        assert any(ord(letter) > 0x3000 for letter in row["ja"])
    without = {"bigram", "changed"}  # pairs are learnt; the default playbook tracks nothing
    assert {feature.kind for feature in plan.features} == set(kinds_of(catalogue)) - without
    assert not whole or set(kinds_of(catalogue)) == set(KINDS)


def test_outcomes_are_no_features() -> None:
    plan = declared_plan(Playbook.load(), "qualification", ["age", "journey"])
    assert "deal_opened" not in plan.event_types
    assert plan.steps == ("attention", "interest", "search", "comparison", "examination")


def test_the_features_of_a_model_are_those_it_was_trained_with(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert trained.artefact is not None
    trained.artefact.save(tmp_path / "model")
    run_features(Settings(), "qualification", tmp_path / "model")
    said = capsys.readouterr().out
    for feature in trained.artefact.plan.features:
        assert f"{feature.name}  [{feature.says.unit}]" in said
