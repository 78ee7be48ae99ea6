"""``POST /v1/score``: one lead with its events goes in, a score comes out; nothing is kept."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import to_json

from models.explain import MOST
from models.request import ScoreRequest
from models.wording import LANGUAGES, language
from serving.answer import Score
from serving.body import JsonRoute
from serving.examples import REQUEST
from serving.live import LiveNow
from serving.problems import documented

router = APIRouter(route_class=JsonRoute, tags=["score"])


def _or(default: Any) -> BeforeValidator:
    return BeforeValidator(lambda text: default if text == "" else text)


class Asked(BaseModel):
    """The query of a request for a score; an empty value is as good as none."""

    model_config = ConfigDict(extra="forbid")

    reasons: Annotated[
        int, _or(3), Field(ge=0, le=MOST, description="at most this many reasons")
    ] = 3
    task: Annotated[str | None, Field(description="a task of the playbook")] = None


@router.post(
    "/v1/score",
    response_model=Score,
    response_description="The score, by the model or by rules; `scored_by` says which.",
    responses=documented(415, 422),
)
def score(
    asked: Annotated[Asked, Query()],
    request: Annotated[ScoreRequest, Body(openapi_examples=REQUEST)],
    live: LiveNow,
    accept_language: Annotated[
        str | None, Header(description=f"the language of texts: {', '.join(LANGUAGES)}")
    ] = None,
) -> Response:
    """Score one lead from what the request says of it.

    Times are ISO 8601; without an offset they are read in the playbook's zone, where it has one.
    Events after `as_of` are ignored and counted. Without a model rules answer, and say so.
    """
    lang = language(accept_language)
    record = live.score(request, asked.task, asked.reasons, lang).record(0)
    headers = {"Content-Language": lang, "Vary": "Accept-Language"}
    return Response(to_json(record), headers=headers, media_type="application/json")
