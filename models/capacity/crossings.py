"""Which leads cross which line in which week, for every line at once.

With the line c and the share h of it by which a lead has to fall below before it leaves, a lead whose
probability is p(w) at the end of week w is over the line when

    p(w) >= c,  or  p(w) >= c (1 - h) and it was over the line at the end of week w - 1.

So it is over exactly the lines up to a(w) = max(p(w), min(p(w) / (1 - h), a(w - 1))), and the lines
that it crosses in week w are those in (a(w - 1), p(w)]. Leads are looked at once a week: what rose over
the line and fell again between two looks is not seen, and of a lead a little below the line at the
very first look it is not known whether it was over it before; it is taken not to have been.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Line(NamedTuple):
    """Lines above `over` and up to `upto`, between which nobody's crossing tells them apart."""

    over: float
    upto: float

    @property
    def shortest(self) -> float:
        """The lowest of them among those with the fewest decimals.

        Examples
        --------
        >>> Line(0.18713, 0.1921).shortest
        0.19
        """
        for digits in range(1, 17):
            below = math.floor(self.over * 10**digits)
            # The second where the first is `over` itself, which multiplied a little too small.
            for step in (1, 2):
                found: float = round((below + step) / 10**digits, digits)
                if self.over < found <= self.upto:
                    return found
        return self.upto


@dataclass(frozen=True)
class Crossings:
    """The lines that leads cross: the one of `lead` in `week` those in (`over`, `upto`].

    Attributes
    ----------
    lead, week : ndarray of shape (n_crossings,), int64
        Weeks count from 0, the first after the look before it.
    over, upto : ndarray of shape (n_crossings,), float64
        `upto` is the lead's probability at the end of the week.
    weeks : int
    """

    lead: Integers
    week: Integers
    over: Floats
    upto: Floats
    weeks: int

    @classmethod
    def of(cls, probability: Floats, hysteresis: float) -> Crossings:
        """The crossings of leads that were looked at every week.

        Parameters
        ----------
        probability : ndarray of shape (weeks + 1, n_leads), NaN where a lead is not looked at
            At the end of each week and, first, at the beginning of the first.
        hysteresis : float, in [0, 1)
            Share of the line.
        """
        p = np.nan_to_num(probability, nan=0.0)
        over = np.zeros_like(p[0])
        found = []
        for week, now in enumerate(p):
            lead = np.flatnonzero(now > over) if week else np.empty(0, dtype=np.int64)
            found.append((lead, np.full(len(lead), week - 1), over[lead], now[lead]))
            over = np.maximum(now, np.minimum(now / (1 - hysteresis), over))
        lead, week_of, before, after = (np.concatenate(part) for part in zip(*found, strict=True))
        return cls(lead, week_of, before, after, len(p) - 1)

    def after(self, weeks: int) -> Crossings:
        """Those after the first so many weeks."""
        kept = self.week >= weeks
        return Crossings(
            self.lead[kept],
            self.week[kept] - weeks,
            self.over[kept],
            self.upto[kept],
            self.weeks - weeks,
        )

    def at(self, line: float) -> Mask:
        """Which of the crossings are of a line."""
        return (self.over < line) & (line <= self.upto)

    def counts(self, line: float) -> Integers:
        """How many leads cross a line in each week, shape (weeks,)."""
        return np.bincount(self.week[self.at(line)], minlength=self.weeks)

    @cached_property
    def _steps(self) -> tuple[Floats, Integers]:
        """Rising lines, and how many leads cross those above the one before, up to each; whatever
        lies between two of them is crossed by the same leads."""
        over = self.over[self.over > 0]
        lines, place = np.unique(np.concatenate([self.upto, over]), return_inverse=True)
        change = np.bincount(place[: len(self.upto)], minlength=len(lines))
        change -= np.bincount(place[len(self.upto) :], minlength=len(lines))
        return lines, np.cumsum(change[::-1])[::-1]

    @property
    def most(self) -> float:
        """How many leads a week cross the line that most cross."""
        return float(self._steps[1].max(initial=0)) / self.weeks

    def lowest(self, most: float) -> Line | None:
        """The lowest lines such that neither they nor any above are crossed more than `most` times a
        week, in the mean of the weeks; None where no line up to the highest probability is.

        Lines far down are crossed seldom again: most leads are over them already.
        """
        lines, crossed = self._steps
        too_many = np.flatnonzero(crossed > most * self.weeks)
        last = too_many[-1] if len(too_many) else -1
        if last + 1 == len(lines):
            return None
        return Line(float(lines[last]) if last >= 0 else 0.0, float(lines[last + 1]))
