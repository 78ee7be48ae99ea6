"""A model that is absent, away or damaged is no reason not to answer."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from features.errors import ArtefactError
from models.playbook import Playbook
from models.settings import Settings
from serving import download, registry
from serving.app import create_app
from serving.examples import LEAD
from tests.serving.damage import DAMAGES, truncated


@pytest.mark.parametrize("damage", DAMAGES)
def test_rules_answer_for_a_damaged_model(
    folder: Path, home: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    damage(folder)
    with TestClient(create_app(Settings(home=home, model=str(folder)))) as client:
        answer = client.post("/v1/score", json=LEAD)
        ready = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["scored_by"] == "rules"
    assert answer.json()["fallback_reason"] == "model_damaged"
    assert ready.status_code == 200
    assert ready.json()["status"] == "degraded"
    (said,) = [record.message for record in caplog.records if "rules answer (" in record.message]
    assert said.startswith("rules answer (model_damaged): ")
    assert str(folder) in said


def test_a_damaged_model_that_was_asked_for_is_an_error(folder: Path, home: Path) -> None:
    truncated(folder)
    with pytest.raises(ArtefactError, match=r"trees\.txt is damaged"):
        registry.load_scorer(Settings(home=home), Playbook.load(), "qualification", str(folder))


def test_a_model_that_is_not_there_is_an_error_only_when_asked_for(home: Path) -> None:
    settings, playbook = Settings(home=home), Playbook.load()
    scorer = registry.load_scorer(settings, playbook, "qualification")
    assert (scorer.artefact, scorer.without) == (None, "no_model")
    for model in ("models:/lead-conversion@champion", str(home / "nothing")):
        with pytest.raises(ArtefactError, match=r"nothing|none"):
            registry.load_scorer(settings, playbook, "qualification", model)


def test_looking_for_a_model_makes_no_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert registry.resolve("models:/lead-conversion@champion", Settings()).without == "no_model"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file://{tmp_path}/mlruns")
    assert registry.resolve("models:/lead-conversion@champion", Settings()).without == "no_model"
    assert list(tmp_path.iterdir()) == []


def test_rules_answer_within_seconds_while_mlflow_is_away(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    assert_unavailable_soon(home)


def test_rules_answer_within_seconds_while_mlflow_is_silent(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert_unavailable_soon(home)
        monkeypatch.setattr(download, "DEADLINE", 0.5)
        assert_unavailable_soon(home)


def assert_unavailable_soon(home: Path) -> None:
    start = time.monotonic()
    with TestClient(create_app(Settings(home=home))) as client:
        answer = client.post("/v1/score", json=LEAD)
    assert time.monotonic() - start < 20
    assert answer.status_code == 200
    assert answer.json()["fallback_reason"] == "model_unavailable"


def test_a_registered_model_answers_and_is_named(saved: Path, tmp_path: Path) -> None:
    from mlflow import MlflowClient

    settings = Settings(home=tmp_path / "home")
    settings.home.mkdir()
    model = shutil.copytree(saved, tmp_path / "logged" / "artefact").parent
    mlflow = MlflowClient(settings.tracking_uri)
    mlflow.create_registered_model("lead-conversion")
    champion = "models:/lead-conversion@champion"
    assert registry.resolve(champion, settings).without == "no_model"
    mlflow.create_model_version("lead-conversion", model.as_uri())
    mlflow.set_registered_model_alias("lead-conversion", "champion", "1")

    with TestClient(create_app(settings)) as client:
        assert client.post("/v1/score", json=LEAD).json()["scored_by"] == "model"
        card = client.get("/v1/model").json()
    assert card["registered"] == {"name": "lead-conversion", "version": "1"}
    assert registry.find("models:/lead-conversion/1", settings).artefact is not None

    shutil.rmtree(model)
    assert registry.resolve(champion, settings).without == "model_unavailable"


def test_a_task_has_its_own_model_unless_one_is_named(home: Path) -> None:
    assert registry.model_for(Settings(home=home), "recycling") == "models:/lead-recycling@champion"
    assert registry.model_for(Settings(home=home, model="x"), "recycling") == "x"


def test_a_model_of_another_task_leaves_this_one_to_rules(
    saved: Path, tmp_path: Path, home: Path
) -> None:
    playbook = tmp_path / "playbook.toml"
    task = (
        '[tasks.renewal]\nlabel = "deal_opened"\nhorizon = "30d"\n'
        'closes = ["deal_opened", "deal_won", "lost", "purchase"]\n[temperature]'
    )
    playbook.write_text(Playbook.load().text.replace("[temperature]", task), "utf-8")
    with TestClient(create_app(Settings(home=home, playbook=playbook, model=str(saved)))) as client:
        answer = client.post("/v1/score?task=renewal", json=LEAD).json()
        card = client.get("/v1/model?task=renewal").json()
        refused = client.post("/v1/score?task=upselling", json=LEAD).json()
    assert (answer["scored_by"], answer["fallback_reason"]) == ("rules", "task_without_model")
    assert (answer["task"], answer["horizon"]) == ("renewal", "30d")
    assert (card["scored_by"], card["fallback_reason"]) == ("rules", "task_without_model")
    assert refused["errors"][0]["message"] == (
        "expected one of qualification, recycling, reactivation, renewal"
    )
