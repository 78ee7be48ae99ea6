"""How two playbooks would have done: as of each past week, whom they would have had called."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.instants import Instants
from features.log import EventLog
from features.spine import labels
from features.task import Task
from models.conditions import Mask
from training.preview.followed import Followed
from training.resampling import Interval, Resamples, interval


class Calls(NamedTuple):
    """What calling would have come to over the weeks.

    Attributes
    ----------
    calls : int
    converted : int
        Calls after which the lead converted within the horizon.
    caught : int
        Leads that converted so after a call.
    """

    calls: int
    converted: int
    caught: int

    @property
    def wasted(self) -> int:
        """Calls after which the lead did not convert within the horizon."""
        return self.calls - self.converted


class Compared(NamedTuple):
    """One way of calling by the old and by the new playbook.

    Attributes
    ----------
    old, new : Calls
    more_calls, more_caught, more_wasted : Interval
        New less old, with 95% intervals that resample leads.
    """

    old: Calls
    new: Calls
    more_calls: Interval
    more_caught: Interval
    more_wasted: Interval


class Backtest(NamedTuple):
    """Both ways of calling over the weeks whose horizon has ended.

    Attributes
    ----------
    weeks : int
    immature, learnt : int
        Weeks left out: their horizon has not ended; a model that decides has learnt from outcomes
        after them.
    conversions : int
        Leads that were asked about at the end of one of the weeks and converted within the horizon.
    hot : Compared
        Who became hot is called.
    top : Compared
        Each week so many are called, the highest first, nobody twice within a horizon.
    """

    weeks: int
    immature: int
    learnt: int
    conversions: int
    hot: Compared
    top: Compared


def converted(log: EventLog, task: Task, moments: Instants, n_leads: int) -> npt.NDArray[np.bool_]:
    """Whether leads converted in ``(moment, moment + horizon]``, shape (n_moments, n_leads)."""
    lead = np.tile(np.arange(n_leads), len(moments))
    found = labels(log, task, lead, np.repeat(moments, n_leads))
    return found.reshape(len(moments), n_leads).astype(bool)


def backtest(
    old: Followed,
    new: Followed,
    asked: Mask,
    became: npt.NDArray[np.bool_],
    ended: Mask,
    learnt: Mask,
    *,
    per_week: int,
    weeks_of_horizon: int,
    seed: int = 0,
) -> Backtest:
    """Compare two playbooks on the weeks whose horizon has ended.

    Parameters
    ----------
    asked, became : ndarray of shape (n_weeks, n_leads), bool
        Leads that the task asked about at the end of a week, and that converted within the horizon.
    ended, learnt : ndarray of shape (n_weeks,), bool
        Weeks whose horizon has ended, and those that a model has learnt from, which do not count.
    per_week : int
        Calls a week of the second way.
    """
    mature = ended & ~learnt
    asked, became = asked[mature], became[mature] & asked[mature]
    ways = []
    for of in (old, new):
        value = np.where(np.isnan(of.value[1:]), -np.inf, of.value[1:])[mature]
        hot = of.newly_hot[mature] & asked
        ways.append((hot, top(value, asked, per_week, weeks_of_horizon)))
    resamples = Resamples.of(np.arange(asked.shape[1]), seed=seed)
    compared = [_compared(one, other, became, resamples) for one, other in zip(*ways, strict=True)]
    return Backtest(
        weeks=int(mature.sum()),
        immature=int((~ended).sum()),
        learnt=int((ended & learnt).sum()),
        conversions=int(became.any(axis=0).sum()),
        hot=compared[0],
        top=compared[1],
    )


def top(value: npt.NDArray[np.float64], asked: Mask, per_week: int, weeks_of_horizon: int) -> Mask:
    """The leads of the highest values of each week that were not called within a horizon before.

    Ties go to the lead that comes first in the list.

    Parameters
    ----------
    value : ndarray of shape (n_weeks, n_leads), float64
    """
    called = np.zeros(value.shape, dtype=bool)
    for week in range(len(value)):
        recent = called[max(0, week - weeks_of_horizon) : week].any(axis=0)
        free = np.flatnonzero(asked[week] & ~recent & np.isfinite(value[week]))
        order = np.argsort(-value[week, free], kind="stable")
        called[week, free[order[:per_week]]] = True
    return called


def _compared(
    old: Mask, new: Mask, became: npt.NDArray[np.bool_], resamples: Resamples
) -> Compared:
    sums = [_of_leads(called, became) for called in (old, new)]
    drawn = resamples.sums(sums[1] - sums[0])[:, 0]
    calls, hits, caught = drawn.T
    more = [interval(figure) for figure in (calls, caught, calls - hits)]
    whole = [Calls(*(int(total) for total in of.sum(axis=0))) for of in sums]
    least = [figure or Interval(0.0, 0.0, 0.0) for figure in more]
    return Compared(whole[0], whole[1], *least)


def _of_leads(called: Mask, became: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Calls, converted calls and whether it was caught, of each lead: shape (n_leads, 3)."""
    hits = (called & became).sum(axis=0)
    return np.stack([called.sum(axis=0), hits, hits > 0], axis=1).astype(np.float64)
