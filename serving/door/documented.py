"""What the door adds to the OpenAPI document: keys and scopes, and refusals that any route may answer."""

from __future__ import annotations

from typing import Any

from serving.door.access import NEEDS, PROBES
from serving.problems import documented

_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, as `tegakari keys create` prints it. None is asked for while there "
        "is none, and the service then listens on loopback only.",
    },
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same."},
}


def document(openapi: dict[str, Any]) -> None:
    """Add to each operation which scope its key needs, and how the door may refuse it."""
    openapi.setdefault("components", {})["securitySchemes"] = _SCHEMES
    for path, operations in openapi["paths"].items():
        for method, operation in operations.items():
            need = NEEDS.get((method.upper(), path))
            refusals = [] if path in PROBES else [503]
            if need is not None:
                operation["security"] = [{"bearer": [need]}, {"header": [need]}, {}]
                refusals += [401, 403]
            if "requestBody" in operation:
                refusals += [408, 413, 415]
            for status, response in documented(*refusals).items():
                operation["responses"].setdefault(str(status), response)
