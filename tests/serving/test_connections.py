"""Connections of clients that are slow, broken or hostile, by raw sockets against a real server."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

import pytest
import uvicorn

from models.settings import Settings
from serving.app import create_app
from serving.door import bodies, protocol, refusing
from serving.door.admission import Admission
from serving.door.full import Bounded
from serving.run import uvicorn_config

SOON = 0.3
PROBE = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
SCORE = b"POST /v1/score HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
LEAD = b'{"lead": {"lead_id": "a"}}'


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        assert self.headers["content-type"] == "application/problem+json"
        told = json.loads(self.body)
        assert told["status"] == self.status
        return str(told["type"]).rpartition(":")[2]


class Client:
    """A client that does as it likes."""

    def __init__(self, port: int, **options: int) -> None:
        self.socket = socket.socket()
        for name, value in options.items():
            self.socket.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
        self.socket.settimeout(60)
        self.socket.connect(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> Answer:
        line = self.file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        headers = {}
        while (header := self.file.readline().strip()) != b"":
            name, _, value = header.decode().partition(":")
            headers[name.lower()] = value.strip()
        body = self.file.read(int(headers["content-length"]))
        return Answer(int(line.split()[1]), headers, body)

    def is_closed(self) -> bool:
        """Wait for the end; True when nothing came before it."""
        with contextlib.suppress(ConnectionResetError):
            return self.file.read(1) == b""
        return True

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@dataclass
class Serving:
    server: uvicorn.Server
    admission: Admission
    port: int
    ending: Event
    lost: Event


@pytest.fixture
def serving(home: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    ending, lost = Event(), Event()

    class Watched(Bounded):
        def shutdown(self) -> None:
            super().shutdown()
            ending.set()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            lost.set()

    app = create_app(Settings(home=home))
    config = uvicorn_config(app)
    config.http = config.http_protocol_class = Watched
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        port = listener.getsockname()[1]
        first = Client(port)
        # It listens before it has loaded: nobody's patience is to end meanwhile.
        first.send(PROBE)
        assert first.answer().status == 200
        first.close()
        assert lost.wait(30)
        lost.clear()
        try:
            yield Serving(server, app.state.admission, port, ending, lost)
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive()


@pytest.fixture
def connect(serving: Serving) -> Iterator[Callable[..., Client]]:
    with contextlib.ExitStack() as stack:

        def connect(**options: int) -> Client:
            client = Client(serving.port, **options)
            stack.callback(client.close)
            return client

        yield connect


Connect = Callable[..., Client]


def test_a_head_that_comes_byte_by_byte_is_cut_off(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEADERS_WITHIN", SOON)
    client = connect()
    client.socket.settimeout(SOON / 10)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for byte in SCORE * 100:
            client.send(bytes([byte]))
            with contextlib.suppress(TimeoutError):
                if client.socket.recv(1, socket.MSG_PEEK):
                    break
    client.socket.settimeout(60)
    answer = client.answer()
    assert (answer.status, answer.kind) == (408, "request-timeout")
    assert answer.headers["x-request-id"]
    assert client.is_closed()


def test_who_never_asks_is_cut_off_without_a_word(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEADERS_WITHIN", SOON)
    assert connect().is_closed()


def test_a_second_request_is_waited_for_no_longer_than_the_first(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEADERS_WITHIN", SOON)
    client = connect()
    client.send(PROBE + b"GET /livez HT")
    assert client.answer().status == 200
    assert client.answer().status == 408
    assert client.is_closed()


def test_a_body_that_stops_in_the_middle_is_cut_off(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "WITHIN", SOON)
    monkeypatch.setattr(refusing, "LINGER", SOON)
    for head in (b"Content-Length: 100\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n40\r\n"):
        client = connect()
        client.send(SCORE + head + LEAD[:10])
        answer = client.answer()
        assert (answer.status, answer.kind) == (408, "request-timeout")
        assert answer.headers["x-request-id"]
        assert client.is_closed()


def test_who_does_not_read_the_answer_is_cut_off(
    serving: Serving, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "READ_WITHIN", SOON)
    monkeypatch.setattr(protocol, "READ_AT_LEAST", 1)
    client = connect(SO_RCVBUF=4096)
    client.socket.settimeout(SOON)
    with contextlib.suppress(TimeoutError, ConnectionResetError, BrokenPipeError):
        for _ in range(1_000):
            client.send(b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 10)
    assert serving.lost.wait(60)


def test_a_head_without_end_is_not_read_to_its_end(connect: Connect) -> None:
    for start in (SCORE + b"X-Long: ", SCORE + b"X: y\r\n", b"GET /"):
        client = connect()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for n in range(10_000):
                many = b"X-%d: y\r\n" % n * 100 if start.endswith(b"\n") else b"a" * 10_000
                client.send((start if n == 0 else b"") + many)
            pytest.fail("a hundred megabytes of head were read")


def test_the_head_that_is_too_large_is_told_so(connect: Connect) -> None:
    client = connect()
    client.send(b"GET /livez HTTP/1.1\r\nX-Long: " + b"a" * 70_000)
    answer = client.answer()
    assert (answer.status, answer.kind) == (431, "request-header-fields-too-large")
    assert answer.headers["x-request-id"]


def test_a_body_is_no_part_of_the_head(connect: Connect) -> None:
    client = connect()
    body = LEAD + b" " * 900_000
    client.send(SCORE + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert client.answer().status == 200
    pieces = b"".join(b"4\r\n    \r\n" for _ in range(50_000))
    client.send(SCORE + b"Transfer-Encoding: chunked\r\n\r\n1a\r\n" + LEAD + b"\r\n" + pieces)
    client.send(b"0\r\n\r\n")
    assert client.answer().status == 200


def test_a_body_that_is_larger_than_it_says_or_should_be_is_refused(connect: Connect) -> None:
    client = connect()
    client.send(SCORE + b"Content-Length: 9000000\r\n\r\n" + b" " * 9_000_000)
    answer = client.answer()
    assert (answer.status, answer.kind) == (413, "content-too-large")
    assert client.is_closed()

    client = connect()
    client.send(SCORE + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(20):
        client.send(b"10000\r\n" + b" " * 65_536 + b"\r\n")
    client.send(b"0\r\n\r\n")
    assert client.answer().status == 413

    client = connect()
    client.send(SCORE + b"Content-Length: 26\r\n\r\n" + LEAD + b"and more")
    answer = client.answer()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert client.is_closed()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"nonsense\r\n\r\n",
        b"GET /livez HTTP/9.9\r\n\r\n",
        SCORE + b"Content-Length: -1\r\n\r\n",
        SCORE + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        SCORE + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        SCORE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_told_so(connect: Connect, sent: bytes) -> None:
    client = connect()
    client.send(sent)
    answer = client.answer()
    assert (answer.status, answer.kind) == (400, "bad-request")
    assert answer.headers["x-request-id"]
    assert client.is_closed()


def test_a_client_that_leaves_in_the_middle_harms_nobody(
    serving: Serving, connect: Connect
) -> None:
    client = connect()
    client.send(SCORE + b"Content-Length: 100\r\n\r\n" + LEAD)
    client.close()
    assert serving.lost.wait(30)
    other = connect()
    other.send(PROBE)
    assert other.answer().status == 200


def test_what_is_in_flight_when_the_service_ends_is_answered(
    serving: Serving, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "LAST_CALL", 30.0)
    half, idle = connect(), connect()
    idle.send(PROBE)
    assert idle.answer().status == 200
    half.send(SCORE + b"Content-Length: 26\r\n\r\n" + LEAD[:7])
    begun = connect()
    begun.send(SCORE)
    # Answered on another connection, so that what went before is read too.
    idle.send(PROBE)
    assert idle.answer().status == 200
    serving.server.should_exit = True
    assert serving.ending.wait(30)
    half.send(LEAD[7:])
    begun.send(b"Content-Length: 26\r\n\r\n" + LEAD)
    idle.send(PROBE)
    for client in (half, begun, idle):
        answer = client.answer()
        assert answer.status == 200
        assert answer.headers["connection"] == "close"
        assert client.is_closed()


@contextlib.contextmanager
def full(admission: Admission) -> Iterator[None]:
    admission.inside += admission.most
    try:
        yield
    finally:
        admission.inside -= admission.most


def test_while_there_is_no_room_a_connection_refuses_by_itself_and_goes_on(
    serving: Serving, connect: Connect
) -> None:
    client = connect()
    ask = SCORE + b"X-Request-ID: mine\r\nContent-Length: 26\r\n\r\n" + LEAD
    with full(serving.admission):
        client.send(ask * 3)
        for _ in range(3):
            answer = client.answer()
            assert (answer.status, answer.kind) == (503, "too-many-requests-at-once")
            assert (answer.headers["x-request-id"], answer.headers["retry-after"]) == ("mine", "1")
        for path in (b"/livez", b"/readyz?x=1", b"/ping"):
            client.send(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path)
            assert client.answer().status == 200
        client.send(SCORE + b"Connection: close\r\nContent-Length: 26\r\n\r\n" + LEAD)
        last = client.answer()
        assert (last.status, last.headers["connection"]) == (503, "close")
        assert client.is_closed()
        waits = connect()
        waits.send(SCORE + b"Expect: 100-continue\r\nContent-Length: 26\r\n\r\n" + LEAD)
        assert waits.file.readline().startswith((b"HTTP/1.1 100", b"HTTP/1.1 503"))
    client = connect()
    client.send(ask)
    assert client.answer().status == 200


def test_who_is_refused_has_no_more_time_than_others(
    serving: Serving, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEADERS_WITHIN", SOON)
    client = connect()
    with full(serving.admission):
        client.send(SCORE + b"Content-Length: 100\r\n\r\n" + LEAD)
        assert client.answer().status == 408
        assert client.is_closed()


def test_nobody_is_expected_who_does_not_come(serving: Serving, connect: Connect) -> None:
    whole = SCORE + b"Content-Length: 26\r\n\r\n" + LEAD
    client = connect()
    client.send(whole * 5 + PROBE)
    statuses = [client.answer().status for _ in range(6)]
    client.send(whole[:-5])
    client.send(whole[-5:])
    statuses.append(client.answer().status)
    assert statuses == [200] * 7
    client.send(SCORE + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}")
    assert client.answer().status == 415
    leaver = connect()
    serving.lost.clear()
    leaver.send(whole * 3)
    leaver.close()
    assert serving.lost.wait(30)
    again = connect()
    again.send(whole + PROBE)
    assert [again.answer().status, again.answer().status] == [200, 200]
    assert (serving.admission.coming, serving.admission.inside) == (0, 0)
