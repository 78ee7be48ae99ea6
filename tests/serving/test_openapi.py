"""Every operation is as its OpenAPI document says, whatever it is asked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
from schemathesis import Case, CheckFunction
from schemathesis.specs.openapi import checks

from models.settings import Settings
from serving.app import create_app
from serving.process import Service

EXAMPLES = int(os.environ.get("TEGAKARI_EXAMPLES", "12"))
"""Requests made up for each operation, in each of the ways to make them up."""

schema = schemathesis.openapi.from_dict(create_app(Settings(model=None)).openapi())
# No schema of ours says that NUL is refused everywhere; the tests of hostile input do.
schema.config.generation.allow_x00 = False


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of its own, which answers by rules and stores what it is told."""
    home = tmp_path_factory.mktemp("openapi")
    with Service(home, home / "log") as service:
        yield service


def unsaid(case: Case) -> list[CheckFunction]:
    """What is not asked of an answer where no schema can say which requests are good."""
    asked = {*(case.query or {}), *(name.lower() for name in case.headers or {})}
    left_out = list(_UNSAID.get(case.path, ()))
    for name in asked & set(_UNSAID):
        left_out += _UNSAID[name]
    return left_out


good, bad = checks.positive_data_acceptance, checks.negative_data_rejection
_UNSAID: dict[str, tuple[CheckFunction, ...]] = {
    # Whether a cursor was given out, a key came before with another body, a moment is past.
    "cursor": (good,),
    "idempotency-key": (good,),
    "as_of": (good,),
    "known_at": (good,),
    "since": (good,),
    # Events too far ahead are not stored. Other words than true are taken for true.
    "store": (good, bad),
    # What is wrong with one of many is told of that one, and the others are taken.
    "/v1/leads": (bad,),
    "/v1/events": (bad,),
    # Whether a lead was refused or an event.
    "/v1/quarantine/{number}/replay": (good,),
    # Which rows fit the model.
    "/invocations": (good, bad),
}
"""By the path of an operation, or by the name of a parameter that is given."""


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_answers_as_it_says(case: Case, service: Service) -> None:
    url = f"http://127.0.0.1:{service.port}"
    case.call_and_validate(base_url=url, excluded_checks=unsaid(case))


OPERATIONS: list[tuple[str, str, dict[str, Any]]] = [
    (method.upper(), path, operation)
    for path, of_path in schema.raw_schema["paths"].items()
    for method, operation in of_path.items()
]


def examples(contents: dict[str, Any]) -> list[tuple[dict[str, Any], Any]]:
    """Each example of a body, with the schema that it is to fit."""
    return [
        (content.get("schema", {}), one["value"])
        for content in contents.values()
        for one in content.get("examples", {}).values()
    ]


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
def test_every_operation_has_examples_that_fit(
    method: str, path: str, operation: dict[str, Any]
) -> None:
    told = [operation["requestBody"]] if "requestBody" in operation else []
    told += [said for status, said in operation["responses"].items() if status in ("200", "202")]
    for said in told:
        found = examples(said["content"])
        assert found, (method, path)
        for form, value in found:
            whole = {**form, "components": schema.raw_schema["components"]}
            Draft202012Validator(whole).validate(value)


@pytest.mark.parametrize(
    ("method", "path", "operation"), [one for one in OPERATIONS if "requestBody" in one[2]]
)
def test_every_example_of_a_request_is_taken(
    method: str, path: str, operation: dict[str, Any], service: Service
) -> None:
    for name, content in operation["requestBody"]["content"].items():
        for _, value in examples({name: content}):
            body = value if isinstance(value, str) else json.dumps(value)
            url = f"http://127.0.0.1:{service.port}{path.format(lead_id='L-0042', number=1)}"
            answer = httpx2.request(method, url, content=body, headers={"Content-Type": name})
            # There may be no such lead, and nothing in quarantine.
            allowed = (404, 409) if "{" in path else ()
            assert answer.status_code in (200, 202, *allowed), answer.text
