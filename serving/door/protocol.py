"""HTTP connections that do not wait for ever, nor read for ever: uvicorn's own does both."""

from __future__ import annotations

import asyncio
import secrets
from asyncio.events import TimerHandle
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from serving.door.bodies import WHOLE
from serving.door.requests import unheard
from serving.problems import MEDIA_TYPE, Problem

HEADERS_WITHIN = 10.0
"""Seconds from the first byte of a request, or from the connection, to the end of its headers."""
READ_WITHIN = 30.0
"""Seconds in which a client that is answered has to take `READ_AT_LEAST` bytes, or all there are."""
READ_AT_LEAST = 65_536
LARGEST_HEAD = 65_536
"""Bytes of the head of a request, or of whatever else in it is not its body."""
LAST_CALL = 0.5
"""Seconds that an idle connection is kept open once the service ends: a request may be on its way."""


class _Joined:
    """A connection that sends the head of an answer together with the first part of its body.

    uvicorn writes one after the other, and each costs a call of the system.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._head = transport, b""

    def write(self, data: bytes) -> None:
        if not self._head and data.endswith(_END_OF_HEAD) and not data.startswith(_GO_ON):
            self._head = data
            return
        self._transport.write(self._head + data if self._head else data)
        self._head = b""

    def close(self) -> None:
        if self._head:
            self._transport.write(self._head)
            self._head = b""
        self._transport.close()

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)


_END_OF_HEAD, _GO_ON = b"\r\n\r\n", b"HTTP/1.1 100"


class Patient(HttpToolsProtocol):
    """A connection whose patience ends."""

    _asking: TimerHandle | None = None
    _reading: TimerHandle | None = None
    _bare = 0
    """Bytes since the last that got anybody further: the end of a head, a part of a body."""
    _begun = False
    """Whether a part of a head is here."""
    _ending = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request, not for ever."""
        super().connection_made(transport)
        self._asking = self.loop.call_later(HEADERS_WITHIN, self._never_asked)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._stop_asking()
        self._stop_reading()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Something came, which may be a part of anything."""
        self._bare += len(data)
        super().data_received(data)
        if self._bare > LARGEST_HEAD and not self.transport.is_closing():
            self._end(
                431,
                "request-header-fields-too-large",
                f"Expected a request whose head has up to {LARGEST_HEAD // 1024} KiB, got a larger one.",
            )

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._stop_asking()
        self._asking = self.loop.call_later(HEADERS_WITHIN, self._asked_too_slowly)
        self._begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """All headers are here; the body has a limit of its own, see `serving.door.bodies`."""
        self._stop_asking()
        self._bare, self._begun = 0, False
        super().on_headers_complete()
        self.cycle.transport = _Joined(self.transport)  # type: ignore[assignment]
        if self._ending:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._bare = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The end of a request."""
        self._bare = 0
        self.scope["state"][WHOLE] = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """All of an answer is handed to the connection, which may still hold some of it."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._wait_for_reader()

    def timeout_keep_alive_handler(self) -> None:
        """Nobody asks any more, or nobody has read the last answer."""
        super().timeout_keep_alive_handler()
        self._wait_for_reader()

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered."""
        super().pause_writing()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        """The client reads on."""
        self._stop_reading()
        super().resume_writing()

    def shutdown(self) -> None:
        """The service ends: what was asked is answered, and what is on its way too."""
        self._ending = True
        if self.is_answered():
            self.loop.call_later(LAST_CALL, self._close_if_idle)
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        self._end(400, "bad-request", "Expected a request of HTTP/1.1, got something else.")

    def _close_if_idle(self) -> None:
        if not self._begun and self.is_answered():
            self.transport.close()
            self._wait_for_reader()

    def _never_asked(self) -> None:
        self.transport.close()

    def _asked_too_slowly(self) -> None:
        if not self.is_answered():
            # An earlier request of this connection is being answered: that goes first.
            self._asking = self.loop.call_later(HEADERS_WITHIN, self._asked_too_slowly)
            return
        self._end(
            408,
            "request-timeout",
            f"Expected the whole head of a request within {HEADERS_WITHIN:g} seconds, got a part.",
        )

    def _end(self, status: int, kind: str, detail: str) -> None:
        """Refuse what never became a request, and close the connection."""
        self._stop_asking()
        if self.transport.is_closing():
            return
        if not self.is_answered() and (self.pipeline or not self.cycle.more_body):
            # What came before it is whole: that is answered, and nothing is read after it.
            self.cycle.keep_alive = False
            self.flow.pause_reading()
            return
        # What is wrong in the middle of a body is the answer to its request.
        if self.is_answered() or not self.cycle.response_started:
            request_id = secrets.token_hex(8)
            body = bytes(Problem(status, kind, detail).response().body)
            head = (
                f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nconnection: close\r\n"
                f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
                f"x-request-id: {request_id}\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
            unheard(request_id, status)
        self.transport.close()
        self._wait_for_reader()

    def is_answered(self) -> bool:
        """Whether nothing of this connection is being answered."""
        # uvicorn's types leave out that there is none before the first request.
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _wait_for_reader(self) -> None:
        left = self.transport.get_write_buffer_size()
        if left and self._reading is None:
            self._reading = self.loop.call_later(READ_WITHIN, self._check_reader, left)

    def _check_reader(self, before: int) -> None:
        self._reading = None
        left = self.transport.get_write_buffer_size()
        if left and left > before - READ_AT_LEAST:
            self.transport.abort()
        else:
            self._wait_for_reader()

    def _stop_asking(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
