"""Bodies of requests: JSON by the letter of RFC 8259, read by Pydantic's own parser.

Python's takes lone surrogates and recurses; this one refuses both, and depth beyond 100, and NUL.
It takes ``NaN``, ``Infinity`` and ``1e999``, which the schema then refuses where they stand.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Coroutine
from email.message import Message
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic_core import from_json

from serving.problems import Problem

DEEPEST = 100
"""Lists and objects within each other."""
MOST = 500_000
"""Lists and objects in all: empty ones take a hundred times more memory than the text they stand in."""
_MAYBE_ENDLESS = re.compile(rb"NaN|Infinity|[0-9.][eE]\+?[0-9]{2}|[0-9]{300}")


class JsonRoute(APIRoute):
    """An endpoint that takes JSON and nothing else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint, given requests that read their body in this way."""
        handle = super().get_route_handler()
        takes_body = self.body_field is not None

        async def handle_json(request: Request) -> Response:
            came = request.headers.get("content-type")
            if takes_body and came is not None and not _is_json(came):
                raise Problem(
                    415,
                    "unsupported-media-type",
                    "Expected a body of JSON with Content-Type: application/json, got another type.",
                )
            return await handle(_JsonRequest(request.scope, request.receive))

        return handle_json


class _JsonRequest(Request):
    async def json(self) -> Any:
        return parsed(await self.body())


def parsed(body: bytes, *, finite: bool = False) -> Any:
    """A body as what it says.

    Parameters
    ----------
    finite : bool
        Whether numbers without end are refused here, as no schema does it afterwards.

    Raises
    ------
    Problem
        When it is not JSON, holds NUL, which no database takes, or is nested too deeply.
    """
    opened = body.count(b"{") + body.count(b"[")
    if opened > MOST:
        raise _not_json(f"expected at most {MOST:,} lists and objects, got more")
    try:
        value = from_json(body)
    except ValueError as error:
        raise _not_json(str(error)) from None
    if b"u0000" in body and _any(value, lambda one: isinstance(one, str) and "\0" in one):
        raise _not_json("expected text without the character NUL, got one with it")
    if opened > DEEPEST and _depth(value) > DEEPEST:
        raise _not_json(f"expected at most {DEEPEST} levels, got more")
    if finite and _MAYBE_ENDLESS.search(body) and is_endless(value):
        raise _not_json("expected finite numbers, got NaN, infinity or a number too large")
    return value


def is_endless(value: Any) -> bool:
    """Whether a number in a value is none, infinite or too large for one."""
    return _any(value, lambda one: isinstance(one, float) and not math.isfinite(one))


def _not_json(message: str) -> Problem:
    return Problem(422, "invalid-json", "The body is not JSON.", [(("body",), message)])


def _any(value: Any, holds: Callable[[Any], bool]) -> bool:
    """Whether something holds of a value, of what is in it, or of a name in it."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if holds(one):
            return True
        if isinstance(one, dict):
            waiting += one.keys()
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return False


def _depth(value: Any) -> int:
    """How many lists and objects are in each other at most."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [
            inner for one in level for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return depth


def _is_json(content_type: str) -> bool:
    message = Message()
    message["content-type"] = content_type
    subtype = message.get_content_subtype()
    return message.get_content_maintype() == "application" and (
        subtype == "json" or subtype.endswith("+json")
    )
