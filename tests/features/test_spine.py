"""Spines: who is looked at when, which rows are left out and why, and what came of them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.instants import DAY, HOUR, MISSING, SECOND, from_datetime
from features.log import EventLog, Leads
from features.spine import Spine, belongs, cutoffs, labels, states, training_spine
from features.task import Task
from tests.features.histories import CHECKED, NOW, Event, events, leads_of, log_of

UTC_ZONE = ZoneInfo("UTC")
TASK = Task(
    "qualification",
    label=("deal",),
    closes=("deal", "lost"),
    reopens=("back",),
    horizon=7 * DAY,
    ages=(DAY,),
    until=30 * DAY,
)
TYPES = ("deal", "lost", "back", "page", "mail")
TOUCHES = ("mail",)


class Row(NamedTuple):
    lead: int
    cutoff: int
    label: int
    age: int


def rows_of(spine: Spine) -> list[Row]:
    assert spine.label is not None
    columns = (spine.lead, spine.cutoff, spine.label, spine.age)
    return [Row(*map(int, row)) for row in zip(*columns, strict=True)]


def spine_of(
    leads: Leads, history: list[Event], task: Task, until: int, tz: ZoneInfo = UTC_ZONE
) -> Spine:
    return training_spine(leads, log_of(leads, history), task, TOUCHES, until, tz)


def one(history: list[Event], task: Task = TASK, until: int = NOW) -> Spine:
    """The spine of a lead created 20 days before NOW and looked at a day later."""
    return spine_of(leads_of([NOW - 20 * DAY]), history, task, until)


CUTOFF = NOW - 19 * DAY


# Labels and maturity.


@pytest.mark.parametrize(
    ("after", "label"), [(0, 0), (1, 1), (3 * DAY, 1), (7 * DAY, 1), (7 * DAY + 1, 0), (-1, 0)]
)
def test_the_label_is_whether_its_event_lies_after_the_cutoff_and_up_to_the_horizon(
    after: int, label: int
) -> None:
    task = Task("t", label=("deal",), horizon=7 * DAY, ages=(DAY,))
    assert rows_of(one([Event("deal", CUTOFF + after)], task)) == [Row(0, CUTOFF, label, DAY)]


def test_the_next_label_event_decides_whatever_came_before_or_comes_later() -> None:
    task = Task("t", label=("deal", "won"), horizon=7 * DAY, ages=(DAY,))
    history = [Event("deal", CUTOFF - 1), Event("won", CUTOFF + 7 * DAY), Event("deal", NOW)]
    assert rows_of(one(history, task))[0].label == 1
    assert rows_of(one([history[0], history[2]], task))[0].label == 0


def test_a_loss_inside_the_window_is_no_censoring() -> None:
    lost, deal = Event("lost", CUTOFF + DAY), Event("deal", CUTOFF + 2 * DAY)
    assert rows_of(one([lost]))[0].label == 0
    assert rows_of(one([lost, deal]))[0].label == 1


def test_a_row_whose_horizon_is_not_over_is_left_out_and_counted_never_labelled() -> None:
    for history in ([], [Event("deal", CUTOFF + DAY)]):
        assert rows_of(one(history, until=CUTOFF + 7 * DAY)) != []
        immature = one(history, until=CUTOFF + 7 * DAY - 1)
        assert rows_of(immature) == []
        assert immature.left_out["immature"] == 1
        assert one(history, until=CUTOFF).left_out["immature"] == 1
        assert one(history, until=CUTOFF - 1).left_out["immature"] == 0


@CHECKED
@given(events(2, types=TYPES), st.integers(1, 10))
def test_labels_are_found_for_rows_in_any_order(history: list[Event], days: int) -> None:
    task = Task("t", label=("deal", "back"), horizon=days * DAY)
    leads = leads_of([NOW - 30 * DAY] * 2)
    rng = np.random.default_rng(days)
    lead = rng.integers(0, 2, 50)
    cutoff = NOW - rng.integers(-10, 50, 50) * 12 * HOUR
    found = labels(log_of(leads, history), task, lead, cutoff)
    for row in range(50):
        expected = any(
            e.lead == lead[row]
            and e.type in task.label
            and cutoff[row] < e.at <= cutoff[row] + days * DAY
            for e in history
        )
        assert found[row] == expected


# Open, closed, reopened, silent.


@pytest.mark.parametrize(
    ("history", "is_open"),
    [
        ([], True),
        ([Event("lost", CUTOFF)], False),
        ([Event("lost", CUTOFF + 1)], True),
        ([Event("lost", CUTOFF - 2), Event("back", CUTOFF - 1)], True),
        ([Event("lost", CUTOFF - 2), Event("back", CUTOFF)], True),
        ([Event("lost", CUTOFF - 2), Event("back", CUTOFF + 1)], False),
        ([Event("back", CUTOFF - 2), Event("lost", CUTOFF - 1)], False),
        ([Event("lost", CUTOFF - 3), Event("back", CUTOFF - 2), Event("deal", CUTOFF - 1)], False),
        ([Event("lost", NOW - 21 * DAY)], False),
        ([Event("lost", CUTOFF - 1, recorded=CUTOFF + DAY)], False),
    ],
)
def test_a_lead_is_open_when_nothing_closed_it_after_it_was_last_reopened(
    history: list[Event], is_open: bool
) -> None:
    spine = one(history)
    assert len(spine) == is_open
    assert spine.left_out["closed"] == 1 - is_open


@pytest.mark.parametrize(
    ("history", "stays"),
    [
        ([], False),
        ([Event("page", CUTOFF - 10 * HOUR + 1)], True),
        ([Event("page", CUTOFF - 10 * HOUR)], False),
        ([Event("mail", CUTOFF)], False),  # a touch by us is no act of its own
        ([Event("page", CUTOFF + 1)], False),
    ],
)
def test_a_lead_without_an_act_of_its_own_leaves_after_until(
    history: list[Event], stays: bool
) -> None:
    task = Task("t", label=("deal",), horizon=DAY, ages=(DAY,), until=10 * HOUR)
    spine = one(history, task)
    assert len(spine) == stays
    assert spine.left_out["no act for longer than until"] == 1 - stays


def test_a_lead_without_a_creation_is_never_trained_on() -> None:
    leads = leads_of([MISSING, NOW - 20 * DAY, MISSING])
    spine = spine_of(leads, [], TASK, NOW)
    assert set(spine.lead.tolist()) == {1}
    assert spine.left_out["leads without created_at"] == 2


@CHECKED
@given(events(1, types=TYPES), st.integers(-4, 30))
def test_a_state_is_what_had_happened_or_what_was_known(history: list[Event], half: int) -> None:
    leads = leads_of([NOW - 10 * DAY])
    log, cutoff = log_of(leads, history), NOW - half * 12 * HOUR
    rows = np.array([0]), np.array([cutoff])
    for known_at in (log.occurred_at, log.visible_at):
        seen = states(log, leads, TASK, TOUCHES, *rows, known_at)
        closed, act = None, NOW - 10 * DAY
        for i in range(log.n_events):
            name = log.types[log.event_type[i]]
            if max(log.occurred_at[i], known_at[i]) > cutoff:
                continue
            if name in TASK.closes:
                closed = (name, int(log.occurred_at[i]))
            if name in TASK.reopens:
                closed = None
            if name not in TOUCHES:
                act = max(act, int(log.occurred_at[i]))
        assert int(seen.last_act[0]) == act
        if closed is None:
            assert (seen.closed_by[0], seen.closed_at[0]) == (-1, MISSING)
        else:
            assert (log.types[seen.closed_by[0]], seen.closed_at[0]) == closed


# Lost leads and dormant customers.

CLOSES = ("deal", "lost", "won")
WHO: dict[str, dict[str, Any]] = {
    "open": {},
    "lost": {"after": ("lost",)},
    "dormant": {"after": ("won",), "dormant": 2 * DAY},
}
OF_ALL = ("deal", "lost", "won", "back", "page", "mail")


def task_of(who: str, **more: Any) -> Task:
    return Task(who, label=("back", "deal"), closes=CLOSES, reopens=("back",), **WHO[who], **more)


def stands(before: list[tuple[int, str]], cutoff: int) -> str:
    """Who a lead is after some events, oldest first: the definition in plain words."""
    closing = [(at, name) for at, name in before if name in (*CLOSES, "back")]
    at, name = closing[-1] if closing else (cutoff, "back")
    if name == "back":
        return "open"
    if name == "won":
        return "dormant" if cutoff - at >= 2 * DAY else "a customer of late"
    return "lost" if name == "lost" else "in a deal"


@settings(CHECKED, max_examples=200)
@given(events(2, types=OF_ALL), st.integers(-4, 30))
def test_a_lead_is_on_one_task_at_most_and_on_the_one_that_its_last_ending_says(
    history: list[Event], half: int
) -> None:
    leads = leads_of([NOW - 40 * DAY] * 2)
    log, cutoff = log_of(leads, history), np.full(2, NOW - half * 12 * HOUR)
    for known_at in (log.occurred_at, log.visible_at):
        on = {}
        for who in WHO:
            task = task_of(who)
            seen = states(log, leads, task, TOUCHES, np.arange(2), cutoff, known_at)
            on[who] = belongs(task, log.types, seen, cutoff)
        for lead in range(2):
            before = [
                (int(log.occurred_at[i]), log.types[log.event_type[i]])
                for i in range(log.offsets[lead], log.offsets[lead + 1])
                if max(log.occurred_at[i], known_at[i]) <= cutoff[lead]
            ]
            mine = stands(before, int(cutoff[lead]))
            assert [who for who in WHO if on[who][lead]] == [who for who in WHO if who == mine]


@settings(CHECKED, max_examples=200)
@given(
    events(2, types=OF_ALL),
    st.sampled_from(sorted(WHO)),
    st.integers(1, 8),
    st.integers(3, 12),
    st.integers(-4, 10),
)
def test_the_spine_of_every_task_is_what_its_definition_says(
    history: list[Event], who: str, horizon: int, silence: int, until: int
) -> None:
    created, end = NOW - 12 * DAY, NOW - until * 12 * HOUR
    leads = leads_of([created, created + 5 * HOUR])
    task = task_of(who, horizon=horizon * DAY, every=DAY, until=silence * DAY)
    spine, log = spine_of(leads, history, task, end), log_of(leads, history)
    rows, immature, silent, other = [], 0, 0, 0
    for lead in range(2):
        mine = range(log.offsets[lead], log.offsets[lead + 1])
        happened = [(int(log.occurred_at[i]), log.types[log.event_type[i]]) for i in mine]
        first = int(leads.created_at[lead])
        for cutoff in [at for at in midnights(UTC_ZONE, 1) if first <= at <= end]:
            before = [(at, name) for at, name in happened if at <= cutoff]
            acts = [at for at, name in before if name not in TOUCHES]
            if stands(before, cutoff) != who:
                other += 1
            elif cutoff - max([first, *acts]) >= silence * DAY:
                silent += 1
            elif cutoff + horizon * DAY > end:
                immature += 1
            else:
                label = any(
                    name in ("back", "deal") and cutoff < at <= cutoff + horizon * DAY
                    for at, name in happened
                )
                rows.append(Row(lead, cutoff, int(label), 0))
    assert rows_of(spine) == rows
    left_out = dict(spine.left_out)
    assert left_out.pop("immature") == immature
    assert left_out.pop("no act for longer than until") == silent
    assert left_out.pop("leads without created_at") == 0
    assert sum(left_out.values()) == other
    reasons = {"closed"} if who == "open" else {"open", "closed by another event"}
    assert set(left_out) == reasons | ({"not yet dormant"} if who == "dormant" else set())


@pytest.mark.parametrize(("since", "on_it"), [(2 * DAY - 1, False), (2 * DAY, True)])
def test_a_customer_is_dormant_from_exactly_so_long_after_the_last_purchase_on(
    since: int, on_it: bool
) -> None:
    task = task_of("dormant", horizon=DAY, ages=(DAY,))
    history = [Event("won", CUTOFF - 10 * DAY), Event("won", CUTOFF - since)]
    spine = spine_of(leads_of([CUTOFF - DAY]), history, task, NOW)
    assert len(spine) == on_it
    assert spine.left_out["not yet dormant"] == 1 - on_it


# The whole of it, against plain Python.


@cache
def midnights(tz: ZoneInfo, every: int) -> list[int]:
    """Every so many midnights of a zone since Monday 1970-01-05."""
    days = (date(1970, 1, 5) + timedelta(n) for n in range(0, 25_000, every))
    return [from_datetime(datetime(d.year, d.month, d.day, tzinfo=tz)) for d in days]


def reference(
    leads: Leads, log: EventLog, task: Task, until: int, tz: ZoneInfo, every: int
) -> tuple[list[Row], dict[str, int]]:
    rows = []
    left_out = {"immature": 0, "closed": 0, "no act for longer than until": 0}
    left_out["leads without created_at"] = leads.created_at.tolist().count(MISSING)
    for lead, created in enumerate(leads.created_at.tolist()):
        if created == MISSING:
            continue
        mine = range(log.offsets[lead], log.offsets[lead + 1])
        happened = [(int(log.occurred_at[i]), log.types[log.event_type[i]]) for i in mine]
        looks = [(created + age, age) for age in sorted(task.ages)] or [
            (at, 0) for at in midnights(tz, every) if at >= created
        ]
        for cutoff, age in looks:
            if cutoff > until:
                continue
            before = [(at, name) for at, name in happened if at <= cutoff]
            last = [name for _, name in before if name in task.closes + task.reopens][-1:]
            acts = [at for at, name in before if name not in TOUCHES]
            assert task.horizon is not None
            if last and last[0] in task.closes:
                left_out["closed"] += 1
            elif cutoff - max([created, *acts]) >= task.until:
                left_out["no act for longer than until"] += 1
            elif cutoff + task.horizon > until:
                left_out["immature"] += 1
            else:
                label = any(
                    name in task.label and cutoff < at <= cutoff + task.horizon
                    for at, name in happened
                )
                rows.append(Row(lead, cutoff, int(label), age))
    return rows, left_out


@settings(CHECKED, max_examples=200)
@given(
    created=st.lists(
        st.one_of(st.just(MISSING), st.integers(-2, 40).map(lambda n: NOW - n * 12 * HOUR)),
        min_size=2,
        max_size=2,
    ),
    history=events(2, types=TYPES),
    horizon=st.integers(1, 8),
    silence=st.integers(1, 12),
    looks=st.one_of(st.sampled_from((1, 2, 7)), st.just((0, DAY, 3 * DAY))),
    until=st.integers(-4, 10),
    tz=st.sampled_from(("UTC", "Asia/Tokyo", "America/New_York")),
)
def test_a_spine_is_what_its_definition_says(
    created: list[int],
    history: list[Event],
    horizon: int,
    silence: int,
    looks: int | tuple[int, ...],
    until: int,
    tz: str,
) -> None:
    every = looks if isinstance(looks, int) else 1
    task = Task(
        "t",
        label=("deal",),
        closes=("deal", "lost"),
        reopens=("back",),
        horizon=horizon * DAY,
        every=every * DAY,
        ages=() if isinstance(looks, int) else looks,
        until=silence * DAY,
    )
    leads = leads_of(created)
    end, zone = NOW - until * 12 * HOUR, ZoneInfo(tz)
    spine = spine_of(leads, history, task, end, zone)
    rows, left_out = reference(leads, log_of(leads, history), task, end, zone, every)
    assert rows_of(spine) == rows
    assert spine.left_out == left_out


# Cutoffs.

ZONES = ("UTC", "Asia/Tokyo", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe")


@pytest.mark.parametrize("tz", ZONES)
@pytest.mark.parametrize("days", [1, 7, 30])
def test_cutoffs_are_local_midnights(tz: str, days: int) -> None:
    zone = ZoneInfo(tz)
    start, end = (from_datetime(datetime(year, 6, 1, 12, tzinfo=UTC)) for year in (2015, 2019))
    found = cutoffs(start, end, days * DAY, zone)
    local = [datetime.fromtimestamp(at / 1e6, zone) for at in found]
    assert (np.diff(found) > 0).all()
    assert len(found) == len({moment.date() for moment in local})
    assert {(moment.date() - date(1970, 1, 5)).days % days for moment in local} == {0}
    assert len(found) == pytest.approx((end - start) / DAY / days, abs=1)
    # In Sao Paulo summer time began at midnight: those days begin at one o'clock.
    hours = {moment.hour for moment in local}
    assert hours == {0} or (tz == "America/Sao_Paulo" and hours <= {0, 1})


def test_weekly_cutoffs_are_mondays() -> None:
    found = cutoffs(NOW - 365 * DAY, NOW, 7 * DAY, ZoneInfo("Asia/Tokyo"))
    assert {datetime.fromtimestamp(at / 1e6, ZoneInfo("Asia/Tokyo")).weekday() for at in found} == {
        0
    }


@CHECKED
@given(
    st.integers(0, 400),
    st.integers(0, 400),
    st.integers(0, 60),
    st.integers(0, 60),
    st.sampled_from((HOUR, 6 * HOUR, DAY, 7 * DAY, 90 * DAY)),
    st.sampled_from(ZONES),
)
def test_cutoffs_stay_where_they_are_when_the_data_grow(
    start: int, length: int, before: int, after: int, every: int, tz: str
) -> None:
    low = NOW + start * 7 * HOUR
    high = low + length * 5 * HOUR
    few = cutoffs(low, high, every, ZoneInfo(tz))
    many = cutoffs(low - before * DAY, high + after * DAY, every, ZoneInfo(tz))
    np.testing.assert_array_equal(few, many[(many >= low) & (many <= high)])


def test_both_ends_are_cutoffs_and_a_lead_is_looked_at_from_its_creation_on() -> None:
    assert cutoffs(NOW, NOW, DAY, UTC_ZONE).tolist() == [NOW]
    assert cutoffs(NOW + 1, NOW + DAY - 1, DAY, UTC_ZONE).tolist() == []
    task = Task("t", label=("deal",), horizon=DAY, every=DAY)
    assert spine_of(leads_of([NOW]), [], task, NOW + DAY).cutoff.tolist() == [NOW]
    assert spine_of(leads_of([NOW + 1]), [], task, NOW + 2 * DAY).cutoff.tolist() == [NOW + DAY]


def test_ages_are_counted_from_the_creation_to_the_microsecond() -> None:
    task = Task("t", label=("deal",), horizon=DAY, ages=(7 * DAY, 0, 90 * SECOND))
    created = [NOW - 30 * DAY + 17, NOW - 8 * DAY - 1]
    spine = spine_of(leads_of(created), [], task, NOW)
    assert spine.cutoff.tolist() == [
        at + age for at in created for age in (0, 90 * SECOND, 7 * DAY)
    ]
    assert spine.age.tolist() == [0, 90 * SECOND, 7 * DAY] * 2


# The rest.


def test_every_lead_as_of_one_cutoff_and_some_of_the_rows() -> None:
    spine = Spine.at(3, NOW)
    assert spine.lead.tolist() == [0, 1, 2]
    assert spine.cutoff.tolist() == [NOW] * 3
    assert spine.label is None
    assert spine.take(np.array([True, False, True])).lead.tolist() == [0, 2]
    labelled = one([])
    assert rows_of(labelled.take(np.array([0, 0]))) == rows_of(labelled) * 2


def test_no_leads_and_a_task_without_a_horizon() -> None:
    assert len(spine_of(leads_of([]), [], TASK, NOW)) == 0
    flat = Task("flat", label=(), horizon=None, every=None)
    assert flat.horizon_text is None
    with pytest.raises(ValueError, match="no cutoffs"):
        spine_of(leads_of([NOW]), [], flat, NOW)


def test_a_task_is_stored_and_had_again() -> None:
    for task in (TASK, task_of("dormant"), Task("flat", label=(), horizon=None, every=None)):
        assert Task.from_json(json.loads(json.dumps(task.to_json()))) == task
    assert TASK.horizon_text == "7d"


def test_a_task_stored_before_there_were_lost_leads_is_one_of_open_leads() -> None:
    stored = TASK.to_json()
    del stored["after"], stored["dormant"]
    assert Task.from_json(stored) == TASK
