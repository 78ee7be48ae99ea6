"""``/v1/leads/{id}/score`` and ``/history``: how likely a stored lead is to convert, now or then, and why."""

from __future__ import annotations

import json
import logging
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json
from sqlalchemy import Connection

from features.errors import TegakariError
from features.instants import iso, now
from models.explain import MOST
from models.intake import form_of
from models.request import TIME
from models.scorer import Scorer
from models.since import why_changed
from models.wording import LANGUAGES, language
from serving.answer import Score
from serving.background import StoreNow
from serving.live import Live, LiveNow
from serving.moments import instants
from serving.paths import LeadId
from serving.problems import Problem, documented
from serving.registry import Loaded
from serving.routes.leads import unknown_lead
from serving.store.events import EventRow
from serving.store.merging import roots, standing
from serving.store.ranking import kept_scores, versions_at
from serving.store.statements import marked
from serving.stored import look, scored

router = APIRouter(tags=["store"])

_LOG = logging.getLogger(__name__)

_MOST_HISTORY = 1_000


class ChangedOut(BaseModel):
    """What became of a score since a moment, and why."""

    since: str
    then: dict[str, Any] = Field(description="the answer then, in short")
    effect: float | None = Field(
        description="percentage points since, the sum of those of the reasons; null where either "
        "answer has no probability"
    )
    reasons: list[dict[str, Any]]
    points: list[dict[str, Any]] = Field(description="the rules whose points changed")


class StoredScore(Score):
    """The score of a stored lead."""

    changed: ChangedOut | None = Field(description="with `since`: why the score changed since then")


class HistoryOut(BaseModel):
    """What is kept of a lead, the newest first."""

    lead_id: str
    events: list[dict[str, Any]]
    changes: list[dict[str, Any]]
    merges: list[dict[str, Any]]
    scores: list[dict[str, Any]] = Field(description="as answered, kept on change and daily")


Moment = Annotated[str | None, Query(max_length=64, description="ISO 8601", json_schema_extra=TIME)]


@router.get(
    "/v1/leads/{lead_id}/score",
    response_model=StoredScore,
    responses=documented(404, 422, 503),
)
def score(
    request: Request,
    lead_id: LeadId,
    live: LiveNow,
    store: StoreNow,
    as_of: Moment = None,
    known_at: Moment = None,
    since: Moment = None,
    reasons: Annotated[int, Query(ge=0, le=MOST)] = 3,
    task: Annotated[str | None, Query(description="a task of the playbook")] = None,
    accept_language: Annotated[
        str | None, Header(description=f"the language of texts: {', '.join(LANGUAGES)}")
    ] = None,
) -> Response:
    """The score of a stored lead, now or at any past time.

    With `as_of` the lead is seen as it was then, by what is known now; `known_at` also hides what
    was received later, and so gives the answer that was given then. `since` says why the score
    changed since a moment: what the lead did, what time did, and what another model or playbook did
    than that which answered then. Without `task`, the task that the lead belongs to is asked about.
    """
    moment = now()
    asked = _moments(live, {"as_of": as_of, "known_at": known_at, "since": since}, moment)
    at = asked["as_of"] or asked["known_at"] or moment
    lang = language(accept_language)
    with store.reading() as connection:
        seen = look(connection, live, [_root(connection, lead_id)], at, asked["known_at"])
    if not len(seen.known.leads):
        raise unknown_lead()
    loaded, scores = next(iter(scored(live, seen, task=task, reasons=reasons, lang=lang)))
    record = scores.record(0)
    record["known_at"] = iso(asked["known_at"]) if asked["known_at"] else None
    record["changed"] = None
    if asked["since"]:
        if asked["since"] > at:
            raise _invalid("since", "expected a moment up to as_of, got a later one")
        with store.reading() as connection:
            answered = versions_at(connection, scores.lead_id[0], loaded.task, asked["since"])
        record["changed"] = why_changed(
            _who_answered(request, loaded, answered),
            loaded.scorer,
            seen.known,
            since=asked["since"],
            as_of=at,
            task=loaded.task,
            lang=lang,
        )
    headers = {"Content-Language": lang, "Vary": "Accept-Language"}
    return Response(to_json(record), headers=headers, media_type="application/json")


def _who_answered(
    request: Request, loaded: Loaded, answered: tuple[str | None, str] | None
) -> Scorer:
    """What gave an answer of some versions; what answers now where nothing was answered then, or it
    was not kept."""
    mine = loaded.scorer.versions
    if answered is None or answered == (mine["model"], mine["playbook"]):
        return loaded.scorer
    try:
        earlier: Scorer = request.app.state.earlier(*answered, loaded.task)
    except TegakariError as error:
        _LOG.warning("an earlier answer is compared as of now (%s)", type(error).__name__)
        return loaded.scorer
    return earlier


@router.get(
    "/v1/leads/{lead_id}/history", response_model=HistoryOut, responses=documented(404, 422, 503)
)
def history(
    lead_id: LeadId,
    store: StoreNow,
    limit: Annotated[int, Query(ge=1, le=_MOST_HISTORY, description="of each kind")] = 100,
) -> Response:
    """What is kept of a lead and of those merged into it: events, changes, merges, scores as answered."""
    with store.reading() as connection:
        select = marked(connection, "SELECT 1 FROM leads WHERE lead_id = ?")
        if connection.exec_driver_sql(select, (lead_id,)).first() is None:
            raise unknown_lead()
        root = roots(standing(connection, [lead_id]))
        ids = [lead_id, *(one for one, end in root.items() if end == lead_id)]
        told = {
            "lead_id": lead_id,
            **{kind: _newest(connection, kind, ids, limit) for kind in _KEPT},
            "scores": [
                _times(row, "as_of", "known_at", "scored_at")
                for row in kept_scores(connection, lead_id, limit)
            ],
        }
    return Response(to_json(told), media_type="application/json")


_KEPT = {
    "events": (
        "events",
        "occurred_at",
        (*EventRow._fields, "received_at", "backfill"),
    ),
    "changes": (
        "changes",
        "changed_at",
        ("lead_id", "attribute", "old_value", "new_value", "changed_at", "received_at"),
    ),
    "merges": (
        "identities",
        "merged_at",
        ("lead_id", "merged_into", "kind", "merged_at", "received_at"),
    ),
}
"""What is kept of a lead: the table, the time it is ordered by, and the columns that are shown."""


def _newest(connection: Connection, kind: str, ids: list[str], limit: int) -> list[dict[str, Any]]:
    table, at, columns = _KEPT[kind]
    marks = ", ".join(["?"] * len(ids))
    where, values = f"lead_id IN ({marks})", [*ids]
    if table == "identities":
        where, values = f"{where} OR merged_into IN ({marks})", [*ids, *ids]
    statement = (
        f"SELECT {', '.join(columns)} FROM {table} WHERE {where} "
        f"ORDER BY {at} DESC, id DESC LIMIT {limit}"
    )
    rows = connection.exec_driver_sql(marked(connection, statement), tuple(values)).fetchall()
    told = []
    for row in rows:
        record = dict(zip(columns, row, strict=True))
        record |= {n: json.loads(record[n]) for n in ("old_value", "new_value") if record.get(n)}
        if "backfill" in record:
            record["backfill"] = bool(record["backfill"])
        told.append(_times(record, *(name for name in columns if name.endswith("_at"))))
    return told


def _times(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {**record, **{n: None if record[n] is None else iso(record[n]) for n in names}}


def _root(connection: Connection, lead_id: str) -> str:
    """The lead that one is now, so that an id which was merged still finds its person."""
    select = marked(connection, "SELECT root FROM leads WHERE lead_id = ?")
    root = connection.exec_driver_sql(select, (lead_id,)).scalar()
    return lead_id if root is None else str(root)


def _moments(live: Live, texts: dict[str, str | None], latest: int) -> dict[str, int | None]:
    """The moments asked for; Problem for what is none, or lies ahead."""
    found, wrong = instants(list(texts.values()), form_of(live.playbook), [True] * len(texts))
    moments: dict[str, int | None] = {}
    for place, (name, text) in enumerate(texts.items()):
        if place in wrong:
            raise _invalid(name, wrong[place])
        if text and found[place] > latest:
            raise _invalid(name, "expected a moment up to now, got a later one")
        moments[name] = found[place] if text else None
    return moments


def _invalid(name: str, message: str) -> Problem:
    return Problem(
        422, "invalid-request", "The request cannot be used.", [(("query", name), message)]
    )
