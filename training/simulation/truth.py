"""The best possible answer in the invented world: the forward algorithm.

The world is a hidden Markov model whose moves are driven by attributes that can be seen. Let

    a[d](z) = P(state z on day d | attributes, emissions and silence to the end of day d, open)

for a lead of profile k whose changing attribute is x at the midnight that begins day d, with moves
T = transition[k, x]. Rabiner (1989), "A tutorial on hidden Markov models and selected applications
in speech recognition", equations 19 to 21, scaled to sum to 1 every day:

    a[d](z') ~ [z' is open] P(emissions of day d | z') sum_z a[d-1](z) T(z, z')

What lies ahead is computed over the joint chain of state and changing attribute (moves C), paths
through `lost` included: the probability that a deal opens on one of the next n days,

    h[n](k, x, z) = sum_z' T(z, z') g(z'),  where g(deal) = 1 and otherwise
    g(z') = sum_x' C(x, x') h[n-1](k, x', z')

At a midnight p_bayes = sum_z a(z) h(k, x, z). A day is a day of the stated zone: the horizon
(cutoff, cutoff + n days] is that of instants where the zone keeps one offset, as Asia/Tokyo does;
across a change to summer time its end shifts by that hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from training.simulation.behaviour import Day, Traits
from training.simulation.world import Bools, Floats, Ints, World

HORIZON_DAYS = 90
"""Horizon of the task qualification."""

SILENT_DAYS = 365
"""An open lead without an act of its own for this long is no longer asked about."""


@dataclass(frozen=True)
class Forecast:
    """The truth at one midnight.

    Attributes
    ----------
    midnight : number of the day that begins; the cutoff.
    leads : ndarray of shape (m,), the open leads, ascending.
    p_bayes : ndarray of shape (m,), P(deal opened in (cutoff, cutoff + horizon]) in [0, 1].
    belief : ndarray of shape (m, S), distribution of the state on the day before the cutoff.
    """

    midnight: int
    leads: Ints
    p_bayes: Floats
    belief: Floats


def deal_within(world: World, horizon: int) -> Floats:
    """P(the deal opens on one of the next `horizon` days): ndarray of shape (P, X, S)."""
    ahead = np.zeros(world.transition.shape[:3])
    entering = np.zeros(world.transition.shape[-1])
    entering[world.deal] = 1.0
    for _ in range(horizon):
        later = np.einsum("xy,pys->pxs", world.project, ahead) * (1 - entering) + entering
        ahead = np.einsum("pxst,pxt->pxs", world.transition, later)
    return ahead


def likelihood(world: World, profile: Ints, day: Day, rows: Ints) -> Floats:
    """P(emissions of the day | state) up to a factor without the state: ndarray (len(rows), S).

    The silence of a day counts as much as its acts. Left out is whatever is the same in every
    state: sends, the factorials, the hours, contents and order of the acts, how the pages of a day
    spread over its sessions (uniform given their sum).
    """
    log = -world.rate(profile[rows], day.weekday)
    browsing = np.flatnonzero(day.sessions[rows] > 0)
    if len(browsing):
        leads = rows[browsing]
        sessions = day.sessions[leads][:, None]
        size = (len(day.present), world.mix.shape[1])
        flat = np.ravel_multi_index((day.page_lead, day.page_kind), size)
        kinds = np.bincount(flat, minlength=size[0] * size[1]).reshape(size)[leads]
        extra = kinds.sum(axis=1, keepdims=True) - sessions
        log[browsing] += sessions * (_log(world.sessions) - world.extra_pages)
        log[browsing] += extra * _log(world.extra_pages)
        log[browsing] += kinds @ _log(world.mix).T
    for tried, responded, chance in zip(day.tried, day.responded, world.response, strict=True):
        if tried.any():
            asked = np.flatnonzero(tried[rows])
            answer = responded[rows[asked], None]
            log[asked] += np.where(answer, _log(chance), _log(1 - chance))
    scaled: Floats = np.exp(log - log.max(axis=1, keepdims=True))
    return scaled


def advance(world: World, profile: Ints, day: Day, rows: Ints, belief: Floats) -> Floats:
    """The belief after one more day, given that the leads are still open.

    Parameters
    ----------
    rows : ndarray of shape (m,), leads that were there and open the day before and still are.
    belief : ndarray of shape (m, S), their belief at the end of the day before.
    """
    moved = np.empty_like(belief)
    n_projects = world.project.shape[0]
    group = profile[rows] * n_projects + day.project[rows]
    for code in np.unique(group):
        members = group == code
        moved[members] = belief[members] @ world.transition[divmod(code, n_projects)]
    moved *= likelihood(world, profile, day, rows) * world.open
    updated: Floats = moved / moved.sum(axis=1, keepdims=True)
    return updated


def forecasts(
    world: World, traits: Traits, days: Iterable[Day], horizon: int = HORIZON_DAYS
) -> Iterator[Forecast]:
    """The truth at the end of every day, for the leads open then and not silent for too long.

    Hidden states are not an input. Leads created on the day start from what their source says.
    """
    ahead = deal_within(world, horizon)
    n = len(traits.arrival)
    belief = np.zeros((n, len(world.open)))
    is_open: Bools = np.zeros(n, dtype=bool)
    last_act = np.zeros(n, dtype=np.int64)
    for day in days:
        is_open &= ~(day.opened | day.lost)
        rows = np.flatnonzero(is_open)
        belief[rows] = advance(world, traits.profile, day, rows, belief[rows])
        belief[day.created] = world.initial[traits.source[day.created]]
        is_open |= day.created
        last_act[day.acted()] = day.number
        # An act lies strictly inside its day: it is 365 days old at a midnight 366 days on.
        leads = np.flatnonzero(is_open & (day.number - last_act < SILENT_DAYS))
        weight = ahead[traits.profile[leads], day.project_after[leads]]
        yield Forecast(day.number + 1, leads, (belief[leads] * weight).sum(axis=1), belief[leads])


def _log(probability: Floats) -> Floats:
    """Logarithm in which 0 becomes the least positive float: 0 * log(0) is 0, not NaN."""
    log: Floats = np.log(np.maximum(probability, np.finfo(np.float64).tiny))
    return log
