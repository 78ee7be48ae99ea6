"""What we do on a day: whom we write to, call and invite.

The rules see `Seen` and the calendar, never a hidden state, so that a send says nothing about the
state which the acts before it do not say already. `training.simulation.truth` relies on it: a send has the
same probability in every state and cancels from the likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from training.simulation.world import TOUCHES, Bools, Ints

NEVER = -100_000
"""A day so long ago that no rule looks back to it."""

NOTICE = 14
"""Days from an invitation to the webinar or seminar."""

POST = 3
"""Days from a direct mail to the day on which it may be answered."""


@dataclass(frozen=True)
class Calendar:
    """What is on, on one day. Known to everybody in advance."""

    weekday: int
    newsletter: bool
    webinar_invite: bool
    webinar: bool
    seminar_invite: bool
    seminar: bool
    exhibition: bool

    @classmethod
    def of(cls, day: date) -> Calendar:
        """The day's programme.

        A newsletter every second Tuesday, a webinar on every fourth Thursday, a seminar on every
        twelfth Friday, an exhibition of three days (Wednesday to Friday) every sixteenth week.
        """
        n, weekday = day.toordinal() - 1, day.weekday()  # ordinal 1 is a Monday
        week = n // 7
        return cls(
            weekday=weekday,
            newsletter=weekday == 1 and week % 2 == 0,
            webinar_invite=weekday == 3 and week % 4 == 0,
            webinar=weekday == 3 and week % 4 == 2,
            seminar_invite=weekday == 4 and week % 12 == 3,
            seminar=weekday == 4 and week % 12 == 5,
            exhibition=weekday in (2, 3, 4) and week % 16 == 7,
        )


@dataclass
class Seen:
    """What our sales and marketing know of every lead before today's sends.

    All arrays are of shape (n_leads,). Days are numbers of days since the world began; NEVER where
    it has not happened.

    Attributes
    ----------
    present : created on an earlier day.
    closed : a deal was opened or the lead was lost, on an earlier day or today.
    do_not_mail : asked not to be written to.
    near : in a prefecture from which people come to a seminar.
    last_act : day of the last act of the lead itself, its creation included.
    last_request : day of the last demo request or contact form.
    mailed, registered, invited : day of the last direct mail, webinar registration, seminar invite.
    """

    present: Bools
    closed: Bools
    do_not_mail: Bools
    near: Bools
    last_act: Ints
    last_request: Ints
    mailed: Ints
    registered: Ints
    invited: Ints

    @classmethod
    def nobody(cls, do_not_mail: Bools, near: Bools) -> Seen:
        """Before the world begins."""
        n = len(do_not_mail)
        no, never = np.zeros(n, dtype=bool), np.full(n, NEVER, dtype=np.int64)
        return cls(
            no, no.copy(), do_not_mail, near, never,
            never.copy(), never.copy(), never.copy(), never.copy(),
        )  # fmt: skip


def touches(seen: Seen, day: int, today: Calendar, rng: np.random.Generator) -> Bools:
    """Who is sent what today: bool ndarray of shape (n_touches, n_leads), rows as in TOUCHES."""
    n = len(seen.present)
    silence = day - seen.last_act
    may_write = seen.present & ~seen.do_not_mail
    sent = np.zeros((len(TOUCHES), n), dtype=bool)
    if today.newsletter:
        sent[0] = may_write & (silence <= 270)
    if today.weekday < 5:
        chance = rng.random((2, n))
        sent[1] = may_write & ~seen.closed & (chance[0] < 0.003) & (day - seen.mailed > 45)
        asked = day - seen.last_request <= 3
        wanted = np.where(asked, 0.25, np.where(silence <= 7, 0.05, 0.008))
        sent[2] = seen.present & ~seen.closed & (chance[1] < wanted)
    if today.webinar_invite:
        sent[3] = may_write & (silence <= 120)
    if today.seminar_invite:
        sent[4] = may_write & seen.near & (silence <= 180)
    return sent
