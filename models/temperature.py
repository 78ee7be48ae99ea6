"""Hot, warm and cold: by points, by probability, or by a capacity that was solved into one.

A lead becomes hot when its value reaches the line, and stops being so only when it has fallen below
the line by more than the hysteresis. What was in between is told from its past: it is looked at
again just before and at each moment at which something became known of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from features.changes import Changes
from features.instants import MISSING, Instants
from features.log import EventLog, Leads
from models.conditions import Mask
from models.playbook import Playbook
from models.playbook.temperature import POINTS_OF_HYSTERESIS
from models.points_map import PointsMap
from models.tally import Integers

Temperature = Literal["hot", "warm", "cold"]
BANDS: tuple[Temperature, ...] = ("cold", "warm", "hot")


class Values(NamedTuple):
    """What decides the temperature of rows.

    Attributes
    ----------
    value : ndarray of shape (n,), float64
        Points or probabilities; NaN where not known.
    scores : ndarray of shape (n, n_scores), int64
        The points by score, in the order of their names.
    """

    value: npt.NDArray[np.float64]
    scores: Integers


Past = Callable[[Integers, Instants], Values]
"""The values of leads (rows of the list) as of earlier moments."""


class Temperatures:
    """The lines of a playbook."""

    def __init__(self, playbook: Playbook) -> None:
        self._said = playbook.said.temperature
        scores = playbook.points.scores
        least = [scores[name].hot for name in sorted(scores)]
        self._least = np.array([-np.inf if n is None else n for n in least], dtype=np.float64)

    @property
    def by_points(self) -> bool:
        """Whether points decide, not probabilities."""
        return self._said.by == "points"

    def at_once(self, values: Values) -> Integers:
        """The band of each row by its value alone, as places in `BANDS`; -1 where it is not known."""
        lines = self._said.lines
        if lines is None:
            return np.full(len(values.value), -1)
        warm, hot = (self._enters(values, line, place) for place, line in enumerate(lines, 1))
        band = np.where(hot, 2, np.where(warm, 1, 0))
        return np.where(np.isnan(values.value), -1, band)

    def of(
        self,
        values: Values,
        past: Past,
        leads: Leads,
        log: EventLog,
        as_of: Instants,
        changes: Changes | None,
    ) -> Integers:
        """The band of each lead of a list, as places in `BANDS`; -1 where it is not known.

        Parameters
        ----------
        values : Values
            As of `as_of`, a moment for each lead.
        past : callable
            Asked of leads that are below a line by less than the hysteresis.
        """
        band = self.at_once(values)
        lines = self._said.lines
        if lines is None:
            return band
        near = np.zeros(len(band), dtype=bool)
        for place, line in enumerate(lines, 1):
            near |= (band < place) & (band >= 0) & self._stays(values, line, place)
        if not near.any():
            return band
        lead, at = looks(leads, log, as_of, changes, near)
        earlier = past(lead, at)
        for place, line in enumerate(lines, 1):
            held = np.zeros(len(band), dtype=bool)
            entered, left = self._enters(earlier, line, place), ~self._stays(earlier, line, place)
            held[lead] = True
            held &= _last(lead, entered, len(band)) > _last(lead, left, len(band))
            band[held & near & (band < place) & self._stays(values, line, place)] = place
        return band

    def hot_since(self, earlier: Values, lead: Integers, at: Instants, n: int) -> Instants:
        """When each of n leads that are hot last came over the line, shape (n,).

        `MISSING` where no look saw it come, as when points that were lost have faded.

        Parameters
        ----------
        earlier : Values
            At the looks `lead`, `at`, by lead, then time; see `looks`.
        """
        since = np.full(n, MISSING)
        if self._said.lines is None:
            return since
        line = self._said.lines[1]
        entered, left = self._enters(earlier, line, 2), ~self._stays(earlier, line, 2)
        turns = np.flatnonzero(entered | left)
        lead, at, entered = lead[turns], at[turns], entered[turns]
        before = np.append(False, entered[:-1]) & (np.append(-1, lead[:-1]) == lead)
        came = entered & ~before
        np.maximum.at(since, lead[came], at[came])
        # The last turn of each lead; who left last came back unseen.
        last = np.append(lead[1:] != lead[:-1], True)[: len(lead)]
        since[lead[last & ~entered]] = MISSING
        return since

    def otherwise(
        self,
        probability: npt.NDArray[np.float64],
        points: Integers,
        observed: PointsMap,
    ) -> Integers:
        """The band by what does not decide: by the probability where points do, and by points where
        probabilities do. The conversion observed for points says what each comes to.

        Returns
        -------
        ndarray of shape (n,), places in `BANDS`; -1 where it cannot be told
        """
        lines = self._said.lines
        value = probability
        if lines is not None and self.by_points:
            lines = tuple(observed.probability(np.array(lines)))
        elif lines is not None:
            value = observed.probability(points)
        if lines is None or not lines[0] < lines[1]:
            return np.full(len(points), -1)
        band = (value >= lines[0]).astype(np.int64) + (value >= lines[1])
        return np.where(np.isnan(value), -1, band)

    def _enters(self, values: Values, line: float, place: int) -> Mask:
        return (values.value >= line) & self._enough(values, place, 0.0)

    def _stays(self, values: Values, line: float, place: int) -> Mask:
        slack = self._said.leaves_below(line) - line if self.by_points else -POINTS_OF_HYSTERESIS
        return (values.value >= self._said.leaves_below(line)) & self._enough(values, place, slack)

    def _enough(self, values: Values, place: int, slack: float) -> Mask:
        """Whether a lead has the least of each score that a hot one needs."""
        if place < 2 or not len(self._least):
            return np.ones(len(values.value), dtype=bool)
        return np.asarray((values.scores >= self._least + slack).all(axis=1))


def named(bands: Integers) -> list[Temperature | None]:
    """The names of bands; None for -1."""
    return [BANDS[band] if band >= 0 else None for band in bands]


def looks(
    leads: Leads, log: EventLog, as_of: Instants, changes: Changes | None, wanted: Mask
) -> tuple[Integers, Instants]:
    """The moments before `as_of` at which something became known of leads, and just before them.

    Returns
    -------
    lead, at : ndarray of shape (n_looks,), int64
        By lead, then time.
    """
    lead, at = [log.lead_of_event()], [log.visible_at]
    lead.append(np.flatnonzero(leads.created_at != MISSING))
    at.append(leads.created_at[lead[-1]])
    if changes is not None:
        lead.append(changes.lead)
        at.append(changes.changed_at)
    of, when = np.concatenate(lead), np.concatenate(at)
    kept = wanted[of] & (when <= as_of[of])
    of, when = np.repeat(of[kept], 2), np.repeat(when[kept], 2)
    when[::2] -= 1
    created = np.where(leads.created_at == MISSING, np.iinfo(np.int64).min, leads.created_at)
    both = np.unique(np.stack([of, when], axis=1)[when >= created[of]], axis=0)
    return both[:, 0], both[:, 1]


def _last(lead: Integers, mask: Mask, n: int) -> Integers:
    """The place of the last marked look of each lead; -1 where none is."""
    last = np.full(n, -1)
    np.maximum.at(last, lead[mask], np.flatnonzero(mask))
    return last
