"""Events stored without the framework are stored, refused and answered as the route does it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from features.instants import SECOND, iso, now
from models.settings import Settings
from serving.app import create_app
from serving.arriving import Told
from serving.door import plain_events
from serving.routes.told import Taking, Telling
from serving.store.events import EventRow
from serving.store.quarantine import Refused
from serving.store.replies import KeyReused
from serving.store.store import Store
from serving.store.writer import Commit
from tests.serving.stores import HOUR, NOW, postgres, settings, store

__all__ = ["postgres", "settings", "store"]


def event(**said: Any) -> dict[str, Any]:
    plain = {"lead_id": "a", "event_type": "demo_request", "occurred_at": str(iso(NOW))}
    return {**plain, "event_id": "1", **said}


BODIES: dict[str, Any] = {
    "plain": [event(event_id=str(n), lead_id=f"L{n % 7}") for n in range(50)],
    "every field": [
        event(
            recorded_at=str(iso(NOW + HOUR)),
            channel="web",
            content="価格",
            value=2.5,
            account_id="x",
        )
    ],
    "nulls and empty texts": [
        event(channel="", content=None, value=None, event_id="", account_id="", recorded_at=None)
    ],
    "no ids": [event(event_id=None), event(event_id=None)],
    "an id twice": [event(), event()],
    "an id with other content": [event(), event(value=1.0)],
    "conflicts alone": [event(value=7.0)],
    "fractions and offsets": [event(occurred_at="2026-03-31T18:05:40.250+09:00")],
    "a day": [event(occurred_at="2026-03-31")],
    "no zone": [event(occurred_at="2026-03-31T18:05:40")],
    "no time": [event(occurred_at="soon")],
    "an empty time": [event(occurred_at="")],
    "a time of recording that is none": [event(recorded_at="soon")],
    "a little ahead": [event(occurred_at=str(iso(now() + 200 * SECOND)))],
    "too far ahead": [event(occurred_at=str(iso(now() + HOUR))), event(lead_id="b")],
    "another field": [event(colour="red")],
    "a number as a text": [event(value="2")],
    "a whole number": [event(value=2)],
    "a truth": [event(value=True)],
    "a field that lacks": [{"lead_id": "a"}],
    "a lead without a name": [event(lead_id="")],
    "something else": [7, None, []],
    "none": [],
    "no list": {},
    "too many": [event(event_id=str(n)) for n in range(501)],
    "one too large": [event(content="x" * 9_000, channel="y" * 9_000, account_id="é" * 9_000)],
    "large together": [event(event_id=str(n), content="x" * 900) for n in range(100)],
    "nothing a database takes": [event(content="a\0b")],
}
RAW = {
    "no JSON": b'{"events": [',
    "no object": b"[]",
    "nothing": b"",
    "more than events": b'{"events": [], "other": 1}',
    "no number": b'{"events": [{"lead_id": "a", "event_type": "x", "occurred_at": '
    b'"2026-01-01T00:00:00Z", "value": NaN}]}',
    "half a letter": b'{"events": [{"lead_id": "\\ud800", "event_type": "x", "occurred_at": '
    b'"2026-01-01T00:00:00Z"}]}',
    "bytes that are no text": b'{"events": [{"lead_id": "\xff"}]}',
    "a name twice": b'{"events": [{"lead_id": "a", "lead_id": "b", "event_type": "x", '
    b'"occurred_at": "2026-01-01T00:00:00Z"}]}',
}


SHORT, LONG = "/v1/events", "/v1/events?backfill=false"
"""A query is nothing plain, whatever it says."""


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[TestClient]]:
    """Two services with a store each."""
    with ExitStack() as open_:
        yield [
            open_.enter_context(TestClient(create_app(Settings(home=tmp_path_factory.mktemp(n)))))
            for n in ("short", "long")
        ]


def answers(client: TestClient, path: str, body: bytes, **headers: str) -> list[Any]:
    """What is answered to a request, and to the same once more, without the moments."""
    told = []
    for _ in range(2):
        answer = client.post(
            path, content=body, headers={"Content-Type": "application/json"} | headers
        )
        said = answer.json()
        moment = said.pop("received_at", None)
        assert (moment is not None) == (answer.status_code in (202, 409))
        told.append((answer.status_code, said, answer.headers["content-type"]))
    return told


def stored(client: TestClient) -> list[Any]:
    """All events of the store, without the moments at which they came."""
    with client.app.state.background.store.reading() as connection:  # type: ignore[attr-defined]
        select = f"SELECT {', '.join(EventRow._fields)}, backfill FROM events ORDER BY id"
        return [tuple(row) for row in connection.exec_driver_sql(select)]


@pytest.mark.parametrize("name", [*BODIES, *RAW])
def test_the_short_way_and_the_long_way_end_at_the_same(
    clients: list[TestClient], name: str
) -> None:
    body = RAW[name] if name in RAW else json.dumps({"events": BODIES[name]}).encode()
    short, long = clients
    assert answers(short, SHORT, body) == answers(long, LONG, body)
    assert stored(short) == stored(long)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=utf-8"},
        {"Idempotency-Key": "k1"},
        {"Idempotency-Key": ""},
        {"Idempotency-Key": "k" * 256},
    ],
)
def test_headers_mean_the_same_on_both_ways(
    clients: list[TestClient], headers: dict[str, str]
) -> None:
    body = json.dumps({"events": [event(lead_id="h", event_id=None)]}).encode()
    short, long = clients
    assert answers(short, SHORT, body, **headers) == answers(long, LONG, body, **headers)
    assert stored(short) == stored(long)


def test_a_key_that_comes_again_with_another_body_is_refused_on_both_ways(
    clients: list[TestClient],
) -> None:
    bodies = [json.dumps({"events": [event(lead_id=lead)]}).encode() for lead in "xy"]
    for client, path in zip(clients, (SHORT, LONG), strict=True):
        key = {"Idempotency-Key": "k2"}
        assert {status for status, *_ in answers(client, path, bodies[0], **key)} == {202}
        assert {status for status, *_ in answers(client, path, bodies[1], **key)} == {422}


def test_plain_requests_take_the_short_way(clients: list[TestClient]) -> None:
    seen = []

    def spy(*given: Any) -> Any:
        seen.append(_JOB(*given))
        return seen[-1]

    body = json.dumps({"events": BODIES["plain"]}).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain_events, "_job", spy)
        answers(clients[0], SHORT, body)
        answers(clients[0], LONG, body)
    assert len(seen) == 2
    assert None not in seen


_JOB = plain_events._job


def told(store: Store, *rows: EventRow, key: str | None = None) -> Told:
    telling = Telling(key, "anyone", "digest", Taking(len(rows)), _aside)
    return Told(list(rows), store.secret, False, telling)


def _aside(place: int, reason: str) -> Refused:
    return Refused("event", None, "{}", reason, [])


def together(store: Store, *jobs: Any) -> list[Any]:
    """What jobs give that are committed in one group."""
    begun, go_on = threading.Event(), threading.Event()

    def hold(commit: Commit) -> None:
        begun.set()
        go_on.wait()

    first = store.submit(hold)
    begun.wait()
    futures: list[Future[Any]] = [store.submit(job) for job in jobs]
    go_on.set()
    first.result()
    given = []
    for future in futures:
        error = future.exception()
        given.append(error if error else json.loads(future.result()[1]))
    return given


def events_of(store: Store) -> int:
    with store.reading() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM events").scalar() or 0)


def test_events_of_several_requests_are_taken_at_once(store: Store) -> None:
    rows = [EventRow("a", "x", NOW, event_id=str(n)) for n in range(9)]
    said = together(store, told(store, *rows[:3]), told(store, *rows[3:4]), told(store, *rows[4:]))
    assert [one["accepted"] for one in said] == [3, 1, 5]
    assert len({one["received_at"] for one in said}) == 1
    assert events_of(store) == 9


def test_a_request_with_known_events_does_not_change_what_others_are_told(store: Store) -> None:
    one, other = EventRow("a", "x", NOW, event_id="1"), EventRow("b", "x", NOW, event_id="1")
    said = together(
        store,
        told(store, one),
        told(store, one, other),
        told(store, other._replace(value=2.0)),
        told(store, EventRow("c", "x", NOW)),
    )
    assert [(s["accepted"], s["duplicates"], s["refused"]) for s in said] == [
        (1, 0, 0),
        (1, 1, 0),
        (0, 0, 1),
        (1, 0, 0),
    ]
    assert events_of(store) == 3


def test_two_requests_of_one_key_are_taken_once(store: Store) -> None:
    row = EventRow("a", "x", NOW)
    said = together(store, *[told(store, row, key="k") for _ in range(3)], told(store, row))
    assert said[0] == said[1] == said[2]
    assert events_of(store) == 2


def test_a_key_that_was_used_fails_its_own_request_alone(store: Store) -> None:
    row = EventRow("a", "x", NOW)
    together(store, told(store, row, key="k"))
    other = told(store, row, key="k")
    other = replace(other, telling=replace(other.telling, digest="another"))
    said = together(store, told(store, row), other, told(store, row, key="k"))
    assert isinstance(said[1], KeyReused)
    assert (said[0]["accepted"], said[2]["accepted"]) == (1, 1)
    assert events_of(store) == 2
