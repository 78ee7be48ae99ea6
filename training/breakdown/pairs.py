"""Pairs of channels within 30 days, against each of them alone.

Who had both could only have them by living as an open lead until the second came. So that this is
no advantage, all three groups are looked at from one landmark on: 30 days after the first of the two
channels. What came by then puts a lead into its group, what comes after is its outcome (Anderson,
Cain and Gelber 1983, "Analysis of survival by tumor response").
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from features.instants import DAY, FOREVER
from models.rates import Difference, newcombe
from training.breakdown.by_channel import channel_masks
from training.breakdown.exposed import History, Outcome

WINDOW = 30 * DAY
AT_LEAST = 20
"""Fewest leads with both of which a pair is shown."""


class Pair(NamedTuple):
    """Two channels, and what became of leads that had both, or one alone.

    `against_one`, `against_other`: the rate of both less that of one alone; None where nobody had
    it alone.
    """

    one: str
    other: str
    both: Outcome
    one_alone: Outcome
    other_alone: Outcome
    against_one: Difference | None
    against_other: Difference | None


def pairs(history: History) -> tuple[list[Pair], int]:
    """Pairs of channels, those of most leads first, and how many had too few leads to be shown."""
    first = {name: history.first(mask) for name, mask in channel_masks(history).items()}
    found = [pair(history, one, other, first) for one, other in itertools.combinations(first, 2)]
    shown = [p for p in found if p.both.basis is not None and p.both.basis["n"] >= AT_LEAST]
    shown.sort(key=lambda p: (-(p.both.basis["n"] if p.both.basis else 0), p.one, p.other))
    return shown, len(found) - len(shown)


def pair(history: History, one: str, other: str, first: dict[str, np.ndarray]) -> Pair:
    """One pair, from the moments at which leads first had each channel (`FOREVER` for never)."""
    a, b = first[one], first[other]
    earlier = np.minimum(a, b)
    landmark = np.where(earlier < FOREVER, np.minimum(earlier, FOREVER - WINDOW) + WINDOW, FOREVER)
    has = [moment <= landmark for moment in (a, b)]
    groups = (has[0] & has[1], has[0] & ~has[1], ~has[0] & has[1])
    outcomes = [
        history.outcome(np.where(group & (earlier < FOREVER), landmark, FOREVER))
        for group in groups
    ]
    both, *alone = outcomes
    against = [newcombe(both.basis, of.basis) if both.basis and of.basis else None for of in alone]
    return Pair(one, other, both, alone[0], alone[1], against[0], against[1])
