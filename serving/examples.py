"""A request and its answer, as OpenAPI shows them; a test asks the service for exactly these."""

from __future__ import annotations

from typing import Any

LEAD: dict[str, Any] = {
    "lead": {
        "lead_id": "L-0042",
        "created_at": "2026-03-02T10:15:00+09:00",
        "attributes": {"industry": "machinery", "employees": 120, "role": "設計部長"},
    },
    "events": [
        {
            "event_type": "webinar_attend",
            "occurred_at": "2026-03-24T15:00:00+09:00",
            "channel": "webinar",
        },
        {
            "event_type": "price_page_view",
            "occurred_at": "2026-03-30T09:41:12+09:00",
            "event_id": "web-88121",
        },
        {"event_type": "demo_request", "occurred_at": "2026-03-31T18:05:40+09:00"},
    ],
    "as_of": "2026-04-01T09:00:00+09:00",
}

REQUEST: dict[str, Any] = {
    "a lead with three events": {"summary": "A lead with three events", "value": LEAD},
    "a lead and nothing else": {
        "summary": "The least that can be asked: scored as of now",
        "value": {"lead": {"lead_id": "L-0043"}},
    },
}

BY_RULES: dict[str, Any] = {
    "lead_id": "L-0042",
    "as_of": "2026-04-01T00:00:00Z",
    "known_at": None,
    "task": "qualification",
    "state": "open",
    "horizon": "90d",
    "probability": None,
    "basis": None,
    "points": 61,
    "points_by_score": {"engagement": 48, "fit": 13},
    "grade": "A1",
    "ledger": [
        {
            "rule": "demo request",
            "points": 29.57,
            "event": "demo_request",
            "at": "2026-03-31T09:05:40Z",
            "count": 1,
            "label": "demo request",
        },
        {
            "rule": "price page",
            "points": 9.07,
            "event": "price_page_view",
            "at": "2026-03-30T00:41:12Z",
            "count": 1,
            "label": "price page view",
        },
        {
            "rule": "webinar attendance",
            "points": 8.87,
            "event": "webinar_attend",
            "at": "2026-03-24T06:00:00Z",
            "count": 1,
            "label": "webinar attendance",
        },
        {
            "rule": "decides about tools",
            "points": 8.0,
            "event": None,
            "at": None,
            "count": 1,
            "label": "role with a say in the purchase",
        },
        {
            "rule": "mid-sized or larger",
            "points": 5.0,
            "event": None,
            "at": None,
            "count": 1,
            "label": "30 employees or more",
        },
    ],
    "temperature": "hot",
    "temperature_by": "points",
    "temperature_otherwise": None,
    "stage": "TQL",
    "standing": {
        "origin": None,
        "cycle": 1,
        "entered": [
            {
                "stage": "MQL",
                "since": "2026-03-30T00:41:12Z",
                "event": "price_page_view",
                "content": None,
                "by_points": True,
            },
            {
                "stage": "TQL",
                "since": "2026-03-31T09:05:40Z",
                "event": "demo_request",
                "content": None,
                "by_points": True,
            },
        ],
        "sent_back": None,
        "evidence": [],
    },
    "psychological_stage": "consideration",
    "journey_step": "examination",
    "journey": {
        "step_by": {"event": "demo_request", "at": "2026-03-31T09:05:40Z"},
        "psychological_by": {"event": "demo_request", "at": "2026-03-31T09:05:40Z"},
        "inferred": True,
    },
    "excluded": None,
    "trend": None,
    "scored_by": "rules",
    "fallback_reason": "no_model",
    "starting_point": None,
    "reasons": [
        {
            "group": "demo request",
            "facts": {"points": 29.57, "count": 1, "at": "2026-03-31T09:05:40Z"},
            "effect": None,
            "text": "demo request: +29.6 points",
        },
        {
            "group": "price page",
            "facts": {"points": 9.07, "count": 1, "at": "2026-03-30T00:41:12Z"},
            "effect": None,
            "text": "price page view: +9.1 points",
        },
        {
            "group": "webinar attendance",
            "facts": {"points": 8.87, "count": 1, "at": "2026-03-24T06:00:00Z"},
            "effect": None,
            "text": "webinar attendance: +8.9 points",
        },
    ],
    "next_action": {"label": "call today", "touch": "call_made", "association": None},
    "warnings": [],
    "ignored": {"future": 0, "duplicate": 0, "unknown_type": 0},
    "outside_training": [],
    "missing_inputs": [],
    "versions": {"model": None, "playbook": "2d0b314aa220", "features": None, "code": "0.1.0"},
}

EVENTS: dict[str, Any] = {
    "two events": {
        "summary": "A webinar attended, and a call by us",
        "value": {
            "events": [
                {
                    "lead_id": "L-0042",
                    "event_type": "webinar_attend",
                    "occurred_at": "2026-03-24T15:00:00+09:00",
                    "channel": "webinar",
                    "event_id": "web-88120",
                },
                {
                    "lead_id": "L-0042",
                    "event_type": "call_made",
                    "occurred_at": "2026-03-25T10:30:00+09:00",
                    "event_id": "call-512",
                },
            ]
        },
    }
}

LEADS: dict[str, Any] = {
    "a lead": {
        "summary": "A lead; told of again with another role, that is a change",
        "value": {
            "leads": [
                {
                    "lead_id": "L-0042",
                    "created_at": "2026-03-02T10:15:00+09:00",
                    "attributes": {"industry": "machinery", "employees": 120, "role": "設計部長"},
                }
            ]
        },
    }
}

INVOCATIONS: dict[str, Any] = {
    "records": {
        "summary": "A lead with an event",
        "value": {
            "dataframe_records": [
                {
                    "lead_id": "L-0042",
                    "created_at": "2026-03-02T10:15:00+09:00",
                    "employees": 120,
                    "events": LEAD["events"],
                    "as_of": LEAD["as_of"],
                }
            ],
            "params": {"reasons": 3, "lang": "ja"},
        },
    }
}

REQUESTS: dict[str, Any] = {
    "two leads": {
        "summary": "Two leads at once",
        "value": {"leads": [LEAD, {"lead": {"lead_id": "L-0043"}}]},
    }
}
