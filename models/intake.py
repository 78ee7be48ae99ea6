"""How files are to be read, from what the playbook, the options and the model's plan say."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from features.errors import UsageError
from features.form import Form, latest_plausible
from features.instants import now, zone
from features.plan import Plan
from features.reading import AS_FOUND, Declared
from features.tables import Intake
from models.playbook import Playbook


def form_of(
    playbook: Playbook,
    *,
    columns: Mapping[str, str] | None = None,
    timezone: str | None = None,
    date_events: Mapping[str, str] | None = None,
    plan: Plan | None = None,
    numbered: bool = False,
    declared: Declared = AS_FOUND,
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
        declared=declared,
    )


def declared_zone(playbook: Playbook, timezone: str | None) -> ZoneInfo | None:
    """The zone of local times: the option, else the playbook's, else none."""
    name = timezone or playbook.timezone
    return zone(name) if name else None


def check_created_at(columns: Mapping[str, str], intake: Intake) -> None:
    """Refuse a name for `created_at`, which a list may lack, that is not a column of the list.

    Raises
    ------
    UsageError
        Naming the columns there are.
    """
    asked = columns.get("created_at")
    there = intake.table.data.column_names
    if asked is not None and asked not in there:
        raise UsageError(
            f"--columns created_at={asked!r}: {intake.table.path} has no such column; "
            f"there are {', '.join(there)}."
        )
