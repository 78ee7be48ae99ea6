"""One thing timed, its reference in turns with it, and the figure that is asked of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

HEADER = ("", "unit:", "ours", "reference", "reference:", "same:", "asked:", "measured:", "met:")
"""Of `Measure.line`."""


@dataclass(frozen=True)
class Asked:
    """What a measure should come to.

    Attributes
    ----------
    figure : float or None
        None where it is only printed.
    of : {"speed", "time", "us", "GiB"}
        At least so many times as fast as the reference; at most so many times its time, or so many
        microseconds; under so many GiB (2^30 bytes).
    """

    figure: float | None
    of: Literal["speed", "time", "us", "GiB"]

    def __str__(self) -> str:
        """``at least 6x``, ``at most 25 us``."""
        if self.figure is None:
            return "-"
        return {
            "speed": f"at least {self.figure:g}x",
            "time": f"at most {self.figure:g}x the time",
            "us": f"at most {self.figure:g} us",
            "GiB": f"under {self.figure:g} GiB",
        }[self.of]


@dataclass(frozen=True)
class Measure:
    """One thing measured, beside its reference.

    Attributes
    ----------
    what, reference : str
    amount : int
        How many of `unit` one turn does.
    unit : {"events", "leads", "answer", "GiB"}
    ours, theirs : float
        Medians of a turn in seconds; of "GiB", most memory held.
    agrees : bool
        Whether both gave the same.
    asked : Asked, optional
    tried : mapping of str to float
        Forms of the reference and their seconds; the fastest is the one timed in turns with ours.
    """

    what: str
    reference: str
    amount: int
    unit: Literal["events", "leads", "answer", "GiB"]
    ours: float
    theirs: float
    agrees: bool
    asked: Asked | None = None
    tried: Mapping[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """How many times as fast as the reference; below 1 it is slower."""
        return self.theirs / self.ours

    @property
    def measured(self) -> tuple[float, str]:
        """The figure to hold against the one asked for, and how it is printed."""
        of = self.asked.of if self.asked else "speed"
        if of == "us":
            value = self.ours / self.amount * 1e6
            return value, f"{value:.1f} us"
        if of == "GiB":
            return self.ours, f"{self.ours:.2f} GiB"
        value = self.ratio if of == "speed" else 1 / self.ratio
        text = f"{value:.2f}" if value < 10 else f"{value:,.0f}"
        return value, f"{text}x" + " the time" * (of == "time")

    @property
    def met(self) -> bool | None:
        """Whether it comes to what is asked; None where nothing is."""
        if self.asked is None or self.asked.figure is None:
            return None
        value, figure = self.measured[0], self.asked.figure
        return value >= figure if self.asked.of == "speed" else value <= figure

    def line(self) -> list[str]:
        """The measure as a row of a table under `HEADER`."""
        both = np.array([self.ours, self.theirs])
        unit, value = {
            "events": ("events/ms", self.amount / both / 1e3),
            "leads": ("leads/s", self.amount / both),
            "answer": ("us", both / self.amount * 1e6),
            "GiB": ("GiB", both),
        }[self.unit]
        form = ".2f" if self.unit == "GiB" else ",.1f" if value.max() < 1000 else ",.0f"
        ours, theirs = (format(v, form) for v in value)
        same = "yes" if self.agrees else "NO"
        asked = str(self.asked) if self.asked else "-"
        met = {None: "-", True: "yes", False: "NO"}[self.met]
        return [self.what, unit, ours, theirs, self.reference, same, asked, self.measured[1], met]


def in_turns(
    repeats: int, ours: Callable[[], Any], reference: Callable[[], Any], run: int = 1
) -> tuple[float, float]:
    """Median seconds of each, called one after the other, so that a busy machine slows both.

    Parameters
    ----------
    run : int, default 1
        How often each is called before the other's turn comes. A call of microseconds after one of
        milliseconds finds the processor's caches empty; after its like, as it finds them in service.
    """
    ours_median, reference_median = all_in_turns(repeats, [ours, reference], run)
    return ours_median, reference_median


def all_in_turns(repeats: int, calls: Sequence[Callable[[], Any]], run: int = 1) -> list[float]:
    """The same for any number of calls."""
    taken = [[[seconds(call) for _ in range(run)] for call in calls] for _ in range(repeats)]
    return [float(median) for median in np.median(taken, axis=(0, 2))]


def fastest(forms: Mapping[str, Callable[[], Any]]) -> tuple[str, dict[str, float]]:
    """Which of several forms of one thing to time against, and the seconds that each took.

    All are called once, and those within twice the fastest once more; the better of the two counts.
    """
    taken = {name: seconds(call) for name, call in forms.items()}
    limit = 2 * min(taken.values())
    for name, call in forms.items():
        if taken[name] <= limit:
            taken[name] = min(taken[name], seconds(call))
    return min(taken, key=taken.__getitem__), taken


def seconds(call: Callable[[], Any]) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
