"""What calling the most likely leads gains: lift, gains and the top K, within each cutoff date.

At each cutoff date the leads then open that were not called before are a pool; the most likely of
it are called, and have left the pools of later dates. What is called is compared with what as many
leads drawn blindly from the same pools would have given, so a busy month and an idle one never stand
on one list. Ratios are of sums over the dates, which is their average weighted by calls (lift) or by
conversions (gain). In a flat export there is one pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from training.report.answered import Answered
from training.resampling import Interval, Resamples, Values, interval

SHARES = (0.01, 0.05, 0.10, 0.20)
TOPS = (10, 50, 100)
"""Calls per cutoff date; left out where a typical pool is not at least twice as large."""

CURVE = (0.01, 0.02, *(n / 20 for n in range(1, 21)))
_LEAST, _MOST, _ROWS = 100, 200, 60_000_000
"""Resamples, so that all of them read so many rows in all."""


class Call(NamedTuple):
    """What one way of calling came to.

    ``share`` of each pool or the ``top`` so many of it are called. `precision` is the share of the
    called that converted, `blind` of as many drawn blindly; `lift` is their ratio; `gain` the share
    of all conversions in the pools that the called had.
    """

    share: float | None
    top: int | None
    calls: int
    converted: int
    blind: float
    precision: Interval | None
    lift: Interval | None
    gain: Interval | None


class Point(NamedTuple):
    """A point of the curves of gains and lift: a share of each pool called, and what it gave."""

    share: float
    gain: float
    lift: float


@dataclass(frozen=True)
class Pools:
    """Rows laid out for calling: by cutoff date, the most likely first.

    Attributes
    ----------
    start : ndarray of shape (n_pools + 1,), int64
        The rows of pool i are ``start[i]:start[i + 1]``.
    lead, group : ndarray of shape (n_rows,), int64
    label : ndarray of shape (n_rows,), int8
    """

    start: npt.NDArray[np.int64]
    lead: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    label: npt.NDArray[np.int8]

    @classmethod
    def of(cls, rows: Answered, name: str, resamples: Resamples, seed: int = 0) -> Pools:
        """The pools as an answerer sorts them; ties are broken by chance, not by the file's order."""
        pool = rows.pools()
        chance = np.random.default_rng(seed).random(len(rows))
        order = np.lexsort((chance, -rows.order(name), pool))
        start = np.searchsorted(pool[order], np.arange(pool.max() + 2))
        lead = np.unique(rows.lead, return_inverse=True)[1]
        return cls(start, lead[order], resamples.group[order], rows.label[order])

    def call(self, times: npt.NDArray[np.uint8], share: float = 0.0, top: int = 0) -> Values:
        """Call a share of each pool, or its top so many.

        A part of a call that a share comes to is carried to the next date.

        Returns
        -------
        ndarray of shape (n_draws, 4), float64
            Calls, conversions among them, conversions expected of as many blind calls, and
            conversions in the pools.
        """
        found = np.zeros((len(times), 4))
        _call(times, self.start, self.lead, self.group, self.label, share, top, found)
        return found


def calls(rows: Answered, name: str, resamples: Resamples) -> tuple[list[Call], list[Point]]:
    """What calling by an answerer's order gives, and the points of its curves."""
    pools = Pools.of(rows, name, resamples)
    ways: list[tuple[float | None, int | None]] = [(share, None) for share in SHARES]
    typical = float(np.median(np.diff(pools.start)))
    ways += [(None, top) for top in TOPS if 2 * top <= typical]
    drawn = int(np.clip(_ROWS // len(rows), _LEAST, _MOST))
    times = resamples.times[: 1 + drawn]
    called = [_of(share, top, pools.call(times, share or 0.0, top or 0)) for share, top in ways]
    points = []
    for share in CURVE:
        _, converted, blind, there = pools.call(times[:1], share)[0]
        if there and blind:
            points.append(Point(share, float(converted / there), float(converted / blind)))
    return called, points


def _of(share: float | None, top: int | None, found: Values) -> Call:
    made, converted, blind, there = found.T
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, lift, gain = converted / made, converted / blind, converted / there
    return Call(
        share,
        top,
        int(made[0]),
        int(converted[0]),
        float(blind[0] / made[0]) if made[0] else 0.0,
        interval(precision),
        interval(lift),
        interval(gain),
    )


@numba.njit(cache=True, nogil=True)
def _call(
    times: Any, start: Any, lead: Any, group: Any, label: Any, share: float, top: int, found: Any
) -> None:
    left = np.zeros(lead.max() + 1, dtype=np.int64)
    for draw in range(times.shape[0]):
        for row in range(len(lead)):
            left[lead[row]] = times[draw, group[row]]
        carried = 0.0
        for pool in range(len(start) - 1):
            size, positives = 0, 0
            for row in range(start[pool], start[pool + 1]):
                size += left[lead[row]]
                positives += left[lead[row]] * label[row]
            carried = float(top) if top else carried + share * size
            free = min(int(carried + 1e-9), size)
            carried -= free
            made = 0
            for row in range(start[pool], start[pool + 1]):
                if made == free:
                    break
                taken = min(left[lead[row]], free - made)
                left[lead[row]] -= taken
                made += taken
                found[draw, 1] += taken * label[row]
            found[draw, 0] += made
            found[draw, 2] += made * positives / max(size, 1)
            found[draw, 3] += positives
