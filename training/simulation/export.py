"""The tables of the invented world as the contract has them: Arrow tables and the lead list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from training.simulation.contents import CHANNELS, TEXTS, TYPES, channels
from training.simulation.diary import Entries
from training.simulation.population import Population
from training.simulation.register import STATUSES, TRACKED, Changes, Register
from training.simulation.truth import HORIZON_DAYS
from training.simulation.world import Floats, Ints

TASK = "qualification"
HORIZON = f"{HORIZON_DAYS}d"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Clock:
    """Day numbers of the world as instants.

    `midnights` has one more entry than there are days: day d is [midnights[d], midnights[d + 1]).
    """

    midnights: Sequence[datetime]

    def instants(self, day: Ints | int, hour: Ints | int = 0) -> Ints:
        """Microseconds UTC of `hour` microseconds after the midnight that begins `day`."""
        microsecond = timedelta(microseconds=1)
        starts = np.array([(m - _EPOCH) // microsecond for m in self.midnights], dtype=np.int64)
        instants: Ints = starts[day] + hour
        return instants


def leads_frame(population: Population, register: Register, clock: Clock) -> pd.DataFrame:
    """leads.csv: one row a lead, attributes as of the export."""
    created = clock.instants(population.traits.arrival, population.created_at)
    local = pd.to_datetime(created, unit="us", utc=True).tz_convert(clock.midnights[0].tzinfo)
    frame = population.columns.copy()
    frame.insert(1, "created_at", [instant.isoformat() for instant in local])
    for attribute, values in TRACKED.items():
        frame[attribute] = np.array(values, dtype=object)[register.values[attribute]]
    frame["lead_status"] = np.array(STATUSES, dtype=object)[register.status]
    return frame


def events_table(days: Sequence[Entries], ids: Sequence[str], clock: Clock) -> pa.Table:
    """events.parquet: by lead, then time, then type."""
    lead = np.concatenate([day.lead for day in days])
    kind = np.concatenate([day.kind for day in days])
    content = np.concatenate([day.content for day in days])
    value = np.concatenate([day.value for day in days])
    at = np.concatenate([clock.instants(number, day.at) for number, day in enumerate(days)])
    order = np.lexsort((kind, at, lead))
    number = pa.array(np.arange(1, len(order) + 1)).cast(pa.string())
    return pa.table(
        {
            "lead_id": _named(lead[order], ids),
            "event_type": _named(kind[order], TYPES),
            "occurred_at": _timestamps(at[order]),
            "channel": _named(channels(kind[order]), list(CHANNELS)),
            "content": _named(content[order], TEXTS),
            "value": pa.array(value[order], mask=np.isnan(value[order])),
            "event_id": pc.binary_join_element_wise("E", pc.utf8_lpad(number, 8, "0"), ""),
        }
    )


def changes_table(changes: Sequence[Changes], ids: Sequence[str], clock: Clock) -> pa.Table:
    """changes.parquet: by time, then attribute, then lead."""
    parts = [
        pa.table(
            {
                "lead_id": _named(c.lead, ids).cast(pa.string()),
                "attribute": pa.array([c.attribute] * len(c.lead), pa.string()),
                "old_value": _named(c.old, TRACKED[c.attribute]).cast(pa.string()),
                "new_value": _named(c.new, TRACKED[c.attribute]).cast(pa.string()),
                "changed_at": _timestamps(clock.instants(c.day, c.at)),
            }
        )
        for c in changes
    ]
    order = [(name, "ascending") for name in ("changed_at", "attribute", "lead_id")]
    return pa.concat_tables(parts).sort_by(order)


def truth_table(
    truth: Sequence[tuple[int, Ints, Mapping[str, Floats]]],
    answers: Sequence[str],
    ids: Sequence[str],
    clock: Clock,
) -> pa.Table:
    """truth.parquet: by lead, then cutoff; `truth` has (midnight, open leads, their answers)."""
    midnight = np.concatenate([np.full(len(leads), number) for number, leads, _ in truth])
    lead = np.concatenate([leads for _, leads, _ in truth])
    order = np.lexsort((midnight, lead))
    constant = np.zeros(len(order), dtype=np.int64)
    return pa.table(
        {
            "lead_id": _named(lead[order], ids),
            "cutoff": _timestamps(clock.instants(midnight[order])),
            "task": _named(constant, [TASK]),
            "horizon": _named(constant, [HORIZON]),
            **{
                name: pa.array(np.concatenate([given[name] for _, _, given in truth])[order])
                for name in answers
            },
        }
    )


def _timestamps(instants: Ints) -> pa.Array:
    return pa.array(instants, pa.int64()).cast(pa.timestamp("us", "UTC"))


def _named(index: Ints, names: Sequence[str]) -> pa.DictionaryArray:
    """Text held as indices, missing where the index is -1. No name may stand twice in `names`."""
    codes = pa.array(index.astype(np.int32), mask=index < 0)
    return pa.DictionaryArray.from_arrays(codes, pa.array(names, pa.string()))
