"""``POST /invocations``: the scoring protocol of MLflow and SageMaker, so that their clients need no change.

The rows are those that the registered model takes, see `models.pyfunc`, and the answers are the same.
"""

from __future__ import annotations

import io
import math
from typing import Any

import pandas as pd
from fastapi import APIRouter, Request, Response
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from features.errors import InputError
from models.pyfunc import LeadScorer
from serving.body import parsed
from serving.examples import INVOCATIONS
from serving.live import LiveNow
from serving.problems import Problem, documented, unquoted

router = APIRouter(tags=["score"])

MOST_ROWS = 10_000
_CELL = {"type": ["string", "number", "boolean", "null"]}
_RECORDS = {
    "type": "array",
    "maxItems": MOST_ROWS,
    "items": {
        "type": "object",
        "required": ["lead_id"],
        "properties": {"lead_id": {"type": "string", "minLength": 1}},
    },
}
_SPLIT = {"columns", "data", "index"}
_FORMS: dict[str, dict[str, Any]] = {
    "dataframe_split": {
        "type": "object",
        "required": ["columns", "data"],
        "properties": {
            "columns": {"type": "array", "items": {"type": "string"}},
            "data": {"type": "array", "items": {"type": "array", "items": _CELL}},
            "index": {"type": "array"},
        },
        "additionalProperties": False,
    },
    "dataframe_records": _RECORDS,
    "instances": _RECORDS,
    "inputs": {"type": ["array", "object"]},
}
"""The forms that rows come in, and the schema of each."""


def _form(name: str, rows: dict[str, Any]) -> dict[str, Any]:
    """The schema of a body that holds rows in one form."""
    return {
        "type": "object",
        "required": [name],
        "properties": {
            name: rows,
            "params": {
                "type": "object",
                "properties": {"reasons": {"type": "integer"}, "lang": {"type": "string"}},
            },
        },
    }


@router.post(
    "/invocations",
    responses={
        200: {
            "description": "a score for each row, in their order",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["predictions"],
                        "properties": {
                            "predictions": {"type": "array", "items": {"type": "object"}}
                        },
                    },
                }
            },
        },
        **documented(400, 413, 415, 422, 503),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"oneOf": [_form(name, rows) for name, rows in _FORMS.items()]},
                    "examples": INVOCATIONS,
                },
                "text/csv": {
                    "schema": {"type": "string"},
                    "examples": {"a lead": {"value": "lead_id,employees\nL-0042,120\n"}},
                },
            },
        }
    },
)
async def invocations(request: Request, live: LiveNow) -> Response:
    """Score rows as `mlflow models serve` of the registered model would."""
    frame, params = _read(await request.body(), request.headers.get("content-type", ""))
    if len(frame) > MOST_ROWS:
        raise _bad(f"expected up to {MOST_ROWS:,} rows, got {len(frame):,}; send them in parts")
    scorer = LeadScorer(live.main.scorer)
    try:
        scores = await run_in_threadpool(scorer.predict, frame, params)
    except InputError as error:
        # What came is not sent back.
        raise _bad(unquoted(str(error).partition(", got ")[0])) from None
    told = {"predictions": [_plain(row) for row in scores.to_dict("records")]}
    return Response(to_json(told), media_type="application/json")


def _read(body: bytes, content_type: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The rows and parameters of a body.

    Raises
    ------
    Problem
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/csv":
        try:
            return pd.read_csv(io.BytesIO(body), dtype={"lead_id": str}), {}
        except (ValueError, UnicodeDecodeError):
            raise _bad("expected CSV of UTF-8 with a line of names, got something else") from None
    if kind != "application/json":
        raise Problem(
            415,
            "unsupported-media-type",
            "Expected Content-Type: application/json or text/csv, got another one.",
        )
    said = parsed(body, finite=True)
    forms = [name for name in _FORMS if isinstance(said, dict) and name in said]
    if len(forms) != 1:
        raise _bad(f"expected an object with one of {', '.join(_FORMS)}")
    params = said.get("params") or {}
    if not isinstance(params, dict) or not isinstance(params.get("reasons", 0), int):
        raise _bad("params: expected an object with reasons, a whole number, and lang")
    return _frame(forms[0], said[forms[0]]), params


def _frame(form: str, rows: Any) -> pd.DataFrame:
    try:
        if form == "dataframe_split":
            if not isinstance(rows, dict) or not {"columns", "data"} <= set(rows) <= _SPLIT:
                raise ValueError("not split")
            if not all(isinstance(name, str) for name in rows["columns"]):
                raise ValueError("a column without a name")
            return pd.DataFrame(rows["data"], columns=rows["columns"], dtype=object)
        if not isinstance(rows, list | dict) or (form != "inputs" and not isinstance(rows, list)):
            raise ValueError("no rows")
        return pd.DataFrame(rows, dtype=object)
    except (ValueError, TypeError, AttributeError, AssertionError):
        raise _bad(f"{form}: expected rows of named columns, got something else") from None


def _bad(message: str) -> Problem:
    detail = f"The rows cannot be scored: {message}."
    return Problem(400, "bad-request", detail, [(("body",), message)])


def _plain(row: dict[Any, Any]) -> dict[Any, Any]:
    """A row as JSON has it: NaN is null."""
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in row.items()
    }
