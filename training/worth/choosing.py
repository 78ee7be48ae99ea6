"""Which families the default catalogue has: what folds inside the training span say.

A family is chosen if on the folds its mean gain in log loss, over the worlds where it finds something
to read, is beyond its standard error. A world with a planted signal has a say on the family that sees
it only: what there is to win where a company's leads behave so is held against what the family costs
where they do not. A family that finds nothing to read in any world is not chosen.
"""

from __future__ import annotations

import math

from models.families import BASE, FAMILIES
from training.worth.measured import Record


def chosen(record: Record) -> tuple[str, ...]:
    """The families that the folds choose, the counts among them."""
    found = [BASE]
    for family in FAMILIES:
        gains = [world.gains[family] for world in record.worlds if family in world.gains]
        # Of means of n independent figures: both sides times n.
        if sum(gain.folds for gain in gains) > math.hypot(*(gain.folds_error for gain in gains)):
            found.append(family)
    return tuple(found)
