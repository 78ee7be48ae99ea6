"""The leakage check finds what was planted, in any world, and accuses nothing honest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, spearmanr
from sklearn.metrics import roc_auc_score

from features.attributes import Column
from features.instants import DAY, HOUR, MISSING
from features.leakage.alone import alone, codes
from features.leakage.bounds import auc, wilson, z_of
from features.leakage.columns import Seen, too_good_alone
from features.leakage.counters import _correlation, _ranks, flat_counters
from features.leakage.dates import changed_after, dated_after
from features.leakage.events import ends, only_after
from features.leakage.filled import filled_after, one_class_only
from features.leakage.finding import Finding, ranked, to_drop, trusting
from features.leakage.matching import absent_from_list, long_id, not_matching, unmatched
from features.leakage.names import named_afterwards
from features.leakage.order import Order, order_that_predicts
from features.leakage.outcome import Outcome, first_at
from features.leakage.spikes import import_spikes
from features.leakage.touches import touches_follow
from features.leakage.waits import wait
from features.log import EventLog, Leads, event_log
from tests.features.histories import EventColumns

UTC = ZoneInfo("UTC")
WORLDS = [(200, 0.3), (500, 0.1), (2000, 0.05), (2000, 0.3)]
AUC_75 = norm.ppf(0.75) * 2**0.5
"""Distance between two normal classes at which their AUC is .75."""

Bools = npt.NDArray[np.bool_]


def flat(converted: Bools) -> Outcome:
    return Outcome.of_rows(np.arange(len(converted)), converted.astype(np.int8))


def seen(name: str, values: Any, kind: Any, outcome: Outcome) -> Seen:
    text = pa.array([None if v is None else str(v) for v in values], pa.string())
    levels = len(text.drop_null().unique())
    return Seen(Column(name, "feature", "fixed", kind, "", levels), text, outcome)


def accusations(columns: list[Seen]) -> dict[str, set[str]]:
    learnt = frozenset(s.column.name for s in columns)
    found = too_good_alone(columns, learnt) + filled_after(columns, learnt)
    found += one_class_only(columns, learnt)
    return {f.what: {g.severity for g in found if g.what == f.what} for f in found}


def honest(rng: np.random.Generator, outcome: Outcome) -> list[Seen]:
    """Columns of noise, and columns that predict with AUC .75, of every shape."""
    y, n = outcome.converted, len(outcome.lead)
    columns = []
    for i in range(6):
        gaps = rng.random(n) < 0.5
        levels = rng.integers(0, 8, n)
        z = rng.normal(size=n) + AUC_75 * y
        columns += [
            seen(f"noise {i}", rng.normal(size=n), "number", outcome),
            seen(f"levels {i}", rng.integers(0, 200, n), "category", outcome),
            seen(
                f"gaps {i}",
                [None if g else v for g, v in zip(gaps, levels, strict=True)],
                "category",
                outcome,
            ),
            seen(f"good {i}", z, "number", outcome),
            seen(f"good levels {i}", np.digitize(z, [-1, 0, 1, 2]), "category", outcome),
            seen(f"good gaps {i}", [None if v < 0 else v for v in z], "number", outcome),
        ]
    return columns


# One column alone


@pytest.mark.parametrize(("n", "rate"), WORLDS)
def test_no_noise_and_no_honest_predictor_is_accused(n: int, rate: float) -> None:
    looked_at = accused = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        outcome = flat(rng.random(n) < rate)
        if outcome.enough:
            columns = honest(rng, outcome)
            looked_at, accused = looked_at + len(columns), accused + len(accusations(columns))
    assert looked_at >= 300
    assert accused == 0


@pytest.mark.parametrize(("n", "rate"), WORLDS)
def test_a_copy_of_the_label_is_certain_and_a_noisy_one_is_found(n: int, rate: float) -> None:
    for seed in range(8):
        rng = np.random.default_rng(seed)
        y = rng.random(n) < rate
        outcome = flat(y)
        if not outcome.enough:
            continue
        turned = np.where(rng.random(n) < 0.02, ~y, y)
        columns = [
            seen("copy", y, "category", outcome),
            seen("turned", turned, "category", outcome),
            *honest(rng, outcome),
        ]
        found = accusations(columns)
        assert "certain" in found["copy"]
        assert found["turned"] & {"certain", "likely"}
        assert set(found) == {"copy", "turned"}


def test_a_leak_is_none_once_its_rows_are_shuffled() -> None:
    rng = np.random.default_rng(3)
    y = rng.random(1000) < 0.3
    outcome = flat(y)
    reasons = [None if v else f"reason {rng.integers(4)}" for v in y]
    assert accusations([seen("reason", reasons, "category", outcome)])
    for seed in range(30):
        mixed = np.random.default_rng(seed).permutation(np.array(reasons, dtype=object))
        assert not accusations([seen("reason", mixed, "category", outcome)])


def test_what_is_filled_only_after_the_outcome_is_certain_on_either_side() -> None:
    rng = np.random.default_rng(5)
    y = rng.random(4000) < 0.2
    outcome = flat(y)
    half = rng.random(4000) < 0.5
    for side in (y, ~y):
        found = accusations([seen("x", np.where(side & half, "x", None), "category", outcome)])
        assert found == {"x": {"certain"}}
    # Twice as often is what honest forms do.
    often = rng.random(4000) < np.where(y, 0.8, 0.4)
    assert not accusations([seen("x", np.where(often, "x", None), "category", outcome)])


def test_a_flag_that_no_lead_that_converts_has_is_likely_and_a_rare_sign_is_not() -> None:
    rng = np.random.default_rng(8)
    y = rng.random(12_000) < 0.2
    outcome = flat(y)
    declined = ~y & (rng.random(12_000) < 0.3)
    rarely = rng.random(12_000) < np.where(y, 0.02, 0.3)
    columns = [seen("declined", declined, "category", outcome)]
    columns += [seen("rarely", rarely, "category", outcome)]
    assert accusations(columns) == {"declined": {"likely"}}


def test_a_column_that_is_not_learnt_is_a_note() -> None:
    y = np.arange(200) % 2 == 0
    columns = [seen("x", y, "category", flat(y))]
    assert {f.severity for f in too_good_alone(columns, frozenset())} == {"note"}
    assert {f.severity for f in too_good_alone(columns, frozenset({"x"}))} == {"certain"}


def test_names_do_not_matter_but_to_the_list_of_names() -> None:
    rng = np.random.default_rng(1)
    y = rng.random(500) < 0.3
    outcome = flat(y)
    first = accusations([seen("IsConverted", y, "category", outcome)])
    second = accusations([seen("c1", y, "category", outcome)])
    assert first["IsConverted"] == second["c1"]
    names = ["Lead_Status__c", "lifecyclestage", "Ｓｔａｔｕｓ", "失注理由", "industry", "c1"]
    found = named_afterwards(names, frozenset({"lifecyclestage"}))
    assert {f.what: f.severity for f in found} == {
        "Lead_Status__c": "note",
        "lifecyclestage": "likely",
        "Ｓｔａｔｕｓ": "note",
        "失注理由": "note",
    }
    assert {f.detector for f in found} == {"name"}


def test_too_few_leads_say_nothing() -> None:
    y = np.arange(100) < 19
    assert not flat(y).enough
    assert not accusations([seen("x", y, "category", flat(y))])


# The statistics


@given(st.integers(0, 10_000), st.integers(2, 60))
@settings(max_examples=40, deadline=None)
def test_the_area_is_that_of_scikit_learn(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.r_[True, False, rng.random(n) < 0.4]
    score = rng.integers(0, 5, n + 2).astype(float)
    assert auc(score, y) == pytest.approx(roc_auc_score(y, score))


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_rank_correlation_is_that_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 9, 40).astype(float), rng.normal(size=40)
    assert _correlation(_ranks(a), _ranks(b)) == pytest.approx(spearmanr(a, b).statistic)


@pytest.mark.parametrize(("n", "rate"), WORLDS)
def test_the_lower_bound_is_above_the_truth_no_more_often_than_it_says(n: int, rate: float) -> None:
    wrong = tried = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        y = rng.random(n) < rate
        if flat(y).enough:
            z = rng.normal(size=n) + AUC_75 * y
            tried += 1
            wrong += alone(codes(pa.array(z), number=True), y, z_of(1)).auc_low > 0.75
    assert tried > 190
    assert wrong <= 6  # 2 are expected at 1%; more than 6 come once in 200 such tests


def test_bounds_of_a_share_hold_it() -> None:
    low, high = wilson(np.array([0, 5, 10]), 10, 2.33)
    assert (low <= [0, 0.5, 1]).all()
    assert (high >= [0, 0.5, 1 - 1e-12]).all()
    assert ((low >= 0) & (high <= 1)).all()
    assert z_of(100) > z_of(1)


# Order


def test_a_file_sorted_by_the_outcome_is_found_and_a_drift_that_creation_explains_is_a_note() -> (
    None
):
    rng = np.random.default_rng(2)
    n = 3000
    rows = Order("row number", np.arange(n, dtype=float))
    created = np.sort(rng.integers(0, 300 * DAY, n))
    by_outcome = np.arange(n) > 2000
    for at in (None, rng.permutation(created)):
        (found,) = order_that_predicts([rows], flat(by_outcome), at)
        assert found.severity == "likely"
    drift = rng.random(n) < np.linspace(0, 0.9, n) ** 2
    (found,) = order_that_predicts([rows], flat(drift), created)
    assert found.severity == "note"
    even = flat(rng.random(n) < 0.3)
    assert not order_that_predicts([rows], even, None)
    same = Order("lead_id", 2 * np.arange(n, dtype=float) + 7)
    assert len(order_that_predicts([rows, same], flat(by_outcome), None)) == 1


# Events


Event = tuple[int, str, int]


def world(
    n: int, events: list[Event], created: Callable[[int], int] = lambda i: 0
) -> tuple[Leads, EventLog]:
    leads = Leads(
        pa.array([f"L{i}" for i in range(n)]),
        np.array([created(i) for i in range(n)], dtype=np.int64),
        pa.table({"x": pa.nulls(n, pa.string())}),
    )
    none = pa.nulls(len(events), pa.string())
    columns = EventColumns(
        np.array([e[0] for e in events], dtype=np.int64),
        np.array([e[2] for e in events], dtype=np.int64),
        np.full(len(events), MISSING),
        pa.array([e[1] for e in events], pa.string()),
        none,
        none,
        none,
        np.full(len(events), np.nan),
    )
    return leads, event_log(leads, columns.arrivals())


def company(n: int = 600) -> list[Event]:
    """Every third lead converts after 10 days; pages are viewed by all, demos mostly by those."""
    rng = np.random.default_rng(0)
    events: list[Event] = []
    for i in range(n):
        won = i % 3 == 0
        events += [(i, "view", int(d)) for d in rng.integers(0, 60 * DAY, 5)]
        if rng.random() < (0.9 if won else 0.05):
            events.append((i, "demo", int(rng.integers(DAY, 9 * DAY))))
        if won:
            events += [(i, "won", 10 * DAY), (i, "invoice", 10 * DAY - HOUR // 2)]
            events += [(i, "welcome", 12 * DAY)]
    return events


def outcome_of(leads: Leads, log: EventLog) -> Outcome:
    return Outcome.of_events(leads, log, ["won"], horizon=30 * DAY, until=100 * DAY)


def test_types_of_the_outcome_are_certain_and_good_signs_are_not() -> None:
    leads, log = world(600, company())
    found = only_after(log, outcome_of(leads, log), {"won"})
    assert {f.what: f.severity for f in found} == {"invoice": "certain", "welcome": "certain"}
    assert "exclude_events" in found[0].advice
    assert not only_after(log, outcome_of(leads, log), {"won", "invoice", "welcome"})


def test_a_type_that_others_have_too_is_no_outcome() -> None:
    leads, log = world(600, [*company(), *((i, "welcome", 12 * DAY) for i in range(1, 600, 3))])
    assert {f.what for f in only_after(log, outcome_of(leads, log), {"won"})} == {"invoice"}


def test_an_end_that_no_task_knows_is_seen_and_one_that_closes_is_not() -> None:
    events = [e for e in company() if e[0] % 3]
    events = [e for e in events if e[0] % 2 or e[2] < 20 * DAY]
    events += [(i, "declined", 20 * DAY) for i in range(600) if i % 2 == 0 and i % 3]
    _, log = world(600, events)
    assert ends(log, {"won"}, {"won"}, 100 * DAY) == ["declined"]
    assert ends(log, {"won", "declined"}, {"won", "declined"}, 100 * DAY) == []


def test_an_outcome_leaves_out_who_could_not_convert_yet() -> None:
    leads, log = world(
        4, [(0, "won", 5 * DAY), (1, "won", 95 * DAY)], created=lambda i: 80 * DAY if i == 3 else 0
    )
    known = Outcome.of_events(leads, log, ["won"], horizon=30 * DAY, until=90 * DAY)
    assert known.lead.tolist() == [0, 2]
    assert known.converted.tolist() == [True, False]
    assert first_at(log, ["won"]).tolist() == [5 * DAY, 95 * DAY, MISSING, MISSING]


def test_a_touch_that_goes_by_the_score_is_told_from_one_that_does_not() -> None:
    rng = np.random.default_rng(4)
    n = 2000
    score = rng.random(n)
    events = [
        (i, "call", DAY) for i in range(n) if rng.random() < (0.8 if score[i] > 0.9 else 0.02)
    ]
    events += [(i, "mail", DAY) for i in range(n) if rng.random() < 0.5]
    _, log = world(n, events)
    at = (np.arange(n), np.zeros(n, dtype=np.int64), score)
    for kind, severity in (("points", "note"), ("score", "likely")):
        (found,) = touches_follow(log, ["call", "mail"], *at, of="x", kind=kind)  # type: ignore[arg-type]
        assert (found.what, found.severity) == ("call", severity)
    mixed = (*at[:2], rng.permutation(score))
    assert not touches_follow(log, ["call", "mail"], *mixed, of="x", kind="score")


# Columns against times


def test_a_counter_as_of_the_export_is_told_from_what_was_known_at_creation() -> None:
    rng = np.random.default_rng(6)
    leads, log = world(600, company(), created=lambda i: 0)
    views = np.bincount(log.lead_of_event(), minlength=600).astype(float)
    won = (first_at(log, ["won"]) != MISSING).astype(float)
    values = {"visits": views, "employees": rng.lognormal(3, 1, 600), "deal": won}
    found = flat_counters(leads, log, values, 100 * DAY, frozenset(values), {"won"})
    assert {f.what: f.severity for f in found} == {"visits": "certain", "deal": "certain"}
    notes = flat_counters(leads, log, values, 100 * DAY, frozenset(), {"won"})
    assert {f.severity for f in notes} == {"note"}


def test_what_only_creates_a_lead_is_no_counter() -> None:
    events = [(i, "fair", HOUR // 4) for i in range(0, 600, 2)]
    events += [(i, "view", 5 * DAY) for i in range(600)]
    leads, log = world(600, events)
    source = {"at the fair": (np.arange(600) % 2 == 0).astype(float)}
    assert not flat_counters(leads, log, source, 100 * DAY, frozenset(source))


def test_changes_and_dates_after_the_outcome() -> None:
    leads, log = world(600, company())
    outcome = outcome_of(leads, log)
    label_at = first_at(log, ["won"])
    won = np.flatnonzero(label_at != MISSING)
    for shift, harm in ((DAY, True), (-5 * DAY, False)):
        at = label_at[won] + shift
        learnt = frozenset({"x"})
        found = changed_after("x", won, at, label_at, tracked=False, learnt=learnt)
        assert [f.severity for f in found] == (["certain"] if harm else [])
        found = changed_after("x", won, at, label_at, tracked=True, learnt=learnt)
        assert [f.severity for f in found] == (["note"] if harm else [])
        moments = np.full(600, MISSING)
        moments[won] = at
        assert len(dated_after("x", moments[outcome.lead], outcome)) == harm


def test_an_import_sticks_out_and_a_busy_fair_does_not() -> None:
    rng = np.random.default_rng(7)
    created = rng.integers(0, 300 * DAY, 3000)
    assert not import_spikes(created, UTC)
    assert not import_spikes(np.r_[created, rng.integers(50 * DAY, 51 * DAY, 60)], UTC)
    day = np.r_[created, rng.integers(50 * DAY, 51 * DAY, 400)]
    assert [f.severity for f in import_spikes(day, UTC)] == ["note"]
    instant = np.r_[created, np.full(1500, 50 * DAY + HOUR)]
    assert {f.severity for f in import_spikes(instant, UTC)} == {"likely"}
    whole_days = np.repeat(np.arange(100) * DAY, 30)
    assert not import_spikes(whole_days, UTC)


def test_waits_count_whom_the_data_follow_long_enough() -> None:
    events = [(0, "won", 10 * DAY), (1, "won", 45 * DAY), (2, "won", 5 * DAY)]
    leads, log = world(5, events, created=lambda i: 80 * DAY if i == 4 else 0)
    found = wait(leads, log, "won", 100 * DAY)
    assert found.leads == 3
    assert found.days is not None
    assert found.days[1] == 10
    assert [(w.days, w.converted, w.others) for w in found.within] == [
        (30, 2, 2),
        (60, 3, 1),
        (90, 3, 1),
        (180, 0, 0),
    ]


# Matching


IDS = [f"00Q5e00000{i:03d}aB" for i in range(100, 140)]
CAUSE: dict[str, tuple[Callable[[str], str], str]] = {
    "salesforce": (long_id, "15 against 18"),
    "case": (str.upper, "upper and lower case"),
    "width": (lambda i: i.replace("0", "０"), "full and half width"),
    "blanks": (lambda i: f" {i}", "blanks"),
    "zeros": (lambda i: i.removeprefix("00"), "leading zeros"),
    "point": (lambda i: f"{i}.0", "written with .0"),
}


@pytest.mark.parametrize("name", CAUSE)
def test_ids_that_differ_for_a_known_reason_are_told_so(name: str) -> None:
    differ, said = CAUSE[name]
    theirs = [differ(i) for i in IDS]
    types = pa.array(["view"] * len(IDS))
    compared = unmatched(pa.array(IDS), pa.array(theirs), types, ["won"])
    assert compared.events == compared.of == len(IDS)
    (found,) = not_matching(compared)
    assert found.severity == "likely"
    assert said in found.evidence
    assert repr(theirs[0]) in found.evidence
    assert repr(IDS[0]) in found.evidence
    back = unmatched(pa.array(theirs), pa.array(IDS), types, ["won"])
    assert said in not_matching(back)[0].evidence


def test_an_eighteenth_character_that_does_not_fit_is_another_id() -> None:
    wrong = [i + "AAA" for i in IDS]
    compared = unmatched(pa.array(IDS), pa.array(wrong), pa.array(["view"] * 40), [])
    assert compared.causes == {}


def test_converted_leads_whose_ids_are_written_otherwise_are_not_absent() -> None:
    leads = pa.array([f"lead{n}" for n in range(100)])
    events = pa.array([f"LEAD{n}" for n in range(60)] + ["gone1", "gone2"])
    compared = unmatched(leads, events, pa.array(["won"] * 62), {"won"})
    assert compared.absent == 2


def test_few_strays_are_no_matter_and_absent_customers_are() -> None:
    ids = pa.array([*IDS * 10, "stray"])
    types = pa.array(["view"] * 401)
    assert not not_matching(unmatched(pa.array(IDS), ids, types, []))
    gone = pa.array([f"gone {i}" for i in range(60)])
    compared = unmatched(pa.array(IDS), gone, pa.array(["won"] * 60), ["won"])
    assert compared.absent == 60
    assert [f.severity for f in absent_from_list(compared, 40)] == ["likely"]
    assert [f.severity for f in absent_from_list(compared, 40_000)] == ["note"]


# Findings


def test_findings_are_ranked_trusted_and_say_what_to_do() -> None:
    note = Finding("note", "file", "leads", "d", "e", "a")
    leak = Finding("certain", "column", "Lead Quality", "d", "e", "a")
    event = Finding("certain", "event", "Lead Quality", "d", "e", "a")
    assert ranked([note, event, leak]) == [leak, event, note]
    assert [f.severity for f in trusting([leak, event], {"Lead Quality"})] == ["likely", "certain"]
    assert to_drop("Lead Quality") == '--drop "Lead Quality"'
    assert to_drop("lead_quality") == "--drop lead_quality"
