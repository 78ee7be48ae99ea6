"""``GET /livez``, ``/readyz``: whether the process lives, and who is answering."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from models.scores import FallbackReason
from serving.live import LiveNow, probe

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """Leads are being scored; degraded while rules stand in for a model."""

    status: Literal["ok", "degraded"]
    scored_by: Literal["model", "rules"]
    fallback_reason: FallbackReason | None


@router.get("/livez")
def livez() -> Alive:
    """200 while the process answers."""
    return Alive()


@router.get("/readyz")
def readyz(live: LiveNow) -> Ready:
    """200 while leads are scored, by whomever: a lead made up for this is scored at every call."""
    answer: dict[str, Any] = probe(live, live.main)
    return Ready(
        status="ok" if answer["scored_by"] == "model" else "degraded",
        scored_by=answer["scored_by"],
        fallback_reason=answer["fallback_reason"],
    )
