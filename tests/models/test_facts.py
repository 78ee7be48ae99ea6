"""Facts: what the cutoff sees of a lead, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from features.groups import ANY, OTHER
from features.instants import DAY, HOUR, MISSING
from features.plan import Plan, Response
from models.facts import age_facts, event_facts, of_types, response_facts


def test_facts_are_what_the_cutoff_sees(
    plan: Plan, take_in: Callable[[list[dict[str, Any]]], Any]
) -> None:
    def at(day: int, kind: str, **more: str) -> dict[str, str]:
        return {"event_type": kind, "occurred_at": f"2026-01-{day:02}T00:00:00Z", **more}

    events = [
        at(10, "demo_request"),
        at(12, "demo_request"),
        at(14, "demo_request", recorded_at="2026-01-25T00:00:00Z"),
        at(13, "blog_view"),
        at(21, "demo_request"),
    ]
    lead = {"lead_id": "a", "created_at": "2026-01-01T00:00:00Z"}
    other = {"lead": {"lead_id": "b"}, "events": [at(13, "demo_request")]}
    leads, log, _ = take_in([other, {"lead": lead, "events": events}])
    cutoff = int(leads.created_at[1]) + 19 * DAY

    def facts(group: str, row: int = 1) -> dict[str, Any]:
        return event_facts(log, row, cutoff, of_types(log, plan.members(group)))

    assert facts("demo_request") == {"count": 2, "hours_since_last": 8 * 24.0}
    assert facts(OTHER) == {"count": 1, "hours_since_last": 7 * 24.0}
    assert facts(ANY) == {"count": 3, "hours_since_last": 7 * 24.0}
    assert facts("price_page_view") == {"count": 0}
    assert facts("demo_request", 0) == {"count": 1, "hours_since_last": 7 * 24.0}
    assert age_facts(int(leads.created_at[1]), cutoff) == {"days": 19.0}
    answered = Response("blog_view", "demo_request")
    assert response_facts(log, 1, cutoff, answered) == {
        "touch": "blog_view",
        "answer": "demo_request",
        "touches": 1,
        "answers": 2,
        "hours_since_touch": 7 * 24.0,
    }
    unanswered = response_facts(log, 0, cutoff, Response("blog_view", "fax"))
    assert unanswered == {"touch": "blog_view", "answer": "fax", "touches": 0, "answers": 0}


def test_an_unknown_creation_is_not_an_age() -> None:
    assert age_facts(MISSING, 20_000 * DAY) == {"days": None}
    assert age_facts(0, 36 * HOUR) == {"days": 1.5}
