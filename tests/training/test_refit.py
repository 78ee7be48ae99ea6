"""Fitting again on all rows: another model, and one that says its figures are not its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from features.instants import iso
from models.artefact import check
from models.settings import Settings
from training.fit import DEFAULT
from training.gate.decide import decide
from training.refit import NOT_AS_SHIPPED, refitted
from training.sources import Material
from training.train import Trained

pytestmark = pytest.mark.usefixtures("few_trees")


@pytest.fixture
def again(trained: Trained) -> Trained:
    return refitted(trained, 3, lambda step: None, DEFAULT)


def test_it_has_seen_every_outcome_and_says_so(
    trained: Trained, again: Trained, material: Material, tmp_path: Path
) -> None:
    assert trained.artefact is not None
    assert again.artefact is not None
    record, before = again.artefact.record, trained.artefact.record
    assert record["measured_as_shipped"] is False
    last = int(material.spine.cutoff.max()) + (material.task.horizon or 0)
    assert record["outcomes_seen_until"] == iso(last) > before["outcomes_seen_until"]
    assert record["figures"] == before["figures"]
    assert again.artefact.evidence == trained.artefact.evidence
    assert NOT_AS_SHIPPED in again.notes
    assert again.artefact.plan == trained.artefact.plan
    assert again.artefact.model != trained.artefact.model
    again.artefact.save(tmp_path / "artefact")
    check(tmp_path / "artefact")


def test_the_rows_that_were_tested_on_are_fitted_on(trained: Trained, again: Trained) -> None:
    assert trained.artefact is not None
    assert again.artefact is not None
    rows = trained.held_out
    matrix = rows.matrix.take(rows.split.test)
    losses = []
    for artefact in (trained.artefact, again.artefact):
        p = artefact.model.probability(artefact.encoder.encode(matrix))
        losses.append(-np.log(np.where(rows.label == 1, p, 1 - p)).mean())
    assert losses[1] < losses[0]


def test_the_gate_leaves_it_to_a_person(
    again: Trained, material: Material, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/none.db")
    verdict = decide(Settings(home=tmp_path), "qualification", again, material)
    assert not verdict.promote
    assert "not measured as shipped" in verdict.reason
