"""Planted signals: worlds in which something beyond counts and recencies tells who moves fast.

With a signal every lead, or every account, has a hidden pace for good: a factor on its progress.
One family of behavioural features can see it, and nothing else does but the course of the lead
itself. `training.simulation.truth` has the best answer with the signal and without it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from features.errors import UsageError
from training.simulation import planting
from training.simulation.behaviour import Plant, Traits
from training.simulation.reseller import default_world, transitions
from training.simulation.truth import ONE_PACE, Prior
from training.simulation.world import RESPONSES, Ints, World


@dataclass(frozen=True)
class Signal:
    """Equally frequent paces and what shows them.

    Attributes
    ----------
    up : factor of each pace on progress. Two paces may have the same, and differ in their coins.
    chance : P(heads) at each pace, for each sort of coin; none where colleagues show the pace.
    plant : deals the coins; None without any.
    quiet : responses that do not depend on the state, but on the coins.
    sessions_tell : see `World`.
    """

    up: tuple[float, ...]
    chance: tuple[tuple[float, ...], ...] = ()
    plant: planting.Planting | None = None
    quiet: tuple[str, ...] = ()
    sessions_tell: bool = True


SIGNALS = {
    "sessions": Signal((0.5, 1.5), ((0.75, 0.2),), planting.sessions, sessions_tell=False),
    "order": Signal((0.5, 1.5), ((0.1, 0.9),), planting.order),
    # Half as many newsletters opened, but each twice as often: with (1 + 10 p) openings of an opened
    # one, slow and fast leads open 0.625, 1.25 or 2.5 times a newsletter. How often the opened ones
    # are opened again differs so much within a pace that it tells little of it.
    "responses": Signal(
        (0.5, 0.5, 0.5, 1.5, 1.5, 1.5),
        ((0.25, 0.25, 0.25, 0.5, 0.5, 0.5), (0.15, 0.4, 0.9, 0.025, 0.15, 0.4)),
        planting.responses,
        quiet=("newsletter_open", "newsletter_click"),
    ),
    "hours": Signal((0.5, 1.5), ((0.05, 0.6),), planting.hours),
    "accounts": Signal((0.3, 1.7)),
}
"""What can be planted, by the family of features that sees it."""

SIZES = (0.20, 0.14, 0.14, 0.13, 0.12, 0.10, 0.09, 0.08)
"""Share of accounts with 1, 2, ... leads."""

MAILING = (0.05, 0.5)
"""Newsletters per working day where responses are planted: log-uniform between leads."""


@dataclass(frozen=True)
class Nature:
    """A world and the leads in it, with what is hidden and what may be known of it.

    Attributes
    ----------
    world : the moves of profile k at pace u are those of profile u P + k.
    traits : as the sampler takes them: the profile is u P + k. Not for the truth.
    prior : what the truth may know of the pace.
    plant : None where nothing is planted in single days.
    pace : ndarray of shape (n_leads,). Not for the truth.
    """

    world: World
    traits: Traits
    prior: Prior
    plant: Plant | None
    pace: Ints


def known(name: str) -> Signal:
    """The signal of that name.

    Raises
    ------
    UsageError
        Naming those there are.
    """
    if name not in SIGNALS:
        names = ", ".join(SIGNALS)
        raise UsageError(f"--signal is {name!r}; give one of {names}, or leave it out.")
    return SIGNALS[name]


def companies(leads: int, seed: np.random.SeedSequence) -> Ints:
    """The account of each lead, numbered by first arrival: ndarray of shape (leads,).

    Accounts have 1 to 8 leads, which arrive independently of each other.
    """
    rng = np.random.default_rng(seed)
    sizes = rng.choice(len(SIZES), leads, p=SIZES) + 1
    shuffled = rng.permutation(np.repeat(np.arange(leads), sizes)[:leads])
    _, first, account = np.unique(shuffled, return_index=True, return_inverse=True)
    numbers: Ints = first.argsort().argsort()[account]
    return numbers


def paced(world: World, signal: Signal) -> World:
    """The world of a reseller with a signal's paces: `transition` of shape (U P, X, S, S)."""
    response = world.response.copy()
    response[[RESPONSES.index(name) for name in signal.quiet]] = 0.0
    return replace(
        world,
        transition=np.concatenate([transitions(up) for up in signal.up]),
        activity=np.tile(world.activity, len(signal.up)),
        response=response,
        sessions_tell=signal.sessions_tell,
    )


def nature(
    name: str | None, traits: Traits, account: Ints | None, seed: np.random.SeedSequence
) -> Nature:
    """The default world, with the signal of that name planted in it if there is one.

    `account` is what the leads of one pace have in common; without it each has its own.
    """
    world, rng = default_world(), np.random.default_rng(seed)
    if name is None:
        return Nature(world, traits, ONE_PACE, None, np.zeros_like(traits.profile))
    signal, n = known(name), len(traits.arrival)
    pace = rng.integers(0, len(signal.up), n)
    if account is not None:
        pace = pace[account]
    chance = np.array(signal.chance) if signal.chance else None
    plant: Plant | None = None
    if signal.plant is not None and chance is not None:
        least, most = np.log(MAILING)
        mailing = np.exp(rng.uniform(least, most, n))
        habits = planting.Habits(chance[:, pace], mailing, traits.do_not_mail)
        plant = partial(signal.plant, habits)
    return Nature(
        world=paced(world, signal),
        traits=replace(traits, profile=traits.profile + pace * len(world.activity)),
        prior=Prior(
            np.full(len(signal.up), 1 / len(signal.up)),
            None if chance is None else chance.T,
            account,
        ),
        plant=plant,
        pace=pace,
    )
