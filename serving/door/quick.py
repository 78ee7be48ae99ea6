"""``POST /v1/score`` and ``/v1/scores`` without the framework, where a request is plainly as documented.

FastAPI spends more on a request than its answer costs. What is plain (JSON that fits the schema, no
query beside `reasons`) is answered here; everything else, and all that is wrong, goes to the routes
of `serving.routes.score`, which read by the same schema and are what OpenAPI shows.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.errors import InputError
from models.explain import MOST
from models.request import ScoreRequest
from models.wording import language
from serving.door.plain import NotPlain, reader
from serving.problems import Problem
from serving.routes.score import ScoreRequests, answer_to_all
from serving.together import Asked, Together

ONE, MANY = "/v1/score", "/v1/scores"

_REASONS = {
    b"": 3,
    **{b"reasons=%d" % most: most for most in range(MOST + 1)},
}
_read_one, _read_many = reader(ScoreRequest), reader(ScoreRequests)


class Quick:
    """Middleware that answers plain requests for scores.

    Parameters
    ----------
    together : callable
        What scores requests together.
    """

    def __init__(self, app: ASGIApp, together: Callable[[], Together | None]) -> None:
        self.app, self.together = app, together

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        path = scope.get("path")
        if path not in (ONE, MANY) or scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        together = self.together()
        reasons = _REASONS.get(scope["query_string"])
        lang = _plain(scope)
        if together is None or reasons is None or lang is None:
            await self.app(scope, receive, send)
            return
        message = await receive()
        came = [message]

        async def again() -> Message:
            return came.pop() if came else await receive()

        if message.get("more_body", False):
            await self.app(scope, again, send)
            return
        score = _one if path == ONE else _many
        try:
            answer = await score(together, message.get("body", b""), Asked(None, reasons, lang))
        except (NotPlain, InputError, Problem):
            await self.app(scope, again, send)
            return
        scope["state"]["route"] = path
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(answer)),
            (b"content-language", lang.encode()),
            (b"vary", b"Accept-Language"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


async def _one(together: Together, body: bytes, asked: Asked) -> bytes:
    return await together.score(_read_one(body), asked)


async def _many(together: Together, body: bytes, asked: Asked) -> bytes:
    return await together.apart(lambda live: answer_to_all(live, _read_many(body).leads, asked))


def _plain(scope: Scope) -> str | None:
    """The language asked for; None where a header asks for a closer look."""
    asked = None
    for name, value in scope["headers"]:
        if name == b"content-type" and value != b"application/json":
            return None
        if name == b"accept-language":
            asked = value.decode("latin-1")
    return language(asked)
