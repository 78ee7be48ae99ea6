"""Bounds in closed form, for one row per lead.

Every bound is one-sided and holds for all the things looked at together: the error `LEVEL` is
divided by how many they are (Bonferroni 1936), so that forty columns of noise are as unlikely to
be accused as one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

LEVEL = 0.01
"""The chance that any of the bounds of one detector is on the wrong side."""


def z_of(looked_at: int) -> float:
    """Standard errors between an estimate and its bound, when `looked_at` things are looked at.

    Examples
    --------
    >>> round(z_of(1), 2), round(z_of(40), 2)
    (2.33, 3.48)
    """
    return float(-ndtri(LEVEL / max(looked_at, 1)))


def wilson(hits: Any, of: Any, z: float) -> tuple[Any, Any]:
    """Bounds of a share, `hits` of `of` (Wilson 1927); 0 and 1 where `of` is 0.

    Examples
    --------
    >>> low, high = wilson(0, 50, z=2.33)
    >>> float(low), round(float(high), 3)
    (0.0, 0.098)
    """
    n = np.maximum(of, 1e-12)
    share = np.asarray(hits) / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def auc(score: npt.NDArray[np.float64], converted: npt.NDArray[np.bool_]) -> float:
    """The chance that a lead that converted has the higher score than one that did not.

    Parameters
    ----------
    score : ndarray of shape (n_leads,); ties count half
    converted : ndarray of shape (n_leads,), both classes
    """
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    yes = int(converted.sum())
    above = rank[converted].sum() - yes * (yes + 1) / 2
    return float(above / (yes * (len(score) - yes)))


def auc_error(area: Any, yes: Any, no: Any) -> Any:
    """Standard error of an area under the curve (Hanley and McNeil 1982, equation 1)."""
    pairs_yes = area / (2 - area)
    pairs_no = 2 * area * area / (1 + area)
    variance = (
        area * (1 - area)
        + (yes - 1) * (pairs_yes - area * area)
        + (no - 1) * (pairs_no - area * area)
    ) / (yes * no)
    return np.sqrt(np.maximum(variance, 0))
