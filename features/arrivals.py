"""Events as they arrive: in any order, and a few bytes each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.instants import Instants
from features.lookup import hashes
from features.vocabulary import Coded, Vocabulary


@dataclass
class Ids:
    """A column of ids, each of them as a hash, and the way to the ids themselves.

    Attributes
    ----------
    hashes : ndarray of shape (n,), uint64
        See `features.lookup.hashes`.
    texts : callable
        The ids of some rows, given as ndarray of shape (k,), int64: StringArray of shape (k,).
    """

    hashes: npt.NDArray[np.uint64]
    texts: Callable[[npt.NDArray[np.int64]], pa.Array]

    @classmethod
    def of(cls, texts: pa.Array) -> Ids | None:
        """Ids in memory, null for missing; None where all are missing."""
        if texts.null_count == len(texts):
            return None
        return cls(hashes(texts), lambda rows: texts.take(pa.array(rows)))


@dataclass
class Arrivals:
    """Events in any order, as compact columns; what is not given is None and takes no memory.

    Attributes
    ----------
    lead : ndarray of shape (n,), int32
        Row of the lead list; below 0 for an event that is not taken.
    occurred_at, recorded_at : ndarray of shape (n,), int64
        `recorded_at` is `MISSING` where the source does not give it.
    event_type, channel, content, account : Coded
    value : ndarray of shape (n,), float64, NaN for missing
    event_id : Ids
    """

    lead: npt.NDArray[np.int32]
    occurred_at: Instants
    event_type: Coded
    recorded_at: Instants | None = None
    channel: Coded | None = None
    content: Coded | None = None
    account: Coded | None = None
    value: npt.NDArray[np.float64] | None = None
    event_id: Ids | None = None

    @classmethod
    def none(cls) -> Arrivals:
        """No events, to begin with."""
        rows, times = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int64)
        return cls(rows, times, Coded(rows, Vocabulary()))
