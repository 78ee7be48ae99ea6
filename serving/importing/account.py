"""What became of the rows of a table that was imported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from features.reading import Refusal, Table
from serving.store.events import ACCEPTED, CONFLICT, DUPLICATE, ERASED

_REASONS = {
    CONFLICT: "this id came before with other content",
    ERASED: "this lead was erased; an admin can lift the tombstone",
}


@dataclass
class Account:
    """What became of the rows of a table: rows = taken + duplicates + refused + before.

    Attributes
    ----------
    rows, taken, duplicates : int
    before : int
        Rows that an earlier import of the same content had dealt with.
    refused : list of Refusal
        What the file shows to be unusable is in it every time; what the store refused, once.
    """

    rows: int = 0
    taken: int = 0
    duplicates: int = 0
    before: int = 0
    refused: list[Refusal] = field(default_factory=list)

    def to_json(self) -> dict[str, int]:
        """The counts."""
        return {
            "rows": self.rows,
            "taken": self.taken,
            "duplicates": self.duplicates,
            "before": self.before,
            "refused": len(self.refused),
        }

    def settle(
        self,
        outcomes: Sequence[str],
        table: Table,
        rows: npt.NDArray[np.int64],
        column: str,
    ) -> None:
        """Count what became of rows of a table, and name those that the store refused.

        Parameters
        ----------
        outcomes : sequence of str
            Of each row ``accepted``, ``duplicate``, ``conflict``, ``erased``, or why it was refused.
        rows : ndarray of shape (n_outcomes,)
            Which rows of the table they are.
        column : str
            The cell that a refusal names.
        """
        self.taken += sum(one == ACCEPTED for one in outcomes)
        self.duplicates += sum(one == DUPLICATE for one in outcomes)
        for outcome in sorted(set(outcomes) - {ACCEPTED, DUPLICATE}):
            mask = np.zeros(table.data.num_rows, dtype=bool)
            mask[rows[[place for place, one in enumerate(outcomes) if one == outcome]]] = True
            self.refused += table.refusals(mask, column, _REASONS.get(outcome, outcome))
