"""``POST /v1/events`` without the framework, where a request is plainly as documented.

As with scores (`serving.door.quick`), FastAPI would take longer than what is done. What is plain is
read here by the schema of the route; everything else, and all that is wrong, goes to the route.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from fastapi import Request
from pydantic_core import from_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving import background
from serving.arriving import LARGEST, EventsIn, Told, plain_rows, put_aside
from serving.door.plain import NotPlain, reader
from serving.problems import Problem
from serving.routes.told import LONGEST_KEY, Taking, Telling, actor, answer
from serving.store.quarantine import Refused
from serving.store.store import Store
from serving.store.writer import StoreError

PATH = "/v1/events"

_read = reader(EventsIn)


class PlainEvents:
    """Middleware that stores the events of plain requests.

    Parameters
    ----------
    store : callable
        The store, while it is open.
    """

    def __init__(self, app: ASGIApp, store: Callable[[], Store | None]) -> None:
        self.app, self.store = app, store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Store and answer, or hand on."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        store, plain, key = self.store(), *_plain(scope)
        if store is None or not plain:
            await self.app(scope, receive, send)
            return
        message = await receive()
        job = (
            None if message.get("more_body") else _job(store, scope, key, message.get("body", b""))
        )
        if job is None:
            came = [message]

            async def again() -> Message:
                return came.pop() if came else await receive()

            await self.app(scope, again, send)
            return
        scope["state"]["route"] = PATH
        try:
            response = await answer(store, job)
        except Problem as problem:
            response = problem.response()
        except StoreError as error:
            response = await background.refused(Request(scope), error)
        await response(scope, receive, send)


def _plain(scope: Scope) -> tuple[bool, str | None]:
    """Whether the head of a request asks for nothing special, and its ``Idempotency-Key``."""
    key = None
    for name, value in scope["headers"]:
        if name == b"content-type" and value != b"application/json":
            return False, None
        if name == b"idempotency-key":
            if key is not None:
                return False, None
            key = value.decode("latin-1")
    return not scope["query_string"] and (key is None or 0 < len(key) <= LONGEST_KEY), key


def _job(store: Store, scope: Scope, key: str | None, body: bytes) -> Told | None:
    """What the store has to do; None where the request needs a closer look.

    No event of a body that is not larger than an event may be is too large itself.
    """
    if len(body) > LARGEST:
        return None
    try:
        events = _read(body).events
    except NotPlain:
        return None
    rows = plain_rows(events)
    if rows is None:
        return None

    def aside(place: int, reason: str) -> Refused:
        return put_aside(from_json(body)["events"])(place, reason)

    digest = hashlib.sha256(body).hexdigest() if key else ""
    telling = Telling(key, actor(scope), digest, Taking(len(rows)), aside)
    return Told(rows, store.secret, False, telling)
