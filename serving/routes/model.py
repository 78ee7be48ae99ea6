"""``GET /v1/model``: what answers a task, what it was trained on, and how good it was found."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from models.artefact import Artefact
from models.conversion import Trees
from models.scores import FallbackReason
from serving.live import LiveNow
from serving.problems import documented

router = APIRouter(tags=["model"])


class RegisteredOut(BaseModel):
    """A version of a registered MLflow model."""

    name: str
    version: str


class TablesOut(BaseModel):
    """From what the reasons of trees are looked up, see `models.shapley`."""

    bytes: int = Field(description="memory of the tables")
    computed_leaves: int = Field(description="leaves without a table, computed for each lead")


class Card(BaseModel):
    """What answers a task."""

    task: str
    horizon: str | None
    scored_by: Literal["model", "rules"]
    fallback_reason: FallbackReason | None = Field(description="why rules answer")
    registered: RegisteredOut | None = Field(description="null for a model given as a folder")
    kind: str | None = Field(description="lightgbm or logistic")
    features: int | None = Field(description="how many features the model reads")
    explanation_tables: TablesOut | None = Field(description="null without trees")
    observed_points: bool = Field(
        description="whether rules give probabilities observed for points"
    )
    record: dict[str, Any] = Field(description="where the model came from: data, counts, figures")
    versions: dict[str, str | None]


@router.get("/v1/model", response_model=Card, responses=documented(422))
def model(
    live: LiveNow, task: Annotated[str | None, Query(description="a task of the playbook")] = None
) -> Response:
    """Say what answers a task, or why rules do."""
    loaded = live.of(task)
    scorer, artefact = loaded.scorer, loaded.artefact
    asked = artefact.task if artefact else live.playbook.task(loaded.task)
    card = Card(
        task=asked.name,
        horizon=asked.horizon_text,
        scored_by="model" if artefact else "rules",
        fallback_reason=None if artefact else scorer.why_rules(loaded.task),
        registered=(
            RegisteredOut(name=loaded.registered.name, version=loaded.registered.version)
            if artefact and loaded.registered
            else None
        ),
        kind=artefact.model.kind if artefact else None,
        features=len(artefact.plan.names) if artefact else None,
        explanation_tables=_tables(artefact) if artefact else None,
        observed_points=scorer.points_map is not None,
        record=artefact.record if artefact else {},
        versions=scorer.versions,
    )
    return Response(to_json(card), media_type="application/json")


def _tables(artefact: Artefact) -> TablesOut | None:
    estimator = artefact.model.estimator
    if not isinstance(estimator, Trees):
        return None
    shapley = estimator.shapley
    return TablesOut(bytes=shapley.table_bytes, computed_leaves=shapley.computed_leaves)
