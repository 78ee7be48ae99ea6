"""Conversions with and without a touch: counted as defined, and blind to when a lead converted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.instants import DAY, HOUR
from features.log import EventLog
from features.spine import Spine
from features.task import Task
from models.evidence import wilson
from models.playbook import Playbook
from models.points_map import drawn_rows
from models.touches import Count, Pair, Touches
from tests.features.histories import CHECKED, NOW, Event, leads_of, log_of
from training.sources import Material
from training.touched import measured, window_of
from training.train import Trained

TASK = Task("t", label=("deal",), closes=("deal",), horizon=28 * DAY)


def spine(lead: npt.NDArray[np.int64], cutoff: npt.NDArray[np.int64]) -> Spine:
    return Spine(lead, cutoff, None, np.zeros_like(lead))


def logged(n_leads: int, events: Sequence[Event]) -> EventLog:
    return log_of(leads_of([NOW - 90 * DAY] * n_leads), events)


def test_a_touch_is_looked_for_a_week_or_a_quarter_of_the_horizon() -> None:
    assert window_of(90 * DAY) == window_of(28 * DAY) == 7 * DAY
    assert window_of(12 * DAY) == 3 * DAY
    assert window_of(DAY) == 6 * HOUR
    assert window_of(90 * HOUR // 60) == 22 * HOUR // 60  # whole minutes
    assert window_of(HOUR // 60) == 0


HISTORIES = st.lists(
    st.tuples(
        st.sampled_from(["call", "mail", "deal", "page"]),
        st.integers(-3, 30).map(lambda day: NOW + day * DAY)
        | st.sampled_from([0, 7, 28]).flatmap(
            lambda day: st.sampled_from([NOW + day * DAY - 1, NOW + day * DAY, NOW + day * DAY + 1])
        ),
        st.integers(0, 5),
    ).map(lambda told: Event(*told)),
    max_size=25,
)


@CHECKED
@given(HISTORIES, st.lists(st.integers(-2, 2).map(float), min_size=6, max_size=6))
def test_groups_and_conversions_are_as_defined(events: list[Event], scores: list[float]) -> None:
    rows, raw = np.arange(6), np.array(scores)
    found = measured(
        logged(6, events), TASK, spine(rows, np.full(6, NOW)), raw, rows, ("call", "mail", "fax")
    )
    assert found is not None
    assert set(found.pairs) == {"call", "mail", "fax"}
    mark, end = NOW + 7 * DAY, NOW + 28 * DAY
    for touch, pairs in found.pairs.items():
        groups: dict[tuple[int, bool], list[bool]] = {}
        for lead in rows:
            mine = [e for e in events if e.lead == lead]
            deals = [e.at for e in mine if e.type == "deal"]
            if any(NOW < at <= mark for at in deals):
                continue
            touched = any(e.type == touch and NOW < e.at <= mark for e in mine)
            place = sum(scores[lead] >= bound for bound in found.bounds)
            groups.setdefault((place, touched), []).append(any(mark < at <= end for at in deals))
        for place, (with_it, without) in enumerate(pairs):
            for count, touched in ((with_it, True), (without, False)):
                outcomes = groups.get((place, touched), [])
                assert count == (len(outcomes), sum(outcomes))


@CHECKED
@given(HISTORIES)
def test_who_converts_within_the_window_is_in_neither_group(events: list[Event]) -> None:
    rows = np.arange(6)
    early = [Event("deal", NOW + 7 * DAY, lead) for lead in (0, 1, 2)]
    found = measured(
        logged(6, [*events, *early]), TASK, spine(rows, np.full(6, NOW)), rows * 1.0, rows, ["call"]
    )
    late = measured(
        logged(6, [e for e in events if e.lead > 2]),
        TASK,
        spine(rows[3:], np.full(3, NOW)),
        rows * 1.0,
        np.arange(3),
        ["call"],
    )
    assert found is not None
    assert late is not None
    together = [sum(p.touched.n + p.untouched.n for p in t.pairs["call"]) for t in (found, late)]
    assert together[0] == together[1]
    converted = [
        sum(p.touched.converted + p.untouched.converted for p in t.pairs["call"])
        for t in (found, late)
    ]
    assert converted[0] == converted[1]


def test_only_the_rows_given_are_counted_and_terciles_are_of_all_test_rows() -> None:
    rows, raw = np.arange(90), np.linspace(0, 1, 90)
    log = logged(90, [Event("call", NOW + DAY, int(lead)) for lead in rows])
    test = spine(rows, np.full(90, NOW))
    found = measured(log, TASK, test, raw, rows[::10], ["call"])
    assert found is not None
    assert [p.touched.n for p in found.pairs["call"]] == [3, 3, 3]
    assert found.bounds == pytest.approx((1 / 3, 2 / 3))


def test_without_times_without_a_window_and_without_rows_nothing_is_measured() -> None:
    rows = np.arange(3)
    log, test = logged(3, []), spine(rows, np.full(3, NOW))
    for horizon, counted in ((None, rows), (HOUR // 60, rows), (28 * DAY, rows[:0])):
        task = Task("t", label=("deal",), horizon=horizon)
        assert measured(log, task, test, rows * 1.0, counted, ["call"]) is None


N = 4000


def invented(
    seed: int, effect: float = 1.0
) -> tuple[list[Event], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Leads who are called at random until they convert, and convert sooner the higher their score.

    `effect` is by how much a call in the first week multiplies the rate of conversion after it.
    Also when each converts, and their scores.
    """
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=N)
    called = rng.exponential(20, N)
    rate = 0.006 * np.exp(0.6 * raw)
    at = rng.exponential(1 / rate)
    later = (called < 7) & (at > 7)
    at[later] = 7 + (at[later] - 7) / effect
    events = [
        Event(kind, NOW + int(days * DAY), lead)
        for lead in range(N)
        for kind, days, happens in (
            ("deal", at[lead], at[lead] < 60),
            ("call", called[lead], called[lead] < min(at[lead], 60)),
        )
        if happens
    ]
    return events, at, raw


def differs(pair: Pair) -> bool:
    """Whether 0 lies outside the 95% interval of the difference: Newcombe (1998), method 10."""
    one, other = wilson(*pair.touched), wilson(*pair.untouched)
    p, q = (count.converted / count.n for count in pair)
    below = np.hypot(p - one["low"], other["high"] - q)
    above = np.hypot(one["high"] - p, q - other["low"])
    return bool(p - q - below > 0 or p - q + above < 0)


def found_in(events: list[Event], raw: npt.NDArray[np.float64]) -> Touches:
    rows = np.arange(N)
    found = measured(logged(N, events), TASK, spine(rows, np.full(N, NOW)), raw, rows, ["call"])
    assert found is not None
    return found


def test_touches_at_random_show_no_difference_where_counting_them_all_would() -> None:
    by_landmark, by_counting = 0, 0
    for seed in range(10):
        events, at, raw = invented(seed)
        found = found_in(events, raw)
        by_landmark += sum(differs(pair) for pair in found.pairs["call"])
        tercile = np.array([found.tercile(score) for score in raw])
        called = np.zeros(N, dtype=bool)
        called[[e.lead for e in events if e.type == "call" and e.at <= NOW + 28 * DAY]] = True
        for place in range(3):
            groups = [at[(tercile == place) & mask] < 28 for mask in (called, ~called)]
            one, other = (Count(len(group), int(group.sum())) for group in groups)
            by_counting += differs(Pair(one, other))
    assert by_landmark <= 4  # of 30 intervals of 95%
    assert by_counting >= 25


def test_touches_that_work_are_seen_to() -> None:
    seen = [found_in(*invented(seed, 3.0)[::2]).pairs["call"] for seed in range(3)]
    assert all(differs(pair) for pairs in seen for pair in pairs[1:])
    rates = [count.converted / count.n for pairs in seen for count in pairs[2]]
    assert all(one > other for one, other in zip(rates[::2], rates[1::2], strict=True))


def test_training_measures_every_touch_on_held_out_rows_one_of_each_lead(
    trained: Trained, material: Material, short_playbook: Playbook
) -> None:
    artefact, held_out = trained.artefact, trained.held_out
    assert artefact is not None
    assert artefact.touches is not None
    assert set(artefact.touches.pairs) == set(short_playbook.touches)
    assert artefact.touches.window == 7 * DAY
    test = held_out.spine
    X = artefact.encoder.encode(held_out.matrix.take(held_out.split.test))
    raw = artefact.model.raw(X)
    drawn = drawn_rows(test.lead, (test.cutoff,), 3)
    log, wanted = material.log, {"deal_opened": "deal", "call_made": "call"}
    wanted |= dict.fromkeys({*material.task.closes} - {"deal_opened"}, "end")
    codes = {log.types.index(name): kind for name, kind in wanted.items() if name in log.types}
    counts = np.zeros((3, 2, 2), dtype=int)
    for row in drawn:
        mine = slice(*log.offsets[test.lead[row] : test.lead[row] + 2])
        since = log.occurred_at[mine] - test.cutoff[row]
        kinds = [codes.get(int(code)) for code in log.event_type[mine]]
        deals = [s for s, kind in zip(since, kinds, strict=True) if kind == "deal"]
        ends = [s for s, kind in zip(since, kinds, strict=True) if kind in ("deal", "end")]
        if any(0 < s <= 7 * DAY for s in ends):
            continue
        called = any(
            kind == "call" and 0 < s <= 7 * DAY for s, kind in zip(since, kinds, strict=True)
        )
        place = sum(raw[row] >= bound for bound in np.quantile(raw, [1 / 3, 2 / 3]))
        counts[place, int(called)] += (1, any(7 * DAY < s <= 30 * DAY for s in deals))
    for place, pair in enumerate(artefact.touches.pairs["call_made"]):
        assert list(pair.touched) == counts[place, 1].tolist()
        assert list(pair.untouched) == counts[place, 0].tolist()
    assert counts[:, 1, 0].sum() > 20
