"""The model card says what is known of a version, and nothing where nothing is known."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from models.artefact import Artefact
from training.card import card
from training.gate.criteria import GateRows, judge
from training.gate.verdict import Verdict
from training.registry.versions import Version
from training.train import Trained


@pytest.fixture(scope="module")
def artefact(trained: Trained) -> Artefact:
    assert trained.artefact is not None
    return trained.artefact


def version(**tags: str) -> Version:
    return Version("3", ("champion",), datetime(2026, 4, 1, 9, 30, tzinfo=UTC), "run", tags)


def judged() -> Verdict:
    """A first model that knows the outcome."""
    label = np.tile(np.array([0, 0, 1], dtype=np.int8), 200)
    half = np.full(600, 0.5)
    return judge(GateRows(label, np.arange(600), 0.1 + 0.8 * label, half, half))


@pytest.mark.parametrize("material", ["logistic"], indirect=True)
def test_a_card_has_the_figures_the_limits_and_the_verdict(
    artefact: Artefact, trained: Trained
) -> None:
    record = {**artefact.record, "test_log_loss": {"high": 0.3, "low": 0.1, "mean": 0.2}}
    verdict = judged()
    text = card(
        "lead-conversion",
        version(gate=json.dumps(verdict.to_json()), promoted_by="the gate", promoted_because="x"),
        replace(artefact, record=record),
    )
    lines = text.splitlines()
    assert lines[0] == "# lead-conversion, version 3"
    assert [line for line in lines if line.startswith("## ")] == [
        "## What it is for",
        "## Data",
        "## Figures",
        "## Segments",
        "## Limits",
        "## The gate",
    ]
    model = trained.figures["model"]
    (row,) = [line for line in lines if line.startswith("| model | 0.")]
    assert f"| {model.log_loss:.4f} |" in row
    assert f"| {model.n:,} | {model.positives:,} |" in row
    assert "0.2000 [0.1000, 0.3000]" in text
    assert f"| test rows | {trained.record['counts']['test rows']:,} |" in text
    for name in trained.by_segment:
        assert sum(line.startswith(f"| {name} |") for line in lines) == 1
    for note in trained.notes:
        assert f"- {note}" in lines
    assert f"- (d) met. {verdict.criteria[0].says}" in lines
    assert "deal_opened is within 30d" in text
    # Every table is whole: its rows have as many cells as its header.
    for before, line in itertools.pairwise(lines):
        if line.startswith("|") and before.startswith("|"):
            assert line.count("|") == before.count("|")
        assert line.startswith("|") == before.startswith("|") or not (line and before)
    assert "\n\n\n" not in text
    assert "None" not in text


@pytest.mark.parametrize("material", ["logistic"], indirect=True)
def test_an_older_record_makes_a_shorter_card(artefact: Artefact) -> None:
    text = card("lead-conversion", version(), replace(artefact, record={}))
    assert "None were recorded." in text
    assert "The gate has said nothing about this version." in text
    assert "## Segments" not in text


@pytest.mark.parametrize("material", ["logistic"], indirect=True)
def test_a_card_says_that_a_refitted_model_was_not_measured(artefact: Artefact) -> None:
    assert "Not measured as shipped" not in card("x", version(), artefact)
    assert "Not measured as shipped" in card("x", version(measured_as_shipped="false"), artefact)
    hostile = {**artefact.record, "by_segment": {"a|b\nc": {"n": 1}}}
    text = card("x", version(), replace(artefact, record=hostile))
    assert "| a\\|b c | - |" in text
