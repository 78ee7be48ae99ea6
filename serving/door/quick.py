"""``POST /v1/score`` without the framework, where a request is plainly as documented.

FastAPI spends more on a request than its answer costs. What is plain (JSON that fits the schema, no
query beside `reasons`) is answered here; everything else, and all that is wrong, goes to the route
of `serving.routes.score`, which reads by the same schema and is what OpenAPI shows.
"""

from __future__ import annotations

from collections.abc import Callable

from pydantic import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.errors import InputError
from models.explain import MOST
from models.request import ScoreRequest
from models.wording import language
from serving.problems import Problem
from serving.together import Asked, Together

PATH = "/v1/score"

_REASONS = {
    b"": 3,
    **{b"reasons=%d" % most: most for most in range(MOST + 1)},
}
_validate = ScoreRequest.__pydantic_validator__.validate_json


class Quick:
    """Middleware that answers plain requests for one score.

    Parameters
    ----------
    together : callable
        What scores requests together.
    """

    def __init__(self, app: ASGIApp, together: Callable[[], Together | None]) -> None:
        self.app, self.together = app, together

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        together = self.together()
        reasons = _REASONS.get(scope["query_string"])
        lang = _plain(scope)
        if together is None or reasons is None or lang is None:
            await self.app(scope, receive, send)
            return
        message = await receive()
        body = message.get("body", b"")

        came = [message]

        async def again() -> Message:
            return came.pop() if came else await receive()

        if message.get("more_body", False) or b"u0000" in body:
            await self.app(scope, again, send)
            return
        try:
            request = _validate(body)
            answer = await together.score(request, Asked(None, reasons, lang))
        except (ValidationError, InputError, Problem):
            await self.app(scope, again, send)
            return
        scope["state"]["route"] = PATH
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(answer)),
            (b"content-language", lang.encode()),
            (b"vary", b"Accept-Language"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


def _plain(scope: Scope) -> str | None:
    """The language asked for; None where a header asks for a closer look."""
    asked = None
    for name, value in scope["headers"]:
        if name == b"content-type" and value != b"application/json":
            return None
        if name == b"accept-language":
            asked = value.decode("latin-1")
    return language(asked)
