"""What Pydantic found wrong with a request, in words: one message for each place.

What came is named by its kind and never repeated.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Place = tuple[str | int, ...]
"""Where something is: ``("body", "events", 3, "occurred_at")``."""


def collected(errors: Iterable[Mapping[str, Any]], body: object) -> list[tuple[Place, str]]:
    """What Pydantic found, one message for each place; the branches of a union speak together."""
    by_place: dict[Place, list[Mapping[str, Any]]] = {}
    for error in errors:
        by_place.setdefault(_place(error, body), []).append(error)
    return [(place, _message(found)) for place, found in by_place.items()]


def _place(error: Mapping[str, Any], body: object) -> Place:
    """Where an error is: its location without the names that Pydantic gives branches of a union."""
    where, *steps = error["loc"]
    if where != "body" or error["type"] in ("missing", "extra_forbidden"):
        return (where, *steps)
    here, place = body, [where]
    for step in steps:
        inside = isinstance(here, dict) and step in here
        if not inside and not (
            isinstance(here, list) and isinstance(step, int) and step < len(here)
        ):
            break
        here = here[step]  # type: ignore[index]
        place.append(step)
    return tuple(place)


_EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}
"""Errors that say only that something of another type came."""

_BOUNDS = {
    "finite_number": "a finite number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "greater_than_equal": "a number from {ge} on",
    "less_than_equal": "a number up to {le}",
    "string_too_short": "text of at least {min_length} character",
    "string_too_long": "text of at most {max_length} characters",
    "too_long": "at most {max_length} entries",
}


def _message(errors: Sequence[Mapping[str, Any]]) -> str:
    kinds = {error["type"] for error in errors}
    if "missing" in kinds:
        return "expected this, and it is missing"
    if "extra_forbidden" in kinds:
        return "unknown field"
    # A branch of a union that took the type and refused the value knows best.
    told = [error for error in errors if error["type"] not in _EXPECTED] or errors
    expected = list(dict.fromkeys(_expected(error) for error in told))
    if len(expected) > 1:
        expected = [thing for thing in expected if thing != "a whole number"]
    *others, last = expected
    either = f"{', '.join(others)} or {last}" if others else last
    return f"expected {either}, got {_kind(told[0].get('input'))}"


def _expected(error: Mapping[str, Any]) -> str:
    kind = error["type"]
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(**error.get("ctx", {}))
    return _EXPECTED.get(kind) or str(error["msg"])


def _kind(value: object) -> str:
    """What kind of thing came."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN, infinity or a number too large"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    return "text" if isinstance(value, str) else "something else"
