"""Messages: strict about what they hold, and a lead alone is the lead it is in a list."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from features.attributes import as_of
from features.colleagues import MOST_PEOPLE, NO_ACCOUNT, NOT_TOLD, Colleagues
from features.errors import InputError
from features.form import Form
from features.instants import DAY, HOUR, MISSING
from features.log import EventLog, Leads
from features.plan import Attribute
from features.spine import Spine
from features.times import parse_one
from models.request import ScoreRequest, colleagues_in, cutoffs, leads_and_log

FORM = Form({}, {}, None, frozenset({"deal_opened"}), 2**62)
TOKYO = Form({}, {}, ZoneInfo("Asia/Tokyo"), frozenset({"deal_opened"}), 2**62)
EVENT = {"event_type": "demo_request", "occurred_at": "2026-01-02T00:00:00Z"}


def instant(text: str) -> int:
    return parse_one(text, None, "test")


def message(**lead: Any) -> dict[str, Any]:
    return {"lead": {"lead_id": "a", **lead}}


def taken(*messages: dict[str, Any], form: Form = FORM) -> tuple[Leads, EventLog]:
    return leads_and_log([ScoreRequest.model_validate(m) for m in messages], form)


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({}, ("lead",)),
        ({"lead": {}}, ("lead", "lead_id")),
        ({"lead": {"lead_id": ""}}, ("lead", "lead_id")),
        ({"lead": {"lead_id": 12}}, ("lead", "lead_id")),
        ({"lead": {"lead_id": None}}, ("lead", "lead_id")),
        (message(created_at=1767225600), ("lead", "created_at")),
        (message(name="Suzuki"), ("lead", "name")),
        (message(attributes=[["a", 1]]), ("lead", "attributes")),
        (message(attributes={"a": {"b": 1}}), ("lead", "attributes", "a")),
        (message(attributes={"a": float("nan")}), ("lead", "attributes", "a")),
        (message(attributes={"a": float("inf")}), ("lead", "attributes", "a")),
        ({**message(), "probability": 1}, ("probability",)),
        ({**message(), "as_of": 5}, ("as_of",)),
        ({**message(), "events": {}}, ("events",)),
        ({**message(), "events": [{}]}, ("events", 0, "event_type")),
        ({**message(), "events": [{"event_type": "x"}]}, ("events", 0, "occurred_at")),
        ({**message(), "events": [{**EVENT, "occurred_at": None}]}, ("events", 0, "occurred_at")),
        ({**message(), "events": [{**EVENT, "occurred_at": ""}]}, ("events", 0, "occurred_at")),
        ({**message(), "events": [EVENT, {**EVENT, "lead_id": "b"}]}, ("events", 1, "lead_id")),
        ({**message(), "events": [{**EVENT, "value": "7"}]}, ("events", 0, "value")),
        ({**message(), "events": [{**EVENT, "value": float("nan")}]}, ("events", 0, "value")),
        ({**message(), "events": [{**EVENT, "value": 10**400}]}, ("events", 0, "value")),
        ({**message(), "events": [{**EVENT, "channel": 3}]}, ("events", 0, "channel")),
    ],
)
def test_what_is_not_in_the_contract_is_refused_and_placed(
    wrong: dict[str, Any], where: tuple[str | int, ...]
) -> None:
    with pytest.raises(ValidationError) as refused:
        ScoreRequest.model_validate(wrong)
    assert refused.value.errors()[0]["loc"][: len(where)] == where


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_json_numbers_that_are_none_are_refused(text: str) -> None:
    lead = f'{{"lead": {{"lead_id": "a", "attributes": {{"n": {text}}}}}}}'
    event = (
        '{"lead": {"lead_id": "a"}, "events": [{"event_type": "x", '
        f'"occurred_at": "2026-01-01T00:00Z", "value": {text}}}]}}'
    )
    for raw in (lead, event):
        with pytest.raises(ValidationError):
            ScoreRequest.model_validate_json(raw)


def test_only_what_is_required_is_required() -> None:
    leads, log = taken({"lead": {"lead_id": "a"}}, {"lead": {"lead_id": "b"}, "events": [EVENT]})
    assert leads.lead_id.to_pylist() == ["a", "b"]
    assert (log.n_leads, log.n_events, leads.attributes.num_rows) == (2, 1, 2)
    nobody, nothing = taken()
    assert (len(nobody), nothing.n_events) == (0, 0)


def test_an_event_becomes_what_it_says() -> None:
    full = {
        **EVENT,
        "recorded_at": "2026-01-05T00:00:00+09:00",
        "channel": "web",
        "content": "価格",
        "value": 3,
        "event_id": "e1",
    }
    leads, log = taken({**message(created_at="2026-01-01T00:00:00Z"), "events": [full]})
    assert log.occurred_at.tolist() == [instant("2026-01-02T00:00:00Z")]
    assert log.visible_at.tolist() == [instant("2026-01-04T15:00:00Z")]
    assert (log.types, log.channels, log.contents) == (("demo_request",), ("web",), ("価格",))
    assert log.value.tolist() == [3.0]
    assert leads.created_at.tolist() == [instant("2026-01-01T00:00:00Z")]


def test_a_day_is_visible_from_its_end_but_an_outcome_from_its_start() -> None:
    events = [
        {"event_type": "deal_opened", "occurred_at": "2026-01-02"},
        {"event_type": "demo_request", "occurred_at": "2026-01-02"},
    ]
    _, log = taken({**message(created_at="2026-01-01"), "events": events}, form=TOKYO)
    start = instant("2026-01-02T00:00:00+09:00")
    assert dict(zip(log.event_type.tolist(), log.occurred_at.tolist(), strict=True)) == {
        log.types.index("deal_opened"): start,
        log.types.index("demo_request"): start + DAY,
    }


def test_without_a_creation_it_is_the_first_event_and_without_events_unknown() -> None:
    events = [{**EVENT, "occurred_at": "2026-01-09T00:00:00Z"}, EVENT]
    leads, log = taken({**message(), "events": events}, {"lead": {"lead_id": "b"}})
    assert leads.created_at.tolist() == [instant("2026-01-02T00:00:00Z"), MISSING]
    assert (log.visible_at == log.occurred_at).all()


def test_an_event_before_the_creation_is_visible_from_the_creation() -> None:
    leads, log = taken({**message(created_at="2026-01-03T00:00:00Z"), "events": [EVENT]})
    assert log.visible_at.tolist() == leads.created_at.tolist()
    assert log.occurred_at.tolist() == [instant("2026-01-02T00:00:00Z")]


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("lead.created_at", message(created_at="yesterday")),
        ("lead.created_at", message(created_at="2026-02-30T00:00:00Z")),
        ("events[1].occurred_at", {**message(), "events": [EVENT, {**EVENT, "occurred_at": "?"}]}),
        ("events[0].recorded_at", {**message(), "events": [{**EVENT, "recorded_at": "26-1-1"}]}),
    ],
)
def test_what_is_no_time_is_named_with_its_field(field: str, bad: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="expected a time such as") as refused:
        taken(bad)
    assert str(refused.value).startswith(f"{field}: ")


def test_local_times_need_a_zone() -> None:
    local = {**EVENT, "occurred_at": "2026-01-02 09:00"}
    with pytest.raises(InputError, match=r"events\[0\]\.occurred_at: .*declares no zone"):
        taken({**message(), "events": [local]})
    _, log = taken({**message(), "events": [local]}, form=TOKYO)
    assert log.occurred_at.tolist() == [instant("2026-01-02T00:00:00Z")]


def test_each_lead_is_seen_as_of_its_own_moment_or_now() -> None:
    requests = [
        ScoreRequest.model_validate({**message(), "as_of": text})
        for text in (None, "2026-01-02T00:00:00+09:00", "2026-01-02T00:00:00Z")
    ]
    at = cutoffs(requests, FORM, 77)
    assert at.tolist() == [77, at[2] - 9 * HOUR, instant("2026-01-02T00:00:00Z")]
    with pytest.raises(InputError, match=r"as_of: .*declares no zone"):
        cutoffs([ScoreRequest.model_validate({**message(), "as_of": "2026-01-02"})], FORM, 77)


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.sampled_from([5, 2**53 + 1, 2**63, 10**400]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "5", "5.0", "0012", "true", "NA", "製造", " 7 ", "1e3"]),
)


@given(st.lists(values, min_size=1, max_size=6))
@settings(max_examples=50, deadline=None)
def test_an_attribute_alone_is_what_it_is_in_a_list(column: list[Any]) -> None:
    """Whatever the other leads hold there: as a number and as a category, to the last bit."""
    messages = [message(attributes={"x": value}) for value in column]
    together, _ = taken(*messages)
    spine = Spine.at(len(column), 0)
    for kind in ("number", "category"):
        attribute = Attribute("x", kind)
        listed = as_of(attribute, together, None, spine)
        for row, own in enumerate(messages):
            alone = as_of(attribute, taken(own)[0], None, Spine.at(1, 0))
            if isinstance(listed, pa.Array):
                assert isinstance(alone, pa.Array)
                assert alone[0].as_py() == listed[row].as_py()
            else:
                assert isinstance(alone, np.ndarray)
                # A zero's sign says nothing; all else is compared bit by bit.
                assert (alone + 0.0).tobytes() == (listed[row : row + 1] + 0.0).tobytes()


def test_the_order_of_keys_and_of_events_changes_nothing() -> None:
    events = [{**EVENT, "content": str(place % 3), "value": float(place)} for place in range(6)]
    first = {**message(created_at="2026-01-01T00:00:00Z"), "events": events}
    again = json.loads(json.dumps({"events": events[::-1], "lead": first["lead"]}))
    (_, one), (_, other) = taken(first), taken(again)
    for name in ("occurred_at", "event_type", "content", "value"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


def _colleagues(*told: list[dict[str, Any]] | None) -> Colleagues | None:
    requests = [
        ScoreRequest.model_validate({"lead": {"lead_id": "a"}, "account_events": events})
        for events in told
    ]
    return colleagues_in(requests, leads_and_log(requests, FORM)[0], FORM)


def _act(who: str, day: int, **more: str) -> dict[str, Any]:
    at = f"2026-01-{day:02}T00:00:00Z"
    return {"lead_id": who, "event_type": "page_view", "occurred_at": at, **more}


def test_a_request_tells_of_colleagues_or_that_there_are_none_or_nothing() -> None:
    assert _colleagues(None, None) is None
    found = _colleagues(None, [], [_act("b", 1), _act("a", 2), _act("c", 3)])
    assert found is not None
    assert found.account.tolist() == [NOT_TOLD, 1, 2]
    # What the lead itself did is not what a colleague did.
    assert np.diff(found.offsets).tolist() == [0, 0, 2]


def test_a_version_of_a_colleague_s_event_counts_once_as_first_known() -> None:
    late, early = _act("b", 1, event_id="1", recorded_at="2026-01-09T00:00:00Z"), _act("b", 2)
    again = {**early, "event_id": "1"}
    for events in ([late, again], [again, late]):
        found = _colleagues(events)
        assert found is not None
        assert found.visible_at.tolist() == [instant("2026-01-02T00:00:00Z")]
    both = _colleagues([again, _act("c", 2, event_id="1"), early, early])
    assert both is not None
    assert len(both.occurred_at) == 4


def test_more_people_than_can_know_of_each_other_are_no_account() -> None:
    crowd = [_act(f"p{n}", 1) for n in range(MOST_PEOPLE)]
    found = _colleagues(crowd, crowd[1:])
    assert found is not None
    assert found.account.tolist() == [NO_ACCOUNT, 1]
