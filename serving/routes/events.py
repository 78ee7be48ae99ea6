"""``POST /v1/events``: what leads did, stored before it is answered."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from models.intake import form_of
from serving.arriving import LARGEST, MOST_EVENTS, EventsIn, Told, put_aside, read_events
from serving.background import StoreNow
from serving.body import JsonRoute
from serving.examples import EVENTS
from serving.live import LiveNow
from serving.problems import REFERENCE, documented
from serving.routes.told import IdempotencyKey, TakenOut, answer, listed, telling

router = APIRouter(route_class=JsonRoute, tags=["store"])


@router.post(
    "/v1/events",
    status_code=202,
    response_model=TakenOut,
    response_description="What became of each event; nothing is answered before it is on the disk.",
    responses={
        409: {
            "model": TakenOut,
            "description": "Nothing was taken: the ids had other content before.",
        },
        **documented(409, 413, 415, 422, 503, 507),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": EventsIn.model_json_schema(ref_template=REFERENCE),
                    "examples": EVENTS,
                }
            },
        }
    },
)
async def add(
    request: Request,
    live: LiveNow,
    store: StoreNow,
    backfill: Annotated[
        bool, Query(description="received when they occurred: history, told of only now")
    ] = False,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Store what leads did, up to 500 events; a lead that nobody told of is made.

    An event that comes again under its `event_id` is a duplicate; with other content under the same
    id it is refused, and so is one more than five minutes ahead of the clock. What is refused is
    kept at `/v1/quarantine`, to be mended and sent again.
    """
    items = listed(await request.json(), "events", MOST_EVENTS)
    large = len(await request.body()) > LARGEST
    taking, rows = read_events(items, form_of(live.playbook), large=large)
    told = await telling(request, idempotency_key, taking, put_aside(items))
    return await answer(store, Told(rows, store.secret, backfill, told))
