"""One lead with its events as a message: what HTTP and the MLflow model take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from features.arrivals import Arrivals, Ids
from features.cells import as_text, text_column
from features.colleagues import MOST_PEOPLE, NO_ACCOUNT, NOT_TOLD, Colleagues, grouped
from features.errors import InputError
from features.form import Form
from features.instants import MISSING, Instants
from features.log import EventLog, Leads, event_log
from features.times import parse
from features.vocabulary import Coded, Vocabulary

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


class AccountEventIn(_Message):
    """Something that happened to a colleague of the lead, somebody of the same account."""

    lead_id: Id = Field(description="the colleague")
    event_type: Id
    occurred_at: Time = Field(min_length=1, description="ISO 8601: when it happened")
    recorded_at: Time | None = Field(default=None, description="ISO 8601: when the source knew")
    event_id: Text | None = None


class ScoreRequest(_Message):
    """A lead, what happened to it, and the moment as of which it is to be seen (default: now)."""

    lead: LeadIn
    events: list[EventIn] = Field(default_factory=list, max_length=100_000)
    account_events: list[AccountEventIn] | None = Field(
        default=None,
        max_length=100_000,
        description="what colleagues did; [] says that there is nobody else, null that it is not known",
    )
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
    events = [
        (row, place, event)
        for row, request in enumerate(requests)
        for place, event in enumerate(request.events)
    ]
    created_at, occurred_at, recorded_at = _all_times(requests, events, form)
    names = list(dict.fromkeys(name for r in requests for name in r.lead.attributes))
    attributes = {name: _column([r.lead.attributes.get(name) for r in requests]) for name in names}
    leads = Leads(
        pa.array([r.lead.lead_id for r in requests], pa.string()),
        created_at,
        pa.table(attributes) if names else pa.table({"": pa.nulls(n)}).select([]),
    )

    def coded(name: str) -> Coded | None:
        texts = [getattr(event, name) for _, _, event in events]
        if not any(texts):
            return None
        vocabulary = Vocabulary()
        return Coded(vocabulary.add(texts), vocabulary)

    values = [np.nan if event.value is None else event.value for _, _, event in events]
    arrivals = Arrivals(
        lead=np.array([row for row, _, _ in events], dtype=np.int32),
        occurred_at=occurred_at,
        event_type=coded("event_type") or Coded(np.empty(0, dtype=np.int32)),
        recorded_at=recorded_at,
        channel=coded("channel"),
        content=coded("content"),
        value=np.array(values, dtype=np.float64),
        event_id=Ids.of(pa.array([event.event_id or None for _, _, event in events], pa.string())),
    )
    log = event_log(leads, arrivals)
    # Events are visible from the first one on, which is all that such a creation says of them.
    if (created_at == MISSING).any():
        leads = leads.created_or_first_event(log)
    return leads, log


def colleagues_in(requests: Sequence[ScoreRequest], leads: Leads, form: Form) -> Colleagues | None:
    """What the requests tell of colleagues, every request an account of its own; None if nothing."""
    told = [request.account_events is not None for request in requests]
    if not any(told):
        return None
    events = [
        (row, place, event)
        for row, request in enumerate(requests)
        for place, event in enumerate(request.account_events or ())
        if event.lead_id != request.lead.lead_id
    ]
    names = [f"account_events[{place}]" for _, place, _ in events]
    at_start = np.array(
        [event.event_type in form.outcomes for _, _, event in events], dtype=np.bool_
    )
    occurred_at = _times(
        [e.occurred_at for _, _, e in events], form, [f"{n}.occurred_at" for n in names], at_start
    )
    recorded_at = _times(
        [e.recorded_at for _, _, e in events], form, [f"{n}.recorded_at" for n in names], False
    )
    types = {
        name: code for code, name in enumerate(dict.fromkeys(e.event_type for _, _, e in events))
    }
    people = {
        name: len(leads) + n
        for n, name in enumerate(dict.fromkeys(e.lead_id for _, _, e in events))
    }
    rows = np.array([row for row, _, _ in events], dtype=np.int64)
    who = np.array([people[event.lead_id] for _, _, event in events], dtype=np.int32)
    visible_at = np.maximum(occurred_at, recorded_at)
    kept = _first_versions([event.event_id for _, _, event in events], rows, who, visible_at)
    size = 1 + np.bincount(
        np.unique(np.column_stack([rows, who]), axis=0)[:, 0], minlength=len(told)
    )
    account = np.where(size > MOST_PEOPLE, NO_ACCOUNT, np.arange(len(told)))
    return grouped(
        np.where(told, account, NOT_TOLD),
        len(requests),
        rows[kept],
        occurred_at[kept],
        visible_at[kept],
        np.array([types[event.event_type] for _, _, event in events], dtype=np.int32)[kept],
        who[kept],
        tuple(types),
    )


def _first_versions(
    event_id: Sequence[str | None],
    row: npt.NDArray[np.int64],
    who: npt.NDArray[np.int32],
    visible_at: Instants,
) -> npt.NDArray[np.int64]:
    """The events to count, in their order: of those of one id and person, the first to be known."""
    first: dict[tuple[int, int, str], int] = {}
    for place in np.argsort(visible_at, kind="stable"):
        if event_id[place]:
            first.setdefault((row[place], who[place], str(event_id[place])), place)
    kept = set(first.values())
    return np.array(
        [place for place, given in enumerate(event_id) if not given or place in kept],
        dtype=np.int64,
    )


def _all_times(
    requests: Sequence[ScoreRequest], events: list[tuple[int, int, EventIn]], form: Form
) -> tuple[Instants, Instants, Instants]:
    """When leads were created, when events occurred, and when they were recorded; read at once."""
    n = len(requests)
    created = [request.lead.created_at for request in requests]
    occurred = [event.occurred_at for _, _, event in events]
    recorded = [event.recorded_at for _, _, event in events]
    outcomes = [event.event_type in form.outcomes for _, _, event in events]
    fields = ["lead.created_at"] * n
    fields += [f"events[{place}].occurred_at" for _, place, _ in events]
    fields += [f"events[{place}].recorded_at" for _, place, _ in events]
    at_start = np.array([True] * n + outcomes + [False] * len(events), dtype=np.bool_)
    times = _times([*created, *occurred, *recorded], form, fields, at_start)
    end = n + len(events)
    return times[:n], times[n:end], times[end:]


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
