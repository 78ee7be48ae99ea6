"""How many requests are answered at once, and what becomes of the others."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from serving.door import bodies
from serving.door.access import PROBES
from serving.door.admission import Admission
from serving.door.bodies import Bodies


class Held:
    """An application that answers when it is told to, and notes the body of each request."""

    def __init__(self) -> None:
        self.go, self.bodies = asyncio.Event(), list[bytes]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.bodies.append((await receive())["body"])
        await self.go.wait()
        if scope.get("fails"):
            raise RuntimeError("as asked")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def ask(app: Any, path: str = "/v1/score", *parts: bytes, **more: Any) -> dict[str, Any]:
    """The answer to a request whose body comes in parts."""
    waiting: list[Message] = [
        {"type": "http.request", "body": part, "more_body": n + 1 < len(parts)}
        for n, part in enumerate(parts or (b"",))
    ]
    headers = [(b"transfer-encoding", b"chunked")] if parts else []
    answer: dict[str, Any] = {"body": b""}

    async def receive() -> Message:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.update(status=message["status"], headers=dict(message["headers"]))
        else:
            answer["body"] += message.get("body", b"")

    scope = {"type": "http", "path": path, "headers": headers, "state": {}, **more}
    await app(scope, receive, send)
    return answer


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_those_beyond_the_bound_are_told_to_come_back_and_probes_never() -> None:
    async def run() -> None:
        app = Held()
        admission = Admission(app, 2)
        inside = [asyncio.create_task(ask(admission)) for _ in range(2)]
        await settled()
        assert admission.inside == 2
        for _ in range(10):
            told = await ask(admission)
            assert told["status"] == 503
            assert told["headers"][b"retry-after"].isdigit()
            assert json.loads(told["body"])["status"] == 503
        probing = [asyncio.create_task(ask(admission, path)) for path in PROBES]
        await settled()
        app.go.set()
        answers = await asyncio.gather(*inside, *probing)
        assert {answer["status"] for answer in answers} == {200}
        assert admission.inside == 0
        assert (await ask(admission))["status"] == 200

    asyncio.run(run())


def test_a_request_that_fails_or_is_given_up_leaves_room() -> None:
    async def run() -> None:
        app = Held()
        admission = Admission(app, 2)
        failing = asyncio.create_task(ask(admission, fails=True))
        given_up = asyncio.create_task(ask(admission))
        await settled()
        given_up.cancel()
        app.go.set()
        await asyncio.gather(failing, given_up, return_exceptions=True)
        assert isinstance(failing.exception(), RuntimeError)
        assert admission.inside == 0

    asyncio.run(run())


def test_bodies_that_are_held_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MOST_HELD", 100)

    async def run() -> None:
        app = Held()
        door = Bodies(app)
        first = asyncio.create_task(ask(door, "/v1/score", b"a" * 30, b"b" * 30))
        await settled()
        assert door.held == 60
        told = await ask(door, "/v1/score", b"c" * 30, b"d" * 30)
        assert told["status"] == 503
        assert told["headers"][b"retry-after"].isdigit()
        assert door.held == 60
        app.go.set()
        assert (await first)["status"] == 200
        assert door.held == 0
        assert (await ask(door, "/v1/score", b"c" * 30, b"d" * 30))["status"] == 200
        assert app.bodies == [b"a" * 30 + b"b" * 30, b"c" * 30 + b"d" * 30]
        assert door.held == 0

    asyncio.run(run())


@pytest.mark.parametrize("path", ["/v1/score", "/v1/scores", "/invocations", "/v1/events"])
def test_a_body_is_counted_as_it_comes(path: str) -> None:
    limit = bodies.LARGER.get(path, bodies.LARGEST)
    piece = b" " * (1 << 18)
    fits = [piece] * (limit // len(piece))

    async def run() -> None:
        app = Held()
        app.go.set()
        door = Bodies(app)
        assert (await ask(door, path, *fits))["status"] == 200
        assert (await ask(door, path, *fits, b" "))["status"] == 413
        assert [len(body) for body in app.bodies] == [limit]

    asyncio.run(run())


def test_a_client_that_leaves_before_its_body_is_here_is_not_answered() -> None:
    async def run() -> None:
        app = Held()
        door = Bodies(app)
        gone: list[Message] = [
            {"type": "http.request", "body": b"a", "more_body": True},
            {"type": "http.disconnect"},
        ]
        sent: list[Message] = []

        async def receive() -> Message:
            return gone.pop(0)

        async def send(message: Message) -> None:
            sent.append(message)

        headers = [(b"content-length", b"5")]
        scope = {"type": "http", "path": "/v1/score", "headers": headers, "state": {}}
        await door(scope, receive, send)
        assert (sent, app.bodies, door.held) == ([], [], 0)

    asyncio.run(run())
