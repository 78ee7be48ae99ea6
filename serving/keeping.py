"""``store=true``: a request to be scored is stored as well, whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fastapi import Request

from features.form import Form
from features.instants import MISSING, now
from models.request import ScoreRequest
from serving.background import Background
from serving.door.access import demand
from serving.moments import AHEAD, TOO_FAR, instants
from serving.problems import Problem
from serving.store.events import ACCEPTED, DUPLICATE, EventRow, add_events
from serving.store.leads import LeadRow, add_leads
from serving.store.store import Store
from serving.store.writer import Commit, StoreDown


async def keep(http: Request, requests: Sequence[ScoreRequest], form: Form) -> None:
    """Store the leads of requests and what happened to them; those of colleagues are theirs to tell.

    Raises
    ------
    Problem
        When the key may not, or something contradicts what is stored; nothing is stored then.
    StoreError
        When the store cannot take it.
    """
    demand(http, "ingest")
    background: Background = http.app.state.background
    store = background.store
    if store is None:
        raise StoreDown("The store does not answer. Without store=true the lead is scored.")
    leads, events = _rows(requests, form)
    await asyncio.wrap_future(store.submit(lambda commit: _stored(commit, store, leads, events)))


def _stored(
    commit: Commit, store: Store, leads: Sequence[LeadRow], events: Sequence[EventRow]
) -> None:
    outcomes = add_leads(commit, leads, store.secret)
    outcomes += add_events(commit, events, store.secret) if events else []
    refused = next((said for said in outcomes if said not in (ACCEPTED, DUPLICATE)), None)
    if refused is not None:
        detail = {
            "conflict": "Nothing was stored: an id came before with other content.",
            "erased": "Nothing was stored: the lead was erased; an admin can lift the tombstone.",
        }
        # Whoever raises out of a job has stored nothing.
        raise Problem(409, refused, detail[refused])


def _rows(requests: Sequence[ScoreRequest], form: Form) -> tuple[list[LeadRow], list[EventRow]]:
    """Leads and events as they are stored; their times have been read once already."""
    created, _ = instants([r.lead.created_at for r in requests], form, [True] * len(requests))
    leads = [
        LeadRow(r.lead.lead_id, None if at == MISSING else at, r.lead.attributes)
        for r, at in zip(requests, created, strict=True)
    ]
    told = [(r.lead.lead_id, event) for r in requests for event in r.events]
    starts = [event.event_type in form.outcomes for _, event in told]
    occurred, _ = instants([event.occurred_at for _, event in told], form, starts)
    recorded, _ = instants([event.recorded_at for _, event in told], form, [False] * len(told))
    if occurred and max(occurred) > now() + AHEAD:
        raise Problem(
            422, "invalid-request", "Nothing was stored.", [(("body", "events"), TOO_FAR)]
        )
    return leads, [
        EventRow(
            lead_id,
            event.event_type,
            at,
            None if known == MISSING else known,
            event.channel or None,
            event.content or None,
            event.value,
            event.event_id or None,
        )
        for (lead_id, event), at, known in zip(told, occurred, recorded, strict=True)
    ]
