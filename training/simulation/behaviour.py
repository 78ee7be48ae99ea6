"""Sampling the world, one day at a time over all leads at once.

`live` yields what can be seen on a day, as a `Day`, beside the hidden states behind it. The truth
is computed from the `Day` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from training.simulation.outreach import NOTICE, POST, Calendar, Seen, touches
from training.simulation.world import PAGES, RESPONSES, Bools, Floats, Ints, World

SLOTS = 21
"""Most sessions of a lead on a day: each has its own 45 minutes between 07:00 and 22:45. More have
a probability below 1e-20 at the rates of the default world."""

NIGHT_SLOTS = 8
"""Most sessions of a lead at night: they begin from midnight to 05:15, so that even across a change
to summer time none of them is taken for one of the day. More have a probability below 1e-8."""


@dataclass(frozen=True)
class Traits:
    """What a lead brings along that its behaviour depends on; arrays of shape (n_leads,).

    Attributes
    ----------
    arrival : day of creation, in days since the world began.
    source, profile : index into SOURCES and PROFILES.
    do_not_mail, near : see `outreach.Seen`.
    """

    arrival: Ints
    source: Ints
    profile: Ints
    do_not_mail: Bools
    near: Bools


@dataclass(frozen=True)
class Coins:
    """What a planted signal shows of a lead's hidden pace: coins whose chance depends on it alone.

    Attributes
    ----------
    tossed, heads : ndarray of shape (n_coins, n_leads), for each sort of coin how many there were
        on the day, and how many of them fell on heads.
    """

    tossed: Ints
    heads: Ints


@dataclass(frozen=True)
class Day:
    """What can be seen of one day [midnight, next midnight), over all n leads.

    Attributes
    ----------
    number : days since the world began.
    weekday : 0 is Monday.
    present : bool ndarray of shape (n,), created on an earlier day; only these emit.
    created : bool ndarray of shape (n,), created today; the creating act is their only emission.
    project, project_after : ndarray of shape (n,), the changing attribute at the midnight that
        begins and at the one that ends the day.
    sessions : ndarray of shape (n,), number of sessions.
    page_lead, page_session, page_kind : ndarray of shape (n_pages,), the pages of the day: whose,
        in which of the lead's sessions of the day, which of PAGES.
    sent : bool ndarray of shape (n_touches, n).
    tried, responded : bool ndarray of shape (n_responses, n), occasions to respond and responses.
    opened, won, lost, bought : bool ndarray of shape (n,), outcomes of the day.
    coins : what a planted signal shows; None without one.
    in_order : the pages of a session are listed as they were seen.
    nights : ndarray of shape (n,), how many of the sessions, the first ones, were at night; None
        where no session is.
    reopened : ndarray of shape (n,), how often an opened newsletter was opened again; None where
        none is.
    """

    number: int
    weekday: int
    present: Bools
    created: Bools
    project: Ints
    project_after: Ints
    sessions: Ints
    page_lead: Ints
    page_session: Ints
    page_kind: Ints
    sent: Bools
    tried: Bools
    responded: Bools
    opened: Bools
    won: Bools
    lost: Bools
    bought: Bools
    coins: Coins | None = None
    in_order: bool = False
    nights: Ints | None = None
    reopened: Ints | None = None

    def acted(self) -> Bools:
        """Leads that did something themselves today: bool ndarray of shape (n,)."""
        return self.created | (self.sessions > 0) | self.responded.any(axis=0)


def draw(probability: Floats, rng: np.random.Generator) -> Ints:
    """One index per row of `probability`, ndarray of shape (n, k) whose rows sum to 1."""
    total = probability.cumsum(axis=1)
    chance = rng.random(len(probability)) * total[:, -1]
    index: Ints = (chance[:, None] >= total).sum(axis=1)
    return index


def step(world: World, profile: Ints, project: Ints, state: Ints, rng: np.random.Generator) -> Ints:
    """The states of the next day, given the attributes at the midnight in between."""
    return draw(world.transition[profile, project, state], rng)


Plant = Callable[[Day, np.random.Generator], Day]
"""A day as it is seen once a signal is planted in it. We send as if we had not noticed."""


def live(
    world: World,
    traits: Traits,
    dates: Sequence[date],
    seed: np.random.SeedSequence,
    plant: Plant | None = None,
) -> Iterator[tuple[Day, Ints]]:
    """Run the world over `dates`: the day as seen, and the hidden states of shape (n_leads,).

    The state of a lead that is not there yet is -1. Sends and what is planted have random streams
    of their own.
    """
    rng, outreach_rng, planting_rng = (np.random.default_rng(child) for child in seed.spawn(3))
    n = len(traits.arrival)
    state = np.full(n, -1, dtype=np.int64)
    project = draw(np.tile(world.project_start, (n, 1)), rng)
    seen = Seen.nobody(traits.do_not_mail, traits.near)
    for number, today in enumerate(map(Calendar.of, dates)):
        present, created = traits.arrival < number, traits.arrival == number
        before = state.copy()
        state[present] = step(
            world, traits.profile[present], project[present], before[present], rng
        )
        state[created] = draw(world.initial[traits.source[created]], rng)
        moved = present & (state != before)
        opened, won, lost = (
            moved & (state == goal) for goal in (world.deal, world.customer, world.lost)
        )
        seen.present, seen.closed = present, seen.closed | opened | lost
        sent = touches(seen, number, today, outreach_rng)
        tried, responded = _respond(world, seen, number, today, sent, state, rng)
        sessions, pages = _browse(world, traits.profile, today.weekday, present, state, rng)
        changing = draw(world.project[project[present]], rng)
        project_after = project.copy()
        project_after[present] = changing
        day = Day(
            number, today.weekday, present, created, project, project_after, sessions, *pages,
            sent, tried, responded, opened, won, lost,
            present & (state == world.customer) & ~won & (rng.random(n) < world.purchase),
        )  # fmt: skip
        yield day if plant is None else plant(day, planting_rng), state.copy()
        _remember(seen, day)
        project = project_after


def _respond(
    world: World,
    seen: Seen,
    day: int,
    today: Calendar,
    sent: Bools,
    state: Ints,
    rng: np.random.Generator,
) -> tuple[Bools, Bools]:
    """Occasions and responses, both bool ndarray of shape (n_responses, n)."""
    nobody = np.zeros_like(seen.present)
    tried = np.stack([
        sent[0],
        nobody,
        seen.present & (day - seen.mailed == POST),
        sent[2],
        sent[3],
        seen.present & today.webinar & (day - seen.registered <= NOTICE),
        seen.present & today.seminar & (day - seen.invited <= NOTICE),
        seen.present & today.exhibition,
    ])  # fmt: skip
    likely = rng.random(tried.shape) < world.response[:, state]
    tried[1] = tried[0] & likely[0]  # a newsletter is clicked once it is open
    return tried, tried & likely


def _browse(
    world: World,
    profile: Ints,
    weekday: int,
    present: Bools,
    state: Ints,
    rng: np.random.Generator,
) -> tuple[Ints, tuple[Ints, Ints, Ints]]:
    """Sessions of every lead, and the lead, session and kind of every page."""
    sessions = np.zeros(len(state), dtype=np.int64)
    rows = np.flatnonzero(present)
    rate = world.rate(profile[rows], weekday)[np.arange(len(rows)), state[rows]]
    sessions[rows] = np.minimum(rng.poisson(rate), SLOTS)
    lead = np.repeat(np.arange(len(state)), sessions)
    session = np.arange(len(lead)) - np.repeat(sessions.cumsum() - sessions, sessions)
    pages = 1 + rng.poisson(world.extra_pages[state[lead]])
    page_lead = np.repeat(lead, pages)
    kind = draw(world.mix[state[page_lead]], rng)
    return sessions, (page_lead, np.repeat(session, pages), kind)


_REQUESTS = [PAGES.index("demo_request"), PAGES.index("contact_form")]
_REGISTER = RESPONSES.index("webinar_register")


def _remember(seen: Seen, day: Day) -> None:
    """Add the day to what we know."""
    seen.last_act[day.acted()] = day.number
    seen.last_request[day.page_lead[np.isin(day.page_kind, _REQUESTS)]] = day.number
    seen.mailed[day.sent[1]] = day.number
    seen.registered[day.responded[_REGISTER]] = day.number
    seen.invited[day.sent[4]] = day.number
