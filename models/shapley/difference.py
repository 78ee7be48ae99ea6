"""What each feature did to the difference of two raw scores of one lead.

The game is that of `models.shapley.product` with the lead as it was for whatever is not known of it
now: v(S) takes the features in S as they are and the others as they were. Its values sum to the
difference of the raw scores, and a feature that takes the same turns as before has none (baseline
Shapley: Sundararajan and Najmi 2020, "The many Shapley values for model explanation").
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from models.shapley.nodes import Nodes
from models.shapley.parts import cut
from models.shapley.product import product, scratch
from models.shapley.values import take_turns


def difference(
    trees: Nodes, before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """Shapley values of each feature, shape (n_rows, n_features).

    Parameters
    ----------
    before, after : ndarray of shape (n_rows, n_features)
    """
    leaves, _, quadrature = cut(trees, 0)
    values = np.zeros(after.shape)
    _differences(trees, leaves, quadrature, before, after, values)
    return values


@numba.njit(cache=True, nogil=True)
def _differences(
    of: Any, leaves: Any, quadrature: Any, before: Any, after: Any, values: Any
) -> None:
    was, now = np.empty((2, 2 * len(of.feature)), np.uint8)
    memory = scratch(quadrature)
    share = np.empty(len(memory.on))
    for row in range(len(after)):
        take_turns(of, before[row], was)
        take_turns(of, after[row], now)
        for leaf in range(len(leaves.root)):
            start, stop = leaves.first_bit[leaf], leaves.first_bit[leaf + 1]
            for bit in range(start, stop):
                turn = leaves.turn[bit]
                memory.on[bit - start], share[bit - start] = now[turn], was[turn]
            for more in range(leaves.first_more[leaf], leaves.first_more[leaf + 1]):
                bit, turn = leaves.more_bit[more], leaves.more_turn[more]
                memory.on[bit] *= now[turn]
                share[bit] *= was[turn]
            width, value = stop - start, of.value[~leaves.root[leaf]]
            product(value, share, width, quadrature, memory)
            for place in range(width):
                column = leaves.column[leaves.first_column[leaf] + place]
                values[row, column] += memory.value[place]
