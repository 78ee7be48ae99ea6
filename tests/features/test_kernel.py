"""The kernel: every feature of every kind is its definition, and nothing else moves it.

Every check runs over `KINDS`, so that a kind added there inherits all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.instants import DAY, HOUR, MISSING
from features.kernel import behaviour, compile_plan
from features.kinds import KINDS, Seen
from features.log import Leads
from features.plan import ANY, BY_LEAD, BY_US, OTHER, Feature, Plan, expand, groups
from tests.features.histories import CHECKED, NOW, Event, events, leads_of, log_of

PARAMETERS = {None: [""], "window": ["12h", "1d", "7d", "ever"], "half_life": ["12h", "3d", "45d"]}
"""What to write after a kind's name, by what its parameter means."""

VOCABULARY, RARE, TOUCHES, HIDDEN = ("page", "mail"), ("call", "fax"), ("mail", "fax"), "secret"
MEMBERS = {
    "page": {"page"},
    "mail": {"mail"},
    OTHER: {"call", "fax"},
    ANY: {"page", "mail", "call", "fax"},
    BY_LEAD: {"page", "call"},
    BY_US: {"mail", "fax"},
}
TYPES = (*VOCABULARY, *RARE, HIDDEN)
CUTOFF = NOW - 2 * DAY

every_kind = pytest.mark.parametrize("kind", KINDS)
histories = events(2, types=TYPES)
created = st.one_of(st.just(MISSING), st.integers(-6, 20).map(lambda n: NOW - n * 12 * HOUR))


def plan_of(kinds: Sequence[str]) -> Plan:
    lines = [f"{name} {word}" for name in kinds for word in PARAMETERS[KINDS[name].parameter]]
    return Plan(
        event_types=VOCABULARY,
        other_types=RARE,
        touches=TOUCHES,
        features=expand(lines, groups(VOCABULARY, RARE, TOUCHES)),
        attributes=(),
        timezone="Asia/Tokyo",
        columns={},
        date_events={},
    )


PLANS = {kind: plan_of([kind]) for kind in KINDS}
WHOLE = plan_of(list(KINDS))


def compute(
    plan: Plan,
    leads: Leads,
    history: Sequence[Event],
    lead: Sequence[int] = (0, 1),
    cutoff: Sequence[int] | int = CUTOFF,
) -> npt.NDArray[np.float32]:
    rows = np.asarray(lead, dtype=np.int64)
    at = np.broadcast_to(np.asarray(cutoff, dtype=np.int64), rows.shape).copy()
    log = log_of(leads, history)
    return behaviour(compile_plan(plan), log, leads.created_at, rows, at)


def assert_same_bits(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> None:
    np.testing.assert_array_equal(one.view(np.uint32), other.view(np.uint32))


def by_definition(
    feature: Feature, leads: Leads, history: Sequence[Event], lead: int, cutoff: int
) -> float:
    """A feature in plain Python, from its kind's reference."""
    created_at = int(leads.created_at[lead])
    ages = [
        cutoff - event.at
        for event in sorted(history, key=lambda e: e.at)
        if event.lead == lead
        and event.type in MEMBERS.get(feature.of or ANY, set())
        and max(event.visible, created_at) <= cutoff
    ]
    age = None if created_at == MISSING else cutoff - created_at
    return KINDS[feature.kind].reference(Seen(ages, age), feature.parameter)


@every_kind
@settings(CHECKED, max_examples=200)
@given(history=histories, made=st.tuples(created, created), half_days=st.integers(-6, 12))
def test_a_feature_is_its_plain_reference(
    kind: str, history: list[Event], made: tuple[int, int], half_days: int
) -> None:
    leads, cutoff = leads_of(made), NOW - half_days * 12 * HOUR
    found = compute(PLANS[kind], leads, history, cutoff=cutoff)
    expected = [
        [by_definition(feature, leads, history, lead, cutoff) for feature in PLANS[kind].features]
        for lead in (0, 1)
    ]
    np.testing.assert_allclose(found, np.array(expected, dtype=np.float32), rtol=2e-7)


@every_kind
@CHECKED
@given(history=histories, more=histories, made=created, late=st.integers(1, 5 * DAY))
def test_what_happens_or_is_recorded_after_the_cutoff_changes_nothing(
    kind: str, history: list[Event], more: list[Event], made: int, late: int
) -> None:
    leads = leads_of([made, CUTOFF - DAY])
    happened = [e.shifted(CUTOFF + late - e.at) for e in more]
    recorded = [e._replace(recorded=CUTOFF + late) for e in more]
    before = compute(PLANS[kind], leads, history)
    assert_same_bits(compute(PLANS[kind], leads, history + happened), before)
    assert_same_bits(compute(PLANS[kind], leads, history + recorded), before)


@every_kind
@CHECKED
@given(history=histories, more=histories, made=created)
def test_types_that_are_not_in_the_plan_change_nothing(
    kind: str, history: list[Event], more: list[Event], made: int
) -> None:
    leads = leads_of([made, CUTOFF - DAY])
    before = compute(PLANS[kind], leads, history)
    for name in (HIDDEN, "a type of today"):
        hidden = [e._replace(type=name) for e in more]
        assert_same_bits(compute(PLANS[kind], leads, history + hidden), before)


@every_kind
@CHECKED
@given(
    history=events(2, types=TYPES, ids=True), made=created, random=st.randoms(use_true_random=False)
)
def test_the_order_of_rows_changes_nothing(
    kind: str, history: list[Event], made: int, random: object
) -> None:
    leads, shuffled = leads_of([made, CUTOFF - DAY]), list(history)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert_same_bits(compute(PLANS[kind], leads, shuffled), compute(PLANS[kind], leads, history))


@every_kind
@CHECKED
@given(history=histories, made=created, days=st.integers(-5000, 5000))
def test_shifting_all_times_by_whole_days_changes_nothing(
    kind: str, history: list[Event], made: int, days: int
) -> None:
    by = days * DAY
    before = compute(PLANS[kind], leads_of([made, CUTOFF - DAY]), history)
    shifted = leads_of([made if made == MISSING else made + by, CUTOFF - DAY + by])
    later = [e.shifted(by) for e in history]
    assert_same_bits(compute(PLANS[kind], shifted, later, cutoff=CUTOFF + by), before)


@every_kind
@CHECKED
@given(history=histories, made=created)
def test_a_value_is_finite_or_declared_missing(kind: str, history: list[Event], made: int) -> None:
    leads = leads_of([made, made])
    far = [e._replace(at=e.at - 10_000 * DAY) for e in history[:2]]
    found = compute(PLANS[kind], leads, history + far)
    assert not np.isinf(found).any()
    assert not np.isnan(found).any() or math.isnan(KINDS[kind].empty)


@every_kind
def test_an_empty_history_has_the_declared_value(kind: str) -> None:
    known = CUTOFF - DAY if KINDS[kind].per_group else MISSING
    elsewhere = [Event(name, CUTOFF, lead=1) for name in TYPES]
    found = compute(PLANS[kind], leads_of([known, CUTOFF]), elsewhere, lead=[0])
    np.testing.assert_array_equal(found[0], np.float32(KINDS[kind].empty))
    assert np.isfinite(compute(PLANS[kind], leads_of([known, CUTOFF]), elsewhere, lead=[1])).all()


@pytest.mark.parametrize("kind", [name for name, k in KINDS.items() if k.parameter == "window"])
@CHECKED
@given(history=histories, made=created)
def test_a_longer_window_holds_no_less(kind: str, history: list[Event], made: int) -> None:
    found = compute(PLANS[kind], leads_of([made, CUTOFF - DAY]), history)
    for group in MEMBERS:
        windows = sorted(
            (feature.parameter or np.inf, column)
            for column, feature in enumerate(PLANS[kind].features)
            if feature.of == group
        )
        values = found[:, [column for _, column in windows]]
        assert (np.diff(values, axis=1) >= 0).all()


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
            event_id=f"e{rng.integers(3)}" if rng.random() < 0.2 else None,
        )
        for lead in rng.integers(0, n, 6 * n)
    ]
    return leads_of(made.tolist()), history


def test_one_lead_alone_has_the_bits_it_has_in_a_list() -> None:
    n = 700  # three chunks of the kernel, one of them not full
    leads, history = many(n)
    together = compute(WHOLE, leads, history, lead=range(n))
    assert np.isfinite(together).any(axis=0).all()
    for lead in range(n):
        own = [e._replace(lead=0) for e in history if e.lead == lead]
        alone = compute(WHOLE, leads_of([int(leads.created_at[lead])]), own, lead=[0])
        assert_same_bits(alone[0], together[lead])


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
    empty = Plan((), (), (), expand(["count 7d", "age"], []), (), "UTC", {}, {})
    assert empty.names == ["age(*lead)"]
    assert compute(empty, leads, [Event("page", CUTOFF)], lead=[0]).tolist() == [[0.0]]
    assert compute(Plan((), (), (), (), (), "UTC", {}, {}), leads, [], lead=[0]).shape == (1, 0)
    assert compute(WHOLE, leads, [], lead=[]).shape == (0, len(WHOLE.features))
