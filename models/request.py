"""One lead with its events as a message: what HTTP and the MLflow model take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Annotated, Any, NamedTuple

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
from features.usual import read_usual
from features.vocabulary import Coded, Vocabulary

Text = Annotated[str, Field(max_length=10_000)]
TIME: dict[str, Any] = {
    "anyOf": [{"format": "date-time"}, {"maxLength": 0}],
}
"""What schemas say of times; an empty one is as good as none. Others are taken too, such as one
without an offset where the playbook declares a zone."""
Time = Annotated[str, Field(max_length=64, json_schema_extra=TIME)]
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
    counts = [len(request.events) for request in requests]
    events = list(chain.from_iterable(request.events for request in requests))
    told = _EventColumns(*(list(map(tells, events)) for tells in _TELLS))
    created_at, occurred_at, recorded_at = _all_times(requests, told, counts, form)
    names = list(dict.fromkeys(name for r in requests for name in r.lead.attributes))
    attributes = {
        name: attribute_column([r.lead.attributes.get(name) for r in requests]) for name in names
    }
    leads = Leads(
        pa.array([r.lead.lead_id for r in requests], pa.string()),
        created_at,
        pa.table(attributes) if names else pa.table({"": pa.nulls(n)}).select([]),
    )
    arrivals = Arrivals(
        lead=np.repeat(np.arange(n, dtype=np.int32), counts),
        occurred_at=occurred_at,
        event_type=_coded(told.event_type) or Coded(np.empty(0, dtype=np.int32)),
        recorded_at=recorded_at,
        channel=_coded(told.channel),
        content=_coded(told.content),
        value=_numbers(told.value),
        event_id=_ids(told.event_id),
    )
    log = event_log(leads, arrivals)
    # Events are visible from the first one on, which is all that such a creation says of them.
    if (created_at == MISSING).any():
        leads = leads.created_or_first_event(log)
    return leads, log


class _EventColumns(NamedTuple):
    """What events say, a column for each field."""

    event_type: list[str]
    occurred_at: list[str]
    recorded_at: list[str | None]
    channel: list[str | None]
    content: list[str | None]
    value: list[float | None]
    event_id: list[str | None]


_TELLS = tuple(map(attrgetter, _EventColumns._fields))


def _coded(texts: Sequence[str | None]) -> Coded | None:
    if not any(texts):
        return None
    vocabulary = Vocabulary()
    return Coded(vocabulary.add(texts), vocabulary)


def _numbers(values: Sequence[float | None]) -> npt.NDArray[np.float64]:
    if values.count(None) == len(values):
        return np.full(len(values), np.nan)
    # Arrow lends its own numbers where there is none missing, and those cannot be put into order.
    return np.array(pa.array(values, pa.float64()).to_numpy(zero_copy_only=False))


def _ids(texts: Sequence[str | None]) -> Ids | None:
    return Ids.of(pa.array([text or None for text in texts], pa.string())) if any(texts) else None


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
    occurred_at = _times(
        [e.occurred_at for _, _, e in events],
        form,
        lambda row: f"account_events[{events[row][1]}].occurred_at",
        lambda row: events[row][2].event_type in form.outcomes,
    )
    recorded_at = _times(
        [e.recorded_at for _, _, e in events],
        form,
        lambda row: f"account_events[{events[row][1]}].recorded_at",
        lambda row: False,
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
    requests: Sequence[ScoreRequest], told: _EventColumns, counts: Sequence[int], form: Form
) -> tuple[Instants, Instants, Instants]:
    """When leads were created, when events occurred, and when they were recorded; read at once."""
    n, m = len(requests), len(told.event_type)

    def field(row: int) -> str:
        if row < n:
            return "lead.created_at"
        name = "occurred_at" if row < n + m else "recorded_at"
        place = (row - n) % m
        first = int(np.cumsum([0, *counts])[np.searchsorted(np.cumsum(counts), place, "right")])
        return f"events[{place - first}].{name}"

    created = [request.lead.created_at for request in requests]

    def at_start(row: int) -> bool:
        return row < n or (row < n + m and told.event_type[row - n] in form.outcomes)

    recorded = told.recorded_at if any(told.recorded_at) else ()
    times = _times([*created, *told.occurred_at, *recorded], form, field, at_start)
    if not recorded:
        return times[:n], times[n:], np.full(m, MISSING)
    return times[:n], times[n : n + m], times[n + m :]


def cutoffs(requests: Sequence[ScoreRequest], form: Form, now: int) -> Instants:
    """The moment as of which each lead is to be seen, shape (n_requests,); `now` by default."""
    asked = _times([r.as_of for r in requests], form, lambda row: "as_of", lambda row: True)
    return np.where(asked == MISSING, now, asked)


def _times(
    texts: list[str | None],
    form: Form,
    fields: Callable[[int], str],
    at_start: Callable[[int], bool],
) -> Instants:
    """The moments that texts tell, shape (n,).

    `fields` names the field of a row, and `at_start` says which end of a day without a time is meant.
    """
    found, other = read_usual(texts)
    rows = np.flatnonzero(other)
    if not len(rows):
        return found
    times = parse(text_column(pa.array([texts[row] for row in rows], pa.string())), form.tz)
    for row in np.flatnonzero(times.bad | times.unzoned):
        expected = (
            "a time with an offset such as +09:00, since the playbook declares no zone; got one without"
            if times.unzoned[row]
            else "a time such as 2026-04-01T09:00:00+09:00, got something else"
        )
        raise InputError(f"{fields(int(rows[row]))}: expected {expected}.")
    starts = np.array([at_start(int(row)) for row in rows])
    found[rows] = np.where(starts, times.instant, times.day_end)
    return found


def attribute_column(values: list[Any]) -> pa.Array:
    """Attribute values as a column: numbers where all are of one type, else text.

    Whole numbers beside others stay exact as text, so that a value is the same whatever the rest.
    """
    types = {type(value) for value in values if value is not None}
    if types == {float}:
        return pa.array(values, pa.float64())
    if types == {int} and all(-(2**63) <= value < 2**63 for value in values if value is not None):
        return pa.array(values, pa.int64())
    return pa.array([as_text(value) for value in values], pa.string())
