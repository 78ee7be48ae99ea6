"""How files are to be read, from what the playbook, the options and the model's plan say."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from features.form import Form, latest_plausible
from features.instants import now, zone
from features.plan import Plan
from models.playbook import Playbook


def form_of(
    playbook: Playbook,
    *,
    columns: Mapping[str, str] | None = None,
    timezone: str | None = None,
    date_events: Mapping[str, str] | None = None,
    plan: Plan | None = None,
    numbered: bool = False,
) -> Form:
    """The form of a company's files: options go before the playbook, the playbook before the plan."""
    from_plan = plan.columns if plan else {}
    return Form(
        columns={**from_plan, **playbook.columns, **(columns or {})},
        date_events=date_events if date_events else (plan.date_events if plan else {}),
        tz=declared_zone(playbook, timezone),
        outcomes=playbook.outcomes,
        latest=latest_plausible(now()),
        numbered=numbered or (plan is not None and plan.numbered),
        dates_required=bool(date_events),
    )


def declared_zone(playbook: Playbook, timezone: str | None) -> ZoneInfo | None:
    """The zone of local times: the option, else the playbook's, else none."""
    name = timezone or playbook.timezone
    return zone(name) if name else None
