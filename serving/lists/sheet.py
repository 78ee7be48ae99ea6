"""A list as a file: the columns of the leads as they came, then what the list says, one lead a row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from features.instants import iso
from features.reading import OWN_PREFIX
from serving.lists.listed import Listed, Record
from serving.lists.seen import REASONS

_NUMBERS = {
    **dict.fromkeys(("probability", "probability_then", "change"), pa.float64()),
    **{f"effect_{n}": pa.float64() for n in range(1, REASONS + 1)},
    **dict.fromkeys(("place", "points", "days", "days_since", "working_days"), pa.int64()),
    "closings": pa.int64(),
    "drawn": pa.bool_(),
}
_NOT_AGAIN = ("lead_id", "display", "phone")
"""What the columns of the lead list have already."""


def sheet(listed: Listed) -> pa.Table:
    """The leads of a list with its own columns; a list of nobody has the header alone."""
    seen = listed.seen
    intake, version = seen.taken.intake, seen.scores.versions
    table = intake.table.data.take(pa.array(intake.rows[listed.rows]))
    flat = [dict(_flat(record)) for record in listed.leads]
    for name in flat[0] if flat else ():
        column = pa.array([record[name] for record in flat], _NUMBERS.get(name, pa.string()))
        table = table.append_column(OWN_PREFIX + name, column)
    beside = {
        "list": listed.name,
        "as_of": iso(seen.as_of),
        **{f"version_{name}": version[name] for name in ("model", "playbook")},
    }
    for name, value in beside.items():
        column = pa.array([value] * len(flat), pa.string())
        table = table.append_column(OWN_PREFIX + name, column)
    return table


def _flat(record: Record) -> Iterator[tuple[str, Any]]:
    """What is said of a lead, as cells."""
    for name, value in record.items():
        if name in _NOT_AGAIN:
            continue
        if name in ("last_act", "last_touch", "closed"):
            for key in ("event", "at"):
                yield (name if key == "event" else f"{name}_at"), value and value[key]
        elif name == "reasons":
            for n in range(REASONS):
                for key, cell in (("text", "reason"), ("effect", "effect")):
                    yield f"{cell}_{n + 1}", value[n][key] if n < len(value) else None
        elif isinstance(value, list):
            yield name, "; ".join(entry["text"] for entry in value) or None
        else:
            yield name, value
