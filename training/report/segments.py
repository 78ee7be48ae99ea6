"""By which parts a report looks at leads: found by what columns are called, hold and are declared."""

from __future__ import annotations

import itertools
import re
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.attributes import Column, as_of
from features.instants import DAY, MISSING
from features.log import EventLog, Leads
from features.people import email
from features.plan import Attribute
from features.spine import Spine
from models.playbook import Playbook
from training.sources import Material

_NAMED = {
    "source": r"source|referrer|referer|獲得経路|流入元|流入経路|ソース|情報源",
    "channel": r"channel|medium|contact|チャネル|チャンネル|媒体",
    "industry": r"industry|sector|vertical|業種|業界",
    "origin": r"origin|sal|sgl|lead type|リード種別|発生元",
}
"""Words that stand alone in a column's name, in English or Japanese."""

_AGES = (
    (0, "under 30 days"),
    (30, "30 to 89 days"),
    (90, "90 to 179 days"),
    (180, "180 days and more"),
)
"""First day of each band of the lead's age at the cutoff."""

_BANDS = 4
_AS_THEY_ARE = 10
"""A number column with more values than this is shown in bands of equal size."""


def segments(material: Material, spine: Spine, playbook: Playbook) -> dict[str, pa.Array]:
    """Values of each row of a spine of the material, as text, by segment.

    Columns named like a source, a channel, an industry or an origin, every protected one, the age
    of the lead at the cutoff, and, where no column tells them, the first event's channel and
    whether it came to us (SAL) or we went to it (SGL), by the playbook's ``flow``.
    """
    found: dict[str, pa.Array] = {}
    meant: set[str] = set()
    for column in material.columns:
        meaning = _meaning(column)
        if meaning is None and column.role != "protected":
            continue
        meant.add(meaning or "protected")
        found[column.name] = values_of(material, column, spine)
    if material.flat:
        return found
    first = _first_events(material.log, spine)
    log = material.log
    if "channel" not in meant:
        names = [playbook.channel_of_type.get(name) for name in log.types]
        told = _coded(log.channel, list(log.channels), first)
        found["first channel"] = pa.array(
            [own or by for own, by in zip(told, _coded(log.event_type, names, first), strict=True)],
            pa.string(),
        )
    if "origin" not in meant:
        origins = {"inbound": "SAL (came to us)", "outbound": "SGL (we went to them)"}
        flows = {name: event.flow for name, event in playbook.events.items()}
        names = [origins.get(flows.get(name) or "") for name in log.types]
        found["origin"] = pa.array(_coded(log.event_type, names, first), pa.string())
    found["age at the cutoff"] = _ages(material, spine)
    safe = {name: _without_addresses(values) for name, values in found.items()}
    return {name: values for name, values in safe.items() if values.null_count < len(values)}


def _without_addresses(values: pa.Array) -> pa.Array:
    """Texts, missing where they hold an e-mail address: a report goes to MLflow."""
    encoded = values.dictionary_encode()
    kept = [None if email(text) else text for text in encoded.dictionary.to_pylist()]
    return pa.array(kept, pa.string()).take(encoded.indices)


def values_of(material: Material, column: Column, spine: Spine) -> pa.Array:
    """A column as of each row's cutoff, as text; numbers of many values in bands."""
    kind: Literal["number", "category"] = "number" if column.type == "number" else "category"
    attribute = Attribute(column.name, kind, column.time)
    values = as_of(attribute, material.leads, material.intake.changes, spine)
    return values if isinstance(values, pa.Array) else _banded(values)


def age_days(leads: Leads, spine: Spine) -> npt.NDArray[np.float64]:
    """The age of each row's lead at its cutoff, in days; NaN where it is not known."""
    created = leads.created_at[spine.lead]
    return np.where(created == MISSING, np.nan, (spine.cutoff - created) / DAY)


def _meaning(column: Column) -> str | None:
    if column.role in ("display", "key", "outcome", "consent") or column.type == "date":
        return None
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[_\-./]+", " ", column.name).lower()
    for meaning, pattern in _NAMED.items():
        if column.type == "category" and re.search(rf"(?<![a-z])({pattern})(?![a-z])", words):
            return meaning
    return None


def _ages(material: Material, spine: Spine) -> pa.Array:
    if material.task.ages:
        return pa.array([f"{age / DAY:g} days" for age in spine.age], pa.string())
    days = age_days(material.leads, spine)
    band = np.searchsorted([first for first, _ in _AGES], np.nan_to_num(days), side="right") - 1
    texts = pa.array([name for _, name in _AGES]).take(pa.array(np.maximum(band, 0)))
    return pa.array(texts.to_pylist(), pa.string(), mask=np.isnan(days))


def _banded(values: npt.NDArray[np.float64]) -> pa.Array:
    known = values[np.isfinite(values)]
    distinct = np.unique(known)
    missing = ~np.isfinite(values)
    if len(distinct) <= _AS_THEY_ARE:
        return pa.array([f"{v:g}" for v in values], pa.string(), mask=missing)
    edges = np.unique(np.quantile(known, np.arange(1, _BANDS) / _BANDS))
    names = [f"up to {edges[0]:g}"]
    names += [f"over {a:g} up to {b:g}" for a, b in itertools.pairwise(edges)]
    names += [f"over {edges[-1]:g}"]
    band = np.searchsorted(edges, np.nan_to_num(values), side="left")
    return pa.array([names[b] for b in band], pa.string(), mask=missing)


def _first_events(log: EventLog, spine: Spine) -> npt.NDArray[np.int64]:
    """The first event of each row's lead, if it was seen by the cutoff; else -1."""
    start, end = log.offsets[spine.lead], log.offsets[spine.lead + 1]
    there = start < end
    first = np.where(there, start, 0)
    if log.n_events:
        there &= log.visible_at[first] <= spine.cutoff
    return np.where(there, first, -1)


def _coded(
    code: npt.NDArray[np.int32], names: list[str | None] | list[str], rows: npt.NDArray[np.int64]
) -> list[str | None]:
    """The name of each event's code; None for no event, no code and no name."""
    codes = np.append(code, -1)[rows]
    with_none = [*names, None]
    return [with_none[c] for c in codes]
