"""Every route of the service, asked with every kind of key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from features.instants import now
from models.settings import Settings
from serving.app import create_app
from serving.door.access import NEEDS, OPEN, PROBES, need_of
from serving.keys import SCOPES, create, revoke


@dataclass
class Keyed:
    """A service with a key of every scope, one that expired and one that was revoked."""

    client: TestClient
    of: dict[str, str]
    expired: str
    revoked: str

    def ask(
        self, method: str, path: str, token: str | None, header: str = "Authorization"
    ) -> httpx2.Response:
        value = f"Bearer {token}" if header == "Authorization" else token
        headers = {header: value} if token and value else {}
        return self.client.request(method, path, headers=headers)


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    with TestClient(create_app(Settings(home=tmp_path_factory.mktemp("keyed")))) as client:
        assert isinstance(client.app, FastAPI)
        store, ring = client.app.state.background.store, client.app.state.ring

        def made(*scopes: str, expires_at: int | None = None) -> str:
            token: str = store.write(lambda c: create(c, "Sato", "sato", scopes, expires_at))
            return token

        of = {scope: made(scope) for scope in SCOPES}
        expired, revoked = made(*SCOPES, expires_at=now() - 1), made(*SCOPES)
        store.write(lambda commit: revoke(commit, revoked.split("_")[1]))
        ring.refresh()
        yield Keyed(client, of, expired, revoked)


def routes(app: FastAPI) -> list[tuple[str, str]]:
    return [
        (method, re.sub(r"\{\w+\}", "1", route.path))
        for route in iter_route_contexts(app.routes)
        for method in sorted(route.methods or ())
        if route.path is not None
    ]


def test_every_route_asks_for_the_scope_it_should(keyed: Keyed) -> None:
    asked = 0
    app = keyed.client.app
    assert isinstance(app, FastAPI)
    for method, path in routes(app):
        if path in OPEN:
            assert keyed.ask(method, path, None).status_code == 200, path
            continue
        need = need_of(method, path)
        assert need is not None, f"{method} {path}"
        nobody = [None, keyed.expired, keyed.revoked, keyed.of["read"][:-1] + "-", "tgk_a_b"]
        for token in nobody:
            answer = keyed.ask(method, path, token)
            assert answer.status_code == 401, f"{method} {path}"
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.json()["type"] == "urn:problem-type:tegakari:unauthorized"
        for scope, token in keyed.of.items():
            answer = keyed.ask(method, path, token)
            if scope == need:
                assert answer.status_code not in (401, 403), f"{method} {path}"
            else:
                assert answer.status_code == 403, f"{method} {path}"
                assert f'scope="{need}"' in answer.headers["www-authenticate"]
        asked += 1
    assert asked > 15


def test_the_table_holds_no_route_that_is_not_there(keyed: Keyed) -> None:
    app = keyed.client.app
    assert isinstance(app, FastAPI)
    there = {
        (m, route.path) for route in iter_route_contexts(app.routes) for m in route.methods or ()
    }
    assert set(NEEDS) <= there
    assert {path for _, path in there} >= PROBES


def test_a_route_that_asks_for_nothing_keeps_the_service_from_starting(tmp_path: Path) -> None:
    app = create_app(Settings(home=tmp_path))
    app.add_api_route("/v1/forgotten", lambda: None, methods=["PUT"])
    with pytest.raises(RuntimeError, match="PUT /v1/forgotten"), TestClient(app):
        pass


@pytest.mark.parametrize("ending", ["b", "merge", "tombstone", "score"])
def test_a_slash_in_an_id_opens_no_other_door(keyed: Keyed, ending: str) -> None:
    for scope, token in keyed.of.items():
        answer = keyed.ask("DELETE", f"/v1/leads/a%2F{ending}", token)
        assert (answer.status_code == 403) is (scope != "erase"), scope
    for path in (
        "/v1%2Fleads/1",
        "/v1/leads/%2e%2e/1",
        "//v1/leads/1",
        "/v1/leads/1/",
        "/V1/leads/1",
    ):
        for scope in SCOPES:
            assert keyed.ask("DELETE", path, keyed.of[scope]).status_code in (307, 403, 404, 405)


def test_storing_what_is_scored_asks_for_ingest_too(keyed: Keyed) -> None:
    headers = {"Authorization": f"Bearer {keyed.of['score']}"}
    lead = {"lead": {"lead_id": "kept"}}
    for path, sent in (("/v1/score", lead), ("/v1/scores", {"leads": [lead]})):
        answer = keyed.client.post(f"{path}?store=true", json=sent, headers=headers)
        assert (answer.status_code, answer.json()["title"]) == (403, "Forbidden")
        assert keyed.client.post(path, json=sent, headers=headers).status_code == 200
    assert keyed.ask("GET", "/v1/leads/kept", keyed.of["read"]).status_code == 404


def test_either_header_holds_a_key(keyed: Keyed) -> None:
    token = keyed.of["read"]
    assert keyed.ask("GET", "/v1/model", token, "X-API-Key").status_code == 200
    lower = keyed.client.get("/v1/model", headers={"Authorization": f"bearer {token}"})
    assert lower.status_code == 200
    basic = keyed.client.get("/v1/model", headers={"Authorization": f"Basic {token}"})
    assert basic.status_code == 401
    asked = keyed.client.get("/v1/model", params={"key": token, "api_key": token})
    assert asked.status_code == 401


def test_no_answer_repeats_a_key(keyed: Keyed) -> None:
    for token in (keyed.of["read"], keyed.expired, "tgk_secret_looking"):
        answer = keyed.ask("POST", "/v1/score", token)
        assert token not in answer.text + str(answer.headers)
        assert token.rpartition("_")[2] not in answer.text + str(answer.headers)


def test_nothing_is_read_of_a_body_without_a_key(keyed: Keyed) -> None:
    huge = keyed.client.post("/v1/score", content=b" " * (9 << 20))
    assert huge.status_code == 401
    assert huge.headers["connection"] == "close"


def test_where_there_is_no_route_a_key_is_told_so(keyed: Keyed) -> None:
    assert keyed.ask("GET", "/nothing", None).status_code == 401
    assert keyed.ask("GET", "/nothing", keyed.of["read"]).status_code == 404
    assert keyed.ask("PUT", "/v1/score", keyed.of["read"]).status_code == 405


def test_the_documentation_tells_each_scope(keyed: Keyed) -> None:
    told = keyed.client.get("/openapi.json").json()
    assert set(told["components"]["securitySchemes"]) == {"bearer", "header"}
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            need = NEEDS.get((method.upper(), path))
            if need is None:
                assert "security" not in operation
                assert path in OPEN
            else:
                assert {"bearer": [need]} in operation["security"]
                assert {"401", "403", "503"} <= set(operation["responses"])


def test_without_any_key_every_scope_is_open(by_rules: TestClient) -> None:
    assert by_rules.get("/v1/model").status_code == 200
    assert by_rules.get("/metrics").status_code == 200
