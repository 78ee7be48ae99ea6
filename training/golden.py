"""Golden rows: synthetic leads whose answers an artefact must give again before it may serve."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from models.artefact import Artefact, Golden

_ROWS = 24
_AS_OF = datetime(2026, 1, 15, 3, 30, tzinfo=UTC)
_NUMBERS = (0.0, 1.0, 7.0, 250.0, 18_000.0)


def golden(artefact: Artefact, seed: int) -> Artefact:
    """The artefact with golden rows: invented leads, its own vocabulary, its own answers.

    No row comes from data; the first lead has no events and no attributes at all.
    """
    rng = np.random.default_rng(seed)
    requests = [_request(artefact, rng, place) for place in range(_ROWS)]
    answers = artefact.answers(requests)
    return replace(artefact, golden=Golden(requests, [float(p) for p in answers]))


def _request(artefact: Artefact, rng: np.random.Generator, place: int) -> dict[str, Any]:
    created = _AS_OF - timedelta(minutes=int(rng.integers(1, 400 * 24 * 60)))
    lead: dict[str, Any] = {"lead_id": f"golden-{place}", "created_at": created.isoformat()}
    events: list[dict[str, Any]] = []
    if place:
        lead["attributes"] = {
            attribute.name: _value(artefact, attribute.name, attribute.type, rng)
            for attribute in artefact.plan.attributes
        }
        types = artefact.plan.known_types
        span = max(1, int((_AS_OF - created).total_seconds()))
        for _ in range(int(rng.integers(1, 30)) if types else 0):
            events.append(
                {
                    "event_type": types[int(rng.integers(len(types)))],
                    "occurred_at": (
                        created + timedelta(seconds=int(rng.integers(span)))
                    ).isoformat(),
                }
            )
    return {"lead": lead, "events": events, "as_of": _AS_OF.isoformat()}


def _value(
    artefact: Artefact, name: str, kind: str, rng: np.random.Generator
) -> str | float | None:
    if rng.random() < 0.1:
        return None
    if kind == "number":
        return float(rng.choice(_NUMBERS))
    if kind == "date":
        return (_AS_OF - timedelta(days=float(rng.choice(_NUMBERS)))).date().isoformat()
    if kind == "text":
        return "-" * int(rng.integers(100))
    texts = artefact.encoder.categories.get(name) or ("",)
    return texts[int(rng.integers(len(texts)))]
