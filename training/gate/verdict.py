"""What the gate says: each criterion with its numbers, and whether the model is promoted."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from training.resampling import Interval

Letter = Literal["a", "b", "c", "d"]


@dataclass(frozen=True)
class Criterion:
    """One thing that promotion needs.

    Attributes
    ----------
    letter : {"a", "b", "c", "d"}
        Enough new outcomes; not worse than the champion; the same data as the champion knew;
        better than knowing little.
    met : bool
    numbers : dict of str to float or None
        What it was decided by; None where it is not defined.
    says : str
        The same as a sentence.
    """

    letter: Letter
    met: bool
    numbers: dict[str, float | None]
    says: str


@dataclass(frozen=True)
class Backtest:
    """Two procedures, each fitted again at every rolling origin, on the later rows of each.

    Attributes
    ----------
    champion, challenger : float
        Log loss over the rows predicted, in nats.
    difference : Interval
        Challenger less champion, leads resampled.
    rows, positive_leads : int
    """

    champion: float
    challenger: float
    difference: Interval
    rows: int
    positive_leads: int

    def __str__(self) -> str:
        return (
            f"refitted at rolling origins, the new procedure's log loss is {self.challenger:.4f} and "
            f"the champion's {self.champion:.4f}, a difference of {shown(self.difference)} on "
            f"{self.rows:,} rows with {self.positive_leads:,} positive leads"
        )


@dataclass(frozen=True)
class Verdict:
    """Whether a model takes the champion's place.

    Attributes
    ----------
    promote : bool
    reason : str
    criteria : tuple of Criterion
        Those that could be measured, in the order of their letters.
    champion : str or None
        The registered version it was compared with; None where there was none.
    backtest : Backtest or None
        Where there were too few new outcomes to say.
    """

    promote: bool
    reason: str
    criteria: tuple[Criterion, ...] = ()
    champion: str | None = None
    backtest: Backtest | None = None

    def criterion(self, letter: Letter) -> Criterion | None:
        """One criterion; None where it was not measured."""
        return next((found for found in self.criteria if found.letter == letter), None)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        plain = asdict(self)
        plain["criteria"] = list(plain["criteria"])
        if self.backtest:
            plain["backtest"]["difference"] = self.backtest.difference._asdict()
        return plain

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Verdict:
        """The verdict that `to_json` wrote."""
        plain = dict(stored)
        plain["criteria"] = tuple(Criterion(**found) for found in plain["criteria"])
        if plain["backtest"]:
            difference = Interval(**plain["backtest"]["difference"])
            plain["backtest"] = Backtest(**{**plain["backtest"], "difference": difference})
        return cls(**plain)


def shown(interval: Interval) -> str:
    """A difference with its 95% interval, as text."""
    return f"{interval.mean:+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]"
