"""The events of a request on their way into the store, together with those of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic_core import to_json

from features.form import Form
from features.instants import MISSING, now
from features.usual import read_usual
from models.request import EventIn, Id, Text
from serving.findings import Place
from serving.moments import AHEAD, TOO_FAR, instants
from serving.routes.told import Taking, Telling, message_of, refused, valid
from serving.store.commit import Commit
from serving.store.events import ACCEPTED, EventRow, add_events, add_new_events
from serving.store.grouping import Apart, Shared
from serving.store.quarantine import Refused

MOST_EVENTS = 500
LARGEST = 32 * 1024
"""Bytes of one event."""


class StoredEventIn(EventIn):
    """Something that happened to a lead."""

    lead_id: Id
    account_id: Text | None = None


class EventsIn(BaseModel):
    """What leads did."""

    model_config = ConfigDict(extra="forbid", strict=True)

    events: list[StoredEventIn] = Field(min_length=1, max_length=MOST_EVENTS)


_EVENTS = TypeAdapter(list[StoredEventIn])


@dataclass(frozen=True)
class Told(Shared[tuple[int, bytes]]):
    """The events of a request, on their way into the store together with those of others."""

    rows: list[EventRow]
    secret: bytes
    backfill: bool
    telling: Telling

    def __call__(self, commit: Commit) -> tuple[int, bytes]:
        """Take them, and say what became of each."""

        def job(commit: Commit) -> list[str]:
            return add_events(commit, self.rows, self.secret, backfill=self.backfill)

        return self.telling.alone(commit, job)

    @classmethod
    def together(cls, commit: Commit, jobs: Sequence[Self]) -> list[tuple[int, bytes]]:
        """Take the events of several requests that are all new, which most are."""
        keys = [(job.telling.key, job.telling.principal) for job in jobs if job.telling.key]
        if len(set(keys)) < len(keys) or len({job.backfill for job in jobs}) > 1:
            raise Apart("One of these requests may be the same as another.")
        before = [job.telling.before(commit) for job in jobs]
        new = [job for job, answer in zip(jobs, before, strict=True) if answer is None]
        rows = [row for job in new for row in job.rows]
        add_new_events(commit, rows, jobs[0].secret, backfill=jobs[0].backfill)
        return [
            answer or job.telling.after(commit, [ACCEPTED] * len(job.rows))
            for job, answer in zip(jobs, before, strict=True)
        ]


def read_events(
    items: list[Any], form: Form, *, large: bool = True
) -> tuple[Taking, list[EventRow]]:
    """The events of a request as they are stored, and those that cannot be.

    Parameters
    ----------
    large : bool
        Whether the request is so large that an event in it may be too large.
    """
    taking = Taking(len(items))
    events = valid(_EVENTS, "event", items, taking)
    kinds = [event.event_type in form.outcomes for _, event in events]
    occurred, bad = instants([event.occurred_at for _, event in events], form, kinds)
    recorded, bad_too = instants(
        [event.recorded_at for _, event in events], form, [False] * len(events)
    )
    latest, rows = now() + AHEAD, []
    for row, (place, event) in enumerate(events):
        errors: list[tuple[Place, str]] = []
        if row in bad:
            errors.append((("occurred_at",), bad[row]))
        if row in bad_too:
            errors.append((("recorded_at",), bad_too[row]))
        reason = "invalid"
        if large and len(to_json(items[place])) > LARGEST:
            reason = "too_large"
            errors.append(((), f"expected an event of up to {LARGEST:,} bytes, got a larger one"))
        if not errors and occurred[row] > latest:
            reason = "too_far_ahead"
            errors.append((("occurred_at",), TOO_FAR))
        if errors:
            taking.refused[place] = refused("event", items[place], place, reason, errors)
            continue
        rows.append(_row(event, occurred[row], recorded[row]))
    return taking, rows


def plain_rows(events: Sequence[StoredEventIn]) -> list[EventRow] | None:
    """Events as they are stored, where `read_events` would take all of them; None where it may not.

    Only the usual form of a time is read here, which every playbook reads alike.
    """
    occurred, other = read_usual([event.occurred_at for event in events])
    recorded, other_too = read_usual([event.recorded_at for event in events])
    if other.any() or other_too.any() or occurred.max() > now() + AHEAD:
        return None
    return list(map(_row, events, occurred.tolist(), recorded.tolist()))


def put_aside(items: Sequence[Any]) -> Callable[[int, str], Refused]:
    """What is kept of events that the store refused."""

    def aside(place: int, reason: str) -> Refused:
        return refused("event", items[place], place, reason, [(("event_id",), message_of(reason))])

    return aside


def _row(event: StoredEventIn, occurred: int, recorded: int) -> EventRow:
    return EventRow(
        event.lead_id,
        event.event_type,
        occurred,
        None if recorded == MISSING else recorded,
        event.channel or None,
        event.content or None,
        event.value,
        event.event_id or None,
        event.account_id or None,
    )
