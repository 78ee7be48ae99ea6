"""Whether a lead is on the move: its probability now against that of a week and of four weeks ago."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from models.playbook.actions import Direction

DAYS = (7, 28)
"""How long ago the probability is looked at again; what came last decides first."""

_NEAREST = 1e-9
"""Probabilities nearer to 0 or 1 than this are taken as this near, so that they have log-odds."""


class Then(TypedDict):
    """The probability so many days ago, and the change of the log-odds since; both None where the
    lead did not belong to the task then."""

    days: int
    probability: float | None
    change: float | None


class Trend(TypedDict):
    """Where a lead is going; same model and playbook then and now, attributes as they were then."""

    direction: Direction
    past: list[Then]


@dataclass(frozen=True)
class Trends:
    """The trends of leads.

    A lead is rising, or cooling, when the log-odds changed by the threshold or more within 7 days,
    or else within 28; it is new where it did not belong to the task 7 days ago.

    Attributes
    ----------
    direction : ndarray of shape (n,), object
        None where there is no probability now.
    then, change : ndarray of shape (len(DAYS), n), float64
        The probability so many days before, and the change of the log-odds since; NaN where the
        lead did not belong to the task then.
    """

    direction: npt.NDArray[np.object_]
    then: npt.NDArray[np.float64]
    change: npt.NDArray[np.float64]

    @classmethod
    def of(
        cls, now: npt.NDArray[np.float64], then: npt.NDArray[np.float64], threshold: float
    ) -> Trends:
        """The trends by probabilities now (shape (n,)) and then, and a threshold in log-odds."""
        change = log_odds(now) - log_odds(then)
        rising, cooling = change >= threshold, change <= -threshold
        moved = rising | cooling
        up = np.where(moved[0], rising[0], rising[1])
        which = [np.isnan(now), np.isnan(then[0]), moved.any(axis=0) & up, moved.any(axis=0)]
        names = [np.array(name, dtype=object) for name in (None, "new", "rising", "cooling")]
        direction = np.select(which, names, np.array("steady", dtype=object))
        return cls(direction, then, change)

    @classmethod
    def unknown(cls, n: int) -> Trends:
        """No trend of so many leads."""
        nothing = np.full((len(DAYS), n), np.nan)
        return cls(np.full(n, None, dtype=object), nothing, nothing)

    def __len__(self) -> int:
        return len(self.direction)

    def records(self, rows: slice = slice(None)) -> list[Trend | None]:
        """The trend of each row; None where there is no probability."""
        pasts = zip(*map(self._past, range(len(DAYS)), DAYS, [rows] * len(DAYS)), strict=True)
        return [
            None if direction is None else {"direction": direction, "past": list(past)}
            for direction, past in zip(self.direction[rows].tolist(), pasts, strict=True)
        ]

    def _past(self, place: int, days: int, rows: slice) -> list[Then]:
        then, change = (known(cells[place, rows]) for cells in (self.then, self.change))
        return [
            {"days": days, "probability": p, "change": moved}
            for p, moved in zip(then, change, strict=True)
        ]


def log_odds(probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """log(p / (1 - p)), element-wise; NaN stays NaN."""
    p = np.clip(probability, _NEAREST, 1 - _NEAREST)
    return np.asarray(np.log(p) - np.log1p(-p))


def known(values: npt.NDArray[np.float64]) -> list[float | None]:
    """Numbers as a list, None where they are NaN."""
    return [None if value != value else value for value in values.tolist()]
