"""``POST /v1/score`` and ``/v1/scores``: leads with their events go in, scores come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from models.explain import MOST
from models.request import ScoreRequest
from models.wording import LANGUAGES, language
from serving.answer import Score
from serving.body import JsonRoute
from serving.examples import REQUEST, REQUESTS
from serving.keeping import keep
from serving.live import Live, LiveNow
from serving.problems import Problem, documented
from serving.together import Asked, Together, answers_to

router = APIRouter(route_class=JsonRoute, tags=["score"])

MOST_LEADS = 1_000
"""Leads of one request."""


def _or(default: Any) -> BeforeValidator:
    return BeforeValidator(lambda text: default if text == "" else text)


class Asking(BaseModel):
    """The query of a request for scores; an empty value is as good as none."""

    model_config = ConfigDict(extra="forbid")

    reasons: Annotated[
        int, Field(ge=0, le=MOST, description="at most this many reasons"), _or(3)
    ] = 3
    task: Annotated[str | None, Field(description="a task of the playbook")] = None
    store: Annotated[
        bool, Field(description="store the leads and events too (scope ingest)"), _or(False)
    ] = False


class ScoreRequests(BaseModel):
    """Several leads."""

    model_config = ConfigDict(extra="forbid", strict=True)

    leads: list[ScoreRequest] = Field(min_length=1, max_length=MOST_LEADS)


class ScoresOut(BaseModel):
    """The scores of several leads."""

    scores: list[Score] = Field(description="in the order of the leads")


Language = Annotated[
    str | None, Header(description=f"the language of texts: {', '.join(LANGUAGES)}")
]


@router.post(
    "/v1/score",
    response_model=Score,
    response_description="The score, by the model or by rules; `scored_by` says which.",
    responses=documented(409, 413, 415, 422, 503, 507),
)
async def score(
    http: Request,
    asked: Annotated[Asking, Query()],
    request: Annotated[ScoreRequest, Body(openapi_examples=REQUEST)],
    live: LiveNow,
    accept_language: Language = None,
) -> Response:
    """Score one lead from what the request says of it.

    Times are ISO 8601; without an offset they are read in the playbook's zone, where it has one.
    Events after `as_of` are ignored and counted. Without a model rules answer, and say so.
    """
    together: Together = http.app.state.together
    lang = language(accept_language)
    answer = await together.score(request, Asked(asked.task or None, asked.reasons, lang))
    if asked.store:
        await keep(http, [request], live.form)
    return _answer(answer, lang)


@router.post(
    "/v1/scores",
    response_model=ScoresOut,
    response_description="A score for each lead, in their order.",
    responses=documented(409, 413, 415, 422, 503, 507),
)
async def scores(
    http: Request,
    asked: Annotated[Asking, Query()],
    requests: Annotated[ScoreRequests, Body(openapi_examples=REQUESTS)],
    live: LiveNow,
    accept_language: Language = None,
) -> Response:
    """Score up to 1,000 leads, each as `/v1/score` would; one that is wrong refuses them all."""
    lang = language(accept_language)
    told = Asked(asked.task or None, asked.reasons, lang)
    together: Together = http.app.state.together
    answer = await together.apart(lambda live: answer_to_all(live, requests.leads, told))
    if asked.store:
        await keep(http, requests.leads, live.form)
    return _answer(answer, lang)


def answer_to_all(live: Live, requests: Sequence[ScoreRequest], asked: Asked) -> bytes:
    """The answers to several leads as one; what is wrong with the first of them that is wrong."""
    told: list[bytes] = []
    for place, answer in enumerate(answers_to(live, requests, asked)):
        if isinstance(answer, Exception):
            raise _of_lead(answer, place)
        told.append(answer)
    return b'{"scores":[' + b",".join(told) + b"]}"


def _answer(body: bytes, lang: str) -> Response:
    headers = {"Content-Language": lang, "Vary": "Accept-Language"}
    return Response(body, headers=headers, media_type="application/json")


def _of_lead(error: Exception, place: int) -> Exception:
    """What is wrong with one of several leads, with its place."""
    if isinstance(error, Problem) and error.kind == "invalid-request":
        errors = [(("body", "leads", place, *where[1:]), said) for where, said in error.errors]
        return Problem(error.status_code, error.kind, str(error.detail), errors)
    if isinstance(error, Problem):
        return error
    return type(error)(f"leads[{place}].{error}")
