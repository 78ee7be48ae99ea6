"""Hostile input, written by others: whatever comes, the service does not fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
JSON = {"Content-Type": "application/json"}

needs_corpora = pytest.mark.skipif(
    not CORPORA.is_dir(), reason=f"the corpora of hostile input are not at {CORPORA}"
)


def documents() -> list[Path]:
    found = sorted((CORPORA / "json_parsing").glob("*.json"))
    assert len(found) > 300
    return found


def naughty() -> list[str]:
    strings: list[str] = json.loads((CORPORA / "naughty_strings.json").read_text("utf-8"))
    assert len(strings) > 500
    return strings


@needs_corpora
def test_every_document_as_a_body_is_refused_and_none_fails_us(by_model: TestClient) -> None:
    for path in documents():
        answer = by_model.post("/v1/score", content=path.read_bytes(), headers=JSON)
        assert answer.status_code == 422, path.name
        json.loads(answer.content.decode())


@needs_corpora
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"lead": {"lead_id": ', b"}}"),
        (b'{"lead": {"lead_id": "a", "attributes": {"employees": ', b"}}}"),
        (b'{"lead": {"lead_id": "a", "attributes": ', b"}}"),
        (b'{"lead": {"lead_id": "a"}, "as_of": ', b"}"),
    ],
)
def test_every_document_inside_a_body_is_scored_or_refused(
    by_model: TestClient, before: bytes, after: bytes
) -> None:
    statuses = set()
    for path in documents():
        answer = by_model.post(
            "/v1/score", content=before + path.read_bytes() + after, headers=JSON
        )
        statuses.add(answer.status_code)
        assert answer.status_code in (200, 422), path.name
    assert 422 in statuses


@needs_corpora
@pytest.mark.parametrize("service", ["by_rules", "by_model"])
def test_naughty_strings_survive_a_round_trip(service: str, request: pytest.FixtureRequest) -> None:
    client = request.getfixturevalue(service)
    for text in naughty():
        sent: dict[str, Any] = {
            "lead": {"lead_id": text, "attributes": {"industry": text, "role": text, text: text}},
            "events": [
                {
                    "event_type": text,
                    "occurred_at": "2026-03-01T00:00:00Z",
                    "channel": text,
                    "content": text,
                    "event_id": text,
                }
            ],
        }
        answer = client.post("/v1/score?reasons=5", json=sent)
        if not text:
            assert answer.status_code == 422
            continue
        assert answer.status_code == 200, repr(text)
        assert answer.json()["lead_id"] == text


@needs_corpora
def test_naughty_strings_are_no_times_tasks_languages_or_paths(by_model: TestClient) -> None:
    for text in naughty():
        lead = {"lead": {"lead_id": "a"}, "events": []}
        answer = by_model.post("/v1/score", json={**lead, "as_of": text})
        assert answer.status_code == (422 if text else 200), repr(text)
        header = text.encode().replace(b"\n", b" ")
        answer = by_model.post(
            "/v1/score", params={"task": text}, json=lead, headers={"Accept-Language": header}
        )
        assert answer.status_code == (422 if text else 200), repr(text)


def test_times_at_the_ends_of_the_calendar_do_not_fail(by_model: TestClient) -> None:
    for time in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        lead = {"lead_id": "a", "created_at": time}
        for kind in ("demo_request", "deal_won"):
            event = {"event_type": kind, "occurred_at": time, "recorded_at": time}
            for as_of in (time, "2026-04-01T00:00:00Z"):
                sent = {"lead": lead, "events": [event], "as_of": as_of}
                assert by_model.post("/v1/score", json=sent).status_code in (200, 422)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
MOMENT = ANYTHING | st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
TEXT = ANYTHING | st.text(min_size=1)
LEAD_IN = st.fixed_dictionaries(
    {"lead_id": TEXT},
    optional={
        "created_at": MOMENT,
        "attributes": ANYTHING
        | st.dictionaries(
            st.text() | st.sampled_from(["employees", "industry", "role"]),
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        ),
    },
)
EVENT_IN = st.fixed_dictionaries(
    {
        "event_type": TEXT | st.sampled_from(["demo_request", "deal_won", "newsletter_sent"]),
        "occurred_at": MOMENT,
    },
    optional={
        "recorded_at": MOMENT,
        "channel": TEXT,
        "content": TEXT,
        "value": ANYTHING | st.floats(),
        "event_id": TEXT | st.sampled_from(["1", "2"]),
    },
)
REQUEST = st.fixed_dictionaries(
    {"lead": LEAD_IN | ANYTHING},
    optional={"events": st.lists(EVENT_IN, max_size=3) | ANYTHING, "as_of": MOMENT},
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(request=REQUEST)
def test_anything_is_scored_or_refused(by_model: TestClient, request: Any) -> None:
    answer = by_model.post("/v1/score", content=json.dumps(request), headers=JSON)
    assert answer.status_code in (200, 422)
    if answer.status_code == 200:
        assert answer.json()["lead_id"] == request["lead"]["lead_id"]
        assert answer.json()["fallback_reason"] in (None, "task_without_model")
