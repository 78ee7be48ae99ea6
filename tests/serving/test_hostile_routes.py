"""Hostile bodies through every door that takes one, and hostile text through every path."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from models.settings import Settings
from serving import body
from serving.app import create_app
from serving.door.access import NEEDS
from serving.examples import LEAD
from tests.serving.test_hostile import CORPORA, naughty, needs_corpora

JSON = {"Content-Type": "application/json"}
MARK = "(here)"
SECRET = "taro"

DOCUMENTS = {
    "n_empty": b"",
    "n_space": b" ",
    "n_half": b'{"lead": ',
    "n_comma": b'{"lead": {},}',
    "n_single_quotes": b"{'lead': 1}",
    "n_comment": b"{} // no",
    "n_two": b"{} {}",
    "n_deep": b"[" * 100_000,
    "n_deep_objects": b'{"a":' * 100_000,
    "n_utf16": '{"lead": 1}'.encode("utf-16"),
    "n_not_utf8": b'{"lead": "\xff"}',
    "n_overlong_nul": b'"\xc0\x80"',
    "n_control": b'"\x00"',
    "n_escape": rb'"\x41"',
    "n_leading_zero": b"[012]",
    "n_plus": b"[+1]",
    "i_lone_surrogate": rb'"\ud800"',
    "i_lone_second": rb'["\udc00a"]',
    "i_bom": b"\xef\xbb\xbf{}",
    "i_large": b"[" + b"9" * 4_000 + b"]",
    "i_infinite": b"1e999",
    "y_number": b"-0.0",
    "y_null": b"null",
    "y_kanji": '"手がかり"'.encode(),
    "y_list": b"[[], {}]",
}


def documents() -> dict[str, bytes]:
    """Ours, and those of the corpora where they are."""
    theirs = sorted((CORPORA / "json_parsing").glob("*.json"))
    return DOCUMENTS | {path.name: path.read_bytes() for path in theirs}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(home=tmp_path_factory.mktemp("hostile"))
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def doors(client: TestClient) -> dict[tuple[str, str], Any]:
    """An example of a body for each route that takes one."""
    assert isinstance(client.app, FastAPI)
    found: dict[tuple[str, str], Any] = {}
    for path, operations in client.app.openapi()["paths"].items():
        for method, operation in operations.items():
            taken = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if taken is not None:
                example = next(iter(taken["examples"].values()))["value"]
                found[method.upper(), path.replace("{lead_id}", "L-1").replace("{number}", "1")] = (
                    example
                )
    assert len(found) >= sum(method in ("POST", "PUT", "PATCH") for method, _ in NEEDS) - 2
    return found


def places(value: Any) -> Iterator[tuple[Any, ...]]:
    """Where something stands in an example, leaves and what holds them."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for step, one in inner:
        yield (step,)
        if isinstance(one, dict | list):
            for rest in places(one):
                yield (step, *rest)


def put(example: Any, place: tuple[Any, ...], value: Any) -> Any:
    changed = json.loads(json.dumps(example))
    here = changed
    for step in place[:-1]:
        here = here[step]
    here[place[-1]] = value
    return changed


def spread(example: Any, most: int) -> list[tuple[Any, ...]]:
    every = list(places(example))
    return every[:: -(-len(every) // most)]


def checked(answer: httpx2.Response, what: str) -> httpx2.Response:
    """An answer that is no failure of ours, and JSON to the letter."""
    assert answer.status_code < 500, what

    def refuse(constant: str) -> None:
        raise AssertionError(f"{what}: {constant} in an answer")

    if answer.content:
        json.loads(answer.content.decode(), parse_constant=refuse)
    return answer


def nothing_taken(answer: httpx2.Response) -> bool:
    """Whether all was refused, in whole or item by item."""
    return answer.status_code in (400, 422) or (
        answer.status_code == 202 and answer.json()["accepted"] == 0
    )


def test_every_document_as_a_body(client: TestClient, doors: dict[tuple[str, str], Any]) -> None:
    for (method, path), _ in doors.items():
        for name, document in documents().items():
            answer = checked(
                client.request(method, path, content=document, headers=JSON), f"{path} {name}"
            )
            if name.startswith("n_"):
                assert 400 <= answer.status_code < 500, f"{path} {name}"


def test_every_document_within_a_body(
    client: TestClient, doors: dict[tuple[str, str], Any]
) -> None:
    for (method, path), example in doors.items():
        for place in spread(example, 4):
            before, after = json.dumps(put(example, place, MARK)).encode().split(b'"(here)"')
            for name, document in documents().items():
                answer = client.request(
                    method, path, content=before + document + after, headers=JSON
                )
                checked(answer, f"{path} {place} {name}")
                if name.startswith("n_"):
                    assert 400 <= answer.status_code < 500, f"{path} {place} {name}"


@pytest.mark.parametrize(
    "value",
    [b"NaN", b"-Infinity", b"1e999", rb'"taro\ud800"', rb'"taro\u0000"', rb'{"taro\u0000": 1}'],
    ids=["nan", "infinity", "too large", "lone surrogate", "nul", "nul in a name"],
)
def test_what_is_no_number_and_no_text_is_refused_and_not_repeated(
    client: TestClient, doors: dict[tuple[str, str], Any], value: bytes
) -> None:
    for (method, path), example in doors.items():
        for place in places(example):
            if not isinstance(place[-1], str):
                continue
            before, after = json.dumps(put(example, place, MARK)).encode().split(b'"(here)"')
            answer = client.request(method, path, content=before + value + after, headers=JSON)
            checked(answer, f"{path} {place}")
            assert SECRET not in answer.text, f"{path} {place}"
            if path != "/v1/quarantine/1/replay":
                assert nothing_taken(answer), f"{path} {place} {answer.text[:300]}"
    checked(client.get("/v1/quarantine?limit=1000"), "quarantine")


@needs_corpora
def test_naughty_strings_within_every_body(
    client: TestClient, doors: dict[tuple[str, str], Any]
) -> None:
    for door, ((method, path), example) in enumerate(doors.items()):
        texts = [place for place in places(example) if isinstance(place[-1], str)]
        for n, text in enumerate(naughty()[door % 3 :: 3]):
            sent = put(example, texts[n % len(texts)], text)
            answer = client.request(method, path, content=json.dumps(sent), headers=JSON)
            checked(answer, f"{path} {texts[n % len(texts)]} {text!r}")


@needs_corpora
def test_naughty_strings_as_ids_and_in_queries(client: TestClient) -> None:
    names = ("stage", "owner", "sort", "cursor", "temperature", "task")
    for n, text in enumerate(naughty()):
        part = quote(text, safe="")
        path = ("", "/score", "/history")[n % 3]
        checked(client.get(f"/v1/leads/{part}{path}"), repr(text))
        name = names[n % len(names)]
        checked(client.get("/v1/leads", params={name: text}), f"{name} {text!r}")
        asked = {"as_of": text, "known_at": text, "since": text}
        checked(client.get("/v1/leads/L-1/score", params=asked), repr(text))
        checked(client.delete(f"/v1/leads/{part or 'x'}/tombstone"), repr(text))


def test_depth_is_bounded_exactly(client: TestClient) -> None:
    for levels, message in ((body.DEEPEST - 3, b"attributes"), (body.DEEPEST - 2, b"levels")):
        value: Any = 1
        for _ in range(levels):
            value = [value]
        lead = {**LEAD["lead"], "attributes": {"a": value}}
        answer = client.post("/v1/score", json={"lead": lead})
        assert answer.status_code == 422
        assert message in answer.content


def test_lists_and_objects_are_counted_before_they_are_made(client: TestClient) -> None:
    many = b"[" + b"[]," * body.MOST + b"[]]"
    padded = b'{"dataframe_records": ' + many + b"}"
    answer = client.post("/invocations", content=padded, headers=JSON)
    assert answer.status_code == 422
    assert f"{body.MOST:,}".encode() in answer.content


def test_an_event_has_a_size_of_its_own(client: TestClient) -> None:
    event = {"lead_id": "L-1", "event_type": "demo_request", "occurred_at": "2026-01-01T00:00:00Z"}
    for size, status in ((9_000, "accepted"), (33 * 1024, "refused")):
        # Ten thousand characters of a text are the most; bytes are more than characters.
        sent = {**event, "event_id": str(size), "content": "字" * (size // 3)}
        answer = client.post("/v1/events", json={"events": [sent]})
        assert [item["status"] for item in answer.json()["items"]] == [status]


def test_bodies_that_are_packed_are_not_unpacked(
    client: TestClient, doors: dict[tuple[str, str], Any]
) -> None:
    for method, path in doors:
        for packing in ("gzip", "deflate", "br", "zstd", "gzip, gzip"):
            headers = {**JSON, "Content-Encoding": packing}
            answer = client.request(method, path, content=b"\x1f\x8b", headers=headers)
            assert answer.status_code == 415
            assert answer.headers["accept-encoding"] == "identity"
