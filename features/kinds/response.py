"""How readily a lead answers touches: mails it opened, calls it took, webinars it came to.

``rate`` is (answers + 4 r) / (touches + 4), with r the rate of all leads in training: four touches of
an average lead stand before its own, so that 1 of 1 is not 100%. Missing without a touch. A touch is
answered once at most, by the first answer before the next touch; of one instant, touches come first.
Where touches are mails, an answer within 10 seconds is a machine's: it is counted (``automated``) and
answers nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numba

from features.instants import SECOND
from features.kinds.kind import Choice, Kind, Layout, Seen, Setting

if TYPE_CHECKING:
    from features.plan import Feature

PRIOR = 4.0
"""Touches of an average lead that stand before a lead's own."""
INSTANT = 10 * SECOND
"""A mail is not opened sooner than this by a person."""

_WIDTH = 6
_TOUCHES, _ANSWERS, _AUTOMATED, _SENT, _HELD, _HELD_AGE = range(_WIDTH)
_ROLES = 2
"""Numbers of a role that a type plays: the memory of which response, and whether it answers."""


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    """Numbers: each response's rate, and whether it is by mail; where each type's roles begin, and
    the last one ends; the roles."""
    plan = setting.plan
    names = list(plan.subjects["response"])
    before = 2 * len(names) + len(plan.known_types) + 1
    begins, roles = [before], []
    for name in plan.known_types:
        for number, response in enumerate(plan.responses):
            if name in (response.touch, response.answer):
                roles += [number * _WIDTH, name == response.answer]
        begins.append(before + len(roles))
    rates, by_mail = [r.rate for r in plan.responses], [r.by_mail for r in plan.responses]
    return Layout(
        cells=_WIDTH * len(names),
        places=[(names.index(f.of or ""), int(f.choice == "automated")) for f in features],
        numbers=[float(n) for n in (*rates, *by_mail, *begins, *roles)],
    )


def update(memory: Any, told: Any, event: Any) -> None:
    """Answers are held until the instant is over, since a touch of the same instant may follow."""
    types = 2 * (len(memory) // _WIDTH) + event.type
    if told[types] == told[types + 1]:
        return
    for role in range(int(told[types]), int(told[types + 1]), _ROLES):
        cell = int(told[role])
        if memory[cell + _HELD] > 0.0 and memory[cell + _HELD_AGE] != event.age:
            count_answers(memory, told, cell)
        if told[role + 1] == 0.0:
            memory[cell + _TOUCHES] += 1.0
            memory[cell + _SENT] = event.age + 1.0
        else:
            memory[cell + _HELD] += 1.0
            memory[cell + _HELD_AGE] = event.age


@numba.njit(nogil=True)
def count_answers(memory: Any, told: Any, cell: int) -> None:
    """What the answers of one instant, which are held, are to the latest touch."""
    if memory[cell + _SENT] > 0.0:
        after = memory[cell + _SENT] - 1.0 - memory[cell + _HELD_AGE]
        by_mail = told[(len(memory) + cell) // _WIDTH] == 1.0
        if by_mail and after < INSTANT:
            memory[cell + _AUTOMATED] += memory[cell + _HELD]
        else:
            memory[cell + _ANSWERS] += 1.0
            memory[cell + _SENT] = 0.0
    memory[cell + _HELD] = 0.0


def settle(memory: Any, told: Any, groups: Any) -> None:
    for cell in range(0, len(memory), _WIDTH):
        if memory[cell + _HELD] > 0.0:
            count_answers(memory, told, cell)


def finish(memory: Any, told: Any, lead_age: float, response: int, automated: int) -> float:
    cell = response * _WIDTH
    if automated == 1:
        return memory[cell + _AUTOMATED]
    touches = memory[cell + _TOUCHES]
    if touches == 0.0:
        return math.nan
    return (memory[cell + _ANSWERS] + PRIOR * told[response]) / (touches + PRIOR)


def reference(seen: Seen, feature: Feature) -> float:
    response = next(r for r in seen.plan.responses if r.name == feature.of)
    touches = answers = automated = 0
    waiting: int | None = None
    # Of one instant, touches come before answers.
    roles = {response.touch: 0, response.answer: 1}
    own = [event for event in seen.events if event.type in roles]
    for age, instant in groupby(own, key=attrgetter("age")):
        happened = [roles[event.type] for event in instant]
        if 0 in happened:
            touches, waiting = touches + happened.count(0), age
        if 1 in happened and waiting is not None:
            if response.by_mail and waiting - age < INSTANT:
                automated += happened.count(1)
            else:
                answers, waiting = answers + 1, None
    if feature.choice == "automated":
        return float(automated)
    return (answers + PRIOR * response.rate) / (touches + PRIOR) if touches else math.nan


KIND = Kind(
    name="response",
    per="response",
    choices={
        "rate": Choice("share", math.nan),
        "automated": Choice("events", 0.0),
    },
    lay_out=lay_out,
    update=update,
    settle=settle,
    finish=finish,
    reference=reference,
)
