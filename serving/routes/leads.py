"""``/v1/leads``: leads are told of, listed by how likely they are to convert, merged and erased."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic_core import to_json

from features.errors import InputError
from features.form import Form
from features.instants import MISSING, iso
from models.intake import form_of
from models.playbook.stages import Stage
from models.request import LeadIn, Time
from models.temperature import Temperature
from serving.background import StoreNow
from serving.body import JsonRoute
from serving.examples import LEADS
from serving.findings import Place
from serving.live import LiveNow
from serving.moments import instants
from serving.paths import LeadId
from serving.problems import REFERENCE, Problem, documented
from serving.routes.told import (
    IdempotencyKey,
    TakenOut,
    Taking,
    answer,
    listed,
    message_of,
    refused,
    telling,
    valid,
)
from serving.store.leads import CREATED_AT, LeadRow, add_leads
from serving.store.merging import roots, standing
from serving.store.quarantine import Refused
from serving.store.ranking import Cursor, Sort, page
from serving.store.statements import marked, select_in
from serving.store.writer import Commit

router = APIRouter(route_class=JsonRoute, tags=["store"])

MOST_LEADS = 500
_RESERVED = ("lead_id", CREATED_AT)


class StoredLeadIn(LeadIn):
    """A lead as its owner knows it; attributes that are not told of stay as they are."""

    changed_at: Time | None = Field(
        default=None, description="ISO 8601: when the attributes took these values; default now"
    )


class LeadsIn(BaseModel):
    """Leads, new ones and known ones."""

    model_config = ConfigDict(extra="forbid", strict=True)

    leads: list[StoredLeadIn] = Field(min_length=1, max_length=MOST_LEADS)


class LeadOut(BaseModel):
    """A stored lead."""

    lead_id: str
    created_at: str | None = Field(description="null where only events told of it")
    received_at: str
    attributes: dict[str, Any] = Field(description="those of now; a null one was taken away")
    merged_into: str | None = Field(description="the lead that it is now, where it was merged")
    merged: list[str] = Field(description="leads that are this one now")


class RankedOut(BaseModel):
    """A row of the ranked list."""

    lead_id: str
    task: str | None
    state: str
    probability: float | None
    points: int
    temperature: Temperature | None
    stage: Stage | None
    owner: str | None
    scored_by: Literal["model", "rules"]
    fallback_reason: str | None
    scored_at: str
    versions: dict[str, str | None] = Field(description="model and playbook that answered")
    attributes: dict[str, Any]


class RankedPageOut(BaseModel):
    """A page of the ranked list."""

    leads: list[RankedOut]
    next: str | None = Field(description="the cursor of the next page; null at the end")


_LEADS = TypeAdapter(list[StoredLeadIn])


@router.post(
    "/v1/leads",
    status_code=202,
    response_model=TakenOut,
    response_description="What became of each lead; nothing is answered before it is on the disk.",
    responses={
        409: {
            "model": TakenOut,
            "description": "Nothing was taken: created at another time before.",
        },
        **documented(409, 413, 415, 422, 503, 507),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": LeadsIn.model_json_schema(ref_template=REFERENCE),
                    "examples": LEADS,
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
        bool, Query(description="received when they were created: history, told of only now")
    ] = False,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Store leads, up to 500; of a known lead, what changed of its attributes.

    What was known before is never overwritten: an attribute with another value is a change, and
    the score of any earlier moment can still be had. A null takes an attribute away.
    """
    items = listed(await request.json(), "leads", MOST_LEADS)
    taking, rows = read_leads(items, form_of(live.playbook))

    def aside(place: int, reason: str) -> Refused:
        return refused("lead", items[place], place, reason, [(("created_at",), message_of(reason))])

    told = await telling(request, idempotency_key, taking, aside)

    def job(commit: Commit) -> tuple[int, bytes]:
        return told.alone(
            commit, lambda commit: add_leads(commit, rows, store.secret, backfill=backfill)
        )

    return await answer(store, job)


def read_leads(items: list[Any], form: Form) -> tuple[Taking, list[LeadRow]]:
    """The leads of a request as they are stored, and those that cannot be."""
    taking = Taking(len(items))
    leads = valid(_LEADS, "lead", items, taking)
    created, bad = instants([lead.created_at for _, lead in leads], form, [True] * len(leads))
    changed, bad_too = instants([lead.changed_at for _, lead in leads], form, [True] * len(leads))
    rows = []
    for row, (place, lead) in enumerate(leads):
        errors: list[tuple[Place, str]] = []
        if row in bad:
            errors.append((("created_at",), bad[row]))
        if row in bad_too:
            errors.append((("changed_at",), bad_too[row]))
        errors += [
            (("attributes", name), "expected an attribute, got the name of a column of its own")
            for name in _RESERVED
            if name in lead.attributes
        ]
        if errors:
            taking.refused[place] = refused("lead", items[place], place, "invalid", errors)
            continue
        at, since = (None if one == MISSING else one for one in (created[row], changed[row]))
        rows.append(LeadRow(lead.lead_id, at, lead.attributes, since))
    return taking, rows


@router.get(
    "/v1/leads",
    response_model=RankedPageOut,
    responses=documented(422, 503),
)
def ranked(
    live: LiveNow,
    store: StoreNow,
    temperature: Annotated[Temperature | None, Query()] = None,
    stage: Annotated[Stage | None, Query()] = None,
    owner: Annotated[str | None, Query(max_length=1_000)] = None,
    task: Annotated[str | None, Query(max_length=1_000)] = None,
    sort: Annotated[Sort, Query(description="a minus sign: the largest first")] = "-probability",
    limit: Annotated[int, Query(ge=1, le=1_000)] = 50,
    cursor: Annotated[str | None, Query(max_length=10_000, pattern="^[A-Za-z0-9_=-]*$")] = None,
) -> Response:
    """The ranked list: each lead by its last score, which is never older than a day.

    A lead is scored again within moments of what is stored about it. Leads without a probability
    come last.
    """
    if task:
        live.of(task)
    wanted = {"temperature": temperature, "stage": stage, "owner": owner, "task": task}
    try:
        begin = Cursor.of(cursor, sort) if cursor else None
    except InputError as error:
        raise Problem(
            422, "invalid-request", "The page cannot be found.", [(("query", "cursor"), str(error))]
        ) from None
    with store.reading() as connection:
        rows, after = page(connection, wanted, sort=sort, limit=limit, cursor=begin)
        ids = [row["lead_id"] for row in rows]
        select = "SELECT lead_id, attributes FROM leads WHERE lead_id"
        attributes = {row[0]: row[1] for row in select_in(connection, select, ids)}
    told = [
        {
            **{name: row[name] for name in _SHOWN},
            "scored_at": iso(row["scored_at"]),
            "versions": {"model": row["model"], "playbook": row["playbook"]},
            "attributes": json.loads(attributes[row["lead_id"]]),
        }
        for row in rows
    ]
    body = {"leads": told, "next": after.text() if after else None}
    return Response(to_json(body), media_type="application/json")


_SHOWN = tuple(
    name for name in RankedOut.model_fields if name not in ("scored_at", "versions", "attributes")
)


@router.get("/v1/leads/{lead_id}", response_model=LeadOut, responses=documented(404, 422, 503))
def lead(lead_id: LeadId, store: StoreNow) -> Response:
    """A stored lead as it is known now."""
    with store.reading() as connection:
        select = "SELECT created_at, received_at, attributes FROM leads WHERE lead_id = ?"
        row = connection.exec_driver_sql(marked(connection, select), (lead_id,)).first()
        if row is None:
            raise unknown_lead()
        into = standing(connection, [lead_id])
    root = roots(into)
    told = {
        "lead_id": lead_id,
        "created_at": None if row[0] is None else iso(row[0]),
        "received_at": iso(row[1]),
        "attributes": json.loads(row[2]),
        "merged_into": root.get(lead_id),
        "merged": sorted(one for one, end in root.items() if end == lead_id),
    }
    return Response(to_json(told), media_type="application/json")


def unknown_lead() -> Problem:
    """What is answered about a lead that the store does not hold."""
    return Problem(404, "unknown-lead", "The store holds no lead of this id.")
