"""``tegakari evaluate``: a saved model on data whose outcomes came later."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.errors import ArtefactError, InputError, UsageError
from models.playbook import Playbook
from models.settings import Settings
from training.report.asked import rows_to_ask
from training.report.command import evaluate, run_evaluate
from training.report.making import outcomes_seen_until, range_of, report_of_training
from training.report.report import Report
from training.sources import Sources, gather
from training.train import Trained, train


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, short_playbook: Playbook) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "playbook.toml").write_text(short_playbook.text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def once(home: Path, small: Sources, short_playbook: Playbook) -> Trained:
    """Logistic regression, saved under ``home/model`` with its points map."""
    material = gather(small, short_playbook, "qualification")
    trained = train(material, short_playbook)
    assert trained.artefact is not None
    held_out = trained.held_out
    seen = range_of(material, held_out, trained.artefact)
    record = {**trained.artefact.record, "trained_on": seen.to_json()}
    replace(trained.artefact, record=record).save(home / "model")
    trained.points_map.save(home / "points")
    return trained


@pytest.fixture
def settings(home: Path, once: Trained) -> Settings:
    return Settings(home=home, playbook=home / "playbook.toml")


@pytest.fixture(scope="module")
def own(home: Path, once: Trained, small: Sources) -> Report:
    """The model on the data it comes from."""
    settings = Settings(home=home, playbook=home / "playbook.toml")
    truth = small.leads.with_name("truth.parquet")
    return evaluate(home / "model", small, settings, truth=truth).report


def test_on_its_own_data_it_finds_the_test_rows_and_their_figures(
    own: Report, once: Trained
) -> None:
    made = own
    held_out = once.held_out
    assert made.rows == len(held_out.label)
    for name in ("model", "scorecard", "base rate"):
        expected, found = held_out.metrics(name), made.figures[name]
        assert found.log_loss is not None
        assert found.log_loss.mean == pytest.approx(expected.log_loss)
    assert any("left out: the model may have learnt from them" in note for note in made.notes)
    assert {"source", "industry", "age at the cutoff"} <= set(made.segments)


def test_the_report_of_training_has_the_same_figures(
    own: Report, once: Trained, small: Sources, short_playbook: Playbook
) -> None:
    material = gather(small, short_playbook, "qualification")
    truth = small.leads.with_name("truth.parquet")
    of_training = report_of_training(
        material, once.held_out, short_playbook, once.artefact, truth=truth
    )
    for name, figures in own.figures.items():
        for figure, interval in figures.to_json().items():
            assert interval == pytest.approx(of_training.figures[name].to_json()[figure]), figure
    others = {distance.name: distance for distance in of_training.distances}
    assert own.distances
    for mine in own.distances:
        assert mine.less is not None
        assert tuple(mine.less) == pytest.approx(tuple(others[mine.name].less or ()))
        assert mine.rows > 0


def test_it_writes_a_page_and_one_object(
    home: Path,
    settings: Settings,
    small: Sources,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "report.html"
    assert run_evaluate(home / "model", small, settings, out=out, as_json=True) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["out"] == str(out)
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert run_evaluate(home / "model", small, settings, out=out) == 0
    assert "calling by the model" in capsys.readouterr().out


def moved(small: Sources, folder: Path, change: Mapping[str, Any], days: int = 0) -> Sources:
    """The same company, so many days later, with some columns of its list replaced."""
    leads = pd.read_csv(small.leads, dtype=str).assign(**change)
    assert small.events is not None
    events = pd.read_parquet(small.events)
    later = pd.Timedelta(days=days)
    leads["created_at"] = (pd.to_datetime(leads["created_at"], utc=True) + later).map(
        lambda moment: moment.isoformat()
    )
    for column in events.select_dtypes("datetimetz").columns:
        events[column] = events[column] + later
    leads.to_csv(folder / "leads.csv", index=False)
    events.to_parquet(folder / "events.parquet")
    return replace(
        small, leads=folder / "leads.csv", events=folder / "events.parquet", changes=None
    )


def test_what_is_outside_the_training_is_said(
    own: Report, home: Path, settings: Settings, small: Sources, tmp_path: Path
) -> None:
    strange = {"employees": "9999999", "industry": "moon mining", "source": None}
    said = "\n".join(
        evaluate(
            home / "model", moved(small, tmp_path, strange, days=400), settings
        ).report.warnings
    )
    assert "employees:" in said
    assert "industry:" in said
    assert "a value that the model did not learn" in said
    assert "source: the model learnt from it, and no row has it" in said
    assert "older than its horizon" in said
    assert not any(line.startswith(("employees", "industry", "source")) for line in own.warnings)


def test_refusals(
    home: Path,
    settings: Settings,
    small: Sources,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Loading compares checksums too; the golden rows have a process of their own, and its seconds.
    monkeypatch.setattr("training.report.command.check", lambda folder: None)
    model = home / "model"
    assert small.events is not None
    events = pd.read_parquet(small.events)
    unlabelled = tmp_path / "unlabelled.parquet"
    events[events["event_type"] != "deal_opened"].to_parquet(unlabelled)
    with pytest.raises(InputError, match="deal_opened, which never occurs"):
        evaluate(model, replace(small, events=unlabelled), settings)
    with pytest.raises(UsageError, match="the model answers 'qualification'"):
        evaluate(model, small, settings, task="recycling")
    with pytest.raises(UsageError, match="trained with times"):
        evaluate(model, Sources(small.leads, label="source"), settings)
    with pytest.raises(InputError, match="name ending in"):
        run_evaluate(model, small, settings, out=tmp_path / "report.csv")
    with pytest.raises(ArtefactError):
        evaluate(tmp_path, small, settings)
    with pytest.raises(InputError, match="of a simulated world"):
        evaluate(model, small, settings, truth=unlabelled)


def test_outcomes_seen_are_read_from_the_record() -> None:
    noon = np.datetime64("2026-01-02T12:00", "us").astype(np.int64)
    assert outcomes_seen_until({"first_test_cutoff": "2026-01-02T12:00:00Z"}) == noon
    record: Mapping[str, str | Sequence[str]] = {"outcomes_seen_until": "2026-01-02T12:00:00Z"}
    assert outcomes_seen_until(dict(record)) == noon
    assert outcomes_seen_until({"first_test_cutoff": None}) is None


def test_the_file_that_a_flat_model_was_trained_on_is_known_again(
    once: Trained, playbook: Playbook, export: Callable[..., Path]
) -> None:
    columns = {"won": ["1", "0"] * 40, "size": range(80)}
    flat = gather(Sources(export(columns), label="won"), playbook, "qualification")
    assert once.artefact is not None
    known = {file.name: file.to_json() for file in flat.files}
    for data, said in ((known, "too good"), ({}, "cannot be told")):
        artefact = replace(once.artefact, record={"data": data})
        assert said in rows_to_ask(flat, artefact, playbook)[2][0]
