"""Where a lead stands in the process, derived from its events: MQL, TQL, SAL, SQL.

A stage is entered by an event that the playbook names as a way into it, by a manual move (an event
whose content names the stage), or, for MQL and TQL, when the points of a lead reach a line at an act
of its own that earns points. Stages fall only by events: a manual move, or one that sends the lead back to nurturing
and begins a new cycle. Nothing falls by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple, TypedDict

import numba
import numpy as np
import numpy.typing as npt

from features.instants import MISSING, Instants
from features.log import EventLog
from models.conditions import Conditions, Mask, View
from models.playbook import Playbook
from models.playbook.conditions import Looked
from models.playbook.stages import STAGES, Stage
from models.scorecard import Scorecard
from models.tally import Integers

Origin = Literal["SAL", "SGL"]


class Move(TypedDict):
    """An event that moved a lead: `stage` is where to, `by_points` whether by the points reached.

    `content` is that of the event: of one that sent the lead back, the reason.
    """

    stage: Stage
    since: str | None
    event: str | None
    content: str | None
    by_points: bool


class StandingOut(TypedDict):
    """How a lead came to where it stands.

    `entered` are the stages of its present cycle, in their order. `sent_back` is the last event that
    sent it back to nurturing. `evidence` is what of the playbook's ``[[stages.evidence]]`` holds.
    """

    origin: Origin | None
    cycle: int
    entered: list[Move]
    sent_back: Move | None
    evidence: list[str]


_FOUND, _BACK = 1 << len(STAGES), 1 << (len(STAGES) + 1)
_UNKNOWN, _MARKETING, _SALES = 0, 1, 2
_SAL = STAGES.index("SAL")
_AT_ONCE = 100_000
"""Rows whose points are worked out at one time."""


@dataclass(frozen=True)
class Standing:
    """Where leads stand.

    Attributes
    ----------
    stage : ndarray of shape (n,), int8
        Codes into `models.playbook.stages.STAGES`.
    entered : ndarray of shape (n, n_stages), int64
        The place in the log of the event that moved the lead into each stage in its present cycle;
        -1 for stages that it did not enter.
    cycle : ndarray of shape (n,), int32
        1, and one more each time the lead was sent back to nurturing.
    back : ndarray of shape (n,), int64
        The place in the log of the last event that sent it back; -1 for none.
    came_from : ndarray of shape (n,), int8
        Whether marketing or sales took it up first in this cycle.
    by_points : ndarray of shape (n_events,), bool
        Events of the log that moved a lead by the points it reached with them alone.
    log : EventLog
    """

    stage: npt.NDArray[np.int8]
    entered: Integers
    cycle: npt.NDArray[np.int32]
    back: Integers
    came_from: npt.NDArray[np.int8]
    by_points: Mask
    log: EventLog

    def __len__(self) -> int:
        return len(self.stage)

    @property
    def by_sales(self) -> Mask:
        """Leads that sales found by itself, shape (n,): no rule for silence holds of them."""
        return np.asarray(self.came_from == _SALES)

    def name(self, row: int) -> Stage:
        """The stage of a row."""
        return STAGES[int(self.stage[row])]

    def names(self, rows: slice = slice(None)) -> list[Stage]:
        """The stage of each row."""
        return [STAGES[place] for place in self.stage[rows].tolist()]

    def origins(self, rows: slice = slice(None)) -> list[Origin | None]:
        """SGL where sales found the lead; SAL where sales accepted what marketing had made an MQL;
        None before either."""
        came_from = self.came_from[rows]
        accepted = (self.stage[rows] >= _SAL) & (came_from == _MARKETING)
        names: tuple[Origin | None, ...] = (None, "SAL", "SGL")
        return [names[code] for code in np.where(came_from == _SALES, 2, accepted).tolist()]

    def since(self) -> Instants:
        """When each lead entered its stage, or was last sent back; `MISSING` where it never moved."""
        since, event = np.full(len(self), MISSING), self.moved_by()
        since[event >= 0] = self.log.occurred_at[event[event >= 0]]
        return since

    def moved_by(self) -> Integers:
        """The place in the log of the event that moved each lead where it stands; -1 for none."""
        event = self.entered[np.arange(len(self)), self.stage]
        return np.where((event < 0) & (self.stage == 0), self.back, event)

    def records(self, rows: slice, evidence: Sequence[list[str]]) -> list[StandingOut]:
        """How the leads of rows came to where they stand; `evidence` is of these rows."""
        entered, back = self.entered[rows], self.back[rows]
        row, place = np.nonzero(entered >= 0)
        moves = self._moves([STAGES[p] for p in place.tolist()], entered[row, place])
        ends = np.searchsorted(row, np.arange(len(entered) + 1)).tolist()
        sent = np.flatnonzero(back >= 0)
        sent_back: dict[int, Move] = {}
        if len(sent):
            told = self._moves(["lead"] * len(sent), back[sent])
            sent_back = dict(zip(sent.tolist(), told, strict=True))
        cells = zip(self.origins(rows), self.cycle[rows].tolist(), pairwise(ends), strict=True)
        return [
            {
                "origin": origin,
                "cycle": cycle,
                "entered": moves[start:stop],
                "sent_back": sent_back.get(n),
                "evidence": evidence[n],
            }
            for n, (origin, cycle, (start, stop)) in enumerate(cells)
        ]

    def _moves(self, stages: Sequence[Stage], events: Integers) -> list[Move]:
        contents = (*self.log.contents, None)
        return [
            {
                "stage": stage,
                "since": since,
                "event": event,
                "content": contents[content],
                "by_points": by_points,
            }
            for stage, event, since, content, by_points in zip(
                stages,
                *self.log.happened(events),
                self.log.content[events].tolist(),
                self.by_points[events].tolist(),
                strict=True,
            )
        ]


class Moves(NamedTuple):
    """What the events of a log do to the stages of leads.

    Attributes
    ----------
    role : ndarray of shape (n_events,), int64
        Bits: a stage entered (by its place), found by sales, sent back.
    moved_to : ndarray of shape (n_events,), int8
        The place of the stage that a manual move names; -1 for other events.
    by_points : ndarray of shape (n_events,), bool
        Events that enter a stage by the points reached with them alone.
    """

    role: Integers
    moved_to: npt.NDArray[np.int8]
    by_points: Mask


class Stages:
    """The stages of a playbook.

    Parameters
    ----------
    scorecard : Scorecard
        Of the same playbook.
    """

    def __init__(self, playbook: Playbook, scorecard: Scorecard) -> None:
        self._said, self._scorecard = playbook.said.stages, scorecard
        self._conditions = Conditions(playbook)

    @property
    def known(self) -> bool:
        """Whether the playbook says anything that moves a lead."""
        ways = [self._said.way(stage) for stage in STAGES]
        return any(way.is_there for way in ways) or bool(
            self._said.moves or self._said.found or self._said.back
        )

    def moves(self, view: View) -> Moves:
        """What moves leads, as far as the rows of a view see: one answer for all their pasts too."""
        log = view.log
        role, by_points = self._roles(log), np.zeros(log.n_events, dtype=bool)
        for place, events in self._reaching(view):
            by_points[events] |= role[events] == 0
            role[events] |= 1 << place
        return Moves(role, self._moved_to(log), by_points)

    def standing(self, view: View, moves: Moves | None = None) -> Standing:
        """Where leads stand as of the moments at which they are seen, by what was visible then.

        Parameters
        ----------
        moves : Moves, optional
            Of a view of the same log that sees as much or more.
        """
        n, log = len(view), view.log
        stage, came_from = np.zeros(n, dtype=np.int8), np.zeros(n, dtype=np.int8)
        entered = np.full((n, len(STAGES)), -1)
        cycle, back = np.ones(n, dtype=np.int32), np.full(n, -1)
        role, moved_to, by_points = self.moves(view) if moves is None else moves
        _walk(
            log.offsets,
            log.visible_at,
            role,
            moved_to,
            view.lead,
            view.cutoff,
            stage,
            entered,
            cycle,
            back,
            came_from,
        )
        return Standing(stage, entered, cycle, back, came_from, by_points, log)

    def _roles(self, log: EventLog) -> Integers:
        """What each event of the log does by its type, as bits."""
        said = self._said
        role = np.zeros(log.n_events, dtype=np.int64)
        for place, stage in enumerate(STAGES):
            way = said.way(stage)
            if way.event:
                looked = _looked(way.event, way.channel, way.content)
                role[self._conditions.events(looked, log)] |= 1 << place
        for types, bit in ((said.found, _FOUND), (said.back, _BACK)):
            if types:
                role[self._conditions.events(_looked(types), log)] |= bit
        return role

    def _moved_to(self, log: EventLog) -> npt.NDArray[np.int8]:
        """The stage that the content of each manual move names; -1 for other events."""
        moved_to = np.full(log.n_events, -1, dtype=np.int8)
        if self._said.moves:
            there_are = self._said.order
            named = [STAGES.index(t) if t in there_are else -1 for t in log.contents]
            moves = self._conditions.events(_looked(self._said.moves), log)
            moved_to[moves] = np.array([*named, -1], dtype=np.int8)[log.content[moves]]
        return moved_to

    def _reaching(self, view: View) -> Iterator[tuple[int, Integers]]:
        """Stages with a line of points, and the acts at which leads reach it, from below.

        From below means: below the line at the act before, or just before this one. A lead that was
        sent back so does not return by points that it had all along.
        """
        lines = [(place, self._said.way(stage).points) for place, stage in enumerate(STAGES)]
        asked = [(place, line) for place, line in lines if line is not None]
        if not asked:
            return
        acts = self._acts(view)
        lead, at = view.log.lead_of_event()[acts], view.log.visible_at[acts]
        order = np.lexsort((acts, at, lead))
        acts, lead, at = acts[order], lead[order], at[order]
        after = self._points(view, lead, at)
        last = np.append(-1, lead[:-1])
        before = np.where(last == lead, np.append(0, after[:-1]), np.iinfo(np.int64).min)
        # Only who was over a line already may have been below it since.
        over = np.flatnonzero(np.minimum(after, before) >= min(line for _, line in asked))
        before[over] = np.minimum(before[over], self._points(view, lead[over], at[over] - 1))
        for place, line in asked:
            yield place, acts[(after >= line) & (before < line)]

    def _acts(self, view: View) -> Integers:
        """Acts of the leads that are seen which may earn points, by place in the log."""
        log, rules = view.log, [rule for rule in self._scorecard.rules if rule.points > 0]
        until = np.full(log.n_leads, MISSING)
        np.maximum.at(until, view.lead, view.cutoff)
        earns = np.zeros(log.n_events, dtype=bool)
        together = any(rule.form == "all" for rule in rules)
        for rule in rules if not together else ():
            if rule.form == "event":
                earns |= self._conditions.events(rule, log)
        is_act = self._conditions.is_act(log)[log.event_type]
        visible = log.visible_at <= until[log.lead_of_event()]
        return np.flatnonzero(is_act & (earns | together) & visible)

    def _points(self, view: View, lead: Integers, at: Instants) -> Integers:
        """Points as of moments, rules for silence aside."""
        points = np.empty(len(lead), dtype=np.int64)
        for start in range(0, len(lead), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            rows = View(
                view.leads,
                view.log,
                lead[part],
                at[part],
                view.changes,
                np.ones(len(lead[part]), dtype=bool),
            )
            points[part] = self._scorecard.points(rows).total
        return points


@lru_cache(1_000)
def _looked(
    event: tuple[str, ...],
    channel: tuple[str, ...] | None = None,
    content: tuple[str, ...] | None = None,
) -> Looked:
    return Looked(event=event, channel=channel, content=content)


@numba.njit(cache=True, nogil=True)
def _walk(
    offsets: Any,
    visible_at: Any,
    role: Any,
    moved_to: Any,
    lead: Any,
    cutoff: Any,
    stage: Any,
    entered: Any,
    cycle: Any,
    back: Any,
    came_from: Any,
) -> None:
    """Walk through the events that each row sees, oldest first."""
    n_stages = entered.shape[1]
    for row in range(len(lead)):
        for event in range(offsets[lead[row]], offsets[lead[row] + 1]):
            if visible_at[event] > cutoff[row]:
                continue
            bits, target = role[event], moved_to[event]
            if bits & _BACK:
                stage[row], came_from[row], back[row] = 0, _UNKNOWN, event
                cycle[row] += 1
                entered[row, :] = -1
                continue
            if bits & _FOUND and came_from[row] == _UNKNOWN:
                came_from[row] = _SALES
            if target >= 0 and target < stage[row]:
                entered[row, target + 1 :] = -1
                stage[row], entered[row, target] = target, event
            for place in range(1, n_stages):
                if place > stage[row] and (place == target or bits & (1 << place)):
                    stage[row] = place
                    entered[row, place] = event
                    if came_from[row] == _UNKNOWN:
                        came_from[row] = _SALES if place > _SAL else _MARKETING
