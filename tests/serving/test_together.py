"""A lead is answered alike alone and together with others, whoever these are."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from models.conversion import Trees
from models.request import ScoreRequest
from serving.examples import LEAD
from serving.live import Live
from serving.together import Asked, Together, answers_to

TYPES = ("price_page_view", "newsletter_sent", "demo_request", "blog_view", "seen never", "lost")
TIMES = (
    "2026-03-02T10:15:00+09:00",
    "2026-03-01T00:00:00Z",
    "2026-03-03T10:15:00.250Z",
    "2026/3/4 10:15+09",
    "2026-03-20T23:59:59.999999-11:30",
)
VALUES = st.one_of(
    st.none(),
    st.integers(-5, 5),
    st.floats(-5, 5),
    st.booleans(),
    st.sampled_from(["7", "software", ""]),
)
EVENT = st.fixed_dictionaries(
    {"event_type": st.sampled_from(TYPES), "occurred_at": st.sampled_from(TIMES)},
    optional={
        "recorded_at": st.sampled_from(TIMES),
        "channel": st.sampled_from(["mail", "web"]),
        "content": st.text(max_size=3),
        "value": st.floats(-3, 3),
        "event_id": st.sampled_from(["1", "2"]),
    },
)
REQUEST = st.fixed_dictionaries(
    {
        "lead": st.fixed_dictionaries(
            {"lead_id": st.text(min_size=1, max_size=4)},
            optional={
                "created_at": st.sampled_from(TIMES),
                "attributes": st.dictionaries(
                    st.sampled_from(["employees", "industry", "role", "other"]), VALUES, max_size=3
                ),
            },
        ),
        "events": st.lists(EVENT, max_size=6),
        "as_of": st.sampled_from(TIMES),
    },
    optional={
        "account_events": st.one_of(
            st.none(),
            st.just([]),
            st.just([{"lead_id": "c", "event_type": "lost", "occurred_at": TIMES[0]}]),
        )
    },
)


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(told=st.lists(REQUEST, min_size=2, max_size=6), reasons=st.sampled_from([0, 3]))
def test_an_answer_is_the_same_alone_and_together(
    by_model: TestClient, told: list[dict[str, Any]], reasons: int
) -> None:
    live: Live = by_model.app.state.live  # type: ignore[attr-defined]
    requests = [ScoreRequest.model_validate(one) for one in told]
    asked = Asked(None, reasons, "ja")
    together = answers_to(live, requests, asked)
    alone = [answers_to(live, [request], asked)[0] for request in requests]
    assert list(map(_said, together)) == list(map(_said, alone))


def _said(answer: bytes | Exception) -> object:
    return str(getattr(answer, "errors", answer)) if isinstance(answer, Exception) else answer


def test_one_wrong_lead_among_others_is_told_alone(by_model: TestClient) -> None:
    live: Live = by_model.app.state.live  # type: ignore[attr-defined]
    wrong = {**LEAD, "as_of": "soon"}
    strange = {"lead": {"lead_id": "s", "attributes": {"employees": "many"}}}
    requests = [ScoreRequest.model_validate(one) for one in (LEAD, wrong, LEAD, strange)]
    one, two, three, four = answers_to(live, requests, Asked(None, 0, "en"))
    assert one == three
    assert isinstance(one, bytes)
    assert isinstance(two, Exception)
    assert isinstance(four, Exception)


def test_several_leads_are_answered_as_each_would_be(by_model: TestClient) -> None:
    other = {"lead": {"lead_id": "x"}, "as_of": LEAD["as_of"]}
    several = by_model.post("/v1/scores?reasons=2", json={"leads": [LEAD, other]}).json()["scores"]
    assert several == [
        by_model.post("/v1/score?reasons=2", json=one).json() for one in (LEAD, other)
    ]
    wrong = by_model.post("/v1/scores", json={"leads": [LEAD, {**LEAD, "as_of": "soon"}]})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["location"] == "body.leads[1].as_of"
    for size in (0, 1_001):
        answer = by_model.post("/v1/scores", json={"leads": [{"lead": {"lead_id": "a"}}] * size})
        assert answer.status_code == 422


@pytest.mark.parametrize(("path", "body"), [("score", LEAD), ("scores", {"leads": [LEAD, LEAD]})])
def test_plain_requests_are_answered_as_the_documented_route_does(
    by_model: TestClient, path: str, body: dict[str, Any]
) -> None:
    quick = by_model.post(f"/v1/{path}?reasons=1", json=body, headers={"Accept-Language": "ja"})
    # A parameter of the content type goes past the quick way.
    careful = by_model.post(
        f"/v1/{path}?reasons=1",
        content=json.dumps(body),
        headers={"Accept-Language": "ja", "Content-Type": "application/json; charset=utf-8"},
    )
    assert quick.content == careful.content
    for name in ("content-type", "content-language", "vary", "content-length"):
        assert quick.headers[name] == careful.headers[name]


def test_rules_answer_when_the_deadline_passes(
    by_model: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    live: Live = by_model.app.state.live  # type: ignore[attr-defined]
    slow = Trees.raw

    def stalled(self: Trees, X: Any) -> Any:
        time.sleep(0.6)
        return slow(self, X)

    async def ask() -> list[bytes]:
        together = Together(lambda: live, deadline=0.1)
        try:
            request = ScoreRequest.model_validate(LEAD)
            waiting = [together.score(request, Asked(None, 0, "en")) for _ in range(3)]
            return list(await asyncio.gather(*waiting))
        finally:
            await asyncio.to_thread(together.close)

    async def ask_for_many() -> list[bytes | Exception]:
        together = Together(lambda: live, deadline=0.1)
        try:
            requests = [ScoreRequest.model_validate(LEAD)] * 3
            return await together.apart(
                lambda live: answers_to(live, requests, Asked(None, 0, "en"))
            )
        finally:
            await asyncio.to_thread(together.close)

    monkeypatch.setattr(Trees, "raw", stalled)
    answers = [*asyncio.run(ask()), *asyncio.run(ask_for_many())]
    assert len(answers) == 6
    for answer in map(json.loads, answers):
        assert (answer["scored_by"], answer["fallback_reason"]) == ("rules", "deadline_passed")
    monkeypatch.undo()
    assert by_model.post("/v1/score", json=LEAD).json()["scored_by"] == "model"
