"""Conditions: of which leads they hold, by definition and together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.instants import DAY
from models.conditions import Conditions, View
from models.playbook import Playbook
from models.playbook.conditions import Condition
from tests.models.diaries import NOW, Event, view_of

EVENTS = (
    '[events.call]\nby = "us"\nchannel = "phone"\n[events.visit]\nchannel = "web"\n[events.form]\n'
)


def conditions(text: str) -> tuple[Playbook, tuple[Condition, ...]]:
    playbook = Playbook.parse(f"schema = 1\n{EVENTS}[exclude]\nrules = [{text}]\n")
    return playbook, playbook.said.exclude.rules


def holds(text: str, view: View) -> list[bool]:
    playbook, (condition,) = conditions(f'{{ name = "it", {text} }}')
    return list(Conditions(playbook).hold(condition, view).tolist())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('event = "visit"', True),
        ('event = "form"', False),
        ('channel = "web"', True),  # the channel of its type
        ('channel = "mail"', True),  # its own
        ('event = "visit", channel = "mail"', True),
        ('event = "call", channel = "mail"', False),
        ('content = "/price/*"', True),
        ('content = ["nothing", "/PRICE/?LAN"]', True),  # letters large or small
        ('content = "/price"', False),  # the whole content
        ('content = "price*"', False),
        ("value = { min = 10 }", True),
        ("value = { min = 10, max = 10 }", True),
        ("value = { max = 9.99 }", False),
        ('event = "call", value = { max = 99 }', False),  # no value is in no range
        ('event = "visit", at_least = 2', True),
        ('event = "visit", at_least = 3', False),
        ('event = "visit", within = "3d"', True),
        ('event = "visit", within = "3d", at_least = 2', False),
        ('event = "visit", within = "5d", at_least = 2', True),
        ('event = "unheard_of"', False),
    ],
)
def test_events_by_type_channel_content_value_and_number(text: str, expected: bool) -> None:
    view = view_of(
        [
            Event("visit", 4, content="/price/plan", value=10),
            Event("visit", 2, "mail"),
            Event("call", 1, content=None),
        ]
    )
    if "unheard_of" in text:
        view = view_of([Event("visit", 1)])
        assert Conditions(Playbook.parse("schema = 1")).hold(
            Condition(event=("unheard_of",)), view
        ).tolist() == [expected]
        return
    assert holds(text, view) == [expected]


def test_a_window_ends_at_its_start() -> None:
    text = 'event = "visit", within = "3d"'
    assert holds(text, view_of([Event("visit", 3)])) == [False]
    assert holds(text, view_of([Event("visit", 3 - 1e-9)])) == [True]


def test_an_event_is_seen_once_it_is_recorded() -> None:
    late = [Event("visit", 5, recorded_days_ago=1)]
    assert holds('event = "visit"', view_of(late)) == [True]
    assert holds('event = "visit"', view_of(late, cutoff=NOW - 2 * DAY)) == [False]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('attribute = "role", equals = "boss"', [True, False, False]),
        ('attribute = "role", in = ["boss", "Aide"]', [True, True, False]),
        ('attribute = "role", pattern = "*O*"', [True, False, False]),
        ('attribute = "role", pattern = ["x", "ai?e"]', [False, True, False]),
        ('attribute = "role", missing = true', [False, False, True]),
        ('attribute = "size", min = 5, max = 7', [True, False, False]),
        ('attribute = "size", missing = true', [False, True, False]),
        ('attribute = "absent", missing = true', [True, True, True]),
        ('attribute = "absent", pattern = "*"', [False, False, False]),
    ],
)
def test_attributes(text: str, expected: list[bool]) -> None:
    view = view_of([], {"role": ["boss", "Aide", ""], "size": [7, None, 8]}, [0, 0, 0])
    assert holds(text, view) == expected


def test_silence_is_the_lead_s_and_never_of_one_that_sales_found() -> None:
    view = view_of([Event("visit", 9), Event("call", 1)])
    assert holds('silent_for = "9d"', view) == [True]
    assert holds('silent_for = "10d"', view) == [False]
    of_sales = View(view.leads, view.log, view.lead, view.cutoff, None, np.array([True]))
    assert holds('silent_for = "9d"', of_sales) == [False]


LEAVES = [
    'event = "visit"',
    'event = "form"',
    'attribute = "role", equals = "boss"',
    'silent_for = "5d"',
]


@given(
    happened=st.lists(
        st.tuples(
            st.sampled_from(["visit", "form", "call"]), st.integers(0, 20), st.integers(0, 3)
        ),
        max_size=12,
    ),
    all_of=st.lists(st.sampled_from(LEAVES), max_size=2),
    any_of=st.lists(st.sampled_from(LEAVES), max_size=2),
    none_of=st.lists(st.sampled_from(LEAVES), min_size=1, max_size=2),
)
@settings(max_examples=60, deadline=None)
def test_together_is_what_all_any_and_none_say(
    happened: Sequence[Any], all_of: list[str], any_of: list[str], none_of: list[str]
) -> None:
    view = view_of(
        [Event(kind, days, lead=lead) for kind, days, lead in happened],
        {"role": ["boss", None, "boss", "aide"]},
        [NOW - 30 * DAY] * 4,
    )
    text = ", ".join(
        f"{key} = [{', '.join(f'{{ {leaf} }}' for leaf in leaves)}]"
        for key, leaves in (("all", all_of), ("any", any_of), ("none", none_of))
        if leaves
    )
    each = {leaf: np.array(holds(leaf, view)) for leaf in LEAVES}
    expected = np.ones(4, dtype=bool)
    for leaf in all_of:
        expected &= each[leaf]
    if any_of:
        expected &= np.logical_or.reduce([each[leaf] for leaf in any_of])
    for leaf in none_of:
        expected &= ~each[leaf]
    assert holds(text, view) == expected.tolist()
    nested = f"all = [{{ {text} }}]"
    assert holds(nested, view) == expected.tolist()
