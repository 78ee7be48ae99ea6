"""Small worlds to test on: leads and events written by hand, and random ones full of ties and edges."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from hypothesis import settings
from hypothesis import strategies as st

from features.arrivals import Arrivals, Ids
from features.instants import DAY, HOUR, MISSING, Instants
from features.log import EventLog, Leads, event_log
from features.vocabulary import Coded, Vocabulary

CHECKED = settings(deadline=None, derandomize=True, max_examples=60)
"""Every property is tried on the same examples in every run."""

NOW = 20_000 * DAY
"""2024-10-04T00:00Z."""

TYPES = ("call", "demo", "mail", "page", "見積")


class Event(NamedTuple):
    """An event of a lead, by its row in the lead list."""

    type: str
    at: int
    lead: int = 0
    recorded: int = MISSING
    channel: str | None = None
    content: str | None = None
    event_id: str | None = None
    value: float = np.nan

    def shifted(self, by: int) -> Event:
        """The same event, all its times so much later."""
        recorded = self.recorded if self.recorded == MISSING else self.recorded + by
        return self._replace(at=self.at + by, recorded=recorded)

    @property
    def visible(self) -> int:
        """When its source knew of it."""
        return max(self.at, self.recorded)


def leads_of(created: Sequence[int], **attributes: Any) -> Leads:
    """Leads L0, L1, ... created then."""
    ids = pa.array([f"L{i}" for i in range(len(created))], pa.string())
    columns = pa.table(attributes) if attributes else pa.table({"": pa.nulls(len(created))})
    return Leads(
        ids, np.array(created, dtype=np.int64), columns if attributes else columns.select([])
    )


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
    account : pyarrow.StringArray of shape (n,), or None where accounts are not given at all
    """

    lead: npt.NDArray[np.int64]
    occurred_at: Instants
    recorded_at: Instants
    event_type: pa.Array
    channel: pa.Array
    content: pa.Array
    event_id: pa.Array
    value: npt.NDArray[np.float64]
    account: pa.Array | None = None

    def arrivals(self) -> Arrivals:
        """The same events as compact columns of their own."""
        n = len(self.lead)

        def coded(texts: pa.Array | None) -> Coded | None:
            if texts is None or texts.null_count == n:
                return None
            vocabulary = Vocabulary()
            return Coded(vocabulary.codes(texts), vocabulary)

        nothing = Coded(np.full(n, -1, dtype=np.int32))
        return Arrivals(
            lead=self.lead.astype(np.int32),
            occurred_at=self.occurred_at.copy(),
            event_type=coded(self.event_type) or nothing,
            recorded_at=None if (self.recorded_at == MISSING).all() else self.recorded_at.copy(),
            channel=coded(self.channel),
            content=coded(self.content),
            account=coded(self.account) or (None if self.account is None else nothing),
            value=None if np.isnan(self.value).all() else self.value.copy(),
            event_id=Ids.of(self.event_id),
        )


def columns_of(events: Iterable[Event]) -> EventColumns:
    rows = list(events)
    return EventColumns(
        np.array([e.lead for e in rows], dtype=np.int64),
        np.array([e.at for e in rows], dtype=np.int64),
        np.array([e.recorded for e in rows], dtype=np.int64),
        pa.array([e.type for e in rows], pa.string()),
        pa.array([e.channel for e in rows], pa.string()),
        pa.array([e.content for e in rows], pa.string()),
        pa.array([e.event_id for e in rows], pa.string()),
        np.array([e.value for e in rows], dtype=np.float64),
    )


def log_of(leads: Leads, events: Iterable[Event]) -> EventLog:
    return event_log(leads, columns_of(events).arrivals())


def assert_same_log(one: EventLog, other: EventLog) -> None:
    """The two are equal in every array, to the last bit."""
    for name, value in vars(one).items():
        if isinstance(value, tuple):
            assert getattr(other, name) == value, name
        else:
            np.testing.assert_array_equal(getattr(other, name), value, err_msg=name)


# Few distinct moments, so that ties are common, and one microsecond to either side of each, so
# that the ends of intervals are met.
moments = st.builds(
    lambda halves, beside: NOW - halves * 12 * HOUR + beside,
    st.integers(-4, 18),
    st.sampled_from((-1, 0, 0, 0, 1)),
)


def single(
    n_leads: int = 1, *, types: Sequence[str] = TYPES, ids: bool = False
) -> st.SearchStrategy[Event]:
    """A random event of one of so many leads; with `ids`, one that may be a version of another."""
    return st.builds(
        Event,
        type=st.sampled_from(types),
        at=moments,
        lead=st.integers(0, n_leads - 1),
        recorded=st.sampled_from((0, 0, 1)).flatmap(
            lambda late: moments if late else st.just(MISSING)
        ),
        channel=st.sampled_from((None, "web", "電話")),
        content=st.sampled_from((None, "/a", "/b")),
        event_id=st.sampled_from((None, "e1", "e2", "e3")) if ids else st.none(),
        value=st.sampled_from((np.nan, 0.0, 1.5, 1.5, 1e39)),
    )


def events(
    n_leads: int = 1, *, types: Sequence[str] = TYPES, ids: bool = False, max_size: int = 12
) -> st.SearchStrategy[list[Event]]:
    """Random events of so many leads, some recorded late; with `ids`, some of them versions."""
    return st.lists(single(n_leads, types=types, ids=ids), max_size=max_size)
