"""``GET /metrics``: counts and times for Prometheus, of all worker processes together."""

from __future__ import annotations

import os
import re

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from serving.workers import METRICS

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text format",
            "content": {
                "text/plain": {
                    "schema": {"type": "string"},
                    "examples": {
                        "a counter": {
                            "value": 'tegakari_requests_total{method="GET",route="/livez",status="200"} 1.0\n'
                        }
                    },
                }
            },
        }
    },
)
def metrics(request: Request) -> Response:
    """Counts, times and gauges; with TEGAKARI_INSTANCE, their names begin with it."""
    registry = REGISTRY
    if os.environ.get(METRICS):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    told = generate_latest(registry)
    instance = request.app.state.settings.instance
    if instance:
        prefix = re.sub(r"\W", "_", instance).encode() + b"_tegakari_"
        told = re.sub(rb"(?m)^((?:# (?:HELP|TYPE) )?)tegakari_", rb"\1" + prefix, told)
    return Response(told, media_type=CONTENT_TYPE_LATEST)
