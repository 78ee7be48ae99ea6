"""Groups of event types and windows, put together from slots and buckets; compiled."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np


@numba.njit(nogil=True)
def add_up(memory: Any, width: int, groups: Any) -> None:
    """Cells [slot, place] summed into groups of slots."""
    for g in range(len(groups.start) - 1):
        base = (groups.n_slots + g) * width
        for m in range(groups.start[g], groups.start[g + 1]):
            slot = groups.members[m] * width
            for place in range(width):
                memory[base + place] += memory[slot + place]


@numba.njit(nogil=True)
def accumulate(memory: Any, n: int, width: int) -> None:
    """Each of n runs of `width` cells becomes its running sum: buckets become windows."""
    for base in range(0, n * width, width):
        for place in range(1, width):
            memory[base + place] += memory[base + place - 1]


@numba.njit(nogil=True)
def _spread(key: int, size: int) -> int:
    """A place in [0, size) for a key, near ones far apart (multiplicative hashing, Knuth 1973)."""
    mixed = np.uint64(key) * np.uint64(2_654_435_769) & np.uint64(0xFFFFFFFF)
    return np.int64(mixed * np.uint64(size) >> np.uint64(32))  # type: ignore[return-value]


@numba.njit(nogil=True)
def is_new(memory: Any, start: int, key: int) -> bool:
    """Whether a key >= 0 comes for the first time, remembered in the cells from `start` on.

    The cells are zero at first and must be more than the keys.
    """
    size = len(memory) - start
    cell = _spread(key, size)
    while memory[start + cell] != 0.0:
        if memory[start + cell] == key + 1.0:
            return False
        cell = cell + 1 if cell + 1 < size else 0
    memory[start + cell] = key + 1.0
    return True


@numba.njit(nogil=True)
def replace(memory: Any, start: int, key: int, value: float) -> float:
    """Remember a value >= 0 for a key >= 0, and give the one remembered before, else -1.

    The cells from `start` on are zero at first, and at least twice as many as the keys and one more.
    """
    size = (len(memory) - start) // 2
    entry = _spread(key, size)
    while memory[start + 2 * entry] != 0.0:
        if memory[start + 2 * entry] == key + 1.0:
            before = memory[start + 2 * entry + 1]
            memory[start + 2 * entry + 1] = value
            return before
        entry = entry + 1 if entry + 1 < size else 0
    memory[start + 2 * entry] = key + 1.0
    memory[start + 2 * entry + 1] = value
    return -1.0
