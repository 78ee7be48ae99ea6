"""Features of a spine: the one function that training, batch and HTTP call alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.attributes import as_of
from features.changes import Changes
from features.colleagues import Colleagues
from features.kernel import behaviour
from features.log import EventLog, Leads
from features.plan import Plan
from features.program import Program
from features.spine import Spine


@dataclass(frozen=True)
class Matrix:
    """The features of each row of a spine.

    Attributes
    ----------
    plan : Plan
    behaviour : ndarray of shape (n_rows, n_features), float32, NaN for missing
        In the order of ``plan.features``.
    attributes : list
        One for each of ``plan.attributes``: ndarray of shape (n_rows,), float64, NaN for missing,
        or pyarrow.StringArray of n_rows, null for missing.
    """

    plan: Plan
    behaviour: npt.NDArray[np.float32]
    attributes: list[npt.NDArray[np.float64] | pa.Array]

    def __len__(self) -> int:
        return len(self.behaviour)

    def to_table(self) -> pa.Table:
        """Named columns: behaviour as float32, attributes as float64 or text."""
        columns = [pa.array(column, from_pandas=True) for column in self.behaviour.T]
        columns += [
            column if isinstance(column, pa.Array) else pa.array(column, from_pandas=True)
            for column in self.attributes
        ]
        return pa.table(columns, names=self.plan.names)

    def take(self, rows: npt.NDArray[np.int64]) -> Matrix:
        """Some of the rows, by position."""
        picked = [
            column.take(pa.array(rows)) if isinstance(column, pa.Array) else column[rows]
            for column in self.attributes
        ]
        return Matrix(self.plan, self.behaviour[rows], picked)


def build(
    plan: Plan,
    program: Program,
    leads: Leads,
    log: EventLog,
    spine: Spine,
    changes: Changes | None = None,
    colleagues: Colleagues | None = None,
) -> Matrix:
    """Compute the features of every row of `spine`.

    Parameters
    ----------
    plan : Plan
    program : Program
        ``compile_plan(plan)``, kept by the caller because it is the same for every call.
    leads, log : Leads and the EventLog aligned to them
    spine : Spine
    changes : Changes, optional
        Attribute values before the export; without it tracked attributes are as in `leads`, and
        features of changes are missing.
    colleagues : Colleagues, optional
        Without it features of colleagues are missing.
    """
    return Matrix(
        plan,
        behaviour(program, log, leads.created_at, spine.lead, spine.cutoff, changes, colleagues),
        [as_of(attribute, leads, changes, spine, plan.tz) for attribute in plan.attributes],
    )
