"""The HTTP application: a model is loaded, or found wanting, before the first request."""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache, partial
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp

from features.errors import PlaybookError
from models.kept import keep
from models.playbook import Playbook
from models.playbook.playbook import DEFAULT
from models.scorer import code_version
from models.settings import Settings
from serving import background, problems
from serving.door.access import Access, check_every_route
from serving.door.admission import Admission
from serving.door.bodies import Bodies
from serving.door.documented import document
from serving.door.full import ADMISSION
from serving.door.plain_events import PlainEvents
from serving.door.quick import Quick
from serving.door.requests import Requests
from serving.kept import kept_scorer
from serving.keys import KeyRing
from serving.live import Live, probe
from serving.paths import Parts
from serving.registry import load_all
from serving.routes import (
    audit,
    events,
    health,
    invocations,
    leads,
    metrics,
    model,
    people,
    quarantine,
    score,
    stored,
)
from serving.store.writer import StoreError
from serving.together import Together
from serving.watch import Watch

_LOG = logging.getLogger(__name__)

ROUTES = (
    score,
    invocations,
    leads,
    stored,
    people,
    events,
    quarantine,
    audit,
    model,
    health,
    metrics,
)
"""The doors, in the order in which OpenAPI shows them."""


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
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Admission]]:
        app.state.live = await run_in_threadpool(_load, settings, playbook)
        watch = Watch(settings, lambda: app.state.live, partial(setattr, app.state, "live"))
        app.state.background = await run_in_threadpool(
            background.Background, settings, lambda: app.state.live
        )
        app.state.together = Together(lambda: app.state.live, settings.deadline)
        await run_in_threadpool(app.state.ring.start)
        watch.start()
        await run_in_threadpool(_settle)
        try:
            yield {ADMISSION: app.state.admission}
        finally:
            await run_in_threadpool(watch.close)
            await run_in_threadpool(app.state.together.close)
            await run_in_threadpool(app.state.ring.close)
            await run_in_threadpool(app.state.background.close)

    app = _Service(
        title="Tegakari",
        summary="How likely each lead is to convert, why, and on what basis.",
        version=code_version(),
        lifespan=lifespan,
        strict_content_type=False,
        # Its log records the values that fail validation.
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.state.settings, app.state.background = settings, background.CLOSED
    app.state.playbook = playbook
    app.state.earlier = lru_cache(_EARLIER)(partial(kept_scorer, settings))
    app.state.together = None
    app.state.ring = KeyRing(lambda: app.state.background.store, settings.home / "keys.json")
    problems.install(app)
    app.add_exception_handler(StoreError, background.refused)
    for routes in ROUTES:
        app.include_router(routes.router)
    return app


class _Service(FastAPI):
    def build_middleware_stack(self) -> ASGIApp:
        """The door, from inside out; beyond it is what FastAPI does with a request."""
        check_every_route(self.routes)
        inside: ASGIApp = super().build_middleware_stack()
        inside = Quick(inside, lambda: self.state.together)
        inside = PlainEvents(inside, lambda: self.state.background.store)
        admitted = self.state.admission = Admission(inside, self.state.settings.admitted)
        # A path is taken apart before anybody looks at it: an id may hold a slash.
        return Requests(Parts(Access(Bodies(admitted), self.state.ring)))

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        told = super().openapi()
        document(told, list(self.state.playbook.tasks))
        return told


_EARLIER = 8
"""Models that answered before and are held to be compared with."""
_YOUNG = 100_000
"""Objects made before Python looks for circles among them: a request makes thousands, none in circles."""


def _settle() -> None:
    """What is loaded stays: it need not be looked through for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 100)


def _load(settings: Settings, playbook: Playbook) -> Live:
    keep((settings.playbook or DEFAULT).read_bytes(), settings.playbooks)
    live = Live(playbook, load_all(settings, playbook, playbook.tasks))
    for task, loaded in live.loaded.items():
        answer = probe(live, loaded)
        by, reason = answer["scored_by"], answer["fallback_reason"]
        _LOG.info("%s: %s answers%s", task, by, f" ({reason})" if reason else "")
    return live
