"""Each column of a file: what it is for, of which type, how much is missing, what stands in it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.attributes import Column, Declared, columns
from features.cells import text_column
from features.dates import DateOrder, is_ordered, order_of
from features.instants import MISSING, Instants, iso, zone
from features.log import Leads
from features.reading import Table
from features.times import parse

_TIMES = 0.95
"""Of the filled cells of a column of times at least so many are one."""
_SAMPLE = 20_000


@dataclass(frozen=True)
class Moments:
    """A column of times.

    Attributes
    ----------
    zone : {"with offset", "local", "days"}
        Whether times say their zone, or have none; or are days without a time.
    order : {"mdy", "dmy", "ambiguous"} or None
        Where the order of day and month matters: that which some dates leave alone.
    first, last : str
    bad : int
        Filled cells that are no time.
    """

    zone: Literal["with offset", "local", "days"]
    order: DateOrder | Literal["ambiguous"] | None
    first: str
    last: str
    bad: int


@dataclass(frozen=True)
class Inspected:
    """One column.

    Attributes
    ----------
    column : Column
        Role, time and type, with the reason.
    filled, levels : int
    examples : list of str
        The most frequent values, of columns that are no names or contacts.
    moments : Moments or None
    """

    column: Column
    filled: int
    levels: int
    examples: list[str]
    moments: Moments | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            **{
                name: getattr(self.column, name) for name in ("name", "role", "time", "type", "why")
            },
            "filled": self.filled,
            "levels": self.levels,
            "examples": self.examples,
            "moments": self.moments and asdict(self.moments),
        }


def as_leads(table: Table, created_at: Instants | None = None) -> Leads:
    """Rows as leads named by their places, all columns being attributes."""
    n = len(table.lines)
    ids = pa.array([str(line) for line in range(n)], pa.string())
    return Leads(ids, np.full(n, MISSING) if created_at is None else created_at, table.data)


def inspected(table: Table, declared: dict[str, Declared]) -> list[Inspected]:
    """Every column of a table."""
    found = []
    moments = {name: moments_of(table.data[name]) for name in table.data.column_names}
    created = next((name for name in moments if moments[name] and _CREATED.search(name)), None)
    at = parse(table.data[created], zone("UTC")).instant if created else None
    for column in columns(as_leads(table, at), declared):
        text = text_column(table.data[column.name])
        counts = text.drop_null().value_counts()
        order = pc.sort_indices(counts.field("counts"), sort_keys=[("", "descending")])
        shown = counts.field("values").take(order[:3]).to_pylist()
        examples = [] if column.role in ("display", "key") else [_short(value) for value in shown]
        filled = len(text) - text.null_count
        found.append(Inspected(column, filled, len(counts), examples, moments[column.name]))
    return found


_CREATED = re.compile(r"(?i)creat|regist|作成|登録|獲得")


def moments_of(column: pa.ChunkedArray) -> Moments | None:
    """What a column of times says; None for another one."""
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return None
    sample = column.slice(0, _SAMPLE)
    order: DateOrder | Literal["ambiguous"] | None = None
    if not pa.types.is_temporal(kind):
        text = text_column(sample).drop_null()
        if not len(text) or pc.all(pc.match_substring_regex(text, r"^[+-]?[\d,.]+$")).as_py():
            return None
        sample = text
        different = [one for one in text.unique().to_pylist() if is_ordered(one)]
        if different:
            order = order_of(different) or "ambiguous"
    # Whether the cells are times does not hang on which order their days and months are in.
    by: DateOrder | None = "mdy" if order == "ambiguous" else order
    filled = len(sample) - sample.null_count
    seen = parse(sample, zone("UTC"), by).instant != MISSING
    if not seen.sum() or seen.sum() < _TIMES * filled:
        return None
    times, unzoned = parse(column, zone("UTC"), by), parse(column, None, by).unzoned
    good = times.instant != MISSING
    how: Literal["with offset", "local", "days"] = "local" if unzoned.any() else "with offset"
    if (times.day_end != times.instant)[good].all():
        how = "days"
    instant = times.instant[good]
    ends = [iso(int(end)) or "" for end in (instant.min(), instant.max())]
    first, last = (end[: 10 if how == "days" else 19] for end in ends)
    return Moments(how, order, first, last, int(times.bad.sum()))


def _short(text: str) -> str:
    plain = re.sub(r"\s+", " ", text)
    return plain if len(plain) <= 24 else plain[:23] + "…"


def duplicates(table: Table, found: list[Inspected]) -> tuple[int, list[str]]:
    """Rows that repeat an earlier one once ids are left out, and those ids."""
    ids = [one.column.name for one in found if one.column.role == "key"]
    kept = table.data.drop_columns(ids)
    if not kept.num_columns or not kept.num_rows:
        return 0, ids
    code: npt.NDArray[np.int64] = np.zeros(kept.num_rows, dtype=np.int64)
    for column in kept.columns:
        coded = text_column(column).dictionary_encode()
        own = pc.fill_null(coded.indices, len(coded.dictionary)).to_numpy(zero_copy_only=False)
        code = np.unique(code * (len(coded.dictionary) + 1) + own, return_inverse=True)[1]
    return kept.num_rows - len(np.unique(code)), ids
