"""``/v1/quarantine``: what was refused, to be listed, mended and sent again, or let go."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from features.instants import iso
from models.intake import form_of
from serving.arriving import read_events
from serving.background import StoreNow
from serving.body import JsonRoute
from serving.live import LiveNow
from serving.problems import Problem, documented
from serving.routes.leads import read_leads
from serving.routes.told import message_of
from serving.store.events import ACCEPTED, DUPLICATE, add_events
from serving.store.leads import add_leads
from serving.store.quarantine import find, let_go, taken, waiting
from serving.store.store import Store
from serving.store.writer import Commit

router = APIRouter(route_class=JsonRoute, tags=["quarantine"])

Number = Annotated[int, Path(ge=1, le=2**63 - 1, description="its number")]


class RefusedOut(BaseModel):
    """A lead or an event that was refused."""

    id: int
    kind: str = Field(description="lead or event")
    lead_id: str | None
    payload: Any = Field(description="as it came")
    reason: str
    errors: list[dict[str, str]]
    received_at: str


class RefusedPageOut(BaseModel):
    """What was refused, the oldest first."""

    refused: list[RefusedOut]
    next: int | None = Field(description="`after` of the next page; null at the end")


class ReplayedOut(BaseModel):
    """What became of something that was sent again."""

    id: int
    status: str = Field(description="accepted, or duplicate")


@router.get("/v1/quarantine", response_model=RefusedPageOut, responses=documented(422, 503))
def refused(
    store: StoreNow,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    after: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
) -> Response:
    """What was refused and neither taken after all nor let go."""
    with store.reading() as connection:
        rows = waiting(connection, limit + 1, after)
    page = [{**row, "received_at": iso(row["received_at"])} for row in rows[:limit]]
    following = page[-1]["id"] if len(rows) > limit else None
    body = {"refused": page, "next": following}
    return Response(to_json(body), media_type="application/json")


@router.post(
    "/v1/quarantine/{number}/replay",
    response_model=ReplayedOut,
    responses=documented(404, 409, 415, 422, 503, 507),
    openapi_extra={
        "requestBody": {
            "required": False,
            "description": "the lead or event as mended; without a body it is sent again as it was",
            "content": {
                "application/json": {
                    "schema": {"type": "object"},
                    "examples": {
                        "a mended event": {
                            "value": {
                                "lead_id": "L-0042",
                                "event_type": "call_made",
                                "occurred_at": "2026-03-25T10:30:00+09:00",
                                "event_id": "call-512",
                            }
                        }
                    },
                }
            },
        }
    },
)
async def replay(number: Number, request: Request, live: LiveNow, store: StoreNow) -> Response:
    """Send what was refused again, mended or as it was; what is wrong still is told, and it stays."""
    mended = await request.json() if await request.body() else None
    found = await run_in_threadpool(_find, store, number)
    if found is None:
        raise _nothing()
    item = found["payload"] if mended is None else mended
    form = form_of(live.playbook)
    events = found["kind"] == "event"
    taking, rows = read_events([item], form) if events else read_leads([item], form)
    if taking.refused:
        errors = taking.refused[0].errors
        raise Problem(
            422,
            "invalid-request",
            f"The {found['kind']} cannot be taken as it is; it stays in quarantine.",
            [((error["location"],), error["message"]) for error in errors],
        )

    def job(commit: Commit) -> str:
        add: Any = add_events if events else add_leads
        (outcome,) = add(commit, rows, store.secret)
        if outcome in (ACCEPTED, DUPLICATE):
            taken(commit, number)
        return str(outcome)

    outcome = await asyncio.wrap_future(store.submit(job))
    if outcome not in (ACCEPTED, DUPLICATE):
        raise Problem(409, str(outcome), message_of(outcome))
    return Response(to_json({"id": number, "status": outcome}), media_type="application/json")


@router.delete("/v1/quarantine/{number}", status_code=204, responses=documented(404, 422, 503, 507))
def forget(number: Number, store: StoreNow) -> Response:
    """Let go of something that was refused."""
    if not store.write(lambda commit: let_go(commit, number)):
        raise _nothing()
    return Response(status_code=204)


def _find(store: Store, number: int) -> dict[str, Any] | None:
    with store.reading() as connection:
        return find(connection, number)


def _nothing() -> Problem:
    return Problem(404, "nothing-in-quarantine", "Nothing waits under this number.")
