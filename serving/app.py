"""The HTTP application: a model is loaded, or found wanting, before the first request."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from features.errors import PlaybookError
from models.playbook import Playbook
from models.scorer import code_version
from models.settings import Settings
from serving import problems
from serving.examples import ANSWER
from serving.live import Live, probe
from serving.registry import load_all
from serving.routes import health, model, score

_LOG = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """The service.

    Parameters
    ----------
    settings : Settings

    Raises
    ------
    PlaybookError
        When the playbook is wrong or has no task. Want of a model is no error: rules answer.
    """
    playbook = Playbook.load(settings.playbook)
    if not playbook.tasks:
        raise PlaybookError(
            f"{playbook.source}: expected at least one [tasks.<name>] to answer for."
        )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.live = await run_in_threadpool(_load, settings, playbook)
        yield

    app = _Service(
        title="Tegakari",
        summary="How likely each lead is to convert, why, and on what basis.",
        version=code_version(),
        lifespan=lifespan,
        strict_content_type=False,
        # Its log records the values that fail validation.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    problems.install(app)
    for routes in (score, health, model):
        app.include_router(routes.router)
    return app


class _Service(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document; FastAPI leaves every null out of it, and answers have nulls."""
        document = super().openapi()
        answered = document["paths"]["/v1/score"]["post"]["responses"]["200"]
        answered["content"]["application/json"]["examples"] = ANSWER
        return document


def _load(settings: Settings, playbook: Playbook) -> Live:
    live = Live(playbook, load_all(settings, playbook, playbook.tasks))
    for task, loaded in live.loaded.items():
        answer = probe(live, loaded)
        by, reason = answer["scored_by"], answer["fallback_reason"]
        _LOG.info("%s: %s answers%s", task, by, f" ({reason})" if reason else "")
    return live
