"""Planting a signal in a day: what was drawn from the states is dealt anew by the hidden pace.

Each function takes the day as the states made it and returns it as it is seen, with the `Coins`
that tell of the pace. Given what it leaves alone (how many acts of which type on which day) the
coins depend on the pace only, which is why they are a factor of their own in the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from training.simulation.behaviour import NIGHT_SLOTS, SLOTS, Coins, Day
from training.simulation.world import RESPONSES, TOUCHES, Bools, Floats

_SENT, _OPENED = TOUCHES.index("newsletter_sent"), RESPONSES.index("newsletter_open")
_CLICKED = RESPONSES.index("newsletter_click")

AGAIN = 10
"""Coins of an opened newsletter that decide how often it is opened again."""


@dataclass(frozen=True)
class Habits:
    """What the coins of every lead depend on.

    Attributes
    ----------
    chance : ndarray of shape (n_coins, n_leads), P(heads) of each sort of coin, from the pace.
    mailing : ndarray of shape (n_leads,), probability of a newsletter on a working day; it does
        not depend on the pace.
    do_not_mail : bool ndarray of shape (n_leads,)
    """

    chance: Floats
    mailing: Floats
    do_not_mail: Bools


Planting = Callable[[Habits, Day, np.random.Generator], Day]
"""The day with its coins dealt."""


def sessions(habits: Habits, day: Day, rng: np.random.Generator) -> Day:
    """The n pages of a lead's day in 1 + Binomial(n - 1, chance) sessions.

    Every session has one page, and each page beyond that is in any of them. Heads: a page that
    could have been in the same session begins another.
    """
    pages = np.bincount(day.page_lead, minlength=len(day.present))
    tossed = np.clip(pages - 1, 0, SLOTS - 1)[None]
    heads = rng.binomial(tossed, habits.chance)
    number = np.where(pages > 0, heads[0] + 1, 0)
    place = np.arange(len(day.page_lead)) - (pages.cumsum() - pages)[day.page_lead]
    any_of = rng.integers(0, number[day.page_lead])
    session = np.where(place < number[day.page_lead], place, any_of)
    order = np.lexsort((session, day.page_lead))
    return replace(day, sessions=number, page_session=session[order], coins=Coins(tossed, heads))


def order(habits: Habits, day: Day, rng: np.random.Generator) -> Day:
    """The pages of a session in the order of PAGES, from reading to asking, or in the reverse.

    A coin is a session with pages of several kinds; heads: from reading to asking.
    """
    first = np.ones(len(day.page_lead), dtype=bool)
    first[1:] = (np.diff(day.page_lead) != 0) | (np.diff(day.page_session) != 0)
    session, lead = first.cumsum() - 1, day.page_lead[first]
    rising = rng.random(len(lead)) < habits.chance[0, lead]
    key = np.where(rising[session], day.page_kind, -day.page_kind)
    kind = day.page_kind[np.lexsort((key, session))]
    several = np.bincount(session[~first], kind[~first] != kind[:-1][~first[1:]], len(lead)) > 0
    counted = [
        np.bincount(lead[which], minlength=len(day.present))[None]
        for which in (several, several & rising)
    ]
    return replace(day, page_kind=kind, in_order=True, coins=Coins(*counted))


def responses(habits: Habits, day: Day, rng: np.random.Generator) -> Day:
    """Newsletters on working days, opened by some and opened again by others, whatever the state.

    They take the place of the newsletters of the default world, and nobody clicks in them. One
    coin is a newsletter; heads: it is opened. An opened one has ten of the other, that day; heads:
    it is opened again. So chances can be such that slow and fast leads open as often in the mean:
    how many newsletters were opened tells of the pace, not how many times.
    """
    drawn = rng.random((2, len(day.present)))
    mailed = day.present & ~habits.do_not_mail & (drawn[0] < habits.mailing) & (day.weekday < 5)
    opened = mailed & (drawn[1] < habits.chance[0])
    more = np.where(opened, AGAIN, 0)
    again = rng.binomial(more, habits.chance[1])
    sent, tried, responded = day.sent.copy(), day.tried.copy(), day.responded.copy()
    sent[_SENT], responded[_OPENED] = mailed, opened
    responded[_CLICKED] = tried[[_OPENED, _CLICKED]] = False
    coins = Coins(np.stack([mailed, more]), np.stack([opened, again]))
    return replace(day, sent=sent, tried=tried, responded=responded, reopened=again, coins=coins)


def hours(habits: Habits, day: Day, rng: np.random.Generator) -> Day:
    """Some of the day's sessions at night, before 06:00 of the same day. Heads: it is at night."""
    nights = np.minimum(rng.binomial(day.sessions, habits.chance[0]), NIGHT_SLOTS)
    return replace(day, nights=nights, coins=Coins(day.sessions[None], nights[None]))
