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

At a midnight p_bayes = sum_z a(z) h(k, x, z).

With a planted signal a lead also has a hidden pace u, fixed for good, and is one model of the above
for each u (`transition[u P + k]`). The scales of its days multiply to L(u) = P(own emissions | u),
a factor without u aside; the planted signal is independent of them given u and has P(shown | u). So

    p_bayes   = sum_u w(u) sum_z a(z | u) h(u, k, x, z),  w(u) ~ P(u) L(u) P(shown | u)
    p_without = the same with                             w(u) ~ P(u) L(u)

where what is shown is either the lead's coins, or what the other leads of its account did: given
the pace they share these are independent of it, and P(shown | u) is the product of their L(u).

A day is a day of the stated zone: the horizon (cutoff, cutoff + n days] is that of instants where
the zone keeps one offset, as Asia/Tokyo does; across a change to summer time its end shifts by that
hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from training.simulation.behaviour import Coins, Day, Traits
from training.simulation.emission import likelihood
from training.simulation.world import Bools, Floats, Ints, World

HORIZON_DAYS = 90
"""Horizon of the task qualification."""

SILENT_DAYS = 365
"""An open lead without an act of its own for this long is no longer asked about."""


@dataclass(frozen=True)
class Prior:
    """What anybody may know of hidden paces beforehand: the model of them, not their values.

    Attributes
    ----------
    share : ndarray of shape (U,), sums to 1: P(pace), of a lead or of an account.
    chance : ndarray of shape (U, n_coins), P(heads) of `Day.coins`; None without coins.
    account : ndarray of shape (n_leads,), a number for each account, whose leads share one pace;
        None where every lead has its own.
    """

    share: Floats
    chance: Floats | None = None
    account: Ints | None = None


@dataclass(frozen=True)
class Forecast:
    """The truth at one midnight.

    Attributes
    ----------
    midnight : number of the day that begins; the cutoff.
    leads : ndarray of shape (m,), the open leads, ascending.
    p_bayes : ndarray of shape (m,), P(deal opened in (cutoff, cutoff + horizon]) in [0, 1].
    p_without : ndarray of shape (m,), the same for who does not see the planted signal.
    pace : ndarray of shape (U, m), P(pace | all that is seen).
    states : ndarray of shape (U, m, S), P(state on the day before the cutoff | pace, own acts).
    """

    midnight: int
    leads: Ints
    p_bayes: Floats
    p_without: Floats
    pace: Floats
    states: Floats

    @property
    def belief(self) -> Floats:
        """Distribution of the state on the day before the cutoff: ndarray of shape (m, S)."""
        belief: Floats = (self.pace[:, :, None] * self.states).sum(axis=0)
        return belief


def deal_within(world: World, horizon: int) -> Floats:
    """P(the deal opens on one of the next `horizon` days): ndarray of shape (P, X, S)."""
    ahead = np.zeros(world.transition.shape[:3])
    entering = np.zeros(world.transition.shape[-1])
    entering[world.deal] = 1.0
    for _ in range(horizon):
        later = np.einsum("xy,pys->pxs", world.project, ahead) * (1 - entering) + entering
        ahead = np.einsum("pxst,pxt->pxs", world.transition, later)
    return ahead


def advance(
    world: World, profile: Ints, day: Day, rows: Ints, belief: Floats, emitted: Floats
) -> tuple[Floats, Floats]:
    """The belief after one more day, and the probability of what was seen of it.

    Parameters
    ----------
    rows : ndarray of shape (m,), leads that were there the day before.
    belief : ndarray of shape (m, S), their belief at the end of the day before.
    emitted : ndarray of shape (m, S), their `likelihood`.

    Returns
    -------
    belief : ndarray of shape (m, S)
    seen : ndarray of shape (m,), P(emissions and outcomes of the day | those before), up to the
        factor that `emitted` leaves out.
    """
    moved = np.empty_like(belief)
    n_projects = world.project.shape[0]
    group = profile[rows] * n_projects + day.project[rows]
    for code in np.unique(group):
        members = group == code
        moves = world.transition[divmod(code, n_projects)]
        moved[members] = _outcomes(world, day, rows[members], belief[members], moves)
    moved *= emitted
    seen: Floats = moved.sum(axis=1)
    updated: Floats = moved / seen[:, None]
    return updated, seen


def _outcomes(world: World, day: Day, rows: Ints, belief: Floats, moves: Floats) -> Floats:
    """P(state today, outcomes seen today) of leads with the same moves: ndarray of shape (m, S).

    Whoever enters the state of a deal, a win or a loss is seen to, and so is whoever does not.
    """
    moved: Floats = belief @ moves
    possible = np.ones_like(moved)
    states = np.arange(len(moves))
    goals = ((world.deal, day.opened), (world.customer, day.won), (world.lost, day.lost))
    for goal, entered in goals:
        if goal < 0:
            continue
        stays = belief[:, goal] * moves[goal, goal]
        enters = belief[:, states != goal] @ moves[states != goal, goal]
        moved[:, goal] = np.where(entered[rows], enters, stays)
        possible[np.ix_(entered[rows], states != goal)] = 0.0
    if world.customer >= 0:
        again = np.where(day.bought[rows], world.purchase, 1 - world.purchase)
        possible[:, world.customer] *= np.where(day.won[rows], 1.0, again)
        possible[np.ix_(day.bought[rows], states != world.customer)] = 0.0
    outcomes: Floats = moved * possible
    return outcomes


ONE_PACE = Prior(np.ones(1))


def forecasts(
    world: World,
    traits: Traits,
    days: Iterable[Day],
    horizon: int = HORIZON_DAYS,
    prior: Prior = ONE_PACE,
) -> Iterator[Forecast]:
    """The truth at the end of every day, for the leads open then and not silent for too long.

    Hidden states and paces are not an input. Leads created on the day start from what their source
    says. With U paces `world` has the moves of profile k at pace u as those of profile u P + k.
    """
    ahead = deal_within(world, horizon)
    n, n_paces = len(traits.arrival), len(prior.share)
    profiles = traits.profile + np.arange(n_paces)[:, None] * (len(world.activity) // n_paces)
    belief = np.zeros((n_paces, n, len(world.open)))
    own, shown = np.zeros((n_paces, n)), np.zeros((n_paces, n))
    own += np.log(prior.share)[:, None]
    is_open: Bools = np.zeros(n, dtype=bool)
    last_act = np.zeros(n, dtype=np.int64)
    for day in days:
        is_open &= ~(day.opened | day.lost)
        # Whose answer nobody asks for any more still tells of the pace of its account.
        rows = np.flatnonzero(is_open if prior.account is None else day.present)
        emitted = likelihood(world, traits.profile, day, rows)
        for u, profile in enumerate(profiles):
            belief[u, rows], seen = advance(world, profile, day, rows, belief[u, rows], emitted)
            own[u, rows] += np.log(seen)
        belief[:, day.created] = world.initial[traits.source[day.created]]
        if prior.chance is not None and day.coins is not None:
            shown += _coins(prior.chance, day.coins)
        is_open |= day.created
        last_act[day.acted()] = day.number
        # An act lies strictly inside its day: it is 365 days old at a midnight 366 days on.
        leads = np.flatnonzero(is_open & (day.number - last_act < SILENT_DAYS))
        weight = ahead[profiles[:, leads], day.project_after[leads]]
        states = belief[:, leads]
        by_pace = (states * weight).sum(axis=2)
        if prior.account is not None:
            shown = _colleagues(own - np.log(prior.share)[:, None], prior.account)
        pace: Floats = softmax(own[:, leads] + shown[:, leads], axis=0)
        alone: Floats = softmax(own[:, leads], axis=0)
        p_bayes, p_without = (pace * by_pace).sum(axis=0), (alone * by_pace).sum(axis=0)
        yield Forecast(day.number + 1, leads, p_bayes, p_without, pace, states)


def _coins(chance: Floats, coins: Coins) -> Floats:
    """Logarithm of P(heads of the day | pace) up to a factor without it: ndarray (U, n)."""
    p = chance[:, :, None]
    log: Floats = (coins.heads * np.log(p) + (coins.tossed - coins.heads) * np.log1p(-p)).sum(
        axis=1
    )
    return log


def _colleagues(own: Floats, account: Ints) -> Floats:
    """Logarithm of P(acts of the others of the account | pace) from that of each: ndarray (U, n)."""
    together = np.stack([np.bincount(account, log) for log in own])
    others: Floats = together[:, account] - own
    return others
