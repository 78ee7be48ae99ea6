"""Examples of what operations answer, for OpenAPI.

They are answers of a service that was told the examples of `serving.examples`, with other times.
"""

from __future__ import annotations

from typing import Any

from serving.examples import BY_RULES

# One taken, one known already, one refused and put aside.
_TAKEN = {
    "received_at": "2026-04-01T00:00:01.250000Z",
    "accepted": 1,
    "duplicates": 1,
    "refused": 1,
    "items": [
        {"status": "accepted"},
        {"status": "duplicate"},
        {
            "status": "refused",
            "reason": "invalid",
            "errors": [
                {
                    "location": "body.events[2].occurred_at",
                    "message": "expected a time such as 2026-04-01T09:00:00+09:00, "
                    "got something else",
                }
            ],
            "quarantine": 7,
        },
    ],
}

ANSWERED: dict[str, Any] = {
    "POST /v1/score": BY_RULES,
    "POST /v1/scores": {"scores": [BY_RULES]},
    "POST /invocations": {"predictions": [BY_RULES]},
    "GET /v1/leads": {
        "leads": [
            {
                "lead_id": "L-0042",
                "task": "qualification",
                "state": "open",
                "probability": 0.62,
                "points": 61,
                "temperature": "hot",
                "stage": "MQL",
                "owner": "sato",
                "scored_by": "model",
                "fallback_reason": None,
                "scored_at": "2026-04-01T00:00:01.310000Z",
                "versions": {"model": "b9a68dd1a98c", "playbook": "2d0b314aa220"},
                "attributes": {"industry": "machinery", "employees": 120},
            }
        ],
        "next": "WyItcHJvYmFiaWxpdHkiLFswLjYyLDAuNDksIkwtMDA0MiJdXQ",
    },
    "POST /v1/leads": _TAKEN,
    "POST /v1/events": _TAKEN,
    "GET /v1/leads/{lead_id}": {
        "lead_id": "L-0042",
        "created_at": "2026-03-02T01:15:00Z",
        "received_at": "2026-04-01T00:00:01.250000Z",
        "attributes": {"industry": "machinery", "employees": 120, "role": "設計部長"},
        "merged_into": None,
        "merged": [],
    },
    "GET /v1/leads/{lead_id}/history": {
        "lead_id": "L-0042",
        "events": [
            {
                "lead_id": "L-0042",
                "event_type": "call_made",
                "occurred_at": "2026-03-25T01:30:00Z",
                "recorded_at": None,
                "channel": None,
                "content": None,
                "value": None,
                "event_id": "call-512",
                "account_id": None,
                "received_at": "2026-04-01T00:00:03.252620Z",
                "backfill": False,
            },
            {
                "lead_id": "L-0042",
                "event_type": "webinar_attend",
                "occurred_at": "2026-03-24T06:00:00Z",
                "recorded_at": None,
                "channel": "webinar",
                "content": None,
                "value": None,
                "event_id": "web-88120",
                "account_id": None,
                "received_at": "2026-04-01T00:00:03.252620Z",
                "backfill": False,
            },
        ],
        "changes": [],
        "merges": [],
        "scores": [
            {
                "lead_id": "L-0042",
                "task": "qualification",
                "asked": "qualification",
                "state": "open",
                "probability": None,
                "points": -12,
                "temperature": "cold",
                "stage": "lead",
                "scored_by": "rules",
                "fallback_reason": "no_model",
                "as_of": "2026-04-01T00:00:02.251310Z",
                "known_at": "2026-04-01T00:00:01.250000Z",
                "scored_at": "2026-04-01T00:00:02.251310Z",
                "events_seen": 0,
                "model": None,
                "playbook": "569155ec8bef",
                "features": None,
                "code": "0.1.0",
            }
        ],
    },
    "GET /v1/quarantine": {
        "refused": [
            {
                "id": 1,
                "kind": "event",
                "lead_id": "L-0042",
                "payload": {
                    "lead_id": "L-0042",
                    "event_type": "call_made",
                    "occurred_at": "soon",
                    "event_id": "call-512b",
                },
                "reason": "invalid",
                "errors": [
                    {
                        "location": "body.events[1].occurred_at",
                        "message": "expected a time such as "
                        "2026-04-01T09:00:00+09:00, got something else",
                    }
                ],
                "received_at": "2026-04-01T00:00:04.253930Z",
            }
        ],
        "next": None,
    },
    "POST /v1/quarantine/{number}/replay": {"id": 1, "status": "accepted"},
    "POST /v1/leads/{lead_id}/merge": {
        "lead_id": "L-0042",
        "merged_into": "L-0041",
        "at": "2026-04-01T00:00:05.255240Z",
    },
    "DELETE /v1/leads/{lead_id}/merge": {
        "lead_id": "L-0042",
        "merged_into": None,
        "at": "2026-04-01T00:00:06.256550Z",
    },
    "DELETE /v1/leads/{lead_id}": {"erased": ["L-0041"], "at": "2026-04-01T00:00:07.257860Z"},
    "GET /v1/audit": {
        "entries": [
            {
                "id": 1,
                "at": "2026-04-01T00:00:07.257860Z",
                "actor": "anyone",
                "action": "lead erased",
                "subject": "eecbd1eed43dbbc8ec9c060f11e56e84a77d98a20cbab13f713c039a54d84594",
                "details": None,
            }
        ],
        "next": None,
    },
    "GET /v1/model": {
        "task": "qualification",
        "horizon": "90d",
        "scored_by": "rules",
        "fallback_reason": "no_model",
        "registered": None,
        "kind": None,
        "features": None,
        "explanation_tables": None,
        "observed_points": False,
        "record": {},
        "versions": {"model": None, "playbook": "569155ec8bef", "features": None, "code": "0.1.0"},
    },
    "GET /livez": {"status": "ok"},
    "GET /readyz": {
        "status": "degraded",
        "scored_by": "rules",
        "fallback_reason": "no_model",
        "registry": "ok",
        "refused": [],
        "store": "open",
    },
    "GET /ping": {},
    "GET /version": {"version": "0.1.0"},
    "GET /v1/leads/{lead_id}/score": {**BY_RULES, "changed": None},
}
"""By method and path, the answer to a request that is granted."""
