"""Writing a day of the invented world down as events.

A `Day` says what happened; the diary gives it an hour, a content and an amount, none of which
depend on a hidden state. Times inside a day are microseconds after its midnight, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.simulation.behaviour import NIGHT_SLOTS, SLOTS, Day
from training.simulation.contents import AFTER, HOURS, MINUTE, TYPES, contents
from training.simulation.population import HOUR, Population
from training.simulation.world import OUTCOMES, RESPONSES, SOURCES, TOUCHES, Bools, Floats, Ints

_PURCHASE = TYPES.index("purchase")
_CREATING_ACT = np.array([TYPES.index(act) for act in SOURCES.values()])


@dataclass(frozen=True)
class Entries:
    """The events of one day in arrays of shape (n_events,).

    Attributes
    ----------
    lead : index of the lead.
    kind : index into `contents.TYPES`.
    at : microseconds after midnight, in (0, 23 hours).
    content : index into `contents.TEXTS`, or -1.
    value : yen for a purchase, else NaN.
    """

    lead: Ints
    kind: Ints
    at: Ints
    content: Ints
    value: Floats


def entries(day: Day, population: Population, week: int, rng: np.random.Generator) -> Entries:
    """The events of the day; `week` counts weeks of the calendar and decides what is current."""
    created = np.flatnonzero(day.created)
    source = population.traits.source[created]
    parts = [
        (day.page_lead, day.page_kind, page_times(day, rng)),
        (created, _CREATING_ACT[source], population.created_at[created]),
        *_others(day, rng),
    ]
    lead, kind, at = (np.concatenate(column) for column in zip(*parts, strict=True))
    value = np.full(len(lead), np.nan)
    paid = kind == _PURCHASE
    value[paid] = _amounts(day.won[lead[paid]], rng)
    return Entries(lead, kind, at, contents(kind, week, rng), value)


def page_times(day: Day, rng: np.random.Generator) -> Ints:
    """When each page was seen: ndarray of shape (n_pages,).

    Every session has a slot of 45 minutes to itself and lies in its first 15, so that pages of one
    session are less than, and those of two are more than, 30 minutes apart: sessions can be counted
    from the log, as the likelihood assumes.
    """
    first = np.ones(len(day.page_lead), dtype=bool)
    first[1:] = np.diff(day.page_lead * SLOTS + day.page_session) != 0
    session = first.cumsum() - 1
    begins = _begins(day, first, rng)[session]
    within = rng.integers(1, 15 * MINUTE, len(session))
    if day.in_order:
        within = within[np.lexsort((within, session))]
    times: Ints = begins + within
    return times


def _begins(day: Day, first: Bools, rng: np.random.Generator) -> Ints:
    """When the slot of each session begins; `first` says which pages begin one."""
    lead, number = day.page_lead[first], day.page_session[first]
    if day.nights is None:
        return 7 * HOUR + _slots(lead, _BUSY, rng) * 45 * MINUTE
    begins = np.empty(len(lead), dtype=np.int64)
    night = number < day.nights[lead]
    begins[night] = _slots(lead[night], _QUIET, rng) * 45 * MINUTE
    begins[~night] = 7 * HOUR + _slots(lead[~night], _BUSY, rng) * 45 * MINUTE
    return begins


_BUSY = np.array([1, 2, 4, 6, 6, 5, 4, 5, 6, 6, 6, 5, 5, 4, 3, 3, 4, 4, 4, 3, 2], dtype=np.float64)
_QUIET = np.ones(NIGHT_SLOTS)


def _slots(lead: Ints, weight: Floats, rng: np.random.Generator) -> Ints:
    """A slot for each session, no two alike for a lead: draw again until they differ."""
    share = weight / weight.sum()
    slot = rng.choice(len(share), len(lead), p=share)
    while True:
        key = lead * SLOTS + slot
        repeated = np.ones(len(lead), dtype=bool)
        repeated[np.unique(key, return_index=True)[1]] = False
        if not repeated.any():
            return slot
        slot[repeated] = rng.choice(len(share), int(repeated.sum()), p=share)


def _others(day: Day, rng: np.random.Generator) -> list[tuple[Ints, Ints, Ints]]:
    """Touches, responses and outcomes: (lead, kind, at) for each type that occurred."""
    happened: dict[str, Bools] = {
        **dict(zip(TOUCHES, day.sent, strict=True)),
        **dict(zip(RESPONSES, day.responded, strict=True)),
        **dict(zip(OUTCOMES, (day.opened, day.won, day.lost, day.won | day.bought), strict=True)),
    }
    n = len(day.present)
    times: dict[str, Ints] = {}
    rows = []
    for name, leads in happened.items():
        if not leads.any():
            continue
        if name in AFTER:
            cause, least, most = AFTER[name]
            times[name] = times[cause] + rng.integers(least, most, n)
        else:
            times[name] = rng.integers(*HOURS[name], n)
        if name == "purchase" and day.won.any():  # the first purchase is what the deal was about
            times[name][day.won] = times["deal_won"][day.won] + MINUTE
        who = np.flatnonzero(leads)
        if name == "newsletter_open" and day.reopened is not None:
            rows.append(_again(day.reopened, times[name], rng))
        rows.append((who, np.full(len(who), TYPES.index(name)), times[name][who]))
    return rows


def _again(reopened: Ints, opened_at: Ints, rng: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Further opens of a newsletter, within three hours of the first: (lead, kind, at)."""
    who = np.repeat(np.arange(len(reopened)), reopened)
    later = rng.integers(MINUTE, 3 * HOUR, len(who))
    return who, np.full(len(who), TYPES.index("newsletter_open")), opened_at[who] + later


def _amounts(first: Bools, rng: np.random.Generator) -> Floats:
    """Yen of a purchase, in thousands: a first one is a licence, later ones are services."""
    middle = np.log(np.where(first, 1_400_000.0, 350_000.0))
    yen: Floats = rng.lognormal(middle, 0.6)
    return (yen / 1000).round() * 1000
