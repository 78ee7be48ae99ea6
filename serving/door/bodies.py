"""The body of a request: read whole before anything else is done for it, up to a limit and in time."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.door.refusing import may_have_body, refuse
from serving.problems import Problem

MEBIBYTE = 1 << 20
LARGEST = MEBIBYTE
LARGER = {"/v1/scores": 8 * MEBIBYTE, "/invocations": 8 * MEBIBYTE}
"""The largest body in bytes, and where it may be larger."""
WITHIN = 10.0
"""Seconds in which a body has to be here."""
MOST_HELD = 256 * MEBIBYTE
"""Bytes of bodies that a process holds at once, those of all its requests together."""
WHOLE = "whole"
"""Under this name the state of a request says that all of it is here, and nothing to be waited for."""


class Bodies:
    """Middleware that hands on requests with a body that is here, and refuses the others.

    Attributes
    ----------
    held : int
        Bytes of bodies that are held now.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.held = app, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, then hand the request on."""
        if scope["type"] != "http" or not may_have_body(scope):
            await self.app(scope, receive, send)
            return
        parts: list[bytes] = []
        try:
            problem = await self._read(scope, receive, parts)
            if problem is None:
                await self.app(scope, _given(parts, receive), send)
            else:
                await refuse(problem, scope, receive, send)
        except _Gone:
            pass
        finally:
            for part in parts:
                self.held -= len(part)

    async def _read(self, scope: Scope, receive: Receive, parts: list[bytes]) -> Problem | None:
        """Read the whole body; the reason why it is refused, if it is."""
        limit = LARGER.get(scope["path"], LARGEST)
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > limit:
                return _too_large(limit)
            if name == b"content-encoding" and value.lower() not in (b"", b"identity"):
                return _compressed()
        if scope["state"].get(WHOLE):
            return await self._take(limit, receive, parts)
        try:
            async with asyncio.timeout(WITHIN):
                return await self._take(limit, receive, parts)
        except TimeoutError:
            return _too_slow()

    async def _take(self, limit: int, receive: Receive, parts: list[bytes]) -> Problem | None:
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            part = message.get("body", b"")
            size += len(part)
            # What a header says of its length proves nothing.
            if size > limit:
                return _too_large(limit)
            if self.held + len(part) > MOST_HELD:
                return _too_much()
            self.held += len(part)
            parts.append(part)
            more = message.get("more_body", False)
        return None


class _Gone(Exception):
    """The client closed the connection before its body was here."""


def _given(parts: list[bytes], receive: Receive) -> Receive:
    """How the body is handed on: in one piece, before whatever else the client does."""
    body = parts[0] if len(parts) == 1 else b"".join(parts)
    given = False

    async def whole() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return whole


def _too_large(limit: int) -> Problem:
    return Problem(
        413,
        "content-too-large",
        f"Expected a body of up to {limit // MEBIBYTE} MiB, got a larger one. Send it in parts.",
    )


def _too_slow() -> Problem:
    return Problem(
        408, "request-timeout", f"Expected the whole body within {WITHIN:g} seconds, got a part."
    )


def _too_much() -> Problem:
    return Problem(
        503,
        "too-many-requests-at-once",
        "The bodies of other requests fill the room there is. Send this one again in a second.",
        headers={"Retry-After": "1"},
    )


def _compressed() -> Problem:
    return Problem(
        415,
        "unsupported-media-type",
        "Expected a body that is not compressed, got a Content-Encoding.",
        headers={"Accept-Encoding": "identity"},
    )
