"""What the door adds to the OpenAPI document: keys and scopes, and refusals that any route may answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from serving.answered import ANSWERED
from serving.door.access import NEEDS, PROBES
from serving.problems import documented

_TASK = {"type": "string", "title": "Task"}
_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, as `tegakari keys create` prints it. None is asked for while there "
        "is none, and the service then listens on loopback only.",
    },
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same."},
}


def document(openapi: dict[str, Any], tasks: Sequence[str]) -> None:
    """Add to each operation which scope its key needs, which tasks there are, and how the door may
    refuse it."""
    components = openapi.setdefault("components", {})
    components["securitySchemes"] = _SCHEMES
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                components.setdefault("schemas", {}).update(content["schema"].pop("$defs", {}))
            # Here, since FastAPI leaves every null out of examples, and answers have nulls.
            if (answer := ANSWERED.get(f"{method.upper()} {path}")) is not None:
                responses = operation["responses"]
                granted = responses.get("200") or responses["202"]
                content = granted["content"]["application/json"]
                content["examples"] = {"an answer": {"value": answer}}
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "task":
                    parameter["schema"] = {**_TASK, "enum": [*tasks, ""]}
            need = NEEDS.get((method.upper(), path))
            refusals = [] if path in PROBES else [503]
            if need is not None:
                operation["security"] = [{"bearer": [need]}, {"header": [need]}, {}]
                refusals += [401, 403]
            if "requestBody" in operation:
                refusals += [408, 413, 415]
            for status, response in documented(*refusals).items():
                operation["responses"].setdefault(str(status), response)
