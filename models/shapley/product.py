"""The Shapley values of a product.

A leaf of value v whose path splits on the features 1..n is worth, to a set S of features that are
known of a lead,

    v(S) = v * prod_{i in S} o_i * prod_{i not in S} r_i

with o_i 1 where the lead takes every turn that the path takes by feature i, else 0, and r_i the share
of training rows that did. The Shapley value of feature i in a product is

    v * (o_i - r_i) * integral_0^1 prod_{j != i} (t * o_j + (1 - t) * r_j) dt

since each of the others has come before i with probability t, if all come at times drawn uniformly
(Owen 1972, "Multilinear extensions of games"). The integrand is a polynomial of degree n - 1 in t,
which Gauss-Legendre quadrature with n / 2 points integrates exactly; all its terms have one sign, so
that nothing cancels.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt


class Quadrature(NamedTuple):
    """Points on [0, 1] and their weights: row m has the m of products of up to 2 m features.

    Attributes
    ----------
    points, weights : ndarray of shape (most + 1, most), float64
    """

    points: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]

    @classmethod
    def up_to(cls, n: int) -> Quadrature:
        """For products of at most `n` features."""
        most = max((n + 1) // 2, 1)
        points, weights = np.zeros((2, most + 1, most))
        for m in range(1, most + 1):
            x, w = np.polynomial.legendre.leggauss(m)
            points[m, :m], weights[m, :m] = (x + 1) / 2, w / 2
        return cls(points, weights)


class Scratch(NamedTuple):
    """Memory of `product`, each of shape (n_features,), float64; `on` and `value` are its in- and
    output."""

    on: npt.NDArray[np.float64]
    value: npt.NDArray[np.float64]
    terms: npt.NDArray[np.float64]
    before: npt.NDArray[np.float64]


@numba.njit(nogil=True)
def scratch(quadrature: Any) -> Any:
    """Memory for the widest product that the quadrature is for."""
    most = 2 * quadrature.points.shape[1]
    return Scratch(np.empty(most), np.empty(most), np.empty(most), np.empty(most))


@numba.njit(nogil=True)
def product(leaf: float, share: Any, n: int, quadrature: Any, memory: Any) -> None:
    """The Shapley values of `n` features into ``memory.value``.

    Parameters
    ----------
    leaf : float
        v, the value of the leaf.
    share : ndarray of shape (n,) or longer
        r, the shares of rows; ``memory.on`` has o.
    """
    on, value, terms, before = memory
    value[:n] = 0.0
    m = (n + 1) // 2
    for point in range(m):
        t = quadrature.points[m, point]
        so_far = leaf * quadrature.weights[m, point]
        for one in range(n):
            terms[one] = t * on[one] + (1.0 - t) * share[one]
            before[one] = so_far
            so_far *= terms[one]
        so_far = 1.0
        for one in range(n - 1, -1, -1):
            value[one] += (on[one] - share[one]) * (before[one] * so_far)
            so_far *= terms[one]
