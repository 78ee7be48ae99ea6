"""From so many calls a week to the line from which leads are hot, and to what a week will bring."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from features.errors import UsageError
from models.capacity.crossings import Crossings, Floats, Integers, Line
from models.capacity.distributions import Interval, Shift, Weeks, interval, mean_of
from models.capacity.reference import Reference
from models.capacity.shift import Became, learnt, of_evidence
from models.past import Past
from models.playbook.temperature import CapacitySection, Expected, SolvedSection


@dataclass(frozen=True)
class Week:
    """What a week not seen is expected to bring: an expectation, and a 90% prediction interval."""

    mean: float
    interval: Interval

    @classmethod
    def of(cls, distribution: Floats) -> Week:
        """The expectation and the interval of a distribution of whole numbers."""
        return cls(mean_of(distribution), interval(distribution))

    @property
    def said(self) -> Expected:
        """As the playbook has it."""
        return Expected(mean=round(self.mean, 1), low=self.interval.low, high=self.interval.high)


@dataclass(frozen=True)
class Solved:
    """What a capacity came to on a reference.

    Attributes
    ----------
    hot, warm : float
    n : int
    counts : ndarray of shape (n_weeks,), int64
        How many leads became hot in each week.
    called : ndarray of shape (counts.sum(),), float64
        Their probabilities at the end of that week.
    shift : Shift
        How far these may be off together.
    calls, conversions : Week
        `conversions` counts leads among one week's called that convert within the horizon.
    """

    hot: float
    warm: float
    n: int
    counts: Integers
    called: Floats
    shift: Shift
    calls: Week
    conversions: Week

    def section(self, date: datetime.date, population: str, model: str | None) -> SolvedSection:
        """As it is frozen in the playbook."""
        return SolvedSection(
            hot=self.hot,
            warm=self.warm,
            date=date,
            population=population,
            n=self.n,
            weeks=len(self.counts),
            model=model,
            calls=self.calls.said,
            conversions=self.conversions.said,
        )


def solve(
    reference: Reference, capacity: CapacitySection, hysteresis: float, shift: Shift | None = None
) -> Solved:
    """Solve a capacity.

    Hot begins at the lowest line such that neither it nor any above is crossed by more leads a week
    than can be called, in the mean of the weeks; warm where that holds for `warm` times as many, and
    with everybody where it holds for every line.
    What a week not seen will bring is told by `Weeks` from the weeks of the reference, and by the
    probabilities of those who were to be called in them.

    Parameters
    ----------
    hysteresis : float
        Share of the line.
    shift : Shift, optional
        How far the probabilities may be off; by default as far as if nothing had been observed.

    Raises
    ------
    UsageError
        When no line can do that, or none is needed.
    """
    hot, warm = lines(reference, capacity, hysteresis)
    crossings = reference.crossings(hysteresis, hot=True)
    counts, called = crossings.counts(hot), crossings.upto[crossings.at(hot)]
    coming, off = Weeks(counts), learnt([]) if shift is None else shift
    return Solved(
        hot,
        warm,
        reference.n,
        counts,
        called,
        off,
        Week.of(coming.coming()),
        Week.of(coming.converting(called, off)),
    )


def lines(
    reference: Reference, capacity: CapacitySection, hysteresis: float
) -> tuple[float, float]:
    """Where hot and warm begin; see `solve`."""
    hot = reference.crossings(hysteresis, hot=True)
    highest = _line(hot, capacity.calls)
    if not highest.over:
        raise UsageError(
            f"calls = {capacity.calls:,}: no line is needed, everybody can be called: whatever the line, "
            f"at most {hot.most:,.1f} of the {reference.n:,} leads of the reference cross it in a week. "
            "Give fewer calls, or more leads."
        )
    every = reference.crossings(hysteresis, hot=False)
    lowest = _line(every, capacity.warm * capacity.calls)
    # Probabilities of few values, as those for points, may leave no line between the two.
    line = highest.shortest
    return line, (lowest.shortest if lowest.shortest < line else highest.over)


def _line(crossings: Crossings, most: float) -> Line:
    found = crossings.lowest(most)
    if found is not None:
        return found
    if not len(crossings.upto):
        raise UsageError(
            "No lead of the reference came to have a probability in these weeks. Give leads of the task "
            "with their events, --as-of a moment that they reach, and a model or the points map of this "
            "playbook (tegakari train makes both)."
        )
    top = float(crossings.upto.max())
    weekly = crossings.counts(top).mean()
    raise UsageError(
        f"calls = {most:,g}: expected a line that at most so many leads cross a week, and the highest "
        f"probability of the reference, {top:.4f}, is reached by {weekly:,.1f} a week. Probabilities of "
        "so few values cannot choose among them: give a model (--model), or more calls."
    )


def shift_over(past: Past, became: Became, line: float, now: Floats) -> Shift:
    """How far the answers over a line may be off together: by what became of leads of the list, else
    by the evidence of the model.

    Parameters
    ----------
    now : ndarray of shape (n,), without NaN
        The probabilities of leads of the task.
    """
    observed = became.over(line)
    if not observed and past.artefact is not None:
        observed = of_evidence(past.artefact.evidence, line, now)
    return learnt(observed)
