"""The kernel: every feature of every kind is its definition, and nothing else moves it.

Every check runs over every kind that there is, so that a new one inherits all of them, and over
lines added to a plan at run time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.changes import Changes
from features.colleagues import Colleagues, grouped
from features.groups import ANY, BY_LEAD, BY_US, OTHER
from features.instants import DAY, HOUR, MISSING, SECOND
from features.kernel import behaviour
from features.kinds import KINDS, Happened, Seen
from features.log import EventLog, Leads
from features.plan import Attribute, Feature, Plan, Response
from features.program import compile_plan
from tests.features.histories import CHECKED, NOW, Event, events, leads_of, log_of, single

WORDS = {None: [""], "window": ["12h 1d 7d ever"], "half_life": ["12h 3d 45d"]}
"""What to write after a kind's name, by what it takes."""

VOCABULARY, RARE, TOUCHES, HIDDEN = ("page", "mail"), ("call", "fax"), ("mail", "fax"), "secret"
TYPES = (*VOCABULARY, *RARE, HIDDEN)
CUTOFF = NOW - 2 * DAY
PLAN = Plan(
    event_types=VOCABULARY,
    other_types=RARE,
    touches=TOUCHES,
    features=(),
    attributes=(Attribute("phase", "category", "tracked"), Attribute("size", "number", "tracked")),
    timezone="America/New_York",
    columns={},
    date_events={},
    channels=("web",),
    channel_of_type={"call": "電話", "page": "web"},
    inbound=("page", "mail"),
    steps=("looking", "talking", "asking"),
    step_of_type={"page": "looking", "mail": "talking", "call": "asking", "fax": "signing"},
    responses=(Response("mail", "page", 0.2, by_mail=True), Response("fax", "call", 0.7)),
    bigrams=(("page", "page"), ("mail", "page"), ("page", "mail")),
)
ATTRIBUTES = ("phase", "size", "a column that is not learnt")

created = st.one_of(st.just(MISSING), st.integers(-6, 20).map(lambda n: NOW - n * 12 * HOUR))
"""Creation of a lead: before, at and after its events and the cutoff, or not known."""

# Besides the coarse moments of `histories.events`, some seconds and minutes apart: sessions, and
# mails that are opened by machines.
close = st.builds(
    lambda event, later: event.shifted(later),
    single(2, types=TYPES),
    st.sampled_from((4 * SECOND, 10 * SECOND, 600 * SECOND, 1800 * SECOND, 1801 * SECOND)),
)
histories = st.builds(list.__add__, events(2, types=TYPES), st.lists(close, max_size=6))


def lines_of(kind: str) -> list[str]:
    """Catalogue lines for everything that a kind can be."""
    return [f"{kind} {words}" for words in WORDS[KINDS[kind].takes]]


PLANS = {kind: PLAN.with_features(lines_of(kind)) for kind in KINDS}
PLANS["lines of today"] = PLAN.with_features(["count 14d", "decay 5d"])
every_plan = pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
WHOLE = PLAN.with_features(
    [*(line for kind in KINDS for line in lines_of(kind)), "count 14d", "decay 5d"]
)


class Inputs(NamedTuple):
    """Leads with all that the kernel reads of them; the leads of one list are all colleagues."""

    leads: Leads
    log: EventLog
    changes: Changes
    colleagues: Colleagues


def inputs_of(leads: Leads, history: Sequence[Event]) -> Inputs:
    """A log of the history, and a change of an attribute wherever an event has a content."""
    log = log_of(leads, history)
    changed = sorted(
        (e.lead, e.at, ATTRIBUTES[len(e.type) % 3]) for e in history if e.content is not None
    )
    changes = Changes(
        np.array([lead for lead, _, _ in changed], dtype=np.int64),
        [name for _, _, name in changed],
        [None] * len(changed),
        np.array([at for _, at, _ in changed], dtype=np.int64),
    )
    account = np.zeros(len(leads), dtype=np.int64)
    colleagues = grouped(
        account,
        len(leads),
        account[log.lead_of_event()],
        log.occurred_at,
        log.visible_at,
        log.event_type,
        log.lead_of_event().astype(np.int32),
        log.types,
    )
    return Inputs(leads, log, changes, colleagues)


def features_of(
    plan: Plan, inputs: Inputs, lead: Sequence[int], cutoff: Sequence[int] | int = CUTOFF
) -> npt.NDArray[np.float32]:
    rows = np.asarray(lead, dtype=np.int64)
    at = np.broadcast_to(np.asarray(cutoff, dtype=np.int64), rows.shape).copy()
    leads, log, changes, colleagues = inputs
    return behaviour(compile_plan(plan), log, leads.created_at, rows, at, changes, colleagues)


def compute(
    plan: Plan,
    leads: Leads,
    history: Sequence[Event],
    lead: Sequence[int] = (0, 1),
    cutoff: Sequence[int] | int = CUTOFF,
) -> npt.NDArray[np.float32]:
    return features_of(plan, inputs_of(leads, history), lead, cutoff)


def assert_same_bits(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> None:
    np.testing.assert_array_equal(one.view(np.uint32), other.view(np.uint32))


def seen_by(plan: Plan, leads: Leads, history: Sequence[Event], lead: int, cutoff: int) -> Seen:
    """What a cutoff sees of a lead, in plain Python."""

    def happened(event: Event) -> Happened:
        return Happened(
            cutoff - event.at,
            event.at,
            event.type,
            event.type in plan.touches,
            event.channel,
            event.content,
            event.value,
            str(event.lead),
        )

    def order(event: Event) -> tuple[Any, ...]:
        value = (math.isnan(event.value), event.value)
        return event.at, event.type, event.channel or "", event.content or "", value, event.recorded

    known = [
        event
        for event in sorted(history, key=order)
        if event.type in plan.known_types
        and max(event.visible, int(leads.created_at[event.lead])) <= cutoff
    ]
    created_at = int(leads.created_at[lead])
    changes = sorted(
        (e.at, ATTRIBUTES[len(e.type) % 3])
        for e in history
        if e.content is not None and e.lead == lead and e.at <= cutoff
    )
    return Seen(
        plan,
        [happened(event) for event in known if event.lead == lead],
        None if created_at == MISSING or created_at > cutoff else cutoff - created_at,
        [Happened(cutoff - at, at, name) for at, name in changes],
        [happened(event) for event in known if event.lead != lead],
    )


def by_definition(
    plan: Plan, leads: Leads, history: Sequence[Event], lead: int, cutoff: int
) -> list[float]:
    """The features of one row in plain Python, from the reference of each kind."""
    seen = seen_by(plan, leads, history, lead, cutoff)
    values = [KINDS[feature.kind].reference(seen, feature) for feature in plan.features]
    largest = float(np.finfo(np.float32).max)
    return [min(max(v, -largest), largest) if math.isfinite(v) else v for v in values]


@every_plan
@settings(CHECKED, max_examples=200)
@given(history=histories, made=st.tuples(created, created), half_days=st.integers(-6, 12))
def test_a_feature_is_its_plain_reference(
    plan: Plan, history: list[Event], made: tuple[int, int], half_days: int
) -> None:
    leads, cutoff = leads_of(made), NOW - half_days * 12 * HOUR
    found = compute(plan, leads, history, cutoff=cutoff)
    expected = [by_definition(plan, leads, history, lead, cutoff) for lead in (0, 1)]
    # Single precision; sums of differences (spreads, entropies) lose a little more near zero.
    np.testing.assert_allclose(found, np.array(expected, dtype=np.float32), rtol=5e-7, atol=1e-6)


@every_plan
@CHECKED
@given(history=histories, more=histories, made=created, late=st.integers(1, 5 * DAY))
def test_what_happens_or_is_recorded_after_the_cutoff_changes_nothing(
    plan: Plan, history: list[Event], more: list[Event], made: int, late: int
) -> None:
    leads = leads_of([made, CUTOFF - DAY])
    happened = [e.shifted(CUTOFF + late - e.at) for e in more]
    recorded = [e._replace(recorded=CUTOFF + late, content=None) for e in more]
    before = compute(plan, leads, history)
    assert_same_bits(compute(plan, leads, history + happened), before)
    assert_same_bits(compute(plan, leads, history + recorded), before)


@every_plan
@CHECKED
@given(history=histories, more=histories, made=created)
def test_types_that_are_not_in_the_plan_change_nothing(
    plan: Plan, history: list[Event], more: list[Event], made: int
) -> None:
    leads = leads_of([made, CUTOFF - DAY])
    before = compute(plan, leads, history)
    for name in (HIDDEN, "a type of today"):
        hidden = [e._replace(type=name, content=None) for e in more]
        assert_same_bits(compute(plan, leads, history + hidden), before)


@every_plan
@CHECKED
@given(
    history=events(2, types=TYPES, ids=True), made=created, random=st.randoms(use_true_random=False)
)
def test_the_order_of_rows_changes_nothing(
    plan: Plan, history: list[Event], made: int, random: object
) -> None:
    leads, shuffled = leads_of([made, CUTOFF - DAY]), list(history)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert_same_bits(compute(plan, leads, shuffled), compute(plan, leads, history))


@every_plan
@CHECKED
@given(history=histories, made=created, days=st.integers(-5000, 5000))
def test_shifting_all_times_by_whole_days_changes_nothing(
    plan: Plan, history: list[Event], made: int, days: int
) -> None:
    plan = replace(plan, features=tuple(f for f in plan.features if not KINDS[f.kind].calendar))
    by = days * DAY
    before = compute(plan, leads_of([made, CUTOFF - DAY]), history)
    shifted = leads_of([made if made == MISSING else made + by, CUTOFF - DAY + by])
    later = [e.shifted(by) for e in history]
    assert_same_bits(compute(plan, shifted, later, cutoff=CUTOFF + by), before)


@every_plan
@CHECKED
@given(history=histories, made=created)
def test_a_value_is_finite_or_declared_missing(plan: Plan, history: list[Event], made: int) -> None:
    leads = leads_of([made, made])
    far = [e._replace(at=e.at - 10_000 * DAY) for e in history[:2]]
    found = compute(plan, leads, history + far)
    assert not np.isinf(found).any()
    never_missing = [not math.isnan(feature.says.empty) for feature in plan.features]
    assert not np.isnan(found[:, never_missing]).any()


@every_plan
def test_an_empty_history_has_the_declared_value(plan: Plan) -> None:
    found = compute(plan, leads_of([MISSING, MISSING]), [], lead=[0])
    np.testing.assert_array_equal(found[0], np.float32([f.says.empty for f in plan.features]))


@every_plan
@CHECKED
@given(history=histories, made=created)
def test_a_longer_window_holds_no_less(plan: Plan, history: list[Event], made: int) -> None:
    found = compute(plan, leads_of([made, CUTOFF - DAY]), history)
    by_line: dict[tuple[str, str | None, str], list[tuple[float, int]]] = {}
    for column, feature in enumerate(plan.features):
        if KINDS[feature.kind].takes == "window" and feature.says.grows:
            line = by_line.setdefault((feature.kind, feature.of, feature.choice), [])
            line.append((feature.parameter or np.inf, column))
    for line in by_line.values():
        values = np.nan_to_num(found[:, [c for _, c in sorted(line)]].astype(np.float64), nan=-1e39)
        assert (np.diff(values, axis=1) >= 0).all()


@pytest.mark.parametrize("value", [1e39, -1e39, 1.7e308, -1.7e308])
def test_a_value_beyond_single_precision_stays_finite(value: float) -> None:
    history = [
        Event("page", CUTOFF - n * HOUR, value=sign * value) for n, sign in enumerate((1, 1, -1))
    ]
    found = compute(PLANS["value"], leads_of([MISSING, MISSING]), history, lead=[0])
    assert np.isfinite(found[:, [f.parameter is None for f in PLANS["value"].features]]).all()


def many(n: int) -> tuple[Leads, list[Event]]:
    """So many leads with a few events each, far apart in time, for what takes more than one thread."""
    rng = np.random.default_rng(7)
    made = np.where(rng.random(n) < 0.1, MISSING, CUTOFF - rng.integers(0, 90 * DAY, n))
    history = [
        Event(
            TYPES[rng.integers(len(TYPES))],
            int(CUTOFF + 5 * DAY - rng.integers(0, 100 * DAY)),
            int(lead),
            channel="web" if rng.random() < 0.5 else None,
            content="/a" if rng.random() < 0.2 else None,
            value=1.5 if rng.random() < 0.2 else np.nan,
            event_id=f"e{rng.integers(3)}" if rng.random() < 0.2 else None,
        )
        for lead in rng.integers(0, n, 6 * n)
    ]
    return leads_of(made.tolist()), history


def test_one_lead_alone_has_the_bits_it_has_in_a_list() -> None:
    n = 700  # three chunks of the kernel, one of them not full
    leads, history = many(n)
    inputs = inputs_of(leads, history)
    together = features_of(WHOLE, inputs, range(n))
    assert np.isfinite(together).any(axis=0).all()
    for lead in range(n):
        own = [e._replace(lead=0) for e in history if e.lead == lead]
        alone = inputs_of(leads_of([int(leads.created_at[lead])]), own)
        theirs = inputs.colleagues.keep(np.arange(n) == lead)
        assert_same_bits(
            features_of(WHOLE, alone._replace(colleagues=theirs), [0])[0], together[lead]
        )


@pytest.mark.parametrize("n_rows", [1, 255, 256, 257, 512, 513, 1000])
def test_a_row_does_not_depend_on_how_many_rows_there_are(n_rows: int) -> None:
    leads, history = many(40)
    rng = np.random.default_rng(n_rows)
    lead = rng.integers(0, 40, n_rows)
    cutoff = CUTOFF - rng.integers(-5, 60, n_rows) * DAY
    rows = compute(WHOLE, leads, history, lead=lead.tolist(), cutoff=cutoff.tolist())
    few = rng.permutation(n_rows)[:20]
    again = compute(WHOLE, leads, history, lead=lead[few].tolist(), cutoff=cutoff[few].tolist())
    assert_same_bits(again, rows[few])


def test_parts_of_a_plan_have_the_bits_of_the_whole() -> None:
    leads, history = many(50)
    whole = compute(WHOLE, leads, history, lead=range(50))
    for plan in PLANS.values():
        columns = [WHOLE.features.index(feature) for feature in plan.features]
        assert_same_bits(compute(plan, leads, history, lead=range(50)), whole[:, columns].copy())


def test_a_group_is_the_types_it_stands_for() -> None:
    history = [Event(name, CUTOFF - i * HOUR) for i, name in enumerate((*TYPES, *RARE, "page"))]
    found = compute(PLANS["count"], leads_of([MISSING, MISSING]), history)[0]
    ever = {f.of: found[i] for i, f in enumerate(PLANS["count"].features) if f.parameter is None}
    assert ever == {"page": 2, "mail": 1, OTHER: 4, ANY: 7, BY_LEAD: 4, BY_US: 3}


@pytest.mark.parametrize(
    ("age", "within"), [(0, 1), (1, 1), (7 * DAY - 1, 1), (7 * DAY, 0), (-1, 0)]
)
def test_a_window_begins_after_its_length_and_ends_with_the_cutoff(age: int, within: int) -> None:
    plan = PLANS["count"]
    found = compute(plan, leads_of([MISSING, MISSING]), [Event("page", CUTOFF - age)])[0]
    assert found[plan.features.index(Feature("count", "page", 7 * DAY))] == within


def test_an_event_a_half_life_ago_counts_half() -> None:
    plan = PLANS["decay"]
    found = compute(plan, leads_of([MISSING] * 2), [Event("page", CUTOFF - 3 * DAY)])[0]
    assert found[plan.features.index(Feature("decay", "page", 3 * DAY))] == np.float32(0.5)


def test_a_plan_without_events_or_features_computes_nothing() -> None:
    leads = leads_of([CUTOFF])
    empty = Plan((), (), (), (), (), "UTC", {}, {}).with_features(["count 7d", "age"])
    assert empty.names == ["age(*lead)"]
    assert compute(empty, leads, [Event("page", CUTOFF)], lead=[0]).tolist() == [[0.0]]
    assert compute(Plan((), (), (), (), (), "UTC", {}, {}), leads, [], lead=[0]).shape == (1, 0)
    assert compute(WHOLE, leads, [], lead=[]).shape == (0, len(WHOLE.features))
