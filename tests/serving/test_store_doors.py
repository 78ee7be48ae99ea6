"""What is told over HTTP is stored before it is answered, and every item is accounted for."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from features.instants import iso, now
from models.settings import Settings
from serving.app import create_app
from serving.examples import EVENTS, LEAD, LEADS
from tests.serving.stores import HOUR, NOW, postgres, settings

__all__ = ["postgres", "settings"]

ODD = ("a/b", "50%", "山田 太郎", "🗾", 'quo"te', "x?y#z", "..", "a/score", "é")


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A service without a model, on a store of each kind."""
    with TestClient(create_app(settings)) as service:
        yield service


def event(lead: str = "a", **said: Any) -> dict[str, Any]:
    return {
        "lead_id": lead,
        "event_type": "demo_request",
        "occurred_at": str(iso(NOW)),
        "event_id": "1",
        **said,
    }


def post(client: TestClient, *events: Any, query: str = "", **headers: str) -> Any:
    return client.post(f"/v1/events{query}", json={"events": events}, headers=headers)


def path(lead: str, rest: str = "") -> str:
    from urllib.parse import quote

    # A client resolves dots itself, unless they are written so.
    return f"/v1/leads/{quote(lead, safe='').replace('.', '%2E')}{rest}"


def test_every_item_is_accounted_for(client: TestClient) -> None:
    items = [
        event(),
        event(),
        event(value=2),
        event("b", occurred_at="soon"),
        event("c", occurred_at=str(iso(now() + HOUR))),
        event("d", occurred_at=str(iso(now() + HOUR // 30))),
        "nothing",
        {"lead_id": "e"},
        event("f", content="x" * 40_000),
    ]
    answer = post(client, *items)
    assert answer.status_code == 202
    told = answer.json()
    assert [item["status"] for item in told["items"]] == [
        "accepted",
        "duplicate",
        "refused",
        "refused",
        "refused",
        "accepted",
        "refused",
        "refused",
        "refused",
    ]
    assert [item["reason"] for item in told["items"] if item["status"] == "refused"] == [
        "conflict",
        "invalid",
        "too_far_ahead",
        "invalid",
        "invalid",
        "invalid",
    ]
    assert told["accepted"] + told["duplicates"] + told["refused"] == len(items)
    waiting = client.get("/v1/quarantine").json()["refused"]
    assert [one["id"] for one in waiting] == [
        item["quarantine"] for item in told["items"] if item["status"] == "refused"
    ]
    assert [one["payload"] for one in waiting] == [items[n] for n in (2, 3, 4, 6, 7, 8)]


def test_the_same_id_with_other_content_is_a_conflict(client: TestClient) -> None:
    assert post(client, event()).status_code == 202
    answer = post(client, event(content="else"))
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["location"] == "body.events[0].event_id"
    assert "else" not in answer.text


def test_a_key_gets_its_first_answer_whatever_comes_at_once(client: TestClient) -> None:
    def ask(_: int) -> Any:
        return post(client, event(event_id=None), **{"Idempotency-Key": "k"})

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(12)))
    assert {answer.content for answer in answers} == {answers[0].content}
    assert len(client.get("/v1/leads/a/history").json()["events"]) == 1
    other = post(client, event("b", event_id=None), **{"Idempotency-Key": "k"})
    assert other.status_code == 422
    assert len(client.get("/v1/quarantine").json()["refused"]) == 0


def test_what_was_refused_is_mended_and_replayed(client: TestClient) -> None:
    (item,) = post(client, event(occurred_at="soon")).json()["items"]
    number = item["quarantine"]
    again = client.post(f"/v1/quarantine/{number}/replay")
    assert again.status_code == 422
    assert again.json()["errors"][0]["location"] == "body.events[0].occurred_at"
    mended = client.post(f"/v1/quarantine/{number}/replay", json=event())
    assert mended.json() == {"id": number, "status": "accepted"}
    assert client.post(f"/v1/quarantine/{number}/replay").status_code == 404
    (other,) = post(client, "nothing").json()["items"]
    assert client.delete(f"/v1/quarantine/{other['quarantine']}").status_code == 204
    assert client.get("/v1/quarantine").json() == {"refused": [], "next": None}


@pytest.mark.parametrize("lead", ODD)
def test_any_id_goes_round(client: TestClient, lead: str) -> None:
    told = {"lead_id": lead, "attributes": {"name": lead, "n": 0.1}}
    assert client.post("/v1/leads", json={"leads": [told]}).json()["accepted"] == 1
    assert post(client, event(lead, content=lead)).json()["accepted"] == 1
    found = client.get(path(lead)).json()
    assert (found["lead_id"], found["attributes"]) == (lead, {"name": lead, "n": 0.1})
    assert client.get(path(lead, "/score")).json()["lead_id"] == lead
    (row,) = client.get(path(lead, "/history")).json()["events"]
    assert row["content"] == lead
    assert client.delete(path(lead)).json()["erased"] == [lead]
    assert client.get(path(lead)).status_code == 404


def test_a_past_answer_can_be_had_again(client: TestClient) -> None:
    client.post("/v1/leads", json={"leads": [{"lead_id": "a", "created_at": str(iso(NOW))}]})
    first = post(client, event()).json()["received_at"]
    then = client.get("/v1/leads/a/score", params={"known_at": first}).json()
    post(client, event(event_id="2", event_type="deal_won", occurred_at=str(iso(now()))))
    client.post("/v1/leads", json={"leads": [{"lead_id": "a", "attributes": {"role": "部長"}}]})
    now_ = client.get("/v1/leads/a/score").json()
    assert (then["state"], now_["state"]) == ("open", "customer")
    assert client.get("/v1/leads/a/score", params={"known_at": first}).json() == then
    assert then["known_at"] == then["as_of"] == first
    seen = client.get("/v1/leads/a/score", params={"as_of": str(iso(NOW - HOUR))}).json()
    assert seen["state"] == "not_created"
    why = client.get("/v1/leads/a/score", params={"since": first}).json()["changed"]
    assert why["then"]["state"] == "open"
    for wrong in ({"as_of": "soon"}, {"known_at": "2999-01-01T00:00:00Z"}, {"since": "1"}):
        answer = client.get("/v1/leads/a/score", params=wrong)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["location"] == f"query.{next(iter(wrong))}"


def test_a_merge_counts_for_the_other_until_it_is_undone(client: TestClient) -> None:
    post(client, event("a"), event("b", event_id="2"))
    assert client.post("/v1/leads/a/merge", json={"into": "nobody"}).status_code == 404
    assert client.post("/v1/leads/a/merge", json={"into": "b"}).status_code == 200
    assert client.post("/v1/leads/b/merge", json={"into": "a"}).status_code == 409
    assert client.get("/v1/leads/b").json()["merged"] == ["a"]
    assert client.get("/v1/leads/a").json()["merged_into"] == "b"
    assert client.get("/v1/leads/a/score").json()["lead_id"] == "b"
    assert len(client.get("/v1/leads/b/history").json()["events"]) == 2
    assert client.delete("/v1/leads/a/merge").status_code == 200
    assert client.delete("/v1/leads/a/merge").status_code == 409
    assert client.get("/v1/leads/a/score").json()["lead_id"] == "a"


def test_an_erased_lead_stays_away_until_an_admin_lets_it_come(client: TestClient) -> None:
    post(client, event(content="taro@example.com"))
    post(client, event(event_id="2", occurred_at="taro@example.com"))
    assert client.delete("/v1/leads/a").json()["erased"] == ["a"]
    (item,) = post(client, event()).json()["items"]
    assert (item["reason"], item["quarantine"]) == ("erased", None)
    assert client.get("/v1/quarantine").json()["refused"] == []
    told = client.get("/v1/audit").json()["entries"]
    assert told[0]["action"] == "lead erased"
    assert "taro" not in client.get("/v1/audit").text
    assert client.delete("/v1/leads/a/tombstone").status_code == 204
    assert client.delete("/v1/leads/a/tombstone").status_code == 404
    assert post(client, event()).json()["accepted"] == 1


def test_the_list_follows_what_is_stored(client: TestClient) -> None:
    assert post(client, *EVENTS["two events"]["value"]["events"]).status_code == 202
    assert client.post("/v1/leads", json=LEADS["a lead"]["value"]).json()["refused"] == 0
    for _ in range(500):
        rows = client.get("/v1/leads", params={"limit": 1}).json()["leads"]
        if rows and rows[0]["points"]:
            break
    (row,) = rows
    assert row["lead_id"] == "L-0042"
    assert row["attributes"]["role"] == "設計部長"
    assert row["scored_by"] == "rules"
    assert client.get("/v1/leads", params={"temperature": "hot"}).json()["leads"] == []
    for wrong in ({"sort": "name"}, {"limit": 0}, {"cursor": "x"}, {"temperature": "tepid"}):
        assert client.get("/v1/leads", params=wrong).status_code == 422


def test_history_is_told_as_what_it_is(client: TestClient) -> None:
    post(client, event(), query="?backfill=true")
    (row,) = client.get("/v1/leads/a/history").json()["events"]
    assert (row["received_at"], row["backfill"]) == (row["occurred_at"], True)


@pytest.mark.parametrize(
    "body",
    [{}, [], {"events": []}, {"events": [{}] * 501}, {"events": {}}, {"events": [], "x": 1}, 3],
)
def test_a_body_of_another_form_is_refused_whole(client: TestClient, body: Any) -> None:
    answer = client.post("/v1/events", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_scores_go_on_while_the_store_is_down(tmp_path_factory: pytest.TempPathFactory) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    down = Settings(
        home=tmp_path_factory.mktemp("home"), database_url=f"postgresql://x@127.0.0.1:{port}/x"
    )
    with TestClient(create_app(down)) as client:
        assert client.post("/v1/score", json=LEAD).status_code == 200
        for answer in (post(client, event()), client.get("/v1/leads"), client.get("/v1/leads/a")):
            assert answer.status_code == 503
            assert int(answer.headers["retry-after"]) > 0
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["store"]) == (200, "down")


def test_what_is_scored_is_stored_where_that_is_asked_for(client: TestClient) -> None:
    plain = client.post("/v1/score", json=LEAD)
    assert client.get("/v1/leads/L-0042").status_code == 404
    kept = client.post("/v1/score?store=true", json=LEAD)
    assert (kept.status_code, kept.content) == (200, plain.content)
    assert client.get("/v1/leads/L-0042").json()["attributes"] == LEAD["lead"]["attributes"]
    assert len(client.get("/v1/leads/L-0042/history").json()["events"]) == len(LEAD["events"])
    changed = {**LEAD, "events": [{**LEAD["events"][1], "value": 9}]}
    other = {"lead": {"lead_id": "other"}}
    answer = client.post("/v1/scores?store=true", json={"leads": [other, changed]})
    assert answer.status_code == 409
    assert client.get("/v1/leads/other").status_code == 404
    assert client.post("/v1/scores?store=true", json={"leads": [other]}).status_code == 200
    assert client.get("/v1/leads/other").status_code == 200
