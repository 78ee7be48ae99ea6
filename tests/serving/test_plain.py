"""What reads plain requests takes nothing that the schema refuses, and understands it as the schema does."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator

from models.request import ScoreRequest
from serving.arriving import EventsIn
from serving.door.plain import NotPlain, reader
from serving.routes.score import ScoreRequests

EVENT = {"event_type": "visit", "occurred_at": "2026-04-01T00:00:00Z"}
BODIES: dict[type[BaseModel], list[Any]] = {
    ScoreRequest: [
        {"lead": {"lead_id": "a"}},
        {
            "lead": {
                "lead_id": "山田",
                "created_at": None,
                "attributes": {"a": 1, "b": 2.5, "c": None, "d": True, "e": "x"},
            },
            "events": [{**EVENT, "value": 3, "channel": "web", "content": "", "event_id": "1"}],
            "account_events": [{**EVENT, "lead_id": "b"}],
            "as_of": "2026-05-01",
        },
    ],
    ScoreRequests: [{"leads": [{"lead": {"lead_id": "a"}, "events": [EVENT], "as_of": None}]}],
    EventsIn: [{"events": [{**EVENT, "lead_id": "a", "account_id": "x", "recorded_at": "soon"}]}],
}
HARD = [
    *("-", "1", "-0", "1.0", "1e2", "1e999", "-1e999", "NaN", "Infinity", "01", "1.", ".5", "+1"),
    *("null", "true", "[]", "{}", '""', "'a'", '"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"'),
    *('"a\x01"', '"\x7f"', '"\\x"', "1" * 30, "1" * 400, "1" * 5_000, "[" * 2_000),
    *('"' + "é" * n + '"' for n in (1, 64, 65, 1_000, 1_001, 10_000, 10_001)),
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def places(value: Any) -> list[list[Any]]:
    """The way to each value that a body holds, the body itself first."""
    inner: Any = enumerate(value) if isinstance(value, list) else ()
    inner = value.items() if isinstance(value, dict) else inner
    return [[], *([key, *rest] for key, one in inner for rest in places(one))]


def put(body: Any, place: list[Any], text: str) -> str:
    """A body as JSON, with a text where one of its values was."""
    if not place:
        return text
    mark = "\ue000here\ue000"
    changed = json.loads(json.dumps(body))
    inside = changed
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = mark
    return json.dumps(changed, ensure_ascii=False).replace(f'"{mark}"', text)


def told(one: Any) -> Any:
    """What was read, whatever holds it, with the type of each value."""
    if isinstance(one, list):
        return [told(inner) for inner in one]
    if isinstance(one, dict):
        return {key: told(inner) for key, inner in one.items()}
    names = getattr(type(one), "model_fields", None) or getattr(one, "__struct_fields__", None)
    if names:
        return {name: told(getattr(one, name)) for name in sorted(names)}
    return type(one).__name__, repr(one)


def agree(model: type[BaseModel], read: Callable[[bytes], BaseModel], body: bytes) -> bool:
    """Whether a body was read; it is then what the model makes of it."""
    try:
        found = read(body)
    except NotPlain:
        return False
    assert told(found) == told(model.model_validate_json(body)), body[:200]
    return True


@pytest.mark.parametrize("model", BODIES, ids=lambda model: model.__name__)
def test_a_plain_body_is_read_and_a_hard_value_anywhere_means_the_same(
    model: type[BaseModel],
) -> None:
    read = reader(model)
    for body in BODIES[model]:
        assert agree(model, read, json.dumps(body).encode())
        taken = [
            agree(model, read, put(body, place, text).encode())
            for place in places(body)
            for text in HARD
        ]
        assert any(taken)
        assert not all(taken)


@pytest.mark.parametrize("model", BODIES, ids=lambda model: model.__name__)
@given(data=st.data())
def test_any_value_anywhere_means_the_same(model: type[BaseModel], data: st.DataObject) -> None:
    read = reader(model)
    body = data.draw(st.sampled_from(BODIES[model]))
    place = data.draw(st.sampled_from(places(body)))
    text = json.dumps(data.draw(json_values), ensure_ascii=data.draw(st.booleans()))
    agree(model, read, put(body, place, text).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("model", BODIES, ids=lambda model: model.__name__)
@given(raw=st.binary(max_size=40))
@example(b"\xff\xfe{}")
@example(b"\xef\xbb\xbf{}")
def test_any_bytes_anywhere_mean_the_same(model: type[BaseModel], raw: bytes) -> None:
    read = reader(model)
    whole = json.dumps(BODIES[model][-1]).encode()
    agree(model, read, raw)
    agree(model, read, whole.replace(b"visit", raw))
    agree(model, read, whole + raw)


def test_names_given_twice_and_names_unknown_mean_the_same() -> None:
    read = reader(ScoreRequest)
    for body in (
        b'{"lead": {"lead_id": "a", "lead_id": "b"}}',
        b'{"lead": {"lead_id": 1, "lead_id": "b"}}',
        b'{"lead": {"lead_id": "a"}, "lead": {"lead_id": "b"}}',
        b'{"lead": {"lead_id": "a", "attributes": {"x": 1, "x": "2"}}}',
        b'{"lead": {"lead_id": "a", "colour": "red"}}',
    ):
        agree(ScoreRequest, read, body)


def test_lists_and_names_have_the_limits_of_the_schema() -> None:
    read = reader(ScoreRequest)
    many = {str(n): n for n in range(1_001)}
    body = json.dumps({"lead": {"lead_id": "a", "attributes": many}}).encode()
    assert not agree(ScoreRequest, read, body)
    leads = [BODIES[ScoreRequest][0]]
    for n, taken in ((0, False), (1_000, True), (1_001, False)):
        body = json.dumps({"leads": leads * n}).encode()
        assert agree(ScoreRequests, reader(ScoreRequests), body) == taken


def test_a_model_that_says_more_than_can_be_translated_is_refused() -> None:
    class Loose(BaseModel):
        a: str

    class Multiple(BaseModel):
        model_config = ConfigDict(strict=True, extra="forbid")
        a: Annotated[int, Field(multiple_of=3)]

    class Own(BaseModel):
        model_config = ConfigDict(strict=True, extra="forbid")
        a: str

        @field_validator("a")
        @classmethod
        def odd(cls, a: str) -> str:
            raise ValueError

    class Nested(BaseModel):
        model_config = ConfigDict(strict=True, extra="forbid")
        a: list[Loose]

    class Strange(BaseModel):
        model_config = ConfigDict(strict=True, extra="forbid")
        a: set[str]

    for model in (Loose, Multiple, Own, Nested, Strange):
        with pytest.raises(TypeError, match=r"translation|strict|validators"):
            reader(model)
