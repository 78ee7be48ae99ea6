"""Who gets the places of the call list: the first in order, and a few drawn from below the cut."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from models.conditions import Mask
from models.tally import Integers


class Places(NamedTuple):
    """Who is called.

    Attributes
    ----------
    rows : ndarray of shape (n_places,), int64
        The chosen in their order, then the drawn in theirs.
    drawn : ndarray of shape (n_places,), bool
    drawn_from : int
        How many leads the drawn ones were drawn from, each as likely as any other.
    """

    rows: Integers
    drawn: Mask
    drawn_from: int


def fill(
    order: Integers, hot: Mask, lead_id: list[str], places: int, explore: float, seed: int
) -> Places:
    """Fill the places of a call list.

    Of the places taken, a share `explore`, rounded half up, is drawn without replacement from the
    leads behind the last chosen one that are not hot: those whom nobody would call. Places for which
    there is nobody to draw go to the next in order.

    Parameters
    ----------
    order : ndarray of int64
        Rows of the lead list that may be called, the first to be called first.
    hot : ndarray of shape (n_leads,), bool
    seed : int
        With the same leads in whatever order of their list, the same seed draws the same.
    """
    places = min(places, len(order))
    wanted = math.floor(explore * places + 0.5) if len(order) > places else 0
    behind = order[places - wanted :]
    below = np.array(sorted(behind[~hot[behind]], key=lambda row: lead_id[row]), dtype=np.int64)
    n = min(wanted, len(below))
    picked = (
        below[np.random.default_rng(seed).choice(len(below), n, replace=False)] if n else below[:0]
    )
    drawn = np.isin(order, picked)
    rows = np.concatenate([order[~drawn][: places - n], order[drawn]])
    return Places(rows, np.arange(places) >= places - n, len(below) if n else 0)
