"""The 70 features by Polars: several forms, of which the fastest here is timed.

Of 10M events of 200k leads in memory, on one thread of an AMD EPYC (Zen 4), placing included, with
Polars 2.1; the least seconds of two or more turns (masked sums: of one) while others used the machine:

=====================================================  ====
one whole-number key of lead and type, streaming       0.90
the same for 2,000 leads at a time, in memory          0.90
lead and type as two keys, streaming                   1.2
masks and weights as columns first, streaming          1.3
as one key; in memory                                  3.0
masks and weights as columns first, in memory          2.5
one group_by of the lead, masked sums, marked sorted   2.5
one group_by of the lead, masked sums, streaming       6.0
lead and type as two keys, in memory                   3.5
=====================================================  ====

An int32 or unsigned key, ages as floats, sums of numbers instead of truths, 2 to a power instead of
exp, smaller chunks, and no filter but masks were not faster; nor was marking the lead as sorted
with the streaming engine, placing sorted keys, or a join with all leads and types instead.

From Parquet the streaming engine takes a quarter to a half less than the one in memory. Whether it
is faster to join ids before grouping or after it differs from run to run, so both are tried; joining
a table of types, or replacing types by numbers instead of making them an enum, was not faster.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from features.instants import HOUR, SECOND
from features.log import EventLog
from training.bench.logs import CUTOFF, TYPES
from training.bench.seventy import COLUMNS, HALF_LIVES, WINDOWS, place

Form = Callable[[], npt.NDArray[np.float32]]
"""The matrix of shape (n_leads, 70), in the order of `training.bench.seventy.plan_of`."""

_AGE = pl.col("age")
_PART = 2000
"""Leads of which events and groups lie in the processor's cache."""


def in_memory(log: EventLog) -> Mapping[str, Form]:
    """Forms that start from a DataFrame in memory, ordered by lead."""
    frame = pl.DataFrame(
        {
            "lead": log.lead_of_event(),
            "type": log.event_type.astype(np.int8),
            "at": log.occurred_at,
        }
    )
    ordered = frame.with_columns(pl.col("lead").set_sorted())

    def by_key(part: pl.DataFrame) -> pl.LazyFrame:
        return _seen(part).select(_key("type"), "age").group_by("key").agg(_sums())

    def key(engine: Any) -> Form:
        return lambda: _placed(by_key(frame).collect(engine=engine), log.n_leads)

    def two_keys() -> npt.NDArray[np.float32]:
        found = _seen(frame).group_by("lead", "type").agg(_sums())
        keyed = found.select(_key("type"), *COLUMNS)
        return _placed(keyed.collect(engine="streaming"), log.n_leads)

    def parts() -> npt.NDArray[np.float32]:
        starts = pl.Series(range(0, log.n_leads + _PART, _PART), dtype=pl.Int64)
        rows = ordered["lead"].search_sorted(starts, side="left").to_list()
        some = [by_key(frame[a:b]) for a, b in pairwise(rows)]
        return _placed(pl.concat(pl.collect_all(some), rechunk=True), log.n_leads)

    return {
        "one key, streaming": key("streaming"),
        "two keys, streaming": two_keys,
        "one key, leads in parts": parts,
        "one key, in memory": key("in-memory"),
        "masked sums": lambda: _masked(ordered, log.n_leads),
    }


def from_files(leads: Path, events: Path) -> Mapping[str, Form]:
    """Forms that start from Parquet files with text ids, all by the streaming engine."""
    return {
        "join, then group": lambda: _joined(leads, events, "first"),
        "group, then join": lambda: _joined(leads, events, "last"),
    }


def _seen(frame: pl.DataFrame) -> pl.LazyFrame:
    seen = frame.lazy().filter(pl.col("at") <= CUTOFF)
    return seen.select("lead", "type", (CUTOFF - pl.col("at")).alias("age"))


def _key(kind: str) -> pl.Expr:
    return (pl.col("lead").cast(pl.Int64) * len(TYPES) + pl.col(kind).cast(pl.Int64)).alias("key")


def _sums() -> list[pl.Expr]:
    """`COLUMNS` of each group, from the ages of its events."""
    within = [_AGE.lt(window).sum() for window in WINDOWS]
    decays = [_weight(half_life).sum() for half_life in HALF_LIVES]
    columns = [*within, pl.len(), *decays, _AGE.min()]
    return [column.alias(name) for column, name in zip(columns, COLUMNS, strict=True)]


def _weight(half_life: int) -> pl.Expr:
    return (_AGE * (-math.log(2.0) / half_life)).exp()


def _placed(found: pl.DataFrame, n_leads: int) -> npt.NDArray[np.float32]:
    return place(n_leads, found["key"].to_numpy(), [found[name].to_numpy() for name in COLUMNS])


def _masked(frame: pl.DataFrame, n_leads: int) -> npt.NDArray[np.float32]:
    """One group for each lead, and a sum with a mask for each feature."""
    is_type = [pl.col("type") == code for code in range(len(TYPES))]
    features = [(mask & _AGE.lt(window)).sum() for window in WINDOWS for mask in is_type]
    features += [mask.sum() for mask in is_type]
    features += [
        pl.when(mask).then(pl.col(f"weight_{number}")).otherwise(0.0).sum()
        for number in range(len(HALF_LIVES))
        for mask in is_type
    ]
    features += [pl.when(mask).then(_AGE).min() / HOUR for mask in is_type]
    weights = [_weight(length).alias(f"weight_{n}") for n, length in enumerate(HALF_LIVES)]
    numbered = [f.cast(pl.Float32).alias(str(number)) for number, f in enumerate(features)]
    groups = _seen(frame).with_columns(weights).group_by("lead").agg(numbered).collect()
    out = np.zeros((n_leads, len(features)), dtype=np.float32)
    out[:, -len(TYPES) :] = np.nan
    out[groups["lead"].to_numpy()] = groups.drop("lead").to_numpy()
    return out


def _joined(leads: Path, events: Path, when: Literal["first", "last"]) -> npt.NDArray[np.float32]:
    """Ids are joined to the rows of the lead list, for every event or for every group."""
    ids = pl.scan_parquet(leads).select("lead_id").with_row_index("lead")
    n_leads = pl.scan_parquet(leads).select(pl.len()).collect().item()
    cutoff = datetime.fromtimestamp(CUTOFF / SECOND, UTC)
    age = (CUTOFF - pl.col("occurred_at").cast(pl.Int64)).alias("age")
    code = pl.col("event_type").cast(pl.Enum(TYPES)).to_physical().alias("code")
    seen = pl.scan_parquet(events).filter(pl.col("occurred_at") <= cutoff)
    rows = seen.select("lead_id", code, age)
    if when == "first":
        found = rows.join(ids, on="lead_id").select(_key("code"), "age").group_by("key")
        return _placed(found.agg(_sums()).collect(engine="streaming"), n_leads)
    groups = rows.group_by("lead_id", "code").agg(_sums()).join(ids, on="lead_id")
    return _placed(groups.select(_key("code"), *COLUMNS).collect(engine="streaming"), n_leads)
