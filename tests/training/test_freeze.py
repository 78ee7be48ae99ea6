"""Freezing a plan: what training rows see decides it, and nothing later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from features.colleagues import colleagues_of
from features.groups import OTHER
from features.instants import DAY
from features.kinds import KINDS
from features.kinds.response import INSTANT
from features.log import EventLog
from features.plan import Plan, Response
from models.playbook import Playbook
from training.bigrams import KEPT
from training.freeze import freeze
from training.responses import with_rates
from training.sources import Material, Sources, gather
from training.split import split_by_time

CATALOGUE = (
    'catalogue = ["count ever", "age", "channel", "journey", "step", "recent", "bigram", '
    '"response", "changed", "account 30d"]\n'
)


@pytest.fixture(scope="module")
def playbook(short_playbook: Playbook) -> Playbook:
    """The small playbook with every kind that has to learn something."""
    text = short_playbook.text
    start = text.index("catalogue = [")
    return Playbook.parse(text[:start] + CATALOGUE + text[text.index("]\n", start) + 2 :])


@pytest.fixture(scope="module")
def company(small: Sources, playbook: Playbook) -> Material:
    return gather(small, playbook, "qualification")


@pytest.fixture(scope="module")
def training_rows(company: Material) -> np.ndarray:
    assert company.task.horizon is not None
    return split_by_time(company.spine, company.task.horizon).train


@pytest.fixture(scope="module")
def plan(company: Material, playbook: Playbook, training_rows: np.ndarray) -> Plan:
    return freeze(company, playbook, training_rows)


def test_every_kind_of_the_catalogue_has_features(plan: Plan) -> None:
    asked = {"count", "age", "channel", "journey", "step", "recent", "bigram", "response"}
    assert {feature.kind for feature in plan.features} == asked | {"changed"}
    assert set(plan.channels[:2]) == {"mail", "web"}
    assert len(plan.bigrams) == len(set(plan.bigrams)) == KEPT
    assert all(set(pair) <= set(plan.event_types) for pair in plan.bigrams)


def test_the_journey_ends_before_what_the_task_predicts(plan: Plan) -> None:
    assert plan.steps == ("attention", "interest", "search", "comparison", "examination")
    assert not any(f.of in ("action", "share") for f in plan.features if f.kind == "step")


def test_a_response_has_the_rate_of_training(plan: Plan) -> None:
    rates = {response.name: response.rate for response in plan.responses}
    assert all(0 <= rate < 1 for rate in rates.values())
    assert rates["call_answered/call_made"] > rates["webinar_register/webinar_invite"]
    by_mail = {response.touch for response in plan.responses if response.by_mail}
    assert by_mail == {"newsletter_sent", "webinar_invite", "seminar_invite"}


def test_what_comes_after_the_last_training_cutoff_changes_nothing(
    company: Material, playbook: Playbook, training_rows: np.ndarray, plan: Plan
) -> None:
    log = company.log
    last = company.spine.cutoff[training_rows].max()
    later = log.visible_at > last
    assert later.any()
    scrambled: EventLog = replace(
        log,
        event_type=np.where(later, log.event_type[::-1], log.event_type).astype(np.int32),
        channel=np.where(later, -1, log.channel).astype(np.int32),
        occurred_at=np.where(later, log.occurred_at + DAY, log.occurred_at),
        visible_at=np.where(later, log.visible_at + DAY, log.visible_at),
    )
    other = replace(company, intake=replace(company.intake, log=scrambled))
    assert freeze(other, playbook, training_rows) == plan


def test_colleagues_are_looked_at_where_somebody_has_one(
    company: Material, playbook: Playbook, training_rows: np.ndarray
) -> None:
    colleagues = company.intake.colleagues
    assert colleagues is not None
    assert not colleagues.anyone  # every company of this world is one lead
    pairs = replace(colleagues, account=np.arange(len(company.leads)) // 2)
    together = replace(company, intake=replace(company.intake, colleagues=pairs))
    plan = freeze(together, playbook, training_rows)
    assert "account_people_30d(*lead)" in plan.names


def test_what_closes_a_lead_is_known_of_its_colleagues_and_no_feature_of_its_own(
    company: Material, playbook: Playbook, training_rows: np.ndarray, plan: Plan
) -> None:
    colleagues = colleagues_of(
        replace(
            company.leads,
            attributes=company.leads.attributes.append_column(
                "account_id", pa.array([f"A{i // 2}" for i in range(len(company.leads))])
            ),
        ),
        company.log,
        "account_id",
    )
    together = replace(company, intake=replace(company.intake, colleagues=colleagues))
    found = freeze(together, playbook, training_rows)
    assert "deal_opened" in set(found.other_types) - set(plan.other_types)
    assert found.event_types == plan.event_types
    assert OTHER not in {feature.of for feature in found.features}


def test_a_touch_is_answered_once(
    company: Material, playbook: Playbook, training_rows: np.ndarray, plan: Plan
) -> None:
    """However often a mail is opened, the rate is the share of mails that were."""
    log, asked = company.log, Response("newsletter_sent", "newsletter_open", by_mail=True)
    visible = np.ones(log.n_events, dtype=bool)
    lead = log.lead_of_event()
    touches = answered = 0
    waiting: dict[int, int] = {}
    for row in range(log.n_events):
        name = log.types[log.event_type[row]]
        if name == asked.touch:
            touches += 1
            waiting[lead[row]] = log.occurred_at[row]
        elif name == asked.answer and log.occurred_at[row] - waiting.get(lead[row], 0) >= INSTANT:
            answered += waiting.pop(lead[row], None) is not None
    rate = with_rates([asked], log, visible)[0].rate
    assert rate == answered / touches
    opened = np.flatnonzero(log.event_type == log.types.index(asked.answer))
    times = np.ones(log.n_events, dtype=np.int64)
    times[opened] = 5
    often = replace(
        log,
        offsets=np.concatenate([[0], times.cumsum()])[log.offsets],
        **{
            name: np.repeat(getattr(log, name), times)
            for name in ("occurred_at", "visible_at", "event_type")
        },
    )
    assert with_rates([asked], often, np.ones(times.sum(), dtype=bool))[0].rate == rate


def test_features_of_what_was_not_given_are_not_in_the_plan(
    company: Material, playbook: Playbook, training_rows: np.ndarray
) -> None:
    bare = replace(company, intake=replace(company.intake, changes=None, colleagues=None))
    plan = freeze(bare, playbook, training_rows)
    assert {KINDS[feature.kind].source for feature in plan.features} == {"events", "acts"}
