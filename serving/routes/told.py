"""What the doors of the store say of each item: taken, known already, or refused with a reason."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar

from fastapi import Header, Request, Response
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pydantic_core import to_json
from starlette.types import Scope

from features.instants import iso
from serving.body import is_endless
from serving.findings import Place, collected
from serving.problems import MEDIA_TYPE, Problem, dotted
from serving.store.quarantine import Kind, Refused, put_aside
from serving.store.replies import KeyReused, recall, remember
from serving.store.store import Store
from serving.store.writer import Commit

T = TypeVar("T")


class Wrong(BaseModel):
    """One thing that is wrong."""

    location: str
    message: str


class ItemOut(BaseModel):
    """What became of one item."""

    status: Literal["accepted", "duplicate", "refused"]
    reason: str | None = Field(default=None, description="why it was refused, a closed list")
    errors: list[Wrong] = Field(default_factory=list)
    quarantine: int | None = Field(
        default=None, description="its number at /v1/quarantine; null where nothing was kept of it"
    )


class TakenOut(BaseModel):
    """What became of a request: items = accepted + duplicates + refused."""

    received_at: str = Field(description="the moment of the commit, ISO 8601; `known_at` sees it")
    accepted: int
    duplicates: int
    refused: int
    items: list[ItemOut]


LONGEST_KEY = 255

IdempotencyKey = Annotated[
    str | None,
    Header(
        max_length=LONGEST_KEY,
        description="a request that comes again under the same key gets the first answer",
    ),
]


@dataclass
class Taking:
    """The items of a request while they are taken.

    Attributes
    ----------
    n : int
        How many there are.
    refused : dict
        What was refused before it reached the store, by place.
    """

    n: int
    refused: dict[int, Refused] = field(default_factory=dict)

    @property
    def places(self) -> list[int]:
        """The places of the items that go to the store."""
        return [place for place in range(self.n) if place not in self.refused]


_MESSAGES = {
    "conflict": "expected the content that came before under this id, got other content",
    "erased": "expected a lead that was not erased; an admin can lift the tombstone",
}
_OUTCOMES: dict[str, dict[str, Any]] = {
    "accepted": {"status": "accepted"},
    "duplicate": {"status": "duplicate"},
}


@dataclass(frozen=True)
class Telling:
    """What a request is told: what became of its items, or what it was told when it came before.

    Attributes
    ----------
    key : str or None
        Its ``Idempotency-Key``.
    principal : str
        Who sent it.
    digest : str
        Of its body, where there is a key.
    taking : Taking
    aside : callable
        What is kept of an item that the store refused, given its place and the reason.
    """

    key: str | None
    principal: str
    digest: str
    taking: Taking
    aside: Callable[[int, str], Refused]

    def before(self, commit: Commit) -> tuple[int, bytes] | None:
        """The status and body that the same request got before; None for a new one.

        Raises
        ------
        KeyReused
            When the key came with another request.
        """
        if not self.key:
            return None
        known = recall(commit, self.key, self.principal, self.digest)
        return (known[0], known[1].encode()) if known else None

    def after(self, commit: Commit, outcomes: Sequence[str]) -> tuple[int, bytes]:
        """The status and body of an answer, given what became of the items at `taking.places`."""
        status, body = _told(commit, self.taking, outcomes, self.aside)
        if self.key:
            remember(commit, self.key, self.principal, self.digest, status, body.decode())
        return status, body

    def alone(self, commit: Commit, job: Callable[[Commit], Sequence[str]]) -> tuple[int, bytes]:
        """The status and body of an answer, where a job has yet to take the items."""
        return self.before(commit) or self.after(commit, job(commit))


async def answer(store: Store, job: Callable[[Commit], tuple[int, bytes]]) -> Response:
    """Run a job that gives a status and a body, and answer with these after the commit.

    Raises
    ------
    Problem
        When the ``Idempotency-Key`` came with another request.
    StoreError
        When nothing was committed.
    """
    try:
        status, body = await asyncio.wrap_future(store.submit(job))
    except KeyReused as error:
        raise Problem(422, "idempotency-key-reused", str(error)) from None
    return Response(body, status, media_type=MEDIA_TYPE if status == 409 else "application/json")


async def telling(
    request: Request, key: str | None, taking: Taking, aside: Callable[[int, str], Refused]
) -> Telling:
    """What a request will be told."""
    digest = hashlib.sha256(await request.body()).hexdigest() if key else ""
    return Telling(key, actor(request.scope), digest, taking, aside)


def _told(
    commit: Commit,
    taking: Taking,
    outcomes: Sequence[str],
    aside: Callable[[int, str], Refused],
) -> tuple[int, bytes]:
    """The status and body of an answer; what was refused is put aside in the same commit."""
    if not taking.refused and outcomes.count("accepted") == taking.n:
        return 202, _ALL % (str(iso(commit.at)).encode(), taking.n, _accepted(taking.n))
    if not taking.refused and all(outcome in _OUTCOMES for outcome in outcomes):
        items = [_OUTCOMES[outcome] for outcome in outcomes]
        return 202, _body(commit, items)
    said = dict(zip(taking.places, outcomes, strict=True))
    refused = dict(taking.refused)
    for place, outcome in said.items():
        if outcome not in _OUTCOMES:
            refused[place] = aside(place, outcome)
    # Of an erased lead nothing is kept, not even what was refused.
    kept = [place for place in sorted(refused) if refused[place].reason != "erased"]
    numbers = dict(zip(kept, put_aside(commit, [refused[p] for p in kept]), strict=True))
    items = [
        {
            "status": "refused",
            "reason": refused[place].reason,
            "errors": refused[place].errors,
            "quarantine": numbers.get(place),
        }
        if place in refused
        else _OUTCOMES[said[place]]
        for place in range(taking.n)
    ]
    nothing = len(refused) == taking.n
    if nothing and any(one.reason == "conflict" for one in refused.values()):
        return 409, _body(commit, items, problem=_conflict(refused))
    return 202, _body(commit, items)


_ALL = b'{"received_at":"%s","accepted":%d,"duplicates":0,"refused":0,"items":[%s]}'
"""What most requests are told, as `_body` would write it."""


@lru_cache(1_000)
def _accepted(n: int) -> bytes:
    """The items of a request of which all were taken."""
    return to_json([_OUTCOMES["accepted"]] * n)[1:-1]


def _conflict(refused: dict[int, Refused]) -> dict[str, Any]:
    errors = [
        (tuple(error["location"].split(".")), error["message"])
        for one in refused.values()
        for error in one.errors
    ]
    detail = "Nothing was taken: what came before under these ids had other content."
    return Problem(409, "conflict", detail, errors).content


def _body(
    commit: Commit, items: list[dict[str, Any]], problem: dict[str, Any] | None = None
) -> bytes:
    count = {
        name: sum(item["status"] == name for item in items)
        for name in ("accepted", "duplicate", "refused")
    }
    return to_json(
        {
            **(problem or {}),
            "received_at": iso(commit.at),
            "accepted": count["accepted"],
            "duplicates": count["duplicate"],
            "refused": count["refused"],
            "items": items,
        }
    )


def message_of(reason: str) -> str:
    """What is wrong with an item that the store refused."""
    return _MESSAGES[reason]


def listed(body: Any, name: str, most: int) -> list[Any]:
    """The items of a body that holds nothing but a list of them.

    Raises
    ------
    Problem
    """
    items = body.get(name) if isinstance(body, dict) else None
    if not isinstance(items, list) or not 1 <= len(items) <= most or len(body) != 1:
        message = f'expected {{"{name}": [...]}} with 1 to {most} items and nothing else'
        raise Problem(
            422, "invalid-request", "The request is not as documented.", [(("body",), message)]
        )
    return items


def refused(
    kind: Kind, item: Any, place: int, reason: str, errors: Sequence[tuple[Place, str]]
) -> Refused:
    """An item as it is put aside; where things are wrong is told from the request on."""
    lead_id = item.get("lead_id") if isinstance(item, dict) else None
    return Refused(
        kind,
        lead_id if isinstance(lead_id, str) else None,
        to_json(item).decode(),
        reason,
        [
            {"location": dotted(("body", f"{kind}s", place, *where)), "message": message}
            for where, message in errors
        ],
    )


def valid(
    form: TypeAdapter[list[T]], kind: Kind, items: list[Any], taking: Taking
) -> list[tuple[int, T]]:
    """The items that have the form asked for, each with its place; the others are put down as refused.

    Raises
    ------
    Problem
        When one holds a number that is none, or has no end.
    """
    try:
        return list(enumerate(form.validate_python(items)))
    except ValidationError as error:
        found: dict[int, list[Any]] = {}
        for one in error.errors(include_url=False):
            found.setdefault(int(one["loc"][0]), []).append(
                {**one, "loc": ("body", *one["loc"][1:])}
            )
    for place, errors in found.items():
        if is_endless(items[place]):
            # JSON has no such number, so that the item could not even be kept.
            raise Problem(
                422,
                "invalid-request",
                "The request holds a number that JSON has not; nothing of it was taken.",
                [
                    (
                        ("body", f"{kind}s", place),
                        "expected finite numbers, got NaN, infinity or a number too large",
                    )
                ],
            )
        told = [(where[1:], said) for where, said in collected(errors, items[place])]
        taking.refused[place] = refused(kind, items[place], place, "invalid", told)
    good = [place for place in range(len(items)) if place not in found]
    return list(zip(good, form.validate_python([items[place] for place in good]), strict=True))


def actor(scope: Scope) -> str:
    """The id of the key that a request came with; ``anyone`` where there are no keys."""
    principal = scope["state"].get("principal")
    return principal.key_id if principal else "anyone"
