"""One lead with its events as a message: what HTTP and the MLflow model take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from features.cells import as_text, text_column
from features.errors import InputError
from features.form import Form
from features.instants import MISSING, Instants
from features.log import EventColumns, EventLog, Leads, event_log
from features.times import parse

Text = Annotated[str, Field(max_length=10_000)]
Time = Annotated[str, Field(max_length=64)]
Id = Annotated[str, Field(min_length=1, max_length=1_000)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Value = Text | bool | int | Finite | None


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class LeadIn(_Message):
    """A lead as its owner knows it."""

    lead_id: Id
    created_at: Time | None = Field(
        default=None, description="ISO 8601; without it the first event"
    )
    attributes: dict[str, Value] = Field(default_factory=dict, max_length=1_000)


class EventIn(_Message):
    """Something that happened to the lead."""

    event_type: Id
    occurred_at: Time = Field(min_length=1, description="ISO 8601: when it happened")
    recorded_at: Time | None = Field(default=None, description="ISO 8601: when the source knew")
    channel: Text | None = None
    content: Text | None = None
    value: Finite | None = None
    event_id: Text | None = None


class ScoreRequest(_Message):
    """A lead, what happened to it, and the moment as of which it is to be seen (default: now)."""

    lead: LeadIn
    events: list[EventIn] = Field(default_factory=list, max_length=100_000)
    as_of: Time | None = Field(
        default=None, description="ISO 8601; default the time of the request"
    )


def leads_and_log(requests: Sequence[ScoreRequest], form: Form) -> tuple[Leads, EventLog]:
    """The leads of some requests and their events, as a lead list would hold them.

    Raises
    ------
    InputError
        When a time cannot be read or has no zone where none is declared; it names the field.
    """
    n = len(requests)
    created_at = _times([r.lead.created_at for r in requests], form, ["lead.created_at"] * n, True)
    names = list(dict.fromkeys(name for r in requests for name in r.lead.attributes))
    attributes = {name: _column([r.lead.attributes.get(name) for r in requests]) for name in names}
    leads = Leads(
        pa.array([r.lead.lead_id for r in requests], pa.string()),
        created_at,
        pa.table(attributes) if names else pa.table({"": pa.nulls(n)}).select([]),
    )
    events = [
        (row, place, event)
        for row, request in enumerate(requests)
        for place, event in enumerate(request.events)
    ]
    types = [event.event_type for _, _, event in events]
    at_start = np.array([name in form.outcomes for name in types], dtype=bool)

    def times(name: str, from_start: npt.NDArray[np.bool_] | bool) -> Instants:
        fields = [f"events[{place}].{name}" for _, place, _ in events]
        return _times([getattr(event, name) for _, _, event in events], form, fields, from_start)

    def texts(name: str) -> pa.Array:
        return text_column(pa.array([getattr(event, name) for _, _, event in events], pa.string()))

    values = [np.nan if event.value is None else event.value for _, _, event in events]
    columns = EventColumns(
        lead=np.array([row for row, _, _ in events], dtype=np.int64),
        occurred_at=times("occurred_at", at_start),
        recorded_at=times("recorded_at", False),
        event_type=pa.array(types, pa.string()),
        channel=texts("channel"),
        content=texts("content"),
        event_id=texts("event_id"),
        value=np.array(values, dtype=np.float64),
    )
    log = event_log(leads, columns)
    if (created_at == MISSING).any():
        leads = leads.created_or_first_event(log)
        log = event_log(leads, columns)
    return leads, log


def cutoffs(requests: Sequence[ScoreRequest], form: Form, now: int) -> Instants:
    """The moment as of which each lead is to be seen, shape (n_requests,); `now` by default."""
    asked = _times([r.as_of for r in requests], form, ["as_of"] * len(requests), True)
    return np.where(asked == MISSING, now, asked)


def _times(
    texts: list[str | None],
    form: Form,
    fields: list[str],
    at_start: npt.NDArray[np.bool_] | bool,
) -> Instants:
    times = parse(text_column(pa.array(texts, pa.string())), form.tz)
    for row in np.flatnonzero(times.bad | times.unzoned):
        advice = (
            "has no zone, and the playbook declares none; write it with an offset such as +09:00"
            if times.unzoned[row]
            else "is not a time; expected such as 2026-04-01T09:00:00+09:00"
        )
        raise InputError(f"{fields[row]}: {texts[row]!r} {advice}.")
    return np.where(at_start, times.instant, times.day_end)


def _column(values: list[Any]) -> pa.Array:
    """Attribute values as a column: numbers where all are of one type, else text.

    Whole numbers beside others stay exact as text, so that a value is the same whatever the rest.
    """
    types = {type(value) for value in values if value is not None}
    if types == {float}:
        return pa.array(values, pa.float64())
    if types == {int} and all(-(2**63) <= value < 2**63 for value in values if value is not None):
        return pa.array(values, pa.int64())
    return pa.array([as_text(value) for value in values], pa.string())
