"""One thing timed, and its reference in turns with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

HEADER = ("", "unit:", "ours", "reference", "times", "same:", "reference:")
"""Of `Measure.line`; "times" is how many times as fast ours is."""


@dataclass(frozen=True)
class Measure:
    """One thing timed, beside its reference.

    Attributes
    ----------
    what, reference : str
    amount : int
        How many of `unit` one turn does.
    unit : {"events", "leads", "answer"}
    seconds, reference_seconds : float
        Medians of a turn.
    agrees : bool
        Whether both gave the same.
    """

    what: str
    reference: str
    amount: int
    unit: Literal["events", "leads", "answer"]
    seconds: float
    reference_seconds: float
    agrees: bool

    @property
    def ratio(self) -> float:
        """How many times as fast as the reference; below 1 it is slower."""
        return self.reference_seconds / self.seconds

    def line(self) -> list[str]:
        """The measure as a row of a table under `HEADER`."""
        seconds = np.array([self.seconds, self.reference_seconds])
        unit, value = {
            "events": ("events/ms", self.amount / seconds / 1e3),
            "leads": ("leads/s", self.amount / seconds),
            "answer": ("us", seconds / self.amount * 1e6),
        }[self.unit]
        form = ",.1f" if value.max() < 1000 else ",.0f"
        ours, reference = (format(v, form) for v in value)
        ratio = f"{self.ratio:.2f}" if self.ratio < 10 else f"{self.ratio:,.0f}"
        same = "yes" if self.agrees else "NO"
        return [self.what, unit, ours, reference, ratio, same, self.reference]


def in_turns(
    repeats: int, ours: Callable[[], Any], reference: Callable[[], Any]
) -> tuple[float, float]:
    """Median seconds of each, called one after the other, so that a busy machine slows both."""
    taken = np.empty((repeats, 2))
    for turn in taken:
        for place, call in enumerate((ours, reference)):
            start = time.perf_counter()
            call()
            turn[place] = time.perf_counter() - start
    ours_median, reference_median = np.median(taken, axis=0)
    return float(ours_median), float(reference_median)
