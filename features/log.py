"""`Leads` and `EventLog`: the contract's tables as aligned arrays, in one canonical order."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.arrivals import Arrivals
from features.cells import numbers, text_column
from features.grouping import Room, group
from features.instants import MISSING, Instants, isos
from features.ordering import order
from features.versions import later_versions
from features.vocabulary import Vocabulary, sort_codes


@dataclass(frozen=True)
class Leads:
    """A lead list.

    Attributes
    ----------
    lead_id : pyarrow.StringArray of shape (n_leads,), unique
    created_at : ndarray of shape (n_leads,), int64
        `MISSING` where it is not known.
    attributes : pyarrow.Table of n_leads rows
        Every other column, as it came.
    """

    lead_id: pa.Array
    created_at: Instants
    attributes: pa.Table
    _read: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.lead_id)

    def texts(self, name: str) -> pa.Array:
        """An attribute as texts, null for missing; read once."""
        return self._once("texts", name, text_column)

    def numbers(self, name: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
        """An attribute as `features.cells.numbers` reads it; read once."""
        found: tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]
        found = self._once("numbers", name, numbers)
        return found

    def _once(self, form: str, name: str, read: Callable[[Any], Any]) -> Any:
        return self.once((form, name), lambda: read(self.attributes[name]))

    def once(self, key: Hashable, work: Callable[[], Any]) -> Any:
        """What follows from these leads alone, worked out the first time it is asked for."""
        found = self._read.get(key)
        if found is None:
            found = self._read[key] = work()
        return found

    def keep(self, mask: npt.NDArray[np.bool_]) -> Leads:
        """The leads marked in `mask`."""
        kept = pa.array(mask)
        return Leads(self.lead_id.filter(kept), self.created_at[mask], self.attributes.filter(kept))

    def created_or_first_event(self, log: EventLog) -> Leads:
        """The same leads, a missing `created_at` being the moment when the first event was known.

        Not when it occurred: what is recorded late would otherwise make a lead older for cutoffs
        that could not know of it.
        """
        first = np.full(len(self), MISSING)
        has_events = log.offsets[1:] > log.offsets[:-1]
        first[has_events] = np.minimum.reduceat(log.visible_at, log.offsets[:-1][has_events])
        created_at = np.where(self.created_at == MISSING, first, self.created_at)
        return Leads(self.lead_id, created_at, self.attributes)


@dataclass(frozen=True)
class EventLog:
    """Events grouped by lead, each lead's in canonical order.

    The order is ``occurred_at, event_type, channel, content, value, event_id`` (texts by code
    point, missing first, a missing value last), then by when the source recorded it, then by
    account, so that the order of rows in a file never matters.

    What becomes of an event that does not simply come after the one before it:

    =================  ===========================================================================
    unsorted           Put into its place: no other order of the rows gives another log.
    duplicate          Of events of one lead with one `event_id` the version recorded first is
                       kept, with its time and all it says, and of versions recorded at once the
                       first in canonical order; the others are left out and counted. What a cutoff
                       saw is so never changed by what is recorded later. An event without
                       `event_id` is never a duplicate, and other leads' ids are not looked at.
    simultaneous       Every one is kept; what it says decides which comes first.
    before creation    Kept, its `occurred_at` too; visible from the creation of its lead on.
    late               Recorded after it occurred: in the order by when it occurred, visible from
                       when it was recorded on. Recorded before it occurred: visible from when it
                       occurred on.
    =================  ===========================================================================

    Attributes
    ----------
    offsets : ndarray of shape (n_leads + 1,), int64
        The events of lead i of the lead list are ``offsets[i]:offsets[i + 1]``.
    occurred_at : ndarray of shape (n_events,), int64
    visible_at : ndarray of shape (n_events,), int64
        The latest of `occurred_at`, the moment the source recorded it, and the creation of its
        lead: a cutoff c sees the event when ``visible_at <= c``. Where this is `occurred_at` for
        all of them, it is that same array.
    event_type, channel, content : ndarray of shape (n_events,), int32
        Codes into `types`, `channels`, `contents`; -1 for missing.
    value : ndarray of shape (n_events,), float64, NaN for missing
    types, channels, contents : tuple of str, sorted
    duplicates : ndarray of shape (n_leads,), int64
        Events left out because an earlier recorded version has the same `event_id`.
    account : ndarray of shape (n_events,), int32
        Codes into `accounts`; -1 for missing. Shape (0,) where the source gives no accounts.
    accounts : tuple of str, sorted
    """

    offsets: npt.NDArray[np.int64]
    occurred_at: Instants
    visible_at: Instants
    event_type: npt.NDArray[np.int32]
    channel: npt.NDArray[np.int32]
    content: npt.NDArray[np.int32]
    value: npt.NDArray[np.float64]
    types: tuple[str, ...]
    channels: tuple[str, ...]
    contents: tuple[str, ...]
    duplicates: npt.NDArray[np.int64]
    account: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    accounts: tuple[str, ...] = ()
    _told: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def n_leads(self) -> int:
        return len(self.offsets) - 1

    @property
    def n_events(self) -> int:
        return len(self.occurred_at)

    def once(self, key: Hashable, work: Callable[[], Any]) -> Any:
        """What follows from the texts of this log alone, worked out the first time it is asked for.

        Of small things only: it is kept as long as the log.
        """
        found = self._told.get(key)
        if found is None:
            found = self._told[key] = work()
        return found

    def happened(
        self, places: npt.NDArray[np.integer[Any]]
    ) -> tuple[list[str | None], list[str | None]]:
        """The types of some events and when they occurred, ISO 8601; None for the place -1."""
        there = places >= 0
        at = np.full(len(places), MISSING)
        at[there] = self.occurred_at[places[there]]
        code = np.full(len(places), -1)
        code[there] = self.event_type[places[there]]
        types = (*self.types, None)
        return [types[type_] for type_ in code.tolist()], isos(at)

    def lead_of_event(self) -> npt.NDArray[np.int64]:
        """The row of the lead list that each event belongs to, shape (n_events,)."""
        return np.repeat(np.arange(self.n_leads), np.diff(self.offsets))

    def keep(self, mask: npt.NDArray[np.bool_]) -> EventLog:
        """The events of the leads marked in `mask`, shape (n_leads,), aligned to those leads."""
        inside = mask[self.lead_of_event()]
        events = {
            name: getattr(self, name)[inside]
            for name in ("occurred_at", "event_type", "channel", "content", "value")
        }
        events["visible_at"] = events["occurred_at"]
        if self.visible_at is not self.occurred_at:
            events["visible_at"] = self.visible_at[inside]
        if len(self.account):
            events["account"] = self.account[inside]
        offsets = np.concatenate([[0], np.cumsum(np.diff(self.offsets)[mask])])
        return replace(self, offsets=offsets, duplicates=self.duplicates[mask], **events)


_DTYPES: dict[str, Any] = {
    "occurred_at": np.int64,
    "recorded_at": np.int64,
    "event_type": np.int32,
    "channel": np.int32,
    "content": np.int32,
    "account": np.int32,
    "value": np.float64,
    "event_id": np.uint64,
    "row": np.int32,
}
_TEXTS = ("event_type", "channel", "content", "account")


def event_log(leads: Leads, events: Arrivals) -> EventLog:
    """Put events into canonical order, grouped by lead, each with one outcome: see `EventLog`.

    Parameters
    ----------
    leads : Leads
    events : Arrivals
        They are used up: their columns are let go one by one, as they are put into order.
    """
    columns, vocabularies, ids = _columns(events)
    room = Room.of(len(columns["lead"]))
    offsets = group(columns.pop("lead"), len(leads), columns, room)
    names = {name: sort_codes(columns[name], words) for name, words in vocabularies.items()}
    columns |= {name: np.empty(0, dtype) for name, dtype in _DTYPES.items() if name not in columns}
    marks = order(offsets, columns)
    duplicates = np.zeros(len(leads), dtype=np.int64)
    if ids is not None:
        dropped = later_versions(offsets, columns, marks, ids)
        if len(dropped):
            duplicates = _drop(dropped, offsets, columns)
    del columns["event_id"], columns["row"], marks
    occurred_at = columns["occurred_at"]
    visible_at = _visible_at(occurred_at, columns.pop("recorded_at"), leads.created_at, offsets)
    n = len(occurred_at)
    # One array stands for all the codes that are not given.
    nothing, value = room.short[:n], columns["value"]
    if not (len(columns["channel"]) and len(columns["content"])):
        nothing.fill(-1)
    if not len(value):
        value = room.long.view(np.float64)[:n]
        value.fill(np.nan)
    return EventLog(
        offsets=offsets,
        occurred_at=occurred_at,
        visible_at=visible_at,
        event_type=columns["event_type"],
        channel=columns["channel"] if len(columns["channel"]) else nothing,
        content=columns["content"] if len(columns["content"]) else nothing,
        value=value,
        types=names["event_type"],
        channels=names.get("channel", ()),
        contents=names.get("content", ()),
        duplicates=duplicates,
        account=columns["account"],
        accounts=names.get("account", ()),
    )


def _columns(
    arrivals: Arrivals,
) -> tuple[
    dict[str, npt.NDArray[Any]],
    dict[str, Vocabulary],
    Callable[[npt.NDArray[np.int64]], pa.Array] | None,
]:
    """The columns that are given, which nothing else holds after this; their texts; their ids."""
    given = {name: column for name, column in vars(arrivals).items() if column is not None}
    vars(arrivals).clear()
    vocabularies = {name: given[name].vocabulary for name in _TEXTS if name in given}
    given |= {name: given[name].codes for name in vocabularies}
    ids = given.pop("event_id", None)
    if ids is None:
        return given, vocabularies, None
    given["event_id"] = ids.hashes
    given["row"] = np.arange(len(ids.hashes), dtype=np.int32)
    return given, vocabularies, ids.texts


def _drop(
    dropped: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    columns: dict[str, npt.NDArray[Any]],
) -> npt.NDArray[np.int64]:
    """Leave events out of all columns and of `offsets`; how many of each lead they were."""
    n = len(columns["occurred_at"])
    lead = np.searchsorted(offsets, dropped, side="right") - 1
    counts = np.bincount(lead, minlength=len(offsets) - 1)
    kept = np.ones(n, dtype=np.bool_)
    kept[dropped] = False
    for name, column in columns.items():
        if len(column):
            columns[name] = column[kept]
    offsets[1:] -= np.cumsum(counts)
    return counts


def _visible_at(
    occurred_at: Instants,
    recorded_at: Instants,
    created_at: Instants,
    offsets: npt.NDArray[np.int64],
) -> Instants:
    """The latest of the three for each event; `occurred_at` itself where it is that for all."""
    has_events = offsets[1:] > offsets[:-1]
    early = bool((occurred_at[offsets[:-1][has_events]] < created_at[has_events]).any())
    if len(recorded_at) and (recorded_at > occurred_at).any():
        visible_at = np.maximum(occurred_at, recorded_at, out=recorded_at)
    elif early:
        visible_at = occurred_at.copy()
    else:
        return occurred_at
    if early:
        _not_before(visible_at, offsets, created_at)
    return visible_at


@numba.njit(cache=True, nogil=True)
def _not_before(visible_at: Any, offsets: Any, created_at: Any) -> None:
    for lead in range(len(created_at)):
        for event in range(offsets[lead], offsets[lead + 1]):
            visible_at[event] = max(visible_at[event], created_at[lead])
