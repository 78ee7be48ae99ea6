"""Merging leads that are one person, and erasing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from features.instants import iso
from models.request import Id
from serving.background import StoreNow
from serving.body import JsonRoute
from serving.paths import LeadId
from serving.problems import Problem, documented
from serving.routes.leads import unknown_lead
from serving.routes.told import actor
from serving.store.audit import record
from serving.store.erasure import digest, erase, lift, note
from serving.store.merging import MergeRefused, merge, undo
from serving.store.statements import select_in
from serving.store.store import Store
from serving.store.writer import Commit

router = APIRouter(route_class=JsonRoute, tags=["people"])

T = TypeVar("T")


class MergeIn(BaseModel):
    """Into which lead another one is merged."""

    model_config = ConfigDict(extra="forbid", strict=True)

    into: Id
    kind: Literal["merge", "conversion"] = "merge"


class MergedOut(BaseModel):
    """Which lead a lead is now."""

    lead_id: str
    merged_into: str | None
    at: str


class ErasedOut(BaseModel):
    """What was erased."""

    erased: list[str] = Field(description="the lead, and those that were merged into it")
    at: str


@router.post(
    "/v1/leads/{lead_id}/merge",
    response_model=MergedOut,
    responses=documented(404, 409, 422, 503, 507),
)
def merge_into(
    lead_id: LeadId,
    store: StoreNow,
    asked: Annotated[MergeIn, Body(openapi_examples={"a merge": {"value": {"into": "L-0041"}}})],
) -> Response:
    """From now on a lead is another one: its events count there, and it is listed no more.

    Nothing is moved: `DELETE` of the same path undoes it.
    """

    def job(commit: Commit) -> str:
        _there(commit, [lead_id, asked.into])
        merge(commit, lead_id, asked.into, asked.kind)
        return str(iso(commit.at))

    return _told(
        {"lead_id": lead_id, "merged_into": asked.into, "at": _written(store, job)},
    )


@router.delete(
    "/v1/leads/{lead_id}/merge",
    response_model=MergedOut,
    responses=documented(404, 409, 422, 503, 507),
)
def undo_merge(lead_id: LeadId, store: StoreNow) -> Response:
    """A lead that was merged into another one is itself again."""

    def job(commit: Commit) -> str:
        _there(commit, [lead_id])
        undo(commit, lead_id)
        return str(iso(commit.at))

    return _told({"lead_id": lead_id, "merged_into": None, "at": _written(store, job)})


@router.delete(
    "/v1/leads/{lead_id}", response_model=ErasedOut, responses=documented(404, 422, 503, 507)
)
def erase_lead(lead_id: LeadId, request: Request, store: StoreNow) -> Response:
    """Erase a lead and those merged into it: events, changes, scores, what was refused of it.

    What stays is a keyed hash of its id, by which it is refused when it is sent again.
    """

    def job(commit: Commit) -> tuple[list[str], int]:
        _there(commit, [lead_id])
        gone = erase(commit, [lead_id], store.secret)
        for one in gone:
            record(commit, actor(request.scope), "lead erased", digest(store.secret, one))
        # Before the commit: an erasure that a backup does not know of must never go missing.
        note(store.settings, store.secret, gone, commit.at)
        return gone, commit.at

    gone, at = _written(store, job)
    store.wipe()
    return _told({"erased": gone, "at": iso(at)})


@router.delete(
    "/v1/leads/{lead_id}/tombstone", status_code=204, responses=documented(404, 422, 503, 507)
)
def lift_tombstone(lead_id: LeadId, request: Request, store: StoreNow) -> Response:
    """Let a lead that was erased be told of again."""

    def job(commit: Commit) -> bool:
        record(commit, actor(request.scope), "tombstone lifted", digest(store.secret, lead_id))
        there = lift(commit, lead_id, store.secret)
        if there:
            note(store.settings, store.secret, [lead_id], commit.at, lifted=True)
        return there

    if not _written(store, job):
        raise Problem(404, "no-tombstone", "No lead of this id was erased.")
    return Response(status_code=204)


def _written(store: Store, job: Callable[[Commit], T]) -> T:
    try:
        return store.write(job)
    except MergeRefused as error:
        raise Problem(409, "merge-refused", str(error)) from None


def _there(commit: Commit, lead_ids: list[str]) -> None:
    """Problem unless the store holds the leads."""
    found = select_in(commit.connection, "SELECT lead_id FROM leads WHERE lead_id", lead_ids)
    if len(found) < len(set(lead_ids)):
        raise unknown_lead()


def _told(content: dict[str, object]) -> Response:
    return Response(to_json(content), media_type="application/json")
