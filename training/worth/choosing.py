"""Which families the default catalogue has: what folds inside the training span say.

A family is chosen if on the folds it gains log loss beyond its standard error in at least one world,
and in none it loses beyond it. A world with a planted signal has a say on the family that sees it
only: there it shows that the family finds what there is to find, and in the others that it does no
harm where there is nothing. A family that finds nothing to read in any world is not chosen.
"""

from __future__ import annotations

from models.families import BASE, FAMILIES
from training.worth.measured import Record


def chosen(record: Record) -> tuple[str, ...]:
    """The families that the folds choose, the counts among them."""
    found = [BASE]
    for family in FAMILIES:
        gains = [world.gains[family] for world in record.worlds if family in world.gains]
        helps = any(gain.folds > gain.folds_error for gain in gains)
        harms = any(gain.folds < -gain.folds_error for gain in gains)
        if helps and not harms:
            found.append(family)
    return tuple(found)
