"""Behavioural features in other ways: what the kernel is timed against and compared with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.instants import DAY, HOUR, MISSING, SECOND
from features.kinds import KINDS, Seen
from features.log import EventLog
from features.plan import Plan

CUTOFF = 1_735_689_600 * SECOND
"""2025-01-01T00:00Z."""


def invented_log(n_events: int, n_leads: int, types: tuple[str, ...], seed: int) -> EventLog:
    """Events of every lead over a year up to `CUTOFF` and 10 days beyond, recent ones more often.

    Frequencies of types fall like 1 / rank.
    """
    rng = np.random.default_rng(seed)
    frequency = 1 / np.arange(1, len(types) + 1)
    lead = rng.integers(0, n_leads, n_events)
    ago = rng.exponential(70 * DAY, n_events) % (365 * DAY)
    occurred_at = (CUTOFF + 10 * DAY - ago).astype(np.int64)
    kind = rng.choice(len(types), n_events, p=frequency / frequency.sum()).astype(np.int32)
    order = np.lexsort((occurred_at, lead))
    nothing = np.full(n_events, -1, dtype=np.int32)
    return EventLog(
        offsets=np.searchsorted(lead[order], np.arange(n_leads + 1)).astype(np.int64),
        occurred_at=occurred_at[order],
        visible_at=occurred_at[order],
        event_type=kind[order],
        channel=nothing,
        content=nothing,
        value=np.full(n_events, np.nan),
        types=types,
        channels=(),
        contents=(),
        duplicates=np.zeros(n_leads, dtype=np.int64),
    )


def by_pandas(plan: Plan, log: EventLog, cutoff: int) -> npt.NDArray[np.float32]:
    """Counts, decays and recency of each event type for every lead as of one cutoff.

    One groupby of numbers by one whole-number key of lead and type, the fastest form of several
    tried: (lead, type) as two keys, value_counts by window and sorted groups are slower.

    Parameters
    ----------
    plan : Plan
        Its features are those of `expand` over its event types, and only of the kinds count,
        decay and recency; its types are those of the log, in the same order.

    Returns
    -------
    ndarray of shape (n_leads, n_features), float32, in the order of the plan
    """
    n_types = len(plan.event_types)
    columns = list(dict.fromkeys((f.kind, f.parameter) for f in plan.features))
    seen = (log.occurred_at <= cutoff) & (log.visible_at <= cutoff)
    age = cutoff - log.occurred_at[seen]
    key = log.lead_of_event()[seen] * n_types + log.event_type[seen]
    summed: dict[int, npt.NDArray[np.float64]] = {}
    for place, (kind, parameter) in enumerate(columns):
        if kind == "count":
            inside = np.ones(len(age)) if parameter is None else (age < parameter).astype(float)
            summed[place] = inside
        elif kind == "decay" and parameter is not None:
            summed[place] = np.exp(-np.log(2.0) / parameter * age)
    frame = pd.DataFrame(summed).assign(age=age, key=key)
    groups = frame.groupby("key", sort=False)
    out = np.zeros((log.n_leads * n_types, len(columns)), dtype=np.float32)
    sums = groups[list(summed)].sum()
    out[sums.index.to_numpy()[:, None], list(summed)] = sums.to_numpy()
    least = groups["age"].min()
    for place, (kind, _) in enumerate(columns):
        if kind == "recency":
            out[:, place] = np.nan
            out[least.index.to_numpy(), place] = least.to_numpy() / HOUR
    by_type = out.reshape(log.n_leads, n_types, len(columns))
    return np.ascontiguousarray(by_type.transpose(0, 2, 1)).reshape(log.n_leads, -1)


def by_plain_python(
    plan: Plan, log: EventLog, created_at: int, cutoff: int
) -> npt.NDArray[np.float32]:
    """The features of a log's only lead by the plain reference of each kind, shape (n_features,)."""
    visible = [event for event in range(log.n_events) if log.visible_at[event] <= cutoff]
    age = None if created_at == MISSING else cutoff - created_at
    ages: dict[str | None, list[int]] = {None: []}
    for group in {f.of for f in plan.features if f.of}:
        belongs = plan.members(group)
        ages[group] = [
            cutoff - int(log.occurred_at[event])
            for event in visible
            if belongs(log.types[log.event_type[event]])
        ]
    values = [KINDS[f.kind].reference(Seen(ages[f.of], age), f.parameter) for f in plan.features]
    return np.array(values, dtype=np.float32)


def log_by_pandas(
    leads_file: Path, events_file: Path
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Read both tables and group events by lead, oldest first, as one does with pandas.

    Returns
    -------
    offsets : ndarray of shape (n_leads + 1,)
    occurred_at, event_type : ndarray of shape (n_events,)
        Microseconds, and codes of the sorted type names.
    """
    leads, events = pd.read_parquet(leads_file), pd.read_parquet(events_file)
    lead = pd.Index(leads["lead_id"]).get_indexer(events["lead_id"])
    code, _ = pd.factorize(events["event_type"], sort=True)
    frame = pd.DataFrame({"lead": lead, "at": events["occurred_at"], "type": code})
    frame = frame[frame["lead"] >= 0].sort_values(["lead", "at"])
    offsets = np.searchsorted(frame["lead"], np.arange(len(leads) + 1))
    at = frame["at"].dt.as_unit("us").astype(np.int64)
    return offsets, at.to_numpy(), frame["type"].to_numpy()
