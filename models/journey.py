"""How far a lead has come on its journey, and what that says of its mind.

The journey's step is the furthest that an event of the lead has reached. The psychological stage is
inferred from it by the playbook's map, and from transactions: nobody is taken to purchase before a
transaction, and loyal is only who used again, referred or shared after one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypedDict

import numba
import numpy as np
import numpy.typing as npt

from features.log import EventLog
from models.conditions import View
from models.playbook import Playbook
from models.playbook.stages import PSYCHOLOGICAL, Psychological
from models.tally import Integers

_CONSIDERATION, _PURCHASE, _LOYALTY = map(
    PSYCHOLOGICAL.index, ("consideration", "purchase", "loyalty")
)
_WON, _LOYAL = 1, 2


class Sign(TypedDict):
    """The event that something is told by."""

    event: str
    at: str | None


class JourneyOut(TypedDict):
    """By which events a step was reached, and by which the psychological stage is inferred."""

    step_by: Sign | None
    psychological_by: Sign | None
    inferred: bool


@dataclass(frozen=True)
class Reached:
    """How far leads have come.

    Attributes
    ----------
    step : ndarray of shape (n,), int16
        Place in the steps of the journey; -1 for leads whose events reach none.
    step_by : ndarray of shape (n,), int64
        The place in `log` of the event that first reached it; -1 for none.
    mind : ndarray of shape (n,), int8
        Codes into `models.playbook.stages.PSYCHOLOGICAL`; -1 where nothing says it.
    mind_by : ndarray of shape (n,), int64
        The place in `log` of the event from which it is inferred.
    """

    journey: Journey
    step: npt.NDArray[np.int16]
    step_by: Integers
    mind: npt.NDArray[np.int8]
    mind_by: Integers
    log: EventLog

    def step_names(self, rows: slice = slice(None)) -> list[str | None]:
        """The step of each row."""
        steps = (*self.journey.steps, None)
        return [steps[place] for place in self.step[rows].tolist()]

    def psychological_stages(self, rows: slice = slice(None)) -> list[Psychological | None]:
        """The psychological stage of each row."""
        minds = (*PSYCHOLOGICAL, None)
        return [minds[place] for place in self.mind[rows].tolist()]

    def records(self, rows: slice) -> list[JourneyOut]:
        """The events by which step and psychological stage of rows are told."""
        return [
            {"step_by": step, "psychological_by": mind, "inferred": True}
            for step, mind in zip(
                self._signs(self.step_by[rows]), self._signs(self.mind_by[rows]), strict=True
            )
        ]

    def _signs(self, events: Integers) -> list[Sign | None]:
        return [
            None if event is None else {"event": event, "at": at}
            for event, at in zip(*self.log.happened(events), strict=True)
        ]


class Journey:
    """The journey of a playbook, and its map to psychological stages."""

    def __init__(self, playbook: Playbook) -> None:
        self._playbook = playbook
        self.steps = tuple(step.name for step in playbook.said.journey.steps)

    @cached_property
    def _mind_of_step(self) -> npt.NDArray[np.int8]:
        """The psychological stage of each step, and -1 at the end for none."""
        said = self._playbook.said.psychological_stages.steps
        minds = [PSYCHOLOGICAL.index(said[name]) if name in said else -1 for name in self.steps]
        return np.array([*minds, -1], dtype=np.int8)

    def reached(self, view: View) -> Reached:
        """How far leads have come as of the moments at which they are view."""
        n, log, said = len(view), view.log, self._playbook.said
        step, step_by = np.full(n, -1, dtype=np.int16), np.full(n, -1)
        won_by, loyal_by = np.full(n, -1), np.full(n, -1)
        place = {name: code for code, name in enumerate(self.steps)}
        of_type = self._playbook.step_of_type
        steps = [place.get(of_type.get(name, ""), -1) for name in log.types]
        roles = [
            _WON * (self._playbook.state_after(name) == "customer")
            | _LOYAL * (name in said.psychological_stages.loyal)
            for name in log.types
        ]
        _reach(
            log.offsets,
            log.visible_at,
            log.event_type,
            np.array(steps or [-1], dtype=np.int16),
            np.array(roles or [0], dtype=np.int64),
            view.lead,
            view.cutoff,
            step,
            step_by,
            won_by,
            loyal_by,
        )
        mind, mind_by = self._mind_of_step[step], step_by.copy()
        bought, loyal = won_by >= 0, loyal_by >= 0
        mind[~bought] = np.minimum(mind[~bought], _CONSIDERATION)
        for holds, code, by in ((bought, _PURCHASE, won_by), (loyal, _LOYALTY, loyal_by)):
            mind[holds], mind_by[holds] = code, by[holds]
        mind_by[mind < 0] = -1
        return Reached(self, step, step_by, mind, mind_by, log)


@numba.njit(cache=True, nogil=True)
def _reach(
    offsets: Any,
    visible_at: Any,
    event_type: Any,
    step_of_type: Any,
    role_of_type: Any,
    lead: Any,
    cutoff: Any,
    step: Any,
    step_by: Any,
    won_by: Any,
    loyal_by: Any,
) -> None:
    """The furthest step, the first transaction, and the first sign of loyalty after one.

    A further transaction is such a sign.
    """
    for row in range(len(lead)):
        for event in range(offsets[lead[row]], offsets[lead[row] + 1]):
            if visible_at[event] > cutoff[row]:
                continue
            kind = event_type[event]
            if step_of_type[kind] > step[row]:
                step[row], step_by[row] = step_of_type[kind], event
            if won_by[row] >= 0 and loyal_by[row] < 0 and role_of_type[kind]:
                loyal_by[row] = event
            elif role_of_type[kind] & _WON and won_by[row] < 0:
                won_by[row] = event
