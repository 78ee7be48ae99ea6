"""`Leads` and `EventLog`: the contract's tables as aligned arrays, in one canonical order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.instants import MISSING, Instants


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

    def __len__(self) -> int:
        return len(self.lead_id)

    def keep(self, mask: npt.NDArray[np.bool_]) -> Leads:
        """The leads marked in `mask`."""
        kept = pa.array(mask)
        return Leads(self.lead_id.filter(kept), self.created_at[mask], self.attributes.filter(kept))

    def created_or_first_event(self, log: EventLog) -> Leads:
        """The same leads, a missing `created_at` being the lead's first event."""
        first = np.full(len(self), MISSING)
        has_events = log.offsets[1:] > log.offsets[:-1]
        first[has_events] = log.occurred_at[log.offsets[:-1][has_events]]
        created_at = np.where(self.created_at == MISSING, first, self.created_at)
        return Leads(self.lead_id, created_at, self.attributes)


@dataclass(frozen=True)
class EventLog:
    """Events grouped by lead, each lead's in canonical order.

    The order is ``occurred_at, event_type, channel, content, value, event_id`` (texts by code
    point, missing first, a missing value last), then by when the source recorded it, so that the
    order of rows in a file never matters.

    Attributes
    ----------
    offsets : ndarray of shape (n_leads + 1,), int64
        The events of lead i of the lead list are ``offsets[i]:offsets[i + 1]``.
    occurred_at : ndarray of shape (n_events,), int64
    visible_at : ndarray of shape (n_events,), int64
        The latest of `occurred_at`, the moment the source recorded it, and the creation of its
        lead: a cutoff c sees the event when ``visible_at <= c``.
    event_type, channel, content : ndarray of shape (n_events,), int32
        Codes into `types`, `channels`, `contents`; -1 for missing.
    value : ndarray of shape (n_events,), float64, NaN for missing
    types, channels, contents : tuple of str, sorted
    duplicates : ndarray of shape (n_leads,), int64
        Events left out because an earlier recorded version has the same `event_id`.
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

    @property
    def n_leads(self) -> int:
        return len(self.offsets) - 1

    @property
    def n_events(self) -> int:
        return len(self.occurred_at)

    def lead_of_event(self) -> npt.NDArray[np.int64]:
        """The row of the lead list that each event belongs to, shape (n_events,)."""
        return np.repeat(np.arange(self.n_leads), np.diff(self.offsets))

    def keep(self, mask: npt.NDArray[np.bool_]) -> EventLog:
        """The events of the leads marked in `mask`, shape (n_leads,), aligned to those leads."""
        inside = mask[self.lead_of_event()]
        events = {
            name: getattr(self, name)[inside]
            for name in ("occurred_at", "visible_at", "event_type", "channel", "content", "value")
        }
        offsets = np.concatenate([[0], np.cumsum(np.diff(self.offsets)[mask])])
        return replace(self, offsets=offsets, duplicates=self.duplicates[mask], **events)


@dataclass(frozen=True)
class EventColumns:
    """Events in any order, before they are a log.

    Attributes
    ----------
    lead : ndarray of shape (n,), int64
        Row of the lead list.
    occurred_at, recorded_at : ndarray of shape (n,), int64
        `recorded_at` is `MISSING` where the source does not give it.
    event_type, channel, content, event_id : pyarrow.StringArray of shape (n,), null for missing
    value : ndarray of shape (n,), float64, NaN for missing
    """

    lead: npt.NDArray[np.int64]
    occurred_at: Instants
    recorded_at: Instants
    event_type: pa.Array
    channel: pa.Array
    content: pa.Array
    event_id: pa.Array
    value: npt.NDArray[np.float64]

    @classmethod
    def none(cls) -> EventColumns:
        """No events at all."""
        times = np.empty(0, dtype=np.int64)
        texts = pa.array([], pa.string())
        return cls(times, times, times, texts, texts, texts, texts, np.empty(0))

    def concat(self, other: EventColumns) -> EventColumns:
        """These events and those of `other`."""
        return EventColumns(
            np.concatenate([self.lead, other.lead]),
            np.concatenate([self.occurred_at, other.occurred_at]),
            np.concatenate([self.recorded_at, other.recorded_at]),
            pa.concat_arrays([self.event_type, other.event_type]),
            pa.concat_arrays([self.channel, other.channel]),
            pa.concat_arrays([self.content, other.content]),
            pa.concat_arrays([self.event_id, other.event_id]),
            np.concatenate([self.value, other.value]),
        )


def event_log(leads: Leads, events: EventColumns) -> EventLog:
    """Put events into canonical order, grouped by lead.

    Of several versions with one `event_id` of one lead the first recorded is kept (among those
    recorded at once, the first in canonical order), so that what a cutoff saw never changes later.
    """
    types, type_code = _codes(events.event_type)
    channels, channel_code = _codes(events.channel)
    contents, content_code = _codes(events.content)
    order = np.lexsort((events.occurred_at, events.lead))
    lead, occurred = events.lead[order], events.occurred_at[order]
    tied = np.zeros(len(order), dtype=bool)
    same = (lead[1:] == lead[:-1]) & (occurred[1:] == occurred[:-1])
    tied[1:] |= same
    tied[:-1] |= same
    if tied.any():
        rows = order[tied]
        _, id_code = _codes(events.event_id.take(pa.array(rows)))
        keys = (
            events.recorded_at[rows],
            id_code,
            events.value[rows],
            content_code[rows],
            channel_code[rows],
            type_code[rows],
            events.occurred_at[rows],
            events.lead[rows],
        )
        order[tied] = rows[np.lexsort(keys)]

    lead = events.lead[order]
    duplicate = _later_versions(lead, events, order)
    kept = order[~duplicate]
    lead, dropped = lead[~duplicate], lead[duplicate]
    occurred = events.occurred_at[kept]
    created = leads.created_at[lead]
    return EventLog(
        offsets=np.searchsorted(lead, np.arange(len(leads) + 1)).astype(np.int64),
        occurred_at=occurred,
        visible_at=np.maximum(np.maximum(occurred, events.recorded_at[kept]), created),
        event_type=type_code[kept],
        channel=channel_code[kept],
        content=content_code[kept],
        value=events.value[kept],
        types=types,
        channels=channels,
        contents=contents,
        duplicates=np.bincount(dropped, minlength=len(leads)),
    )


def _codes(texts: pa.Array) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    """The sorted distinct texts, and the place of each row's among them (-1 for null)."""
    encoded = texts.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(order) + 1, dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    rank[-1] = -1
    indices = pc.fill_null(encoded.indices, len(order)).to_numpy(zero_copy_only=False)
    return tuple(encoded.dictionary.take(pa.array(order)).to_pylist()), rank[indices]


def _later_versions(
    lead: npt.NDArray[np.int64], events: EventColumns, order: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Which events, in `order`, repeat the `event_id` of a version of the same lead recorded first."""
    later = np.zeros(len(order), dtype=bool)
    if events.event_id.null_count == len(order):
        return later
    ids = events.event_id.dictionary_encode()
    if len(ids.dictionary) == len(order) - events.event_id.null_count:
        return later
    code = pc.fill_null(ids.indices, -1).to_numpy(zero_copy_only=False)[order]
    given = np.flatnonzero(code >= 0)
    recorded = np.maximum(events.recorded_at, events.occurred_at)[order]
    by_version = given[np.lexsort((given, recorded[given], code[given], lead[given]))]
    repeats = (lead[by_version][1:] == lead[by_version][:-1]) & (
        code[by_version][1:] == code[by_version][:-1]
    )
    later[by_version[1:][repeats]] = True
    return later
