"""The 70 features by DuckDB: several forms, of which the fastest here is timed.

Of 10M events of 200k leads in memory, on one thread of an AMD EPYC (Zen 4), placing included, with
DuckDB 2.0, in the least seconds of processor time of two turns (masked sums: of one) while others used
the machine: one whole-number key of lead and type or the two of them, from a
table of its own or from Arrow, with ``count_if``, ``count(*) FILTER`` or sums of truths, all
1.0 to 1.2. One group for each lead with a masked sum for each feature takes 10.6, and taking
the result as Arrow 5.5.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.log import EventLog
from training.bench.logs import CUTOFF, TYPES
from training.bench.polars_ import Form
from training.bench.seventy import COLUMNS, HALF_LIVES, WINDOWS, place


def in_memory(log: EventLog, threads: int) -> Mapping[str, Form]:
    """Forms that start from a table in memory, ordered by lead."""
    columns = {
        "lead": log.lead_of_event().astype(np.int32),
        "type": log.event_type.astype(np.int8),
        "at_us": log.occurred_at,
    }
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET enable_progress_bar = false")
    connection.register("arrow", pa.table(columns))
    connection.execute("CREATE TABLE own AS SELECT * FROM arrow")

    def form(select: str, by: str, source: str) -> Form:
        events = f"(SELECT *, {CUTOFF} - at_us AS age FROM {source} WHERE at_us <= {CUTOFF})"
        query = f"SELECT {select}, {_SUMS} FROM {events} GROUP BY {by}"

        def run() -> npt.NDArray[np.float32]:
            found = connection.execute(query).fetchnumpy()
            columns = [np.asarray(found[name]) for name in ("key", *COLUMNS)]
            return place(log.n_leads, columns[0], columns[1:])

        return run

    key = f"lead * {len(TYPES)} + type"
    return {
        "one key": form(f"{key} AS key", "key", "own"),
        "two keys": form(f"{key} AS key", "lead, type", "own"),
        "one key, from Arrow": form(f"{key} AS key", "key", "arrow"),
    }


def _sums() -> str:
    within = [f"count_if(age < {window})" for window in WINDOWS]
    decays = [f"sum(exp(age * {-math.log(2.0) / length!r}::DOUBLE))" for length in HALF_LIVES]
    sums = [*within, "count(*)", *decays, "min(age)"]
    return ", ".join(f"{one} AS {name}" for one, name in zip(sums, COLUMNS, strict=True))


_SUMS = _sums()
