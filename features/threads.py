"""Work in parts, on as many threads as numba has been given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numba

Part = TypeVar("Part")
Result = TypeVar("Result")


def in_threads(task: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """What `task` makes of each part, in the order of the parts.

    The first part that fails, in that order, is the one whose error is raised. Only tasks that
    release the interpreter (pyarrow, ``njit(nogil=True)``) gain by it.
    """
    threads = min(numba.get_num_threads(), len(parts)) if len(parts) > 1 else 1
    if threads == 1:
        return [task(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(task, parts))


def shares(n: int, least: int) -> list[tuple[int, int]]:
    """The rows 0 to n as one range ``(start, stop)`` a thread, none of fewer than `least` rows.

    Examples
    --------
    >>> shares(10, least=100)
    [(0, 10)]
    """
    count = max(1, min(numba.get_num_threads(), n // max(least, 1)))
    return [(n * part // count, n * (part + 1) // count) for part in range(count)]
