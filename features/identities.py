"""One person with several ids: merges and conversions, applied before anything else is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.cells import text_column
from features.form import Form, named
from features.instants import MISSING
from features.log import Leads
from features.reading import Refusal, read

IDENTITY_COLUMNS = ("lead_id", "merged_into", "merged_at", "kind")
KINDS = ("merge", "conversion")


@dataclass(frozen=True)
class Identities:
    """Ids that stand for another.

    Attributes
    ----------
    last : mapping
        Each id that was merged into another or converted to it -> the id that it has now: the end
        of its chain.
    """

    last: Mapping[str, str]

    def resolved(self, ids: pa.Array) -> pa.Array:
        """Ids as they are now, null where null."""
        if not self.last:
            return ids
        place = pc.index_in(ids, value_set=pa.array(list(self.last), pa.string()))
        return pc.coalesce(pa.array(list(self.last.values()), pa.string()).take(place), ids)


NOBODY = Identities({})


def read_identities(path: Path, form: Form) -> tuple[Identities, list[Refusal]]:
    """Read a file of identities; `merged_at` and `kind` are optional, and decide nothing.

    Refused are rows without both ids, of another kind, of an id that an earlier row merged into
    another one, and those of a cycle.

    Raises
    ------
    InputError
        When the file cannot be read or lacks a column.
    """
    table = named(
        read(path, "identity", form.declared.of_others),
        form.columns,
        IDENTITY_COLUMNS,
        IDENTITY_COLUMNS[:2],
    )
    old, new = (text_column(table.data[name]).to_pylist() for name in IDENTITY_COLUMNS[:2])
    n = table.data.num_rows
    kinds = [None] * n
    if "kind" in table.data.column_names:
        kinds = text_column(table.data["kind"]).to_pylist()
    bad = {
        reason: np.zeros(n, dtype=bool)
        for reason in (
            ("lead_id", "an identity needs lead_id and merged_into"),
            ("kind", f"expected {' or '.join(KINDS)}"),
            ("merged_into", "an earlier row merges this id into another one"),
            ("merged_into", "this id is merged into itself, in a cycle"),
        )
    }
    no_id, no_kind, other, cycle = bad.values()
    into: dict[str, str] = {}
    row_of: dict[str, int] = {}
    for row, (mine, theirs, kind) in enumerate(zip(old, new, kinds, strict=True)):
        if mine is None or theirs is None:
            no_id[row] = True
        elif kind is not None and kind not in KINDS:
            no_kind[row] = True
        elif into.setdefault(mine, theirs) != theirs:
            other[row] = True
        else:
            row_of.setdefault(mine, row)
    for name in cyclic(into):
        cycle[row_of[name]] = True
        del into[name]
    refused = list(table.refused)
    for (column, reason), rows in bad.items():
        refused += table.refusals(rows, column, reason)
    return Identities(resolved(into)), refused


def cyclic(into: Mapping[str, str]) -> set[str]:
    """The ids that come back to themselves."""
    state: dict[str, int] = {}
    found: set[str] = set()
    for place, first in enumerate(into):
        way, at = [], first
        while at in into and at not in state:
            state[at] = place
            way.append(at)
            at = into[at]
        if at in into and state[at] == place and at in way:
            found.update(way[way.index(at) :])
    return found


def resolved(into: Mapping[str, str]) -> dict[str, str]:
    """Each id with the end of its chain; there are no cycles.

    Examples
    --------
    >>> resolved({"a": "b", "b": "c"})
    {'a': 'c', 'b': 'c'}
    """
    last: dict[str, str] = {}
    for first in into:
        way, at = [], first
        while at in into and at not in last:
            way.append(at)
            at = into[at]
        end = last.get(at, at)
        last.update(dict.fromkeys(way, end))
    return last


def as_one(
    leads: Leads, identities: Identities, rows: npt.NDArray[np.int64]
) -> tuple[Leads, npt.NDArray[np.int64]]:
    """A lead list in which every person is one lead, by the id that it has now.

    Of several rows of a person that of its last id comes first, else the first; what is missing
    there is taken from the others, in their order. `created_at` is the earliest.

    Parameters
    ----------
    rows : ndarray of shape (n_leads,), int64
        The row of the file that each lead came from.

    Returns
    -------
    leads : Leads
    rows : ndarray, int64
        That of the row which comes first.
    """
    now = identities.resolved(leads.lead_id)
    codes = now.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    own = pc.equal(now, leads.lead_id).to_numpy(zero_copy_only=False)
    order = np.lexsort((np.arange(len(codes)), ~own, codes))
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    first = order[starts]
    created = np.where(leads.created_at == MISSING, np.iinfo(np.int64).max, leads.created_at)
    earliest = np.minimum.reduceat(created[order], starts) if len(order) else created
    place = np.argsort(first, kind="stable")
    attributes = leads.attributes.take(pa.array(first))
    sizes = np.diff(np.append(starts, len(order)))
    for nth in range(1, int(sizes.max(initial=1))):
        # The nth row of each person, where it has as many.
        other = order[np.minimum(starts + nth, starts + sizes - 1)]
        for column, name in enumerate(attributes.column_names):
            filled = pc.coalesce(
                attributes[name].combine_chunks(),
                leads.attributes[name].combine_chunks().take(pa.array(other)),
            )
            attributes = attributes.set_column(column, name, filled)
    one = Leads(
        now.take(pa.array(first[place])),
        np.where(earliest == np.iinfo(np.int64).max, MISSING, earliest)[place],
        attributes.take(pa.array(place)),
    )
    return one, rows[first[place]]
