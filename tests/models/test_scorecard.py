"""Points: what they are by definition, and what must not matter to them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.changes import Changes
from features.instants import DAY, MISSING
from models.conditions import View
from models.playbook import Playbook
from models.scorecard import Points, Scorecard
from models.temperature import Temperatures, Values, named
from tests.models.diaries import NOW, Event, view_of, world


def score(
    rules: str,
    events: Sequence[Event] = (),
    attributes: dict[str, Any] | None = None,
    created: Sequence[int] = (0,),
    changes: Changes | None = None,
    cutoff: int = NOW,
) -> Points:
    card = Scorecard(Playbook.parse(f"schema = 1\n{rules}"))
    return card.points(view_of(events, attributes, created, changes, cutoff))


def rule(points: int, *keys: str, name: str = "r") -> str:
    return "\n".join(["[[points.rules]]", f'name = "{name}"', f"points = {points}", *keys, ""])


RULES = {
    "a": 'event = "visit"',
    "b": 'event = ["visit", "call"]\nat_most = 2\nhalf_life = "7d"\ngroup = "web"',
    "c": 'event = "form"\nexpires = "30d"\ngroup = "web"',
    "d": 'event = "visit"\nchannel = "web"\nhalf_life = "3d"\ngroup = "other"',
    "e": 'silent_for = "5d"',
    "f": 'attribute = "role"\nequals = "student"\ngroup = "other"',
}
HEAD = '[events.call]\nby = "us"\n[events.visit]\n[events.form]\n[points.groups]\nweb.cap = 12\nother.cap = 7\n'
POINTS = st.integers(-20, 20).filter(bool)
EVENTS = st.lists(
    st.builds(
        Event,
        st.sampled_from(["visit", "call", "form", "unheard_of"]),
        st.integers(-3, 60).map(float),
        st.sampled_from([None, "web", "phone"]),
        st.integers(0, 2),
        st.none(),
    ),
    max_size=14,
)
ROLES = {"role": ["student", None, "boss"]}
CREATED = [NOW - 50 * DAY, MISSING, NOW - 4 * DAY]


def card_of(points: dict[str, int], order: Sequence[str]) -> Scorecard:
    text = "".join(rule(points[name], RULES[name], name=name) for name in order)
    return Scorecard(Playbook.parse(f"schema = 1\n{HEAD}{text}"))


def reference(points: dict[str, int], events: Sequence[Event], lead: int) -> float:
    """The exact points of a lead, straight from the definitions."""
    created = CREATED[lead]
    mine = [e for e in events if e.lead == lead and e.days_ago >= 0]
    if created != MISSING:
        mine = [e for e in mine if created <= NOW]
    ages = {
        "a": [e.days_ago for e in mine if e.type == "visit"],
        "b": [e.days_ago for e in mine if e.type in ("visit", "call")],
        "c": [e.days_ago for e in mine if e.type == "form" and e.days_ago < 30],
        "d": [e.days_ago for e in mine if e.type == "visit" and e.channel == "web"],
    }
    acts = [NOW - e.days_ago * DAY for e in mine if e.type != "call"]
    acts += [created] if created != MISSING else []
    worth = {
        "a": float(len(ages["a"])),
        "b": sum(sorted((2 ** (-age / 7) for age in ages["b"]), reverse=True)[:2]),
        "c": float(len(ages["c"])),
        "d": sum(2 ** (-age / 3) for age in ages["d"]),
        "e": float(bool(acts) and NOW - max(acts) >= 5 * DAY),
        "f": float(ROLES["role"][lead] == "student"),
    }
    given = {name: points[name] * worth[name] for name in points}
    web, other = given["b"] + given["c"], given["d"] + given["f"]
    return given["a"] + given["e"] + max(-12.0, min(12.0, web)) + max(-7.0, min(7.0, other))


@given(
    points=st.fixed_dictionaries(dict.fromkeys(RULES, POINTS)),
    events=EVENTS,
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_points_are_as_defined_whatever_the_order_of_rules_events_and_leads(
    points: dict[str, int], events: list[Event], data: st.DataObject
) -> None:
    card = card_of(points, list(RULES))
    leads, log = world(events, ROLES, CREATED)
    rows = np.arange(3)
    found = card.points(View(leads, log, rows, np.full(3, NOW)))
    for lead in rows:
        exact = reference(points, events, int(lead))
        assert found.contribution[lead].sum() == pytest.approx(exact, abs=1e-9)
        assert abs(found.total[lead] - exact) <= 0.5 + 1e-9

    shuffled = data.draw(st.permutations(events))
    other = card_of(points, data.draw(st.permutations(list(RULES))))
    again = other.points(View(*world(shuffled, ROLES, CREATED), rows, np.full(3, NOW)))
    assert np.array_equal(again.total, found.total)
    assert again.contribution.tobytes() == found.contribution.tobytes()
    assert np.array_equal(again.fired_by, found.fired_by)
    assert np.array_equal(again.count, found.count)

    for lead in rows:
        alone = card.points(View(leads, log, np.array([lead]), np.array([NOW])))
        assert alone.contribution.tobytes() == found.contribution[lead].tobytes()
        assert alone.total[0] == found.total[lead]


TAKES = {
    "a": lambda e: e.type == "visit",
    "b": lambda e: e.type in ("visit", "call"),
    "c": lambda e: e.type == "form" and e.days_ago < 30,
    "d": lambda e: e.type == "visit" and e.channel == "web",
}
"""Which events fire the rules of RULES."""


@given(events=EVENTS)
@settings(max_examples=60, deadline=None)
def test_the_ledger_names_the_newest_event_that_fired_a_rule(events: list[Event]) -> None:
    found = card_of(dict.fromkeys(RULES, 3), list(RULES)).points(
        View(*world(events, ROLES, CREATED), np.arange(3), np.full(3, NOW))
    )
    for lead, created in enumerate(CREATED):
        seen = [e for e in events if e.lead == lead and e.days_ago >= 0 and created <= NOW]
        for place, name in enumerate(RULES):
            takes = TAKES.get(name, lambda e: False)
            fired = [(NOW - round(e.days_ago * DAY), e.type) for e in seen if takes(e)]
            at, kind = max(fired, default=(MISSING, None))
            assert found.fired(lead, place) == (kind, at)
            assert bool(found.count[lead, place]) or not fired


def test_of_a_rule_of_several_types_the_ledger_says_which_fired_it() -> None:
    rules = rule(5, 'event = ["visit", "form"]')
    by_form = score(rules, [Event("visit", 3), Event("form", 1), Event("visit", 2)])
    by_visit = score(rules, [Event("form", 3), Event("visit", 1)], cutoff=NOW - DAY // 2)
    assert [entry["event"] for entry in by_form.ledger(0)] == ["form"]
    assert [entry["event"] for entry in by_visit.ledger(0)] == ["visit"]
    earlier = score(rules, [Event("form", 3), Event("visit", 1)], cutoff=NOW - 2 * DAY)
    assert [entry["event"] for entry in earlier.ledger(0)] == ["form"]


@given(events=EVENTS, later=EVENTS)
@settings(max_examples=30, deadline=None)
def test_events_after_the_cutoff_change_nothing(events: list[Event], later: list[Event]) -> None:
    card = card_of(dict.fromkeys(RULES, 3), list(RULES))
    rows, cutoff = np.arange(3), np.full(3, NOW)
    future = [e._replace(days_ago=-abs(e.days_ago) - 1) for e in later]
    created = [NOW - 50 * DAY] * 3
    before = card.points(View(*world(events, ROLES, created), rows, cutoff))
    after = card.points(View(*world(events + future, ROLES, created), rows, cutoff))
    assert before.contribution.tobytes() == after.contribution.tobytes()


def test_an_event_counts_once_the_source_has_recorded_it() -> None:
    events = [Event("visit", 5, recorded_days_ago=1)]
    assert score(rule(4, 'event = "visit"'), events).total[0] == 4
    assert score(rule(4, 'event = "visit"'), events, cutoff=NOW - 2 * DAY).total[0] == 0


def test_points_halve_at_exactly_one_half_life() -> None:
    keys = ('event = "visit"', 'half_life = "30d"')
    for days, worth in ((0, 10.0), (30, 5.0), (60, 2.5), (300, 10 * 2.0**-10)):
        assert score(rule(10, *keys), [Event("visit", days)]).contribution[0, 0] == worth


def test_points_end_when_their_window_does() -> None:
    keys = ('event = "visit"', 'expires = "90d"')
    just_before = 90 - 1e-6
    assert score(rule(10, *keys), [Event("visit", just_before)]).total[0] == 10
    assert score(rule(10, *keys), [Event("visit", 90)]).total[0] == 0


@pytest.mark.parametrize("points", [10, -10])
def test_at_most_counts_the_occurrences_worth_most_now(points: int) -> None:
    keys = ('event = "visit"', 'half_life = "10d"', "at_most = 2")
    newest = [Event("visit", 0), Event("visit", 10)]
    older = [Event("visit", days) for days in (20, 30, 400)]
    found = score(rule(points, *keys), [*older, *newest])
    assert found.contribution[0, 0] == points * 1.5
    assert found.count[0, 0] == 2
    assert found.fired(0, 0) == ("visit", NOW)


def test_at_most_without_decay_counts_that_many() -> None:
    events = [Event("visit", days) for days in (1, 2, 3)]
    assert score(rule(3, 'event = "visit"', "at_most = 2"), events).total[0] == 6
    assert score(rule(3, 'event = "visit"'), events).total[0] == 9


@pytest.mark.parametrize("sign", [1, -1])
def test_a_group_is_held_to_its_cap_each_rule_in_proportion(sign: int) -> None:
    rules = (
        rule(30 * sign, 'event = "visit"', 'group = "web"', name="a")
        + rule(50 * sign, 'event = "form"', 'group = "web"', name="b")
        + rule(7, 'event = "form"', name="free")
        + "[points.groups.web]\ncap = 40\n"
    )
    found = score(rules, [Event("visit", 1), Event("form", 1)])
    assert found.contribution[0].tolist() == [15.0 * sign, 25.0 * sign, 7.0]
    assert found.total[0] == 40 * sign + 7
    below = score(rules, [Event("visit", 1)])
    assert below.contribution[0].tolist() == [30.0 * sign, 0.0, 0.0]


def test_losses_in_a_group_make_room_under_its_cap() -> None:
    rules = (
        rule(50, 'event = "visit"', 'group = "web"', name="a")
        + rule(-20, 'event = "form"', 'group = "web"', name="b")
        + "[points.groups.web]\ncap = 40\n"
    )
    assert score(rules, [Event("visit", 1)]).total[0] == 40
    assert score(rules, [Event("visit", 1), Event("form", 1)]).total[0] == 30


@pytest.mark.parametrize(
    ("points", "half_lives", "total"),
    [(49, 1, 25), (1, 1, 1), (-1, 1, 0), (5, 1, 3), (-5, 1, -2), (5, 2, 1)],
)
def test_the_sum_is_rounded_half_up(points: int, half_lives: int, total: int) -> None:
    found = score(rule(points, 'event = "v"', 'half_life = "1d"'), [Event("v", half_lives)])
    assert found.total[0] == total == math.floor(points / 2**half_lives + 0.5)


def test_the_sum_is_rounded_once() -> None:
    keys = ('half_life = "1d"',)
    rules = "".join(rule(1, 'event = "v"', *keys, name=name) for name in "abc")
    assert score(rules, [Event("v", 1)]).total[0] == 2  # 3 x 0.5, not 3 x 1


@pytest.mark.parametrize(
    ("points", "temperature"), [(24, "cold"), (25, "warm"), (49, "warm"), (50, "hot")]
)
def test_the_number_shown_is_the_number_compared(points: int, temperature: str) -> None:
    found = score(rule(points, 'event = "v"'), [Event("v", 1)])
    values = Values(found.total.astype(np.float64), found.by_score)
    band = Temperatures(Playbook.parse("schema = 1")).at_once(values)
    assert (found.total[0], named(band)) == (points, [temperature])


def test_silence_is_broken_by_the_lead_and_not_by_us() -> None:
    rules = '[events.call]\nby = "us"\n[events.visit]\n' + rule(-10, 'silent_for = "30d"')
    assert score(rules, [Event("visit", 30)]).total[0] == -10
    assert score(rules, [Event("visit", 30 - 1e-6)]).total[0] == 0
    assert score(rules, [Event("visit", 30), Event("call", 1)]).total[0] == -10
    assert score(rules, created=[NOW - 30 * DAY]).total[0] == -10
    assert score(rules, created=[NOW - 29 * DAY]).total[0] == 0
    assert score(rules, created=[MISSING]).total[0] == 0
    assert score(rules, [Event("visit", 40)]).fired(0, 0) == (None, MISSING)


@pytest.mark.parametrize(
    ("column", "keys", "fires"),
    [
        (["boss", "Boss", None], 'equals = "boss"', [1, 0, 0]),
        (["boss", "aide", "other"], 'in = ["boss", "aide"]', [1, 1, 0]),
        (["0012", "12", None], 'equals = "0012"', [1, 0, 0]),
        (["0012", "12.0", "x"], "equals = 12", [1, 1, 0]),
        ([True, False, None], "equals = true", [1, 0, 0]),
        (["true", "false", "1"], "equals = true", [1, 0, 0]),
        ([29, 30, None], "min = 30", [0, 1, 0]),
        (["29.9", "99", "many"], "min = 30\nmax = 99", [0, 1, 0]),
        ([99.0, 99.5, math.inf], "max = 99", [1, 0, 0]),
        ([1, 2, 3], "in = [1, 3.0]", [1, 0, 1]),
    ],
)
def test_attributes_equal_or_lie_in_a_range(column: list[Any], keys: str, fires: list[int]) -> None:
    found = score(rule(5, 'attribute = "x"', keys), attributes={"x": column}, created=[0, 0, 0])
    assert found.count[:, 0].tolist() == fires
    assert found.total.tolist() == [5 * fired for fired in fires]
    assert (found.fired_by == -1).all()


def test_a_rule_on_a_column_that_is_not_there_never_fires() -> None:
    assert score(rule(5, 'attribute = "x"', "max = 9")).total[0] == 0


def test_a_followed_attribute_is_as_of_the_cutoff() -> None:
    changes = Changes(np.array([0]), ["plan"], ["none"], np.array([NOW - DAY]))
    rules = rule(5, 'attribute = "plan"', 'equals = "budget"')
    plan = {"plan": ["budget"]}
    assert score(rules, attributes=plan, changes=changes).total[0] == 5
    assert score(rules, attributes=plan, changes=changes, cutoff=NOW - 2 * DAY).total[0] == 0


def test_opens_earn_nothing_by_default_and_requests_make_hot() -> None:
    leads, log = world(
        [Event("newsletter_open", day) for day in range(20)], created=[NOW - 25 * DAY]
    )
    card = Scorecard(Playbook.load())
    assert card.points(View(leads, log, np.array([0]), np.array([NOW]))).total[0] == 0
    request = [Event("demo_request", 0), Event("contact_form", 0)]
    leads, log = world(request, created=[NOW - 25 * DAY])
    assert card.points(View(leads, log, np.array([0]), np.array([NOW]))).total[0] == 55


def test_a_playbook_without_rules_gives_no_points() -> None:
    found = score("", [Event("visit", 1)])
    assert found.total.tolist() == [0]
    assert found.ledger(0) == []


def test_the_ledger_lists_what_fired_the_strongest_first() -> None:
    rules = (
        '[events.visit]\nlabel = { en = "price page view", ja = "料金ページの閲覧" }\n[events.form]\n'
        '[names.ja]\nweb = "ウェブ"\n'
        + rule(5, 'event = "visit"', "at_most = 2", name="price page")
        + rule(-30, 'silent_for = "2d"', 'label.en = "no act for 2 days"', name="silence")
        + rule(10, 'event = ["visit", "form"]', 'channel = "web"', "at_most = 1", name="web")
        + rule(99, 'event = "form"', name="never")
        + rule(9, 'event = "visit"', 'half_life = "1h"', name="faded")
    )
    events = [Event("visit", 3, "web"), Event("visit", 4), Event("visit", 9)]
    found = score(rules, events)
    at = "1972-09-24T00:00:00Z"
    assert found.ledger(0, "en") == [
        {
            "rule": "silence",
            "points": -30.0,
            "event": None,
            "at": None,
            "count": 1,
            "label": "no act for 2 days",
        },
        {
            "rule": "price page",
            "points": 10.0,
            "event": "visit",
            "at": at,
            "count": 2,
            "label": "price page view",
        },
        {
            "rule": "web",
            "points": 10.0,
            "event": "visit",
            "at": at,
            "count": 1,
            "label": "price page view / “form” (web)",
        },
    ]
    assert [entry["label"] for entry in found.ledger(0, "ja")[1:]] == [
        "料金ページの閲覧",
        "料金ページの閲覧 / 「form」（ウェブ）",
    ]
    assert found.total[0] == round(sum(entry["points"] for entry in found.ledger(0)))
    first = next(found.reasons(np.array([0]), 2, "en"))
    assert [reason["group"] for reason in first] == ["silence", "price page"]
    assert "-30" in first[0]["text"]


SCORES = "[points.scores.engagement]\nbands = [10, 30]\n[points.scores.fit]\nbands = [5]\n[points.scores.more]\n"
GRID = '[points.grid]\nrows = "fit"\ncolumns = "engagement"\n'


@given(
    parts=st.lists(
        st.tuples(POINTS, st.sampled_from(["engagement", "fit", "more"]), st.integers(0, 9)),
        max_size=8,
    )
)
@settings(max_examples=60, deadline=None)
def test_scores_sum_to_the_points_and_each_is_within_one_of_what_it_is(
    parts: list[tuple[int, str, int]],
) -> None:
    rules = "".join(
        rule(
            points, f'event = "e{place}"', 'half_life = "3d"', f'score = "{name}"', name=str(place)
        )
        for place, (points, name, _) in enumerate(parts)
    )
    events = [Event(f"e{place}", days) for place, (_, _, days) in enumerate(parts)]
    found = score(SCORES + rules, events)
    exact = dict.fromkeys(["engagement", "fit", "more"], 0.0)
    for points, name, days in parts:
        exact[name] += points * 2 ** (-days / 3)
    scores = found.by_name(slice(1))[0]
    assert scores is not None
    assert sum(scores.values()) == found.total[0]
    assert found.total[0] in {math.floor(sum(exact.values()) + 0.5 + d) for d in (-1e-9, 0, 1e-9)}
    for name, points in scores.items():
        assert abs(points - exact[name]) < 1 + 1e-9


@pytest.mark.parametrize(
    ("engagement", "fit", "grade"),
    [(30, 5, "A1"), (29, 5, "A2"), (9, 5, "A3"), (30, 4, "B1"), (-5, -5, "B3")],
)
def test_the_grid_has_its_best_grades_from_the_lines_on(
    engagement: int, fit: int, grade: str
) -> None:
    rules = rule(engagement, 'event = "a"', 'score = "engagement"', name="a")
    rules += rule(fit, 'event = "b"', 'score = "fit"', name="b")
    found = score(SCORES + GRID + rules, [Event("a", 1), Event("b", 1)])
    assert found.grades()[0] == grade
    assert score(SCORES + rules, [Event("a", 1)]).grades() == [None]


@pytest.mark.parametrize(
    ("keys", "points"),
    [
        (('content = "/price*"',), 10),
        (('content = ["*.pdf", "/price/plan"]',), 10),
        (("value = { min = 100 }",), 10),
        (('event = "visit"', 'content = "/price*"', "once = true"), 5),
        (('channel = "mail"',), 5),
        (('event = "visit"', "at_most = 2"), 10),
    ],
)
def test_rules_may_look_at_content_value_and_channel(keys: tuple[str, ...], points: int) -> None:
    events = [
        Event("visit", 1, content="/price/plan", value=100),
        Event("visit", 2, content="/price", value=99.9),
        Event("visit", 3, "mail"),
        Event("download", 4, content="catalogue.pdf", value=1e6),
    ]
    assert score(rule(5, *keys), events).total[0] == points


def test_conditions_together_earn_once_and_their_event_is_not_named() -> None:
    text = (
        'all = [{ event = "visit", at_least = 2 }, { attribute = "role", equals = "boss" }]',
        'none = [{ event = "form", within = "7d" }]',
    )
    events = [Event("visit", 1), Event("visit", 2), Event("visit", 3)]
    boss = {"role": ["boss"]}
    found = score(rule(5, *text), events, boss)
    assert found.total[0] == 5
    assert found.ledger(0)[0]["event"] is None
    assert score(rule(5, *text), events[:1], boss).total[0] == 0
    assert score(rule(5, *text), events, {"role": ["aide"]}).total[0] == 0
    assert score(rule(5, *text), [*events, Event("form", 6)], boss).total[0] == 0
    assert score(rule(5, *text), [*events, Event("form", 7)], boss).total[0] == 5


def test_a_missing_attribute_may_earn_also_where_the_column_is_absent() -> None:
    missing = rule(-5, 'attribute = "phone"', "missing = true")
    assert score(missing, attributes={"phone": [None]}).total[0] == -5
    assert score(missing, attributes={"phone": [""]}).total[0] == -5
    assert score(missing, attributes={"phone": ["1"]}).total[0] == 0
    assert score(missing).total[0] == -5


def test_what_is_kept_of_leads_is_kept_for_one_scorecard() -> None:
    view = view_of([Event("visit", 1.0)], {"role": ["student"]})
    rules = rule(5, 'attribute = "role"', 'equals = "student"'), rule(7, 'event = "visit"')
    student, visitor = (
        Scorecard(Playbook.parse(f"schema = 1\n[events.visit]\n{one}")) for one in rules
    )
    assert [card.points(view).total[0] for card in (student, visitor, student)] == [5, 7, 5]
