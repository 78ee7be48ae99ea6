"""``GET /livez``, ``/readyz``: whether the process lives, and who is answering."""

from __future__ import annotations

from typing import Any, Literal

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from models.scorer import code_version
from models.scores import FallbackReason
from serving.live import LiveNow, probe

router = APIRouter(tags=["health"])

_PROBING = CapacityLimiter(2)


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Leads are being scored; degraded while rules stand in for a model."""

    status: Literal["ok", "degraded"]
    scored_by: Literal["model", "rules"]
    fallback_reason: FallbackReason | None
    registry: Literal["ok", "away"] = Field(
        description="away: MLflow does not answer, and what answered before goes on"
    )
    refused: list[str] = Field(
        description="models and playbooks that should answer and were not let in"
    )
    store: Literal["open", "down"] = Field(
        description="down: nothing is stored, and what is sent to be scored is scored"
    )


class Version(BaseModel):
    """Which code answers."""

    version: str


@router.get("/livez")
async def livez() -> Alive:
    """200 while the process answers."""
    return Alive()


@router.get("/readyz")
async def readyz(live: LiveNow, request: Request) -> Ready:
    """200 while leads are scored, by whomever: a lead made up for this is scored at every call.

    Degraded while rules answer, the store is down, or something was not let in.
    """
    # Threads of its own: those of requests may all be taken.
    answer: dict[str, Any] = await run_sync(probe, live, live.main, limiter=_PROBING)
    standing, store = live.standing, request.app.state.background.store
    well = answer["scored_by"] == "model" and store is not None and not standing.refused
    return Ready(
        status="ok" if well and not standing.registry_away else "degraded",
        scored_by=answer["scored_by"],
        fallback_reason=answer["fallback_reason"],
        registry="away" if standing.registry_away else "ok",
        refused=list(standing.refused),
        store="down" if store is None else "open",
    )


@router.get("/ping")
async def ping() -> Response:
    """200 while requests to `/invocations` are answered, as MLflow and SageMaker ask it."""
    return Response(b"{}", media_type="application/json")


@router.get("/version")
async def version() -> Version:
    """The version of the code."""
    return Version(version=code_version())
