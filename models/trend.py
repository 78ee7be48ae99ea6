"""Whether a lead is on the move: its probability now against that of a week and of four weeks ago."""

from __future__ import annotations

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


def trends(
    now: npt.NDArray[np.float64], then: npt.NDArray[np.float64], threshold: float
) -> list[Trend | None]:
    """The trends of leads.

    A lead is rising, or cooling, when the log-odds changed by the threshold or more within 7 days,
    or else within 28; it is new where it did not belong to the task 7 days ago.

    Parameters
    ----------
    now : ndarray of shape (n,), float64, NaN where there is no probability
    then : ndarray of shape (len(DAYS), n), float64
        As of so many days before, NaN where the lead did not belong to the task.
    threshold : float
        Log-odds.

    Returns
    -------
    list of Trend, None where there is no probability now
    """
    change = log_odds(now) - log_odds(then)
    found: list[Trend | None] = []
    for row, p in enumerate(now):
        if np.isnan(p):
            found.append(None)
            continue
        past = [
            Then(days=days, probability=_known(then[place, row]), change=_known(change[place, row]))
            for place, days in enumerate(DAYS)
        ]
        moved = [c for c in change[:, row] if abs(c) >= threshold]
        if np.isnan(then[0, row]):
            direction: Direction = "new"
        elif moved:
            direction = "rising" if moved[0] > 0 else "cooling"
        else:
            direction = "steady"
        found.append(Trend(direction=direction, past=past))
    return found


def log_odds(probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """log(p / (1 - p)), element-wise; NaN stays NaN."""
    p = np.clip(probability, _NEAREST, 1 - _NEAREST)
    return np.asarray(np.log(p) - np.log1p(-p))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
