"""Who may do what: a key has scopes, a route asks for one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from fastapi import Request
from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.door.refusing import refuse
from serving.keys import KeyRing, Principal
from serving.problems import Problem

Need = Literal["score", "ingest", "read", "admin", "erase"]

PROBES = frozenset(("/livez", "/readyz", "/ping"))
"""Asked by machines all the time: never queued, and nobody has to say who they are."""

OPEN = PROBES | {"/version", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"}
"""Paths without a key: they tell nothing of any lead."""

NEEDS: dict[tuple[str, str], Need] = {
    ("POST", "/v1/score"): "score",
    ("POST", "/v1/scores"): "score",
    ("POST", "/invocations"): "score",
    ("POST", "/v1/leads"): "ingest",
    ("POST", "/v1/events"): "ingest",
    ("POST", "/v1/leads/{lead_id}/merge"): "ingest",
    ("DELETE", "/v1/leads/{lead_id}/merge"): "ingest",
    ("GET", "/v1/quarantine"): "ingest",
    ("POST", "/v1/quarantine/{number}/replay"): "ingest",
    ("DELETE", "/v1/quarantine/{number}"): "ingest",
    ("GET", "/v1/leads"): "read",
    ("GET", "/v1/leads/{lead_id}"): "read",
    ("GET", "/v1/leads/{lead_id}/score"): "read",
    ("GET", "/v1/leads/{lead_id}/history"): "read",
    ("GET", "/v1/model"): "read",
    ("GET", "/metrics"): "read",
    ("DELETE", "/v1/leads/{lead_id}"): "erase",
    ("DELETE", "/v1/leads/{lead_id}/tombstone"): "admin",
    ("GET", "/v1/audit"): "admin",
}
"""The scope that each route asks for. A service with a route that is not in it does not start."""

_PATTERNS = [
    (method, re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), need)
    for (method, path), need in NEEDS.items()
    if "{" in path
]


def need_of(method: str, path: str) -> Need | None:
    """The scope that a request asks for; None where no route is.

    Examples
    --------
    >>> need_of("GET", "/v1/leads/L-1/score"), need_of("DELETE", "/v1/leads/L-1")
    ('read', 'erase')
    """
    found = NEEDS.get((method, path))
    if found is not None:
        return found
    for allowed, pattern, need in _PATTERNS:
        if allowed == method and pattern.fullmatch(path):
            return need
    return None


def check_every_route(routes: Sequence[BaseRoute]) -> None:
    """See to it that each route says which scope it asks for.

    Raises
    ------
    RuntimeError
        When a route says nothing: it would be open to every key.
    """
    for route in iter_route_contexts(routes):
        for method in route.methods or ():
            if route.path not in OPEN and (method, route.path) not in NEEDS:
                raise RuntimeError(
                    f"{method} {route.path} is in neither NEEDS nor OPEN of serving/door/access.py. "
                    "Say there which scope it asks for."
                )


def demand(request: Request, need: Need) -> None:
    """See to it that a request may do more than its route asks for.

    Raises
    ------
    Problem
        403, when its key lacks the scope.
    """
    principal: Principal | None = request.scope["state"].get("principal")
    if principal is not None and need not in principal.scopes:
        raise _forbidden(need, principal)


class Access:
    """Middleware that asks for a key, where the company has any.

    Parameters
    ----------
    ring : KeyRing
    """

    def __init__(self, app: ASGIApp, ring: KeyRing) -> None:
        self.app, self.ring = app, ring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on requests of keys that may do what they ask."""
        if scope["type"] == "http" and scope["path"] not in OPEN and self.ring.locked:
            problem = self._refusal(scope)
            if problem is not None:
                await refuse(problem, scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> Problem | None:
        """Why a request may not go on; None where it may, and the scope then says whose it is."""
        token = _token(scope)
        principal = self.ring.find(token)
        if principal is None:
            invalid = ' error="invalid_token"' if token else ""
            return Problem(
                401,
                "unauthorized",
                "Expected an API key in Authorization: Bearer ..., got "
                f"{'one that is unknown, expired or revoked' if token else 'none'}.",
                headers={"WWW-Authenticate": f"Bearer{invalid}"},
            )
        scope.setdefault("state", {})["principal"] = principal
        need = need_of(scope["method"], scope["path"])
        # Where no route is, the router says so.
        return None if need is None or need in principal.scopes else _forbidden(need, principal)


def _forbidden(need: Need, principal: Principal) -> Problem:
    return Problem(
        403,
        "forbidden",
        f"Expected a key with the scope {need}; this one has {', '.join(sorted(principal.scopes))}.",
        headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{need}"'},
    )


def _token(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return str(value[7:].strip().decode("latin-1"))
        if name == b"x-api-key":
            return str(value.strip().decode("latin-1"))
    return ""
