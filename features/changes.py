"""The table of changes: attributes that took another value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features.cells import text_column
from features.form import Form, named, times
from features.instants import MISSING, Instants
from features.lookup import Lookup
from features.reading import Refusal, read

CHANGE_COLUMNS = ("lead_id", "attribute", "old_value", "new_value", "changed_at")


@dataclass(frozen=True)
class Changes:
    """Attributes that took another value, ordered by lead, attribute and time.

    Attributes
    ----------
    lead : ndarray of shape (n,), int64, row of the lead list
    attribute, old_value : list of n str (None for missing)
    changed_at : ndarray of shape (n,), int64
    """

    lead: npt.NDArray[np.int64]
    attribute: list[str]
    old_value: list[str | None]
    changed_at: Instants

    def take(self, rows: npt.NDArray[np.int64]) -> Changes:
        """Some of the changes, by position."""
        return Changes(
            self.lead[rows],
            [self.attribute[row] for row in rows],
            [self.old_value[row] for row in rows],
            self.changed_at[rows],
        )

    def keep(self, mask: npt.NDArray[np.bool_]) -> Changes:
        """The changes of the leads marked in `mask`, shape (n_leads,), aligned to those leads."""
        place = np.cumsum(mask) - 1
        kept = self.take(np.flatnonzero(mask[self.lead]))
        return replace(kept, lead=place[kept.lead])

    def of(self, attribute: str) -> npt.NDArray[np.int64]:
        """The places of the changes of one attribute, by lead, then time."""
        names, codes = self.coded
        if attribute not in names:
            return np.empty(0, dtype=np.int64)
        return np.flatnonzero(codes == names.index(attribute))

    @cached_property
    def coded(self) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
        """The attributes that changed, sorted, and the place of each change's among them."""
        names = tuple(sorted(set(self.attribute)))
        place = {name: code for code, name in enumerate(names)}
        return names, np.array([place[name] for name in self.attribute], dtype=np.int32)


def read_changes(
    path: Path, ids: Lookup, form: Form, counts: dict[str, int]
) -> tuple[Changes, list[Refusal]]:
    """The changes of known leads in a file; those of others are counted in `counts`."""
    table = named(
        read(path, "change", form.declared.of_others), form.columns, CHANGE_COLUMNS, CHANGE_COLUMNS
    )
    lead = ids.find(text_column(table.data["lead_id"])).astype(np.int64)
    usable = lead >= 0
    counts["changes of unknown leads"] = int((~usable).sum())
    attribute = text_column(table.data["attribute"])
    unnamed = usable & attribute.is_null().to_numpy(zero_copy_only=False)
    refused = table.refusals(unnamed, "attribute", "a change needs the attribute it changed")
    usable &= ~unnamed
    changed_at, usable, bad = times(table, "changed_at", form, usable, at_start=False)
    timeless = usable & (changed_at == MISSING)
    refused += bad + table.refusals(timeless, "changed_at", "a change needs a time")
    kept = np.flatnonzero(usable & ~timeless)
    kept = kept[np.lexsort((kept, changed_at[kept], lead[kept]))]
    changes = Changes(
        lead[kept],
        attribute.take(kept).to_pylist(),
        text_column(table.data["old_value"]).take(kept).to_pylist(),
        changed_at[kept],
    )
    return changes, table.refused + refused
