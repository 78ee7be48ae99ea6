"""``POST /v1/score`` answers as the contract says, with and without a model."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from features.instants import iso, now
from models.artefact import Artefact
from models.encode import Encoder
from models.intake import form_of
from models.playbook import Playbook
from models.request import ScoreRequest, cutoffs, leads_and_log
from models.scorer import Scorer
from models.settings import Settings
from serving.answer import Score
from serving.app import create_app
from serving.examples import BY_RULES, LEAD

NAMES = (
    *("lead_id", "as_of", "known_at", "task", "state", "horizon", "probability", "basis", "points"),
    *("points_by_score", "grade", "ledger"),
    *("temperature", "temperature_by", "temperature_otherwise", "stage", "standing"),
    *("psychological_stage", "journey_step", "journey", "excluded", "trend"),
    *("scored_by", "fallback_reason", "starting_point"),
    *(
        "reasons",
        "next_action",
        "warnings",
        "ignored",
        "outside_training",
        "missing_inputs",
        "versions",
    ),
)


def score(client: TestClient, request: dict[str, Any], query: str = "", **headers: str) -> Any:
    answer = client.post(f"/v1/score{query}", json=request, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("service", ["by_rules", "by_model"])
def test_an_answer_has_the_names_of_the_contract(
    service: str, request: pytest.FixtureRequest
) -> None:
    answer = score(request.getfixturevalue(service), LEAD)
    assert tuple(answer) == NAMES
    Score.model_validate(answer)


def test_the_model_answers_and_says_on_what_basis(by_model: TestClient, artefact: Artefact) -> None:
    answer = score(by_model, LEAD)
    assert (answer["scored_by"], answer["fallback_reason"]) == ("model", None)
    assert 0 <= answer["probability"] <= 1
    assert answer["basis"]["low"] <= answer["basis"]["high"]
    assert answer["versions"]["model"] == artefact.version
    assert answer["versions"]["features"] == artefact.plan.version


def test_http_answers_to_the_last_bit_as_the_scorer_does(
    by_model: TestClient, artefact: Artefact
) -> None:
    playbook = Playbook.load()
    parsed = [ScoreRequest.model_validate(LEAD)]
    leads, log = leads_and_log(parsed, form_of(playbook))
    as_of = cutoffs(parsed, form_of(playbook), 0)
    direct = Scorer(playbook, artefact).score(leads, log, as_of, reasons=5).record(0)
    assert score(by_model, LEAD, "?reasons=5") == direct


def test_the_same_request_is_answered_by_rules_once_the_model_is_gone(
    folder: Path, tmp_path: Path
) -> None:
    service = Settings(home=tmp_path / "home", model=str(folder))
    with TestClient(create_app(service)) as client:
        before = score(client, LEAD)
    folder.rename(folder.with_name("gone"))
    with TestClient(create_app(service)) as client:
        assert score(client, LEAD) == before, "the last good model stays across restarts"
    shutil.rmtree(service.artefacts)
    with TestClient(create_app(service)) as client:
        after = score(client, LEAD)
    assert before["scored_by"] == "model"
    assert (after["scored_by"], after["fallback_reason"]) == ("rules", "no_model")
    assert after["probability"] is None
    assert after["basis"] is None
    for name in ("lead_id", "as_of", "state", "points", "ledger", "temperature"):
        assert after[name] == before[name]


def test_rules_answer_when_the_model_fails_at_a_request(
    by_model: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Encoder, "encode", fail)
    answer = score(by_model, LEAD)
    assert (answer["scored_by"], answer["fallback_reason"]) == ("rules", "prediction_failed")
    ready = by_model.get("/readyz").json()
    assert (ready["status"], ready["scored_by"]) == ("degraded", "rules")
    assert ready["fallback_reason"] == "prediction_failed"


def test_a_probability_that_is_no_number_is_not_answered(
    by_model: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(_: Encoder, matrix: Any) -> Any:
        return np.full((len(matrix), len(matrix.plan.names)), np.nan, dtype=np.float32)

    monkeypatch.setattr(Encoder, "encode", nothing)
    monkeypatch.setattr("models.conversion.Trees.raw", lambda _, X: np.full(len(X), np.nan))
    assert score(by_model, LEAD)["fallback_reason"] == "prediction_failed"


@pytest.mark.parametrize("most", range(6))
def test_as_many_reasons_are_given_as_asked_for(by_model: TestClient, most: int) -> None:
    reasons = score(by_model, LEAD, f"?reasons={most}")["reasons"]
    assert len(reasons) == most
    assert reasons == score(by_model, LEAD, "?reasons=5")["reasons"][:most]


def test_an_empty_query_is_as_good_as_none(by_rules: TestClient) -> None:
    assert score(by_rules, LEAD, "?reasons=&task=") == score(by_rules, LEAD)


def test_texts_come_in_the_language_asked_for(by_model: TestClient) -> None:
    english = score(by_model, LEAD)
    japanese = by_model.post("/v1/score", json=LEAD, headers={"Accept-Language": "ja-JP, en;q=0.5"})
    assert japanese.headers["Content-Language"] == "ja"
    reasons = japanese.json()["reasons"]
    assert "デモを" in reasons[0]["text"]
    assert [r["effect"] for r in reasons] == [r["effect"] for r in english["reasons"]]
    assert score(by_model, LEAD, **{"Accept-Language": "tlh;q=x,;;"}) == english


def test_a_lead_is_seen_now_unless_asked_otherwise(by_rules: TestClient) -> None:
    start = iso(now())
    seen = score(by_rules, {"lead": {"lead_id": "a"}, "as_of": ""})["as_of"]
    assert str(start) <= seen <= str(iso(now()))


def test_events_after_the_cutoff_change_nothing_and_are_counted(by_model: TestClient) -> None:
    later = {"event_type": "demo_request", "occurred_at": "2026-04-01T09:00:01+09:00"}
    answer = score(by_model, {**LEAD, "events": [*LEAD["events"], later]})
    assert answer.pop("ignored")["future"] == 1
    assert answer == {k: v for k, v in score(by_model, LEAD).items() if k != "ignored"}


def test_times_without_an_offset_are_read_in_the_zone_of_the_playbook(
    tmp_path: Path, home: Path
) -> None:
    playbook = tmp_path / "playbook.toml"
    packaged = Playbook.load().text
    playbook.write_text(
        packaged.replace("schema = 1", 'schema = 1\ntimezone = "Asia/Tokyo"'), "utf-8"
    )
    local = {"lead": {"lead_id": "a", "created_at": "2026-03-01"}, "as_of": "2026-04-01 09:00"}
    with TestClient(create_app(Settings(home=home, playbook=playbook))) as client:
        assert score(client, local)["as_of"] == "2026-04-01T00:00:00Z"


def test_a_customer_has_no_temperature(by_model: TestClient) -> None:
    won = {"event_type": "deal_won", "occurred_at": "2026-03-31T00:00:00Z"}
    answer = score(by_model, {**LEAD, "events": [*LEAD["events"], won]})
    assert (answer["state"], answer["temperature"]) == ("customer", None)
    assert (answer["probability"], answer["scored_by"]) == (None, "rules")
    assert answer["fallback_reason"] == "task_without_model"


def test_a_text_where_the_model_learnt_a_number_is_refused(
    by_model: TestClient, by_rules: TestClient
) -> None:
    for value, status in (("many", 422), ("inf", 422), ("1e999", 422), ("120", 200), ("", 200)):
        lead = {"lead_id": "a", "attributes": {"employees": value, "industry": "inf"}}
        answer = by_model.post("/v1/score", json={"lead": lead})
        assert answer.status_code == status, value
        if status == 422:
            assert [e["location"] for e in answer.json()["errors"]] == [
                "body.lead.attributes.employees"
            ]
        assert by_rules.post("/v1/score", json={"lead": lead}).status_code == 200


def test_a_category_that_training_never_saw_is_named(by_model: TestClient) -> None:
    lead = {"lead_id": "a", "attributes": {"industry": "astrology"}}
    assert score(by_model, {"lead": lead})["outside_training"] == ["industry"]


EVENT = st.fixed_dictionaries(
    {
        "event_type": st.sampled_from(
            ["price_page_view", "newsletter_sent", "demo_request", "blog_view", "lost", "new"]
        ),
        "occurred_at": st.sampled_from([f"2026-03-{day:02}T12:00:00Z" for day in range(1, 31)]),
        "channel": st.sampled_from([None, "web", "mail"]),
        "value": st.sampled_from([None, 0, 1.5]),
    }
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(events=st.lists(EVENT, max_size=12), seed=st.integers(0, 2**32))
def test_the_order_of_events_never_matters(
    by_model: TestClient, events: list[dict[str, Any]], seed: int
) -> None:
    shuffled = list(events)
    random.Random(seed).shuffle(shuffled)
    assert score(by_model, {**LEAD, "events": shuffled}) == score(
        by_model, {**LEAD, "events": events}
    )


def test_an_association_has_the_form_documented(by_rules: TestClient) -> None:
    basis = {"n": 256, "converted": 31, "low": 0.087, "high": 0.167}
    beside = {"tercile": "high", "window": "7d", "with": basis, "without": basis, "text": "so"}
    answer = score(by_rules, LEAD)
    answer["next_action"]["association"] = beside
    assert Score.model_validate(answer).model_dump(by_alias=True) == answer
    schemas = by_rules.get("/openapi.json").json()["components"]["schemas"]
    assert set(schemas["AssociationOut"]["required"]) == set(beside)
    with pytest.raises(ValidationError):
        Score.model_validate({**answer, "next_action": {"label": "call"}})


def test_the_next_action_is_in_the_language_asked_for(by_rules: TestClient) -> None:
    asked = {"en": "call today", "ja": "本日中に架電"}
    for lang, label in asked.items():
        answer = score(by_rules, LEAD, **{"Accept-Language": lang})
        assert answer["next_action"] == {"label": label, "touch": "call_made", "association": None}
    gone = {"event_type": "deal_opened", "occurred_at": "2026-03-31T19:00:00+09:00"}
    assert score(by_rules, {**LEAD, "events": [*LEAD["events"], gone]})["next_action"] is None


def test_the_documented_example_is_answered_as_documented(by_rules: TestClient) -> None:
    answer = score(by_rules, LEAD)
    documented = dict(BY_RULES)
    # The versions change with every release and playbook; what was answered must not.
    assert set(answer.pop("versions")) == set(documented.pop("versions"))
    assert answer == documented
