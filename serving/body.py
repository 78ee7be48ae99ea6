"""Bodies of requests: JSON by the letter of RFC 8259, read by Pydantic's own parser.

Python's takes lone surrogates and recurses; this one refuses both, and depth beyond 200.
It takes ``NaN``, ``Infinity`` and ``1e999``, which the schema then refuses where they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from email.message import Message
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic_core import from_json

from serving.problems import Problem


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
        try:
            return from_json(await self.body())
        except ValueError as error:
            raise Problem(
                422, "invalid-json", "The body is not JSON.", [(("body",), str(error))]
            ) from None


def _is_json(content_type: str) -> bool:
    message = Message()
    message["content-type"] = content_type
    subtype = message.get_content_subtype()
    return message.get_content_maintype() == "application" and (
        subtype == "json" or subtype.endswith("+json")
    )
