"""The event log: one order, one version of each event, and a moment from which each is visible."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.instants import DAY, HOUR, MISSING
from features.log import EventColumns, EventLog, Leads
from tests.features.histories import (
    CHECKED,
    NOW,
    Event,
    assert_same_log,
    columns_of,
    events,
    leads_of,
    log_of,
)

LEADS = leads_of([NOW - 10 * DAY, MISSING, NOW])


def canonical(event: Event) -> tuple[object, ...]:
    """The order of the design, in plain Python: missing texts first, a missing value last."""

    def text(cell: str | None) -> tuple[bool, str]:
        return (cell is not None, cell or "")

    return (
        event.at,
        event.type,
        text(event.channel),
        text(event.content),
        (math.isnan(event.value), 0.0 if math.isnan(event.value) else event.value),
        text(event.event_id),
        event.recorded,
    )


def reference(leads: Leads, history: Sequence[Event]) -> list[list[Event]]:
    """The events of each lead that a log of `history` holds, in its order."""
    kept = []
    for lead in range(len(leads)):
        mine = sorted((e for e in history if e.lead == lead), key=canonical)
        first = {}
        for event in sorted(mine, key=lambda e: e.visible):
            first.setdefault(event.event_id, event)
        seen: set[str] = set()
        kept.append([])
        for event in mine:
            if event.event_id is None:
                kept[-1].append(event)
            elif event == first[event.event_id] and event.event_id not in seen:
                seen.add(event.event_id)
                kept[-1].append(event)
    return kept


def rows_of(log: EventLog) -> list[list[tuple[object, ...]]]:
    """What a log holds of each lead, codes written out."""

    def name(names: tuple[str, ...], code: int) -> str | None:
        return None if code < 0 else names[code]

    return [
        [
            (
                int(log.occurred_at[i]),
                name(log.types, log.event_type[i]),
                name(log.channels, log.channel[i]),
                name(log.contents, log.content[i]),
                None if np.isnan(log.value[i]) else float(log.value[i]),
            )
            for i in range(log.offsets[lead], log.offsets[lead + 1])
        ]
        for lead in range(log.n_leads)
    ]


@CHECKED
@given(events(3, ids=True), st.randoms(use_true_random=False))
def test_the_order_of_rows_never_matters(history: list[Event], random: object) -> None:
    shuffled = list(history)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert_same_log(log_of(LEADS, shuffled), log_of(LEADS, history))


@CHECKED
@given(events(3, ids=True, max_size=20))
def test_a_log_holds_each_event_once_in_canonical_order(history: list[Event]) -> None:
    log = log_of(LEADS, history)
    expected = reference(LEADS, history)
    assert rows_of(log) == [
        [(e.at, e.type, e.channel, e.content, None if np.isnan(e.value) else e.value) for e in own]
        for own in expected
    ]
    assert log.visible_at.tolist() == [
        max(e.visible, int(LEADS.created_at[e.lead])) for own in expected for e in own
    ]
    came = np.bincount([e.lead for e in history], minlength=3)
    np.testing.assert_array_equal(log.duplicates, came - np.diff(log.offsets))
    assert log.types == tuple(sorted({e.type for e in history}))
    np.testing.assert_array_equal(
        log.lead_of_event(), [lead for lead, own in enumerate(expected) for _ in own]
    )


@settings(CHECKED, max_examples=200)
@given(events(3, ids=True), events(3, ids=True), st.integers(-4, 20))
def test_what_a_cutoff_saw_never_changes_by_what_is_recorded_later(
    history: list[Event], later: list[Event], half_days: int
) -> None:
    cutoff = NOW - half_days * 12 * HOUR

    def seen(log: EventLog) -> list[list[tuple[object, ...]]]:
        visible = log.visible_at <= cutoff
        places = iter(visible)
        return [[row for row in own if next(places)] for own in rows_of(log)]

    recorded_later = [
        e._replace(recorded=max(e.visible, cutoff + 1)) if e.visible <= cutoff else e for e in later
    ]
    before = seen(log_of(LEADS, history))
    assert seen(log_of(LEADS, history + recorded_later)) == before


def test_the_first_recorded_version_of_an_event_counts_for_its_lead_alone() -> None:
    late = Event("visit", NOW - DAY, recorded=NOW, event_id="e1")
    first = Event("call", NOW - HOUR, recorded=MISSING, event_id="e1")
    elsewhere = Event("mail", NOW, lead=1, event_id="e1")
    for history in ([late, first, elsewhere], [elsewhere, first, late]):
        log = log_of(LEADS, history)
        assert [log.types[t] for t in log.event_type] == ["call", "mail"]
        assert log.duplicates.tolist() == [1, 0, 0]


def test_of_versions_recorded_at_once_the_first_in_canonical_order_counts() -> None:
    versions = [Event(name, NOW, event_id="e1") for name in ("b", "a", "c")]
    log = log_of(LEADS, versions)
    assert [log.types[t] for t in log.event_type] == ["a"]


def test_equal_events_without_an_id_are_events_each() -> None:
    log = log_of(LEADS, [Event("visit", NOW)] * 3)
    assert log.n_events == 3
    assert log.duplicates.sum() == 0


def test_equal_events_recorded_at_different_times_have_one_order() -> None:
    history = [Event("visit", NOW, recorded=NOW + late) for late in (2, 0, 1)]
    assert log_of(LEADS, history).visible_at.tolist() == [NOW, NOW + 1, NOW + 2]


def test_texts_are_ordered_by_code_point() -> None:
    history = [Event(name, NOW) for name in ("見積", "あ", "b", "B", "é", "😀", "～")]
    log = log_of(LEADS, history)
    assert log.types == tuple(sorted(e.type for e in history))
    assert log.event_type.tolist() == list(range(7))


@CHECKED
@given(events(3, ids=True), st.lists(st.booleans(), min_size=3, max_size=3))
def test_keeping_some_leads_is_never_having_had_the_others(
    history: list[Event], mask: list[bool]
) -> None:
    kept = np.array(mask)
    whole = log_of(LEADS, history).keep(kept)
    place = np.cumsum(kept) - 1
    alone = log_of(
        LEADS.keep(kept), [e._replace(lead=int(place[e.lead])) for e in history if kept[e.lead]]
    )
    assert rows_of(whole) == rows_of(alone)
    for name in ("offsets", "visible_at", "duplicates"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(alone, name))


@CHECKED
@given(events(3, ids=True), st.integers(0, 12))
def test_events_may_come_in_several_tables(history: list[Event], cut: int) -> None:
    parts = columns_of(history[:cut]).concat(columns_of(history[cut:])).concat(EventColumns.none())
    whole = columns_of(history)
    assert log_of(LEADS, history).n_events <= len(parts.lead) == len(whole.lead)
    for name in ("lead", "occurred_at", "recorded_at", "value"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
    for name in ("event_type", "channel", "content", "event_id"):
        assert getattr(parts, name).equals(getattr(whole, name))


@CHECKED
@given(events(3))
def test_a_missing_creation_is_the_first_event_and_any_other_stays(history: list[Event]) -> None:
    first = {e.lead: min(x.at for x in history if x.lead == e.lead) for e in history}
    dated = LEADS.created_or_first_event(log_of(LEADS, history))
    assert dated.created_at.tolist() == [NOW - 10 * DAY, first.get(1, MISSING), NOW]


def test_no_leads_and_no_events_are_a_log_too() -> None:
    none = log_of(leads_of([]), [])
    assert (none.n_leads, none.n_events) == (0, 0)
    assert log_of(LEADS, []).offsets.tolist() == [0, 0, 0, 0]
