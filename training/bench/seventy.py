"""The 70 features that are timed: counts in windows, decays and recency of 10 event types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from features.instants import DAY, HOUR
from features.plan import Plan, expand
from training.bench.logs import TYPES

WINDOWS = (7 * DAY, 30 * DAY, 90 * DAY)
HALF_LIVES = (14 * DAY, 45 * DAY)
_CATALOGUE = ("count 7d 30d 90d ever", "decay 14d 45d", "recency")

COLUMNS = ("within_0", "within_1", "within_2", "ever", "decay_0", "decay_1", "age")
"""What a reference gives for each lead and type: counts by window, decays, and the last one's age."""


def plan_of(types: Sequence[str] = TYPES) -> Plan:
    """Seven features each of the first ten types, which are seen with all the others."""
    features = expand(_CATALOGUE, {"group": types[: len(TYPES)]})
    first, others = tuple(types[: len(TYPES)]), tuple(types[len(TYPES) :])
    return Plan(first, others, (), features, (), "UTC", {}, {})


def place(
    n_leads: int, key: npt.NDArray[Any], columns: Sequence[npt.NDArray[Any]]
) -> npt.NDArray[np.float32]:
    """The matrix from what a reference found of leads and types that have events.

    Column by column is faster than whole rows, and than a join with all leads and types (Polars).

    Parameters
    ----------
    n_leads : int
    key : ndarray of shape (n_found,), int
        Lead times 10 plus type.
    columns : sequence of 7 ndarrays of shape (n_found,)
        As `COLUMNS`; ages in microseconds.

    Returns
    -------
    ndarray of shape (n_leads, 70), float32, in the order of `plan_of`
    """
    n_types = len(TYPES)
    out = np.zeros((n_leads, len(COLUMNS), n_types), dtype=np.float32)
    out[:, -1] = np.nan
    flat = out.reshape(-1)
    cell = key // n_types * (len(COLUMNS) * n_types) + key % n_types
    for number, column in enumerate(columns[:-1]):
        flat[cell + number * n_types] = column
    flat[cell + (len(COLUMNS) - 1) * n_types] = columns[-1] / HOUR
    return out.reshape(n_leads, -1)


def same(ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32]) -> bool:
    """Bit for bit; decays, whose sums are rounded on the way, to one part in a million."""
    decays = np.array([feature.kind == "decay" for feature in plan_of().features])
    exact = np.array_equal(ours[:, ~decays], theirs[:, ~decays], equal_nan=True)
    return exact and np.allclose(ours[:, decays], theirs[:, decays], rtol=1e-6, atol=0)
