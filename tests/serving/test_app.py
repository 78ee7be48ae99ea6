"""The service as a whole: health, the card of the model, OpenAPI, starting and stopping."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from features.errors import PlaybookError, UsageError
from models.artefact import Artefact
from models.playbook import Playbook
from models.points_map import Evidence, PointsMap
from models.settings import Settings
from serving import problems
from serving.answer import Score
from serving.app import create_app
from serving.examples import LEAD
from serving.run import run


def test_it_lives(by_rules: TestClient) -> None:
    assert by_rules.get("/livez").json() == {"status": "ok"}


def test_it_is_ready_and_says_who_answers(by_rules: TestClient, by_model: TestClient) -> None:
    assert by_model.get("/readyz").json() == {
        "status": "ok",
        "scored_by": "model",
        "fallback_reason": None,
        "registry": "ok",
        "refused": [],
        "store": "open",
    }
    assert by_rules.get("/readyz").json() == {
        "status": "degraded",
        "scored_by": "rules",
        "fallback_reason": "no_model",
        "registry": "ok",
        "refused": [],
        "store": "open",
    }


def test_the_card_says_what_answers(by_model: TestClient, artefact: Artefact) -> None:
    card = by_model.get("/v1/model").json()
    assert (card["task"], card["horizon"]) == ("qualification", "90d")
    assert (card["scored_by"], card["fallback_reason"]) == ("model", None)
    assert (card["kind"], card["features"]) == ("lightgbm", len(artefact.plan.names))
    assert card["versions"]["model"] == artefact.version
    assert card["record"] == {"trained_on": {"leads": 400}, "metrics": {"auc": 0.8, "ece": None}}


def test_the_card_says_why_rules_answer(by_rules: TestClient) -> None:
    card = by_rules.get("/v1/model?task=").json()
    assert (card["scored_by"], card["fallback_reason"]) == ("rules", "no_model")
    assert by_rules.get("/v1/model?task=x").status_code == 422


def test_rules_give_the_probability_observed_for_their_points(tmp_path: Path) -> None:
    settings, playbook = Settings(home=tmp_path), Playbook.load()
    points = list(range(100)) * 10
    observed = Evidence.of(points, [p > 40 for p in points])  # type: ignore[arg-type]
    PointsMap("qualification", playbook.version, 0, observed).save(settings.points_maps)
    with TestClient(create_app(settings)) as client:
        answer = client.post("/v1/score", json=LEAD).json()
    assert answer["scored_by"] == "rules"
    assert answer["probability"] > 0.9
    assert answer["basis"]["converted"] == answer["basis"]["n"] > 0
    Score.model_validate(answer)


def test_a_damaged_points_map_only_loses_the_probability(tmp_path: Path) -> None:
    settings, playbook = Settings(home=tmp_path), Playbook.load()
    observed = Evidence.of([1, 2, 3], [0, 1, 1])  # type: ignore[arg-type]
    path = PointsMap("qualification", playbook.version, 0, observed).save(settings.points_maps)
    path.write_bytes(path.read_bytes()[:-40])
    with TestClient(create_app(settings)) as client:
        answer = client.post("/v1/score", json=LEAD).json()
    assert (answer["probability"], answer["points"]) == (None, 61)


def test_a_playbook_that_is_wrong_is_refused_before_anything_is_served(tmp_path: Path) -> None:
    playbook = tmp_path / "playbook.toml"
    playbook.write_text("schema = 1\nevnts = 1\n", "utf-8")
    with pytest.raises(PlaybookError, match="evnts"):
        create_app(Settings(home=tmp_path, playbook=playbook))
    playbook.write_text("schema = 1\n", "utf-8")
    with pytest.raises(PlaybookError, match="at least one"):
        create_app(Settings(home=tmp_path, playbook=playbook))


@pytest.fixture(scope="module")
def openapi(by_rules: TestClient) -> Any:
    return by_rules.get("/openapi.json").json()


def test_every_example_of_a_request_is_answered(by_rules: TestClient, openapi: Any) -> None:
    body = openapi["paths"]["/v1/score"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/ScoreRequest"}
    assert len(body["examples"]) >= 2
    for example in body["examples"].values():
        answer = by_rules.post("/v1/score", json=example["value"])
        assert answer.status_code == 200
        Score.model_validate(answer.json())


def test_every_example_of_an_answer_has_the_form_documented(openapi: Any) -> None:
    ok = openapi["paths"]["/v1/score"]["post"]["responses"]["200"]["content"]["application/json"]
    assert ok["schema"] == {"$ref": "#/components/schemas/Score"}
    assert ok["examples"]
    for example in ok["examples"].values():
        Score.model_validate(example["value"])


def test_every_refusal_is_documented_as_a_problem(openapi: Any) -> None:
    for path in openapi["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert list(response["content"]) == [problems.MEDIA_TYPE]
    assert "HTTPValidationError" not in openapi["components"]["schemas"]


def test_an_address_in_use_is_refused_with_advice(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} .*--port"):
            run("127.0.0.1", port, Settings(home=home))


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_a_real_server_starts_answers_and_stops(home: Path, end: signal.Signals) -> None:
    code = (
        "from models.settings import Settings; from serving.run import run; "
        "run('127.0.0.1', 0, Settings())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TEGAKARI_HOME": str(home)},
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        try:
            said = next(line for line in server.stderr if "http://" in line)
            port = int(said.partition("127.0.0.1:")[2].partition("/")[0])
            # It listens before it has loaded, so the first request only has to wait.
            connection = HTTPConnection("127.0.0.1", port, timeout=60)
            connection.request("GET", "/readyz", headers={"Connection": "close"})
            answer = connection.getresponse()
            assert (answer.status, b"degraded" in answer.read()) == (200, True)
            connection.close()
            server.send_signal(end)
            code_at_end = server.wait(30)
        finally:
            server.kill()
    assert code_at_end in (0, -end)
