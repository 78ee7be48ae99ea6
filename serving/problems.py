"""Errors as problem documents (RFC 9457): what was expected, what kind of thing came, and where.

What came is named by its kind and never repeated, so that no answer carries someone's data away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match

from features.errors import InputError
from serving.findings import Place, collected

MEDIA_TYPE = "application/problem+json"
MOST = 20
"""The most errors that one document lists."""

_LONGEST = 200
_LONGEST_NAME = 64
_NO_NAME = re.compile(r"[^\w .\[\]-]|[0-9]{5}")
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
_FIELD = re.compile(
    r"(?P<field>(?:leads?|events|account_events|as_of)[\w.\[\]]*): (?P<message>.*)", re.DOTALL
)


class Problem(HTTPException):
    """A request that is refused.

    Attributes
    ----------
    kind : str
        What is wrong, in a word that stays the same; the last part of the document's ``type``.
    errors : sequence of (place, message)
        Each thing that is wrong, and where: ``("body", "lead", "lead_id")``.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        errors: Sequence[tuple[Place, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.kind = kind
        self.errors = errors

    @property
    def content(self) -> dict[str, Any]:
        """The problem document."""
        return {
            "type": f"urn:problem-type:tegakari:{self.kind}",
            "title": self.kind.replace("-", " ").capitalize().replace("json", "JSON"),
            "status": self.status_code,
            "detail": self.detail,
            "errors": [
                {"location": _clipped(dotted(place)), "message": _clipped(message)}
                for place, message in self.errors[:MOST]
            ],
        }

    def response(self) -> JSONResponse:
        """The problem document as it is sent."""
        return JSONResponse(self.content, self.status_code, self.headers, MEDIA_TYPE)


FAILED = Problem(500, "internal-error", "The service failed at this request; its log says more.")
"""What is said of a failure: that there was one."""

REFERENCE = "#/components/schemas/{model}"
"""Where a schema inside OpenAPI's document looks for another."""

SCHEMA = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "detail", "errors"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["location", "message"],
                "properties": {"location": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
"""The form of a problem document, for OpenAPI."""


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's account of the problems that an endpoint may answer with."""
    content = {MEDIA_TYPE: {"schema": SCHEMA}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in statuses
    }


def install(app: FastAPI) -> None:
    """Answer every refusal and failure of the app with a problem document."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(InputError, _unusable)
    app.add_exception_handler(Exception, _failed)


def dotted(place: Place) -> str:
    """A place as text.

    Examples
    --------
    >>> dotted(("body", "events", 3, "occurred_at"))
    'body.events[3].occurred_at'
    >>> dotted(("body", "lead", "taro@example.com"))
    'body.lead.(a name)'
    """
    steps = [f"[{step}]" if isinstance(step, int) else f".{_named(step)}" for step in place]
    return "".join(steps).removeprefix(".")


def unquoted(message: str) -> str:
    """A message without what it quotes, which is what came.

    Examples
    --------
    >>> unquoted("created_at: 'taro' is not a time; expected such as 2026-04-01")
    'created_at: (what came) is not a time; expected such as 2026-04-01'
    """
    return _QUOTED.sub("(what came)", message)


def _named(step: str) -> str:
    """The name of a field as it came, unless somebody's address or number may be in it."""
    return step if len(step) <= _LONGEST_NAME and not _NO_NAME.search(step) else "(a name)"


async def _refused(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, Problem):
        return error.response()
    assert isinstance(error, HTTPException)
    status, headers = HTTPStatus(error.status_code), dict(error.headers or {})
    allowed = headers.get("Allow")
    if allowed is not None:
        # Starlette tells the methods of the first of several routes at this path.
        allowed = headers["Allow"] = ", ".join(_methods(request))
    advice = {
        404: "Nothing is at this path; /openapi.json lists what there is.",
        405: f"Expected {allowed}, got another method.",
    }
    kind = status.phrase.lower().replace(" ", "-")
    detail = advice.get(status, f"The request was refused: {status.phrase}.")
    return Problem(status, kind, detail, headers=headers or None).response()


def _methods(request: Request) -> list[str]:
    """The methods that the path of a request takes, in the order of the alphabet."""
    routes: list[Any] = request.app.routes
    there = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in there for method in getattr(route, "methods", None) or ()})


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = collected(error.errors(), error.body)
    more = f" (the first {MOST} are listed)" if len(found) > MOST else ""
    things = "1 thing is" if len(found) == 1 else f"{len(found)} things are"
    detail = (
        f"The request is not as documented: {things} wrong{more}. /docs shows what is expected."
    )
    return Problem(422, "invalid-request", detail, found).response()


async def _unusable(request: Request, error: Exception) -> JSONResponse:
    located = _FIELD.fullmatch(str(error))
    place = ("body", located["field"]) if located else ("body",)
    message = unquoted(located["message"] if located else str(error))
    detail = "The request cannot be used: 1 thing is wrong."
    return Problem(422, "invalid-request", detail, [(place, message)]).response()


async def _failed(request: Request, error: Exception) -> JSONResponse:
    return FAILED.response()


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
