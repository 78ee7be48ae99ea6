"""How files are read: options before the playbook, the playbook before the model's plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from features.errors import UsageError
from features.instants import DAY, now
from features.plan import Plan
from models.intake import declared_zone, form_of
from models.playbook import Playbook


@pytest.fixture
def company() -> Playbook:
    return Playbook.parse(
        'schema = 1\ntimezone = "Asia/Tokyo"\n[columns]\nlead_id = "顧客ID"\ncreated_at = "登録日"\n'
        '[tasks.qualification]\nlabel = "opp"\ncloses = ["opp", "nope"]\n'
        'horizon = "30d"\ncutoffs = { every = "7d" }\n'
    )


def test_options_go_before_the_playbook_and_the_playbook_before_the_plan(
    company: Playbook, plan: Plan
) -> None:
    trained = replace(
        plan,
        columns={"lead_id": "id", "created_at": "made", "occurred_at": "at"},
        date_events={"mql": "MQL date"},
    )
    form = form_of(company, columns={"created_at": "mine"}, plan=trained)
    assert form.columns == {"lead_id": "顧客ID", "created_at": "mine", "occurred_at": "at"}
    assert form.date_events == {"mql": "MQL date"}
    asked = form_of(company, date_events={"opp": "Opp date"}, plan=trained)
    assert asked.date_events == {"opp": "Opp date"}
    assert form_of(company).date_events == {}


def test_the_zone_is_the_option_s_else_the_playbook_s_else_none(
    company: Playbook, playbook: Playbook
) -> None:
    assert str(declared_zone(company, None)) == "Asia/Tokyo"
    assert str(declared_zone(company, "Europe/Berlin")) == "Europe/Berlin"
    assert declared_zone(playbook, None) is None
    with pytest.raises(UsageError, match="No time zone is called 'Tokyo'"):
        form_of(company, timezone="Tokyo")


def test_outcomes_are_those_of_the_playbook_and_the_future_is_a_day_away(company: Playbook) -> None:
    form = form_of(company)
    assert form.outcomes == {"opp", "nope"}
    assert abs(form.latest - now() - DAY) < DAY / 100


def test_leads_are_numbered_where_training_numbered_them(playbook: Playbook, plan: Plan) -> None:
    assert not form_of(playbook, plan=plan).numbered
    assert form_of(playbook, plan=replace(plan, numbered=True)).numbered
    assert form_of(playbook, numbered=True).numbered
