"""MLflow: runs, figures and the champion are there; when MLflow is away training has still happened."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from models.settings import Settings
from training.command import run_train
from training.gate.verdict import Verdict
from training.sources import Sources
from training.tracking import log_run
from training.train import Trained


@pytest.fixture(scope="module")
def artefact(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert trained.artefact is not None
    folder = tmp_path_factory.mktemp("tracking") / "artefact"
    trained.artefact.save(folder)
    return folder


@pytest.mark.parametrize("material", ["logistic"], indirect=True)
def test_the_champion_is_the_one_that_was_promoted(
    trained: Trained, artefact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    settings = Settings(home=tmp_path)

    def log(folder: Path | None, *, promote: bool) -> Any:
        verdict = Verdict(promote, "said the gate")
        return log_run(settings, "qualification", folder, trained.record, verdict)

    first, second, third = (log(artefact, promote=p) for p in (True, False, True))
    assert [(x.name, x.version, x.champion, x.note) for x in (first, second, third)] == [
        ("lead-conversion", "1", True, ""),
        ("lead-conversion", "2", False, ""),
        ("lead-conversion", "3", True, ""),
    ]
    client = MlflowClient(settings.tracking_uri, settings.tracking_uri)
    champion = client.get_model_version_by_alias("lead-conversion", "champion")
    assert str(champion.version) == "3"
    rules = log(None, promote=False)
    assert (rules.name, rules.version, rules.champion, rules.note) == (None, None, False, "")
    run = client.get_run(first.run_id)
    assert run.data.metrics["model.log_loss"] == trained.figures["model"].log_loss
    assert run.data.metrics["scorecard.brier"] == trained.figures["scorecard"].brier
    assert run.data.params["counts.rows"] == str(trained.record["counts"]["rows"])
    assert (tmp_path / "mlflow.db").exists()
    assert not list(tmp_path.rglob("*.pkl"))


def test_with_mlflow_away_training_ends_with_its_artefact_and_says_so(
    small: Sources,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: whoever calls is refused
        uri = f"http://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
        playbook = Path("models/playbook.toml").read_text(encoding="utf-8")
        start = playbook.index("catalogue = [")
        short = (
            playbook[:start] + 'catalogue = ["recency"' + playbook[playbook.index("]\n", start) :]
        )
        short = short.replace('horizon = "90d"', 'horizon = "30d"').replace('"7d" }', '"28d" }')
        (tmp_path / "playbook.toml").write_text(short, encoding="utf-8")
        settings = Settings(home=tmp_path / "var", playbook=tmp_path / "playbook.toml")
        code = run_train(small, settings, "qualification", as_json=True, seed=3)
    said = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (said["model_version"], said["champion"], said["mlflow_run"]) == (None, False, None)
    assert said["notes"][-1].startswith(f"MLflow at {uri} could not be used")
    assert (Path(said["artefact"]) / "manifest.json").exists()
    assert len(list((tmp_path / "var" / "points").glob("qualification-*.json"))) == 1
