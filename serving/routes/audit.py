"""``GET /v1/audit``: who used a key, erased, promoted or published."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from serving.background import StoreNow
from serving.problems import documented
from serving.store.audit import entries

router = APIRouter(tags=["people"])


class EntryOut(BaseModel):
    """Something that was done."""

    id: int
    at: str
    actor: str = Field(description="the id of a key, command, or service")
    action: str
    subject: str | None = Field(description="an id; of an erased lead the keyed hash of its id")
    details: dict[str, Any] | None


class AuditOut(BaseModel):
    """What was done, the newest first."""

    entries: list[EntryOut]
    next: int | None = Field(description="`before` of the next page; null at the end")


@router.get("/v1/audit", response_model=AuditOut, responses=documented(422, 503))
def audit(
    store: StoreNow,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
) -> Response:
    """The audit, which is only ever added to."""
    with store.reading() as connection:
        found = entries(connection, limit + 1, before)
    page = found[:limit]
    body = {"entries": page, "next": page[-1]["id"] if len(found) > limit else None}
    return Response(to_json(body), media_type="application/json")
