"""Ids in paths: an id may hold a slash, which a path holds as ``%2F`` and the server has decoded."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import unquote_to_bytes

from fastapi import Path
from pydantic import AfterValidator
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.problems import Problem

_SLASH = "\0"
"""Stands for a slash within a part of a path; no id holds it."""


class Parts:
    """Middleware that tells the slashes within a part of a path from those between parts."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on the request; one whose path is no text is refused."""
        if scope["type"] == "http" and b"%" in (raw := scope.get("raw_path") or b""):
            try:
                scope["path"] = _decoded(raw)
            except ValueError:
                problem = Problem(400, "bad-request", "Expected a path of UTF-8 without NUL.")
                await problem.response()(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _decoded(raw: bytes) -> str:
    """The path of a request, `_SLASH` standing for slashes within its parts; ValueError if it is no text.

    Examples
    --------
    >>> _decoded(b"/v1/leads/a%2Fb/score")
    '/v1/leads/a\\x00b/score'
    """
    parts = [unquote_to_bytes(part).decode() for part in raw.split(b"?")[0].split(b"/")]
    if any(_SLASH in part for part in parts):
        raise ValueError("a path holds no NUL")
    return "/".join(part.replace("/", _SLASH) for part in parts)


LeadId = Annotated[
    str,
    Path(min_length=1, max_length=1_000, description="a lead's id; a slash in it as %2F"),
    AfterValidator(lambda text: text.replace(_SLASH, "/")),
]
