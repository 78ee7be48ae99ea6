"""Invented events, in memory and as Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from features.instants import DAY, SECOND
from features.log import EventLog

CUTOFF = 1_735_689_600 * SECOND
"""2025-01-01T00:00Z."""
TYPES = tuple(f"type_{letter}" for letter in "abcdefghij")
_CHANNELS = ("web", "mail", "phone", "event", "ads", "partner")
_ROW_GROUP = 1_000_000
_MICROSECONDS = pa.timestamp("us", tz="UTC")


def invented_log(n_events: int, n_leads: int, types: tuple[str, ...], seed: int) -> EventLog:
    """Events of every lead over a year up to `CUTOFF` and 10 days beyond, recent ones more often.

    Frequencies of types fall like 1 / rank.
    """
    rng = np.random.default_rng(seed)
    lead, occurred_at = rng.integers(0, n_leads, n_events), moments(rng, n_events)
    return sorted_log(lead, occurred_at, kinds(rng, n_events, len(types)), n_leads, types)


def moments(rng: np.random.Generator, n: int) -> npt.NDArray[np.int64]:
    """Times of events: a year up to 10 days after `CUTOFF`, exponential with a mean of 70 days."""
    ago = rng.exponential(70 * DAY, n) % (365 * DAY)
    return (CUTOFF + 10 * DAY - ago).astype(np.int64)


def kinds(rng: np.random.Generator, n: int, n_types: int) -> npt.NDArray[np.int32]:
    """Codes of event types, with frequencies that fall like 1 / rank."""
    frequency = 1 / np.arange(1, n_types + 1)
    until = np.cumsum(frequency / frequency.sum())[:-1]
    return np.searchsorted(until, rng.random(n), side="right").astype(np.int32)


def sorted_log(
    lead: npt.NDArray[np.int64],
    occurred_at: npt.NDArray[np.int64],
    event_type: npt.NDArray[np.int32],
    n_leads: int,
    types: tuple[str, ...],
) -> EventLog:
    """A log of events in any order, without channels, contents and values."""
    order = np.lexsort((occurred_at, lead))
    occurred_at = occurred_at[order]
    nothing = np.full(len(order), -1, dtype=np.int32)
    return EventLog(
        offsets=np.searchsorted(lead[order], np.arange(n_leads + 1)).astype(np.int64),
        occurred_at=occurred_at,
        visible_at=occurred_at,
        event_type=event_type[order],
        channel=nothing,
        content=nothing,
        value=np.full(len(order), np.nan),
        types=types,
        channels=(),
        contents=(),
        duplicates=np.zeros(n_leads, dtype=np.int64),
    )


def write(folder: Path, n_events: int, n_leads: int, *, full: bool = False) -> tuple[Path, Path]:
    """Write ``leads.parquet`` and ``events.parquet`` with text ids, rows in random order.

    Parameters
    ----------
    folder : Path
    n_events, n_leads : int
    full : bool
        With `channel` and a unique `event_id` of 12 characters.

    Returns
    -------
    leads, events : Path
        Written a million rows at a time, in little memory.
    """
    leads, events = folder / "leads.parquet", folder / "events.parquet"
    rng = np.random.default_rng(1)
    numbers = pa.array(rng.permutation(n_leads))
    ids = pc.binary_join_element_wise("L", numbers.cast(pa.string()), "")
    created_at = pa.array(np.full(n_leads, CUTOFF - 365 * DAY), _MICROSECONDS)
    pa.parquet.write_table(pa.table({"lead_id": ids, "created_at": created_at}), leads)
    schema: dict[str, Any] = {
        "lead_id": pa.string(),
        "event_type": pa.string(),
        "occurred_at": _MICROSECONDS,
    }
    if full:
        schema |= {"channel": pa.string(), "event_id": pa.string()}
    with pa.parquet.ParquetWriter(events, pa.schema(schema)) as writer:
        for start in range(0, n_events, _ROW_GROUP):
            n = min(_ROW_GROUP, n_events - start)
            columns = {
                "lead_id": ids.take(pa.array(rng.integers(0, n_leads, n))),
                "event_type": _texts(TYPES, kinds(rng, n, len(TYPES))),
                "occurred_at": pa.array(moments(rng, n), _MICROSECONDS),
            }
            if full:
                columns["channel"] = _texts(_CHANNELS, rng.integers(0, len(_CHANNELS), n))
                columns["event_id"] = _event_ids(start, n)
            writer.write_table(pa.table(columns))
    return leads, events


def _texts(words: tuple[str, ...], codes: npt.NDArray[Any]) -> pa.Array:
    return pa.array(words).take(pa.array(codes))


def _event_ids(start: int, n: int) -> pa.Array:
    """Twelve hexadecimal digits each: the row times an odd number, so unique and in no order."""
    mixed = np.arange(start, start + n, dtype=np.uint64) * np.uint64(0x9E3779B97F4B)
    nibble = mixed[:, None] >> (np.uint64(4) * np.arange(12, dtype=np.uint64)) & np.uint64(15)
    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)[nibble.astype(np.intp)]
    ends = np.arange(0, 12 * n + 1, 12, dtype=np.int32)
    return pa.StringArray.from_buffers(n, pa.py_buffer(ends), pa.py_buffer(digits))
