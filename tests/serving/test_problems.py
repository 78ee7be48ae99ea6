"""What is wrong with a request is said as a problem document, and what came is not repeated."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from serving import problems

EVENT = {"event_type": "demo_request", "occurred_at": "2026-03-01T00:00:00Z"}


def body(lead: Any = None, **rest: Any) -> str:
    return json.dumps({"lead": lead or {"lead_id": "a"}, **rest})


def attributes(raw: str) -> str:
    return f'{{"lead": {{"lead_id": "a", "attributes": {{"x": {raw}}}}}}}'


INVALID = {
    "nothing": ("", "body", "expected this, and it is missing"),
    "not JSON": ("{'lead': 1}", "body", "key must be a string at line 1 column 2"),
    "two documents": (body() + body(), "body", "trailing characters"),
    "a list": ("[]", "body", "expected an object, got a list"),
    "text": ('"lead"', "body", "expected an object, got text"),
    "null": ("null", "body", "expected"),
    "no lead": ("{}", "body.lead", "expected this, and it is missing"),
    "no lead_id": ('{"lead": {}}', "body.lead.lead_id", "expected this, and it is missing"),
    "lead_id a number": (body({"lead_id": 7}), "body.lead.lead_id", "expected text, got a number"),
    "lead_id empty": (body({"lead_id": ""}), "body.lead.lead_id", "at least 1 character"),
    "lead_id long": (body({"lead_id": "x" * 1001}), "body.lead.lead_id", "at most 1000 characters"),
    "unknown field": (body(colour="red"), "body.colour", "unknown field"),
    "unknown field of a lead": (
        body({"lead_id": "a", "colour": 1}),
        "body.lead.colour",
        "unknown field",
    ),
    "event without time": (
        body(events=[{"event_type": "x"}]),
        "body.events[0].occurred_at",
        "expected this, and it is missing",
    ),
    "event time a number": (
        body(events=[EVENT, {**EVENT, "occurred_at": 1711929600}]),
        "body.events[1].occurred_at",
        "expected text, got a number",
    ),
    "event time not one": (
        body(events=[{**EVENT, "occurred_at": "soon"}]),
        "body.events[0].occurred_at",
        "expected a time such as",
    ),
    "event value text": (
        body(events=[{**EVENT, "value": "9"}]),
        "body.events[0].value",
        "got text",
    ),
    "time without a zone": (
        body({"lead_id": "a", "created_at": "2026-03-01 09:00"}),
        "body.lead.created_at",
        "since the playbook declares no zone",
    ),
    "event time empty": (
        body(events=[{**EVENT, "occurred_at": ""}]),
        "body.events[0].occurred_at",
        "expected text of at least 1 character",
    ),
    "event value of 400 digits": (
        body(events=[{**EVENT, "value": 10**400}]),
        "body.events[0].value",
        "expected a number",
    ),
    "as_of not a time": (body(as_of="2026-02-30T00:00Z"), "body.as_of", "expected a time such as"),
    "NaN": (attributes("NaN"), "body.lead.attributes.x", "expected a finite number"),
    "Infinity": (attributes("-Infinity"), "body.lead.attributes.x", "expected a finite number"),
    "1e999": (attributes("1e999"), "body.lead.attributes.x", "expected a finite number"),
    "value NaN": (
        '{"lead": {"lead_id": "a"}, "events": [{"event_type": "x",'
        ' "occurred_at": "2026-01-01T00:00Z", "value": NaN}]}',
        "body.events[0].value",
        "expected a finite number, got NaN, infinity or a number too large",
    ),
    "attribute a list": (
        attributes("[1]"),
        "body.lead.attributes.x",
        "expected text, true or false or a number, got a list",
    ),
    "lone surrogate": (attributes(r'"\ud800"'), "body", "hex escape"),
    "lone surrogate in an id": (r'{"lead": {"lead_id": "\udead"}}', "body", "surrogate"),
    "deep": (attributes("[" * 100_000), "body", "recursion limit exceeded"),
    "deep and whole": (attributes("[" * 5000 + "]" * 5000), "body", "recursion limit exceeded"),
    "number too long": (attributes("1" * 5000), "body", "number out of range"),
}


@pytest.mark.parametrize("case", INVALID)
def test_an_invalid_body_is_refused_where_it_is_wrong(by_model: TestClient, case: str) -> None:
    sent, location, message = INVALID[case]
    answer = by_model.post("/v1/score", content=sent, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == problems.MEDIA_TYPE
    problem = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "errors"}
    assert problem["status"] == 422
    assert [error["location"] for error in problem["errors"]] == [location]
    assert message in problem["errors"][0]["message"]


@pytest.mark.parametrize(
    ("query", "location", "message"),
    [
        ("reasons=6", "query.reasons", "a number up to 5"),
        ("reasons=-1", "query.reasons", "a number from 0 on"),
        ("reasons=two", "query.reasons", "a whole number"),
        ("reason=2", "query.reason", "unknown field"),
        ("task=recycled", "query.task", "expected one of qualification"),
        ("task=%F0%9F", "query.task", "expected one of qualification"),
    ],
)
def test_an_invalid_query_is_refused(
    by_rules: TestClient, query: str, location: str, message: str
) -> None:
    answer = by_rules.post(
        f"/v1/score?{query}", content=body(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == problems.MEDIA_TYPE
    (error,) = answer.json()["errors"]
    assert error["location"] == location
    assert message in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/v1/score", 405),
        ("DELETE", "/livez", 405),
        ("POST", "/v1/model", 405),
    ],
)
def test_a_wrong_path_or_method_is_a_problem_too(
    by_rules: TestClient, method: str, path: str, status: int
) -> None:
    answer = by_rules.request(method, path)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == problems.MEDIA_TYPE
    assert answer.json()["status"] == status
    assert (status == 405) == ("Allow" in answer.headers)


def test_a_body_that_is_not_json_is_refused_by_its_type(by_rules: TestClient) -> None:
    for kind, status in (
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("nonsense", 415),
        ("application/json; charset=utf-8", 200),
        ("application/vnd.lead+json", 200),
    ):
        answer = by_rules.post("/v1/score", content=body(), headers={"Content-Type": kind})
        assert answer.status_code == status, kind


def test_a_body_without_a_type_is_read_as_json(by_rules: TestClient) -> None:
    request = by_rules.build_request("POST", "/v1/score", content=body())
    request.headers.pop("Content-Type", None)
    assert by_rules.send(request).status_code == 200


def test_no_problem_repeats_what_came(by_model: TestClient) -> None:
    secret = "sato.hanako@example.co.jp"
    for sent in (
        {"lead": {"lead_id": [secret]}},
        {"lead": {"lead_id": "a", "attributes": {"employees": secret}}},
        {"lead": {"lead_id": "a", "attributes": {"x": {"y": secret}}}},
        {"lead": secret},
        [secret],
        {"lead": {"lead_id": "a"}, "events": [{"event_type": "x", "value": secret}]},
    ):
        answer = by_model.post("/v1/score", json=sent)
        assert answer.status_code == 422
        assert secret not in answer.text
    assert secret not in by_model.post(f"/v1/score?reasons={secret}", json={}).text
    assert secret not in by_model.get(f"/{secret}").text


def test_a_problem_stays_short(by_rules: TestClient) -> None:
    sent = {
        "lead": {"lead_id": "a", "y" * 10_000: 1, "created_at": "z" * 10_000},
        "events": [{}] * 500,
    }
    answer = by_rules.post("/v1/score", json=sent)
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == problems.MOST
    assert f"the first {problems.MOST} are listed" in answer.json()["detail"]
    assert len(answer.content) < 10_000


def test_a_failure_of_ours_is_a_problem_without_details() -> None:
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    def fail() -> None:
        raise RuntimeError("sato.hanako@example.co.jp")

    answer = TestClient(app, raise_server_exceptions=False).get("/")
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == problems.MEDIA_TYPE
    assert "sato" not in answer.text
