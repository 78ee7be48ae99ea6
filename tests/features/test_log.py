"""The event log: one order, one version of each event, and a moment from which each is visible."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import arrivals, grouping, ordering, vocabulary
from features.instants import DAY, HOUR, MISSING
from features.log import EventLog, Leads, event_log
from tests.features.histories import (
    CHECKED,
    NOW,
    Event,
    EventColumns,
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
@given(events(3))
def test_a_missing_creation_is_the_first_event_known_and_any_other_stays(
    history: list[Event],
) -> None:
    first = {e.lead: min(x.visible for x in history if x.lead == e.lead) for e in history}
    dated = LEADS.created_or_first_event(log_of(LEADS, history))
    assert dated.created_at.tolist() == [NOW - 10 * DAY, first.get(1, MISSING), NOW]


def test_no_leads_and_no_events_are_a_log_too() -> None:
    none = log_of(leads_of([]), [])
    assert (none.n_leads, none.n_events) == (0, 0)
    assert log_of(LEADS, []).offsets.tolist() == [0, 0, 0, 0]


# The whole of it beside a sort by all keys at once.


def by_lexsort(leads: Leads, events: EventColumns) -> EventLog:
    """The log of `events` by one sort of all rows by all keys, and one of all ids."""
    n = len(events.lead)
    account = pa.nulls(n, pa.string()) if events.account is None else events.account
    types, kind = codes(events.event_type)
    channels, channel = codes(events.channel)
    contents, content = codes(events.content)
    accounts, by_account = codes(account)
    _, event_id = codes(events.event_id)
    known_at = np.maximum(events.recorded_at, events.occurred_at)
    keys = (by_account, events.recorded_at, event_id, events.value, content, channel, kind)
    order = np.lexsort((*keys, events.occurred_at, events.lead))
    given = np.flatnonzero(event_id[order] >= 0)
    rows = order[given]
    by_version = given[np.lexsort((given, known_at[rows], event_id[rows], events.lead[rows]))]
    lead, ids = events.lead[order[by_version]], event_id[order[by_version]]
    later = np.zeros(n, dtype=bool)
    later[by_version[1:][(lead[1:] == lead[:-1]) & (ids[1:] == ids[:-1])]] = True
    kept, lead = order[~later], events.lead[order]
    visible_at = np.maximum(known_at[kept], leads.created_at[lead[~later]])
    return EventLog(
        offsets=np.searchsorted(lead[~later], np.arange(len(leads) + 1)),
        occurred_at=events.occurred_at[kept],
        visible_at=visible_at,
        event_type=kind[kept],
        channel=channel[kept],
        content=content[kept],
        value=events.value[kept],
        types=types,
        channels=channels,
        contents=contents,
        duplicates=np.bincount(lead[later], minlength=len(leads)),
        account=by_account[kept] if events.account is not None else by_account[:0],
        accounts=accounts,
    )


def codes(texts: pa.Array) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    names = sorted(set(texts.drop_null().to_pylist()))
    place = pc.fill_null(pc.index_in(texts, value_set=pa.array(names, pa.string())), -1)
    # A null is in no set; only with an empty one does Arrow find it at place 0.
    place = pc.if_else(texts.is_null(), -1, place)
    return tuple(names), place.to_numpy(zero_copy_only=False).astype(np.int32)


def assert_same_bits(one: EventLog, other: EventLog) -> None:
    """The same, and 0.0 is not -0.0."""
    assert_same_log(one, other)
    np.testing.assert_array_equal(one.value.view(np.int64), other.value.view(np.int64))
    for name in ("event_type", "channel", "content", "account"):
        assert getattr(one, name).dtype == np.int32


def drawn(
    rng: np.random.Generator,
    n: int,
    n_leads: int,
    *,
    moments: int,
    ids: int = 0,
    late: bool = False,
    values: bool = True,
    accounts: bool = False,
    n_texts: int = 3,
) -> EventColumns:
    """Events of so many leads at so many moments, in no order; with `ids`, versions among them."""

    def texts(name: str, distinct: int, given: float) -> pa.Array:
        chosen = rng.integers(0, max(distinct, 1), n)
        column = [f"{name}{i}" for i in chosen]
        return pa.array(column, pa.string(), mask=rng.random(n) >= given)

    occurred_at = NOW - rng.integers(0, moments, n) * HOUR
    recorded_at = np.full(n, MISSING)
    if late:
        lateness = rng.integers(-2, 4, n) * HOUR
        recorded_at = np.where(rng.random(n) < 0.6, occurred_at + lateness, MISSING)
    return EventColumns(
        rng.integers(0, n_leads, n),
        occurred_at,
        recorded_at,
        texts("種", n_texts, 1.0),
        texts("channel", 2, 0.7),
        texts("/", n_texts, 0.5),
        texts("e", ids, 0.8) if ids else pa.nulls(n, pa.string()),
        rng.choice([0.0, -0.0, 1.5, -2.0, np.nan], n) if values else np.full(n, np.nan),
        texts("account", 3, 0.5) if accounts else None,
    )


def one_hash(column: pa.Array) -> npt.NDArray[np.uint64]:
    return np.where(column.is_valid().to_numpy(zero_copy_only=False), 7, 0).astype(np.uint64)


@pytest.fixture(params=["as it is", "regions, 2 threads", "one hash for all"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    threads = numba.get_num_threads()
    if request.param == "regions, 2 threads":
        numba.set_num_threads(min(2, threads))
        monkeypatch.setattr(grouping, "_NEAR", 8)
        for module in (grouping, vocabulary):
            monkeypatch.setattr(module, "_SHARE", 8)
        monkeypatch.setattr(ordering, "_EVENTS", 16)
    if request.param == "one hash for all":
        monkeypatch.setattr(arrivals, "hashes", one_hash)
    yield
    numba.set_num_threads(threads)


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "how",
    [
        {"moments": 10**9, "values": False},
        {"moments": 40},
        {"moments": 1},
        {"moments": 40, "ids": 30},
        {"moments": 3, "ids": 30, "late": True},
        {"moments": 3, "ids": 3, "late": True, "accounts": True, "n_texts": 1},
        {"moments": 1, "ids": 400, "late": True, "values": False, "n_texts": 1},
        {"moments": 2, "accounts": True, "n_texts": 1, "values": False},
    ],
    ids=str,
)
def test_a_log_is_what_one_sort_by_all_keys_gives(seed: int, how: dict[str, Any]) -> None:
    rng = np.random.default_rng(seed)
    n, n_leads = int(rng.integers(0, 800)), int(rng.choice([1, 3, 40, 2000]))
    created_at = NOW - rng.integers(-2, 40, n_leads) * HOUR
    created_at[rng.random(n_leads) < 0.2] = MISSING
    leads, events = leads_of(created_at.tolist()), drawn(rng, n, n_leads, **how)
    expected = by_lexsort(leads, events)
    assert_same_bits(event_log(leads, events.arrivals()), expected)

    order = np.lexsort((events.occurred_at, events.lead))
    ascending = EventColumns(
        *(
            None if column is None else column.take(order)
            for column in (getattr(events, name) for name in vars(events))
        )
    )
    assert_same_bits(event_log(leads, ascending.arrivals()), by_lexsort(leads, ascending))


def test_a_lead_may_have_all_the_events() -> None:
    rng = np.random.default_rng(0)
    events = drawn(rng, 20_000, 1, moments=15_000, ids=15_000, late=True)
    leads = leads_of([NOW])
    assert_same_bits(event_log(leads, events.arrivals()), by_lexsort(leads, events))


def test_where_nothing_comes_late_or_early_the_two_times_are_one_array() -> None:
    leads = leads_of([NOW - DAY, MISSING])
    history = [Event("visit", NOW), Event("call", NOW - HOUR, lead=1, recorded=NOW - HOUR)]
    log = log_of(leads, history)
    assert log.visible_at is log.occurred_at
    kept = log.keep(np.array([True, False]))
    assert kept.visible_at is kept.occurred_at
    for event in (Event("visit", NOW - 2 * DAY), Event("visit", NOW, recorded=NOW + 1)):
        log = log_of(leads, [*history, event])
        assert log.visible_at.tolist() != log.occurred_at.tolist()


def test_accounts_are_kept_and_the_last_to_decide_an_order() -> None:
    events = columns_of([Event("visit", NOW)] * 3 + [Event("visit", NOW, lead=1)])
    accounts = pa.array(["b", None, "a", "c"])
    log = event_log(LEADS, replace(events, account=accounts).arrivals())
    assert log.accounts == ("a", "b", "c")
    assert log.account.tolist() == [-1, 0, 1, 2]
    assert log.keep(np.array([False, True, True])).account.tolist() == [2]
    none = event_log(LEADS, replace(events, account=pa.nulls(4, pa.string())).arrivals())
    assert (none.account.tolist(), none.accounts) == ([-1] * 4, ())
    assert (log_of(LEADS, []).account.shape, log_of(LEADS, []).accounts) == ((0,), ())
