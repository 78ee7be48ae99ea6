"""Differences of two rates of conversion."""

from __future__ import annotations

import math
from typing import NamedTuple

from models.evidence import Basis


class Difference(NamedTuple):
    """One rate less another, with its 95% interval, ends included."""

    difference: float
    low: float
    high: float


def newcombe(one: Basis, other: Basis) -> Difference:
    """The difference of two independent rates, with the hybrid score interval of Newcombe (1998),
    "Interval estimation for the difference between independent proportions", method 10.

    Examples
    --------
    >>> from models.evidence import wilson
    >>> found = newcombe(wilson(70, 56), wilson(80, 48))
    >>> f"{found.difference:.4f} {found.low:.4f} {found.high:.4f}"
    '0.2000 0.0524 0.3339'
    """
    p, q = (side["converted"] / side["n"] for side in (one, other))
    low = math.hypot(p - one["low"], other["high"] - q)
    high = math.hypot(one["high"] - p, q - other["low"])
    return Difference(p - q, p - q - low, p - q + high)
