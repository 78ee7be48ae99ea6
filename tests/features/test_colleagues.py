"""Colleagues: who belongs to one account, and what each of them is seen to have done."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.colleagues import (
    EVENTS,
    MOST_PEOPLE,
    NO_ACCOUNT,
    NOT_TOLD,
    account_names,
    account_source,
    colleagues_of,
)
from features.errors import InputError
from features.form import Form
from features.instants import DAY, HOUR, MISSING
from features.kernel import behaviour
from features.log import Leads
from features.plan import Plan
from features.program import compile_plan
from features.tables import Intake, take_in, take_in_others
from tests.features.histories import CHECKED, NOW, Event, events, leads_of, log_of

FORM = Form({}, {}, ZoneInfo("UTC"), frozenset(), NOW + 1000 * DAY)
PLAN = Plan(("page", "mail"), (), ("mail",), (), (), "UTC", {}, {}).with_features(["account 30d"])
PEOPLE, ACTS, STEP, CONVERTED = range(4)


def seen(leads: Leads, history: list[Event], cutoff: int = NOW, plan: Plan = PLAN) -> np.ndarray:
    log, rows = log_of(leads, history), np.arange(len(leads))
    source = account_source(leads, log, ())
    found = colleagues_of(leads, log, source) if source else None
    at = np.full(len(leads), cutoff)
    return behaviour(compile_plan(plan), log, leads.created_at, rows, at, None, found)


def accounts(leads: Leads, history: Sequence[Event] = (), banned: Container[str] = ()) -> Any:
    log = log_of(leads, history)
    source = account_source(leads, log, banned)
    names = account_names(leads, log, source) if source else None
    return names if names is None else names.to_pylist()


def test_an_account_is_a_column_of_the_list_else_named_by_events_else_a_domain() -> None:
    mails = ["a@Firm.example", "b@firm.example", None]
    by_id = leads_of([NOW] * 3, contact=mails, account_id=["ACME ", None, "ａｃｍｅ"])
    assert accounts(by_id) == ["acme", None, "acme"]
    assert accounts(by_id, banned={"account_id"}) == ["firm.example", "firm.example", None]
    assert accounts(by_id, banned={"account_id", "contact"}) is None
    empty = leads_of([NOW] * 3, contact=mails, account_id=pa.nulls(3, pa.string()))
    assert accounts(empty) == ["firm.example", "firm.example", None]
    assert accounts(leads_of([NOW] * 3, contact=["a", "b", "c"])) is None


def test_the_column_of_most_companies_tells_accounts() -> None:
    ours = ["a@us.example"] * 3
    leads = leads_of([NOW] * 3, owner=ours, contact=["a@x.example", "b@x.example", "c@y.example"])
    assert accounts(leads) == ["x.example", "x.example", "y.example"]


def test_a_placeholder_is_nobody_s_account() -> None:
    leads = leads_of([NOW] * 4, account_id=["N/A", "不明", "-", "A"])
    assert accounts(leads) == [None, None, None, "a"]


def test_more_people_than_can_know_of_each_other_are_no_account() -> None:
    n = MOST_PEOPLE + 1
    leads = leads_of([NOW] * (n + 2), account_id=["big"] * n + ["small"] * 2)
    found = colleagues_of(leads, log_of(leads, []), "account_id")
    assert found is not None
    assert set(found.account[:n]) == {NO_ACCOUNT}
    assert found.account[-1] == found.account[-2] >= 0


def test_an_account_that_an_event_names_is_known_from_then_on() -> None:
    leads = leads_of([MISSING, MISSING])
    history = [
        Event("page", NOW - 3 * DAY, lead=1),
        Event("page", NOW - 2 * DAY, lead=1),
        Event("page", NOW + 5 * DAY, lead=0),
    ]
    log = log_of(leads, history)
    named = replace(log, account=np.array([0, 0, -1], dtype=np.int32), accounts=("ACME",))
    # Lead 0's only event names ACME five days later; lead 1's first one does.
    found = colleagues_of(leads, named, EVENTS)
    assert found is not None
    rows = np.array([0, 0, 1, 1])
    at = np.array([NOW, NOW + 6 * DAY, NOW, NOW + 6 * DAY])
    values = behaviour(compile_plan(PLAN), named, leads.created_at, rows, at, None, found)
    assert values[:, ACTS].tolist() == [0, 2, 0, 1]


def test_whoever_s_events_could_name_an_account_and_do_not_has_no_colleagues() -> None:
    """Alone as beside somebody who has one."""
    first, both = leads_of([NOW - DAY]), leads_of([NOW - DAY] * 2)
    one, other = Event("page", NOW - HOUR), Event("page", NOW - HOUR, lead=1)
    alone = replace(log_of(first, [one]), account=np.array([-1], dtype=np.int32))
    beside = replace(
        log_of(both, [one, other]), account=np.array([-1, 0], dtype=np.int32), accounts=("x",)
    )
    for leads, log in ((first, alone), (both, beside)):
        names = account_names(leads, log, EVENTS)
        assert names is not None
        assert names[0].as_py() is None
    assert account_names(first, log_of(first, [one]), EVENTS) is None


@pytest.mark.parametrize(
    "domain",
    [
        "gmail.com",
        "yahoo.co.jp",
        "hotmail.com",
        "icloud.com",
        "docomo.ne.jp",
        "outlook.jp",
        "qq.com",
    ],
)
def test_an_address_that_anybody_may_have_makes_no_colleagues(domain: str) -> None:
    leads = leads_of([NOW] * 2, mail=[f"a@{domain}", f"b@{domain}"])
    found = colleagues_of(leads, log_of(leads, [Event("page", NOW)]), "mail")
    assert found is not None
    assert found.account.tolist() == [NO_ACCOUNT, NO_ACCOUNT]


@pytest.mark.parametrize(
    "domain",
    ["gmail.example", "mygmail.com", "disney.com", "verizon.com", "rakuten.co.jp", "me.example"],
)
def test_a_company_with_such_a_name_is_a_company(domain: str) -> None:
    leads = leads_of([NOW] * 2, mail=[f"a@{domain}", f"b@{domain}"])
    found = colleagues_of(leads, log_of(leads, []), "mail")
    assert found is not None
    assert found.account.tolist() == [0, 0]


def test_what_colleagues_did_is_counted_and_what_the_lead_did_is_not() -> None:
    leads = leads_of([MISSING] * 4, account_id=["A", "A", "A", None])
    history = [
        Event("page", NOW - DAY, lead=0),
        Event("page", NOW - 2 * DAY, lead=0),
        Event("mail", NOW - DAY, lead=1),
        Event("page", NOW - HOUR, lead=1),
        Event("page", NOW - 40 * DAY, lead=2),
        Event("page", NOW - DAY, lead=3),
    ]
    found = seen(leads, history)
    assert found[:, PEOPLE].tolist() == [1, 1, 2, 0]
    assert found[:, ACTS].tolist() == [1, 2, 3, 0]


def test_who_converted_is_counted_once_and_has_no_step() -> None:
    plan = replace(PLAN, other_types=("deal", "won"), steps=("looking",))
    plan = replace(plan, step_of_type={"page": "looking", "deal": "in_deal", "won": "customer"})
    leads = leads_of([MISSING] * 3, account_id=["A", "A", "A"])
    history = [
        Event("deal", NOW - 2 * DAY, lead=0),
        Event("won", NOW - DAY, lead=0),
        Event("deal", NOW - 40 * DAY, lead=1),
        Event("page", NOW - DAY, lead=1),
    ]
    found = seen(leads, history, plan=plan)
    assert found[:, CONVERTED].tolist() == [0, 1, 1]
    assert found[:, PEOPLE].tolist() == [1, 1, 2]
    np.testing.assert_array_equal(found[:, STEP], [1, np.nan, 1])


def test_without_any_account_the_features_are_missing() -> None:
    leads = leads_of([MISSING] * 2)
    assert np.isnan(seen(leads, [Event("page", NOW - DAY)])).all()


def test_a_lead_of_which_nobody_told_is_missing_beside_one_without_colleagues() -> None:
    leads = leads_of([MISSING] * 2, account_id=["A", "B"])
    log = log_of(leads, [])
    found = colleagues_of(leads, log, "account_id")
    assert found is not None
    found.account[0] = NOT_TOLD
    rows, at = np.arange(2), np.full(2, NOW)
    values = behaviour(compile_plan(PLAN), log, leads.created_at, rows, at, None, found)
    assert np.isnan(values[0]).all()
    assert values[1, [PEOPLE, ACTS]].tolist() == [0, 0]


@CHECKED
@given(
    history=events(4, types=("page", "mail")),
    more=events(4, types=("page", "mail")),
    later=st.integers(1, 9 * DAY),
)
def test_what_colleagues_do_later_changes_nothing(
    history: list[Event], more: list[Event], later: int
) -> None:
    leads = leads_of([MISSING] * 4, account_id=["A", "A", "B", "B"])
    cutoff = NOW - DAY
    after = [event.shifted(cutoff + later - event.at) for event in more]
    late = [event._replace(recorded=cutoff + later) for event in more]
    before = seen(leads, history, cutoff)
    np.testing.assert_array_equal(seen(leads, history + after + late, cutoff), before)


@CHECKED
@given(
    history=events(5, types=("page", "mail")), kept=st.lists(st.booleans(), min_size=5, max_size=5)
)
def test_part_of_a_list_keeps_the_colleagues_of_the_whole(
    history: list[Event], kept: list[bool]
) -> None:
    leads = leads_of([MISSING] * 5, account_id=["A", "B", "A", "A", "B"])
    log, mask = log_of(leads, history), np.array(kept)
    found = colleagues_of(leads, log, "account_id")
    assert found is not None
    program, rows = compile_plan(PLAN), np.arange(5)
    whole = behaviour(program, log, leads.created_at, rows, np.full(5, NOW), None, found)
    some = np.arange(mask.sum())
    part = behaviour(
        program,
        log.keep(mask),
        leads.created_at[mask],
        some,
        np.full(len(some), NOW),
        None,
        found.keep(mask),
    )
    np.testing.assert_array_equal(part, whole[mask])


def test_colleagues_who_are_not_in_the_list_come_from_a_file_of_their_own(tmp_path: Path) -> None:
    rows = [
        ("L1", "page", "2026-01-03T00:00:00Z", "Ａcme"),
        ("L2", "page", "2026-01-04T00:00:00Z", "beta"),
        ("L3", "mail", "2026-01-05T00:00:00Z", "acme"),
        ("L3", "page", "2026-01-05T00:00:00Z", "acme"),
        ("L0", "page", "2026-01-06T00:00:00Z", "acme"),
        ("L4", "page", "not a time", "acme"),
    ]
    (tmp_path / "all.csv").write_text(
        "lead_id,account_id\nL0,acme\nL1,acme\nL2,beta\nL3,acme\n", encoding="utf-8"
    )
    (tmp_path / "list.csv").write_text("lead_id,account_id\nL0,acme\nL2,beta\n", encoding="utf-8")
    text = "\n".join(map(",".join, [("lead_id", "event_type", "occurred_at", "account_id"), *rows]))
    (tmp_path / "events.csv").write_text(text, encoding="utf-8")
    at = NOW + 480 * DAY  # some days after the events

    def features_of(name: str, others: bool) -> tuple[Intake, np.ndarray]:
        intake = take_in(tmp_path / name, tmp_path / "events.csv", None, FORM)
        more = take_in_others(tmp_path / "events.csv", intake, FORM) if others else None
        intake = intake.with_colleagues("account_id", more)
        n = np.arange(len(intake.leads))
        cutoff = np.full(len(n), at)
        made = intake.leads.created_at
        program = compile_plan(PLAN)
        return intake, behaviour(program, intake.log, made, n, cutoff, None, intake.colleagues)

    _, whole = features_of("all.csv", others=False)
    intake, part = features_of("list.csv", others=True)
    np.testing.assert_array_equal(part, whole[[0, 2]])
    assert part[0, PEOPLE] == 2
    assert intake.counts["account events taken"] == 3
    assert intake.counts["account events of leads in the list"] == 2
    assert sum("not a time" in str(refusal) for refusal in intake.refused) == 1


def test_a_file_of_colleagues_needs_accounts(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("lead_id,account_id\nL0,acme\n", encoding="utf-8")
    (tmp_path / "others.csv").write_text(
        "lead_id,event_type,occurred_at\nL1,page,2026-01-03\n", encoding="utf-8"
    )
    intake = take_in(tmp_path / "list.csv", None, None, FORM)
    with pytest.raises(InputError, match="account_id"):
        take_in_others(tmp_path / "others.csv", intake, FORM)
