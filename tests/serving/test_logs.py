"""What leads are and do is in no log, no metric and no refusal; what happened is."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from features.instants import iso, now
from models.settings import Settings
from serving.app import create_app
from serving.door import logs
from serving.keys import create
from serving.live import Live

WHO = "taro.yamada@example.com"
PLANTED = WHO.encode()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a service logs, which is all that this process logs."""
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    monkeypatch.setattr(logs.REQUESTS, "stream", None)
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    monkeypatch.setenv("MLFLOW_CONFIGURE_LOGGING", "false")
    named = {name: logging.getLogger(name) for name in logs.HANDLED_BY_THEMSELVES}
    before = {name: (log.handlers, log.propagate, log.level) for name, log in named.items()}
    stream = io.StringIO()
    logs.configure("debug", stream)
    yield stream
    logging.captureWarnings(False)
    root.handlers = handlers
    root.setLevel(level)
    for name, logger in named.items():
        logger.handlers, logger.propagate, level = before[name]
        logger.setLevel(level)


@contextmanager
def service(home: Path, saved: Path | None = None) -> Iterator[TestClient]:
    settings = Settings(home=home, model=saved and str(saved))
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def requests_of(log: io.StringIO) -> list[dict[str, Any]]:
    return [line for line in lines(log) if line["event"] == "request"]


def fail(*_: object, **__: object) -> Any:
    try:
        raise KeyError(WHO)
    except KeyError:
        raise ValueError(f"could not convert string to float: {WHO!r}")  # noqa: B904 as code of others does


def planted(client: TestClient) -> list[bytes]:
    """Send the address in every place there is; the bodies of what was refused."""
    lead = {"lead_id": "L-1", "attributes": {"email": WHO, "employees": WHO}}
    event = {
        "event_type": "demo_request",
        "occurred_at": iso(now()),
        "content": WHO,
        "channel": WHO,
        "event_id": WHO,
    }
    odd = {**event, "occurred_at": WHO, "value": WHO, WHO: WHO}
    headers = {
        "User-Agent": WHO,
        "Referer": f"https://a/?{WHO}",
        "X-Request-ID": WHO,
        "Cookie": WHO,
        "Authorization": f"Bearer {WHO}",
        "Idempotency-Key": WHO,
    }
    columns = {"columns": ["lead_id", WHO], "data": [["a", WHO]]}
    bodies: list[tuple[str, str, Any]] = [
        ("POST", "/v1/score", {"lead": lead, "events": [event]}),
        ("POST", "/v1/score", {"lead": lead, "events": [odd]}),
        ("POST", "/v1/score", {"lead": lead, "as_of": WHO, WHO: WHO}),
        ("POST", f"/v1/score?task={WHO}&reasons={WHO}&{WHO}={WHO}", {"lead": lead}),
        ("POST", "/v1/score", WHO),
        ("POST", "/invocations", {"dataframe_split": columns}),
        ("POST", "/invocations", {"dataframe_records": [{"lead_id": "a", "created_at": WHO}]}),
        ("POST", "/invocations", {WHO: WHO}),
        ("POST", "/v1/leads", {"leads": [lead]}),
        ("POST", "/v1/leads", {"leads": [{**lead, "created_at": WHO, WHO: WHO}]}),
        ("POST", "/v1/events", {"events": [{**event, "lead_id": "L-1"}]}),
        ("POST", "/v1/events", {"events": [{**event, "lead_id": "L-1", "content": "other"}]}),
        ("POST", "/v1/events", {"events": [{**odd, "lead_id": WHO}, WHO]}),
        ("POST", f"/v1/leads/{WHO}/merge", {"into": WHO}),
        ("POST", f"/v1/{WHO}", {}),
        (WHO.upper().replace("@", "-"), "/v1/score", {}),
    ]
    refused = [client.request(m, path, json=body, headers=headers) for m, path, body in bodies]
    refused.append(client.post("/v1/score", content=f'{{"lead": {WHO}', headers=headers))
    asked = [
        f"/v1/leads?stage={WHO}&owner={WHO}&sort={WHO}&cursor={WHO}",
        f"/v1/leads/{WHO}",
        f"/v1/leads/{WHO}/score?as_of={WHO}",
        f"/v1/leads/{WHO}/history?limit={WHO}",
        f"/v1/quarantine?limit={WHO}&before={WHO}",
        f"/v1/audit?before={WHO}",
        f"/v1/model?task={WHO}",
        f"/{WHO}?{WHO}",
    ]
    refused += [client.get(path, headers=headers) for path in asked]
    refused.append(client.delete(f"/v1/leads/{WHO}", headers=headers))
    refused.append(client.delete(f"/v1/leads/{WHO}/tombstone", headers=headers))
    assert any(answer.status_code == 422 for answer in refused)
    return [answer.content for answer in refused if answer.status_code >= 400]


@pytest.mark.parametrize("who", ["rules", "model"])
def test_an_address_is_in_no_log_metric_or_refusal(
    tmp_path: Path, log: io.StringIO, who: str, saved: Path
) -> None:
    with service(tmp_path, saved if who == "model" else None) as client:
        refusals = planted(client)
        metrics = client.get("/metrics").content
    assert len(refusals) > 10
    for refusal in refusals:
        assert PLANTED not in refusal.lower(), refusal
    assert PLANTED not in metrics.lower()
    assert WHO not in log.getvalue().lower()
    assert len(requests_of(log)) > 20


@pytest.mark.parametrize(
    "where",
    [
        "serving.live.Live.score",
        "models.scorer.Scorer.score",
        "serving.arriving.add_events",
        "serving.routes.leads.read_leads",
    ],
)
def test_an_address_in_an_error_is_in_no_log_metric_or_refusal(
    tmp_path: Path, log: io.StringIO, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    with service(tmp_path) as client:
        with monkeypatch.context() as broken:
            broken.setattr(where, fail)
            refusals = planted(client)
        metrics = client.get("/metrics").content
    assert PLANTED not in b"".join(refusals).lower() + metrics.lower()
    assert WHO not in log.getvalue().lower()


def test_a_failure_is_told_by_its_kind_and_place(
    tmp_path: Path, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service(tmp_path) as client:
        monkeypatch.setattr(Live, "score", fail)
        answer = client.post("/v1/score", json={"lead": {"lead_id": "a"}})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    request_id = answer.headers["x-request-id"]
    (told,) = [line for line in lines(log) if request_id in line["event"]]
    assert told["level"] == "error"
    assert "ValueError" in told["event"]
    assert "fail:" in told["event"]
    (request,) = requests_of(log)
    assert (request["request_id"], request["status"]) == (request_id, 500)


def test_a_library_that_prints_by_itself_quotes_nothing(
    log: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    own = logging.getLogger("sqlalchemy.engine")
    own.handlers, own.propagate = [logging.StreamHandler()], False
    logs.configure("debug", log)
    own.error("INSERT %s", WHO)
    # MLflow is imported when a model is looked for, long after the log was configured.
    code = (
        "from serving.door.logs import configure; configure(); import logging, mlflow;"
        f"logging.getLogger('sqlalchemy.engine').error('INSERT %s', '{WHO}')"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "sqlalchemy.engine" in told.stderr
    assert WHO not in told.stdout + told.stderr + log.getvalue() + "".join(capfd.readouterr())


def test_threads_warnings_and_other_libraries_quote_nothing(log: io.StringIO) -> None:
    thread = threading.Thread(target=fail, name="rescoring")
    thread.start()
    thread.join()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(warnings, "filters", [])
        warnings.warn(f"cannot read {WHO}", stacklevel=1)
    logging.getLogger("sqlalchemy.engine").error("INSERT %s", WHO)
    try:
        fail()
    except ValueError:
        logging.getLogger("serving.anything").exception("it went wrong")
    told = lines(log)
    assert WHO not in log.getvalue()
    assert [line["logger"] for line in told] == [
        "serving.door.logs",
        "py.warnings",
        "sqlalchemy.engine",
        "serving.anything",
    ]
    assert "rescoring" in told[0]["event"]
    assert told[0]["error"] == told[3]["error"] == "ValueError"


def test_a_request_is_one_line(tmp_path: Path, log: io.StringIO) -> None:
    with service(tmp_path) as client:
        assert isinstance(client.app, FastAPI)
        store, ring = client.app.state.background.store, client.app.state.ring
        token = store.write(lambda commit: create(commit, "Sato", "sato", ["read"]))
        ring.refresh()
        headers = {"Authorization": f"Bearer {token}", "X-Request-ID": "a.b_C-9"}
        client.get("/v1/leads/L-0042/history?limit=5", headers=headers)
        client.get("/livez")
    first, second = requests_of(log)
    assert (first["method"], first["route"], first["status"]) == (
        "GET",
        "/v1/leads/{lead_id}/history",
        404,
    )
    assert (first["request_id"], first["key"]) == ("a.b_C-9", token.split("_")[1])
    assert (second["route"], second["status"], second["key"]) == ("/livez", 200, None)
    assert first["ms"] > 0
    assert all("?" not in line for line in log.getvalue().splitlines())
    assert token not in log.getvalue()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a.b_C-9", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("", False),
        ("a b", False),
        ('a","x":"y', False),
        ("é", False),
    ],
)
def test_an_id_is_echoed_where_it_is_sane(by_rules: TestClient, given: str, kept: bool) -> None:
    for path in ("/livez", "/nothing", "/v1/leads/nobody"):
        answer = by_rules.get(path, headers={"X-Request-ID": given.encode()})
        (echoed,) = answer.headers.get_list("x-request-id")
        assert (echoed == given) is kept
        assert echoed


def test_every_refusal_of_the_door_has_an_id(by_rules: TestClient) -> None:
    large = by_rules.post("/v1/score", content=b" " * (1 << 21))
    packed = by_rules.post("/v1/score", content=b"{}", headers={"Content-Encoding": "gzip"})
    path = by_rules.get("/%ff")
    seen = {answer.headers["x-request-id"] for answer in (large, packed, path)}
    assert [a.status_code for a in (large, packed, path)] == [413, 415, 400]
    assert len(seen) == 3
