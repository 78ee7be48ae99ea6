"""The plan: what decides a feature vector, and how it is stored and found."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import ArtefactError, PlaybookError
from features.groups import ANY, BY_LEAD, BY_US, OTHER, groups
from features.instants import DAY, HOUR, MISSING
from features.kinds import KINDS
from features.plan import (
    VOCABULARY,
    Attribute,
    Feature,
    Plan,
    Response,
    expand,
    vocabulary,
)
from tests.features.histories import CHECKED, NOW, TYPES, Event, events, leads_of, log_of

CATALOGUE = ["count 7d", "count ever", "decay 14d", "recency", "age"]
PLAN = Plan(
    event_types=("page", "メール"),
    other_types=("fax",),
    touches=("メール", "sent from another system"),
    features=expand(CATALOGUE, {"group": groups(("page", "メール"), ("fax",), ("メール",))}),
    attributes=(
        Attribute("employees", "number", "tracked"),
        Attribute("業種", "category"),
        Attribute("age", "category"),
    ),
    timezone="Asia/Tokyo",
    columns={"lead_id": "Prospect ID"},
    date_events={"won": "Won"},
    numbered=True,
    channels=("mail",),
    channel_of_type={"メール": "mail"},
    steps=("asking",),
    step_of_type={"fax": "asking"},
    responses=(Response("メール", "fax", 0.25, by_mail=True),),
    bigrams=(("page", "fax"),),
)


# The catalogue.


@pytest.mark.parametrize(
    ("line", "features"),
    [
        ("count 7d", [Feature("count", "a", 7 * DAY), Feature("count", "b", 7 * DAY)]),
        ("  count   36h ", [Feature("count", "a", 36 * HOUR), Feature("count", "b", 36 * HOUR)]),
        ("count ever", [Feature("count", "a"), Feature("count", "b")]),
        ("decay 2w", [Feature("decay", "a", 14 * DAY), Feature("decay", "b", 14 * DAY)]),
        ("recency", [Feature("recency", "a"), Feature("recency", "b")]),
        ("age", [Feature("age")]),
        ("gap longest", [Feature("gap", choice="longest")]),
        (
            "gap",
            [Feature("gap", choice=word) for word in ("current", "longest", "mean", "spread")],
        ),
        ("value sum max 9d", [Feature("value", None, 9 * DAY, word) for word in ("sum", "max")]),
        (
            "decay 1d 2d",
            [Feature("decay", of, days * DAY) for days in (1, 2) for of in ("a", "b")],
        ),
        ("step", []),
    ],
)
def test_a_line_stands_for_a_feature_of_each_group(line: str, features: list[Feature]) -> None:
    assert list(expand([line], {"group": ["a", "b"]})) == features


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", "expected one of account, active"),
        ("counts 7d", "expected one of account, active"),
        ("Count 7d", "expected one of account, active"),
        ("count", "count takes a window"),
        ("decay", "decay takes a half-life"),
        ("recency 7d", "recency takes no parameter"),
        ("age 7d", "age takes no parameter"),
        ("gap widest", "gap takes no parameter, and may name current or longest or mean or spread"),
        ("value sum", "value takes a window"),
        ("count 7", "whole number above 0 and m, h, d or w"),
        ("count 0d", "whole number above 0"),
        ("decay ever", "whole number above 0"),
        ("count Ever", "whole number above 0"),
    ],
)
def test_a_line_that_is_no_feature_is_refused_and_shown(line: str, says: str) -> None:
    with pytest.raises(PlaybookError, match=says) as refused:
        expand(["age", line], {"group": ["a"]})
    assert repr(line) in str(refused.value)


def test_what_is_said_twice_is_one_feature() -> None:
    assert len(expand(["count 2d", "count 48h", "age", "age", "count 2d"], {"group": ["a"]})) == 2


# Names.

lengths = st.tuples(st.integers(1, 400), st.sampled_from("mhdw")).map(lambda p: f"{p[0]}{p[1]}")


@CHECKED
@given(
    st.lists(
        st.one_of(
            st.sampled_from(("recency", "age", "count ever")),
            st.tuples(st.sampled_from(("count", "decay")), lengths).map(" ".join),
        ),
        max_size=8,
    ),
    st.lists(st.text("ab漢() ,", max_size=3), unique=True, max_size=5),
)
def test_names_are_unique_and_come_of_what_is_computed(lines: list[str], types: list[str]) -> None:
    features = expand(lines, {"group": groups(types, (), types[:1])})
    names = [feature.name for feature in features]
    assert len(set(names)) == len(names)
    assert all(
        name.endswith(f"({f.of or '*lead'})") for name, f in zip(names, features, strict=True)
    )


def test_names_by_example() -> None:
    assert PLAN.names[:4] == [
        "count_7d(page)",
        "count_7d(メール)",
        "count_7d(*other)",
        "count_7d(*any)",
    ]
    assert "decay_14d(*by_lead)" in PLAN.names
    assert "recency(*by_us)" in PLAN.names


def test_an_attribute_may_be_called_like_a_kind() -> None:
    assert PLAN.names[-4:] == ["age(*lead)", "employees", "業種", "age"]
    assert len(set(PLAN.names)) == len(PLAN.names)


# Groups.


def test_groups_are_those_that_say_something_of_their_own() -> None:
    assert groups((), (), ()) == []
    assert groups(("a", "b"), (), ()) == ["a", "b", ANY]
    assert groups(("a", "b"), ("c",), ()) == ["a", "b", OTHER, ANY]
    assert groups(("a", "b"), ("c",), ("c",)) == ["a", "b", OTHER, ANY, BY_LEAD, BY_US]
    assert groups(("a", "b"), (), ("a", "b")) == ["a", "b", ANY]
    assert groups(("a", "b"), (), ("x",)) == ["a", "b", ANY]


def test_members_of_groups() -> None:
    asked = (*PLAN.known_types, "unknown", "sent from another system")
    found = {group: [t for t in asked if PLAN.members(group)(t)] for group in groups(*PLAN_GROUPS)}
    assert found == {
        "page": ["page"],
        "メール": ["メール"],
        OTHER: ["fax"],
        ANY: ["page", "メール", "fax"],
        BY_LEAD: ["page", "fax"],
        BY_US: ["メール"],
    }


PLAN_GROUPS = (PLAN.event_types, PLAN.other_types, PLAN.touches)


# Storage.


def test_a_plan_is_stored_as_json_and_had_again() -> None:
    stored = json.loads(json.dumps(PLAN.to_json()))
    again = Plan.from_json(stored)
    assert again == PLAN
    assert again.version == PLAN.version
    assert again.names == PLAN.names


def test_whatever_is_changed_in_a_plan_changes_its_version() -> None:
    changed = [
        dataclasses.replace(PLAN, **{name: value})
        for name, value in {
            "event_types": ("メール", "page"),
            "other_types": (),
            "touches": (),
            "features": PLAN.features[::-1],
            "attributes": PLAN.attributes[:1],
            "timezone": "UTC",
            "columns": {},
            "date_events": {},
            "numbered": False,
            "channels": ("web",),
            "channel_of_type": {"page": "web"},
            "inbound": ("page",),
            "steps": ("aware",),
            "step_of_type": {"page": "aware"},
            "responses": (Response("メール", "page"),),
            "bigrams": (("page", "メール"),),
            "account": "email",
        }.items()
    ]
    assert len(changed) == len(dataclasses.fields(Plan))
    assert len({plan.version for plan in (PLAN, *changed)}) == len(changed) + 1


def test_a_plan_with_a_kind_this_code_lacks_is_refused() -> None:
    stored = PLAN.to_json()
    stored["features"].append(["entropy", "page", None])
    with pytest.raises(ArtefactError, match="kinds this version lacks: entropy"):
        Plan.from_json(stored)


def test_every_kind_says_what_it_is() -> None:
    for name, kind in KINDS.items():
        assert kind.name == name
        assert kind.choices
        for choice in kind.choices.values():
            assert choice.unit


# The vocabulary.


def test_the_vocabulary_is_the_most_frequent_types_and_the_rest_are_other() -> None:
    rng = np.random.default_rng(3)
    names = [f"t{i:03}" for i in rng.permutation(VOCABULARY + 10)]
    history = [Event(n, NOW - k) for i, n in enumerate(names) for k in range(i // 3 + 1)]
    kept, rest = vocabulary(log_of(leads_of([MISSING]), history), np.array([NOW]), ())
    frequency = {name: i // 3 for i, name in enumerate(names)}
    assert VOCABULARY == len(kept) == 64
    assert [*kept, *rest] == sorted(names, key=lambda name: (-frequency[name], name))


@CHECKED
@given(events(3, types=TYPES), st.lists(st.integers(-6, 40), min_size=3, max_size=3))
def test_the_vocabulary_is_what_training_cutoffs_see(
    history: list[Event], half_days: list[int]
) -> None:
    leads = leads_of([MISSING, NOW - 5 * DAY, NOW - 20 * DAY])
    last = [NOW - n * 12 * HOUR if n >= 0 else MISSING for n in half_days]
    seen = [
        e.type
        for e in history
        if max(e.visible, int(leads.created_at[e.lead])) <= last[e.lead] and e.type != "mail"
    ]
    kept, rest = vocabulary(log_of(leads, history), np.array(last), ["mail", "no such type"])
    assert list(kept) == sorted(set(seen), key=lambda name: (-seen.count(name), name))
    assert rest == ()


def test_no_events_are_no_vocabulary() -> None:
    assert vocabulary(log_of(leads_of([NOW]), []), np.array([NOW]), ()) == ((), ())
