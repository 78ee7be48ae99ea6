"""The Shapley values of leads, looked up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from features.threads import in_threads, shares
from models.shapley.nodes import CATEGORICAL, DEFAULT_LEFT, NAN, ZERO, Nodes, nodes
from models.shapley.parts import NO_TABLE, Parts, cut
from models.shapley.product import Quadrature, product, scratch

TABLE_BYTES = 64 * 2**20
"""The most memory that the tables of one model take; what does not fit is computed."""

_BLOCK = 128
"""Rows that are looked up side by side."""

_FEW = 8
"""Up to so many rows, each is looked up by itself."""

_SHARE = 256
"""Rows for which another thread is worth waking."""

_ALMOST_ZERO = float(np.float32(1e-35))
"""What LightGBM takes for zero lies within it, on both sides."""

_PLAIN = 3 << 2 | CATEGORICAL
"""Bits of a decision that tell the most frequent splits: of numbers, with NaN for missing."""

_CODES = 2.0**31
"""LightGBM's codes of categories are below it."""


@dataclass(frozen=True, eq=False)
class Shapley:
    """Trees laid out for their Shapley values.

    Attributes
    ----------
    nodes : Nodes
    parts : Parts
    table : ndarray of float64
        The tables of all parts.
    quadrature : Quadrature
    base : float
        The mean raw score of training rows: where a lead's values start from.
    """

    nodes: Nodes
    parts: Parts
    table: npt.NDArray[np.float64]
    quadrature: Quadrature
    base: float

    @classmethod
    def of(cls, text: str, table_bytes: int = TABLE_BYTES) -> Shapley:
        """Of trees as LightGBM writes them; their tables take at most `table_bytes`.

        Raises
        ------
        ValueError
            When the text is not of one sum of trees, see `models.shapley.nodes.nodes`.
        """
        trees = nodes(text)
        parts, table, quadrature = cut(trees, table_bytes // 8)
        return cls(trees, parts, table, quadrature, _base(trees))

    @property
    def table_bytes(self) -> int:
        """The memory that the tables take."""
        return self.table.nbytes

    @property
    def computed_leaves(self) -> int:
        """Leaves without a table, whose values are computed for each lead."""
        return int((self.parts.at == NO_TABLE).sum())

    def __call__(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Shapley values of each feature, and the base last: shape (n_rows, n_features + 1).

        A row has the same bits alone and among others.
        """
        values = np.zeros((len(X), X.shape[1] + 1))
        values[:, -1] = self.base
        if len(X) <= _FEW:
            _each(self.nodes, self.parts, self.table, self.quadrature, X, values)
            return values

        def look_up(share: tuple[int, int]) -> None:
            rows = slice(*share)
            args = self.nodes, self.parts, self.table, self.quadrature
            _side_by_side(*args, X[rows], values[rows])

        in_threads(look_up, shares(len(X), _SHARE))
        return values


def _base(trees: Nodes) -> float:
    """The mean of each tree's leaves over the training rows that came to them, summed."""
    rows = np.add.reduceat(trees.leaf_rows, trees.first_leaf[:-1])
    share = trees.leaf_rows / np.repeat(rows, np.diff(trees.first_leaf))
    return float((share * trees.value).sum())


@numba.njit(nogil=True, inline="always")
def _is_left(x: Any, threshold: Any, decision: Any, first_word: Any, words: Any) -> Any:
    """Which way LightGBM goes with a value."""
    if decision & CATEGORICAL:
        # NaN compares as false.
        if not -1.0 < x < _CODES:
            return False
        code, first = np.int64(x), first_word[np.int64(threshold)]
        word = first + (code >> 5)
        if word >= first_word[np.int64(threshold) + 1]:
            return False
        return (words[word] >> np.uint32(code & 31)) & np.uint32(1) == 1
    missing = (decision >> 2) & 3
    absent = np.isnan(x)
    if absent and missing != NAN:
        x = 0.0
    if missing == ZERO:
        absent = -_ALMOST_ZERO <= x <= _ALMOST_ZERO
    if absent and missing:
        return decision & DEFAULT_LEFT != 0
    return x <= threshold


@numba.njit(nogil=True)
def take_turns(of: Any, x: Any, took: Any) -> None:
    """Which turns one row takes, into `took` of shape (n_turns,): 1 where it does, else 0."""
    for split in range(len(of.feature)):
        value, threshold = np.float64(x[of.feature[split]]), of.threshold[split]
        decision = of.decision[split]
        if decision & _PLAIN == NAN << 2:
            absent = np.uint8(value != value) & np.uint8(decision & DEFAULT_LEFT != 0)
            left = np.uint8(value <= threshold) | absent
        else:
            left = np.uint8(_is_left(value, threshold, decision, of.first_word, of.words))
        took[2 * split], took[2 * split + 1] = left ^ np.uint8(1), left


@numba.njit(cache=True, nogil=True)
def _each(of: Any, parts: Any, table: Any, quadrature: Any, X: Any, values: Any) -> None:
    """Add to the values of each row, row by row.

    All places in the tables are worked out before the first is read, so that reads of memory overlap.
    """
    took = np.empty(2 * len(of.feature), np.uint8)
    at = np.empty(len(parts.at), np.int64)
    memory = scratch(quadrature)
    for row in range(len(X)):
        to = values[row]
        take_turns(of, X[row], took)
        for part in range(len(parts.at)):
            at[part] = NO_TABLE
            if parts.at[part] != NO_TABLE:
                code, start = np.int64(0), parts.first_bit[part]
                for bit in range(start, parts.first_bit[part + 1]):
                    code |= np.int64(took[parts.turn[bit]]) << (bit - start)
                for more in range(parts.first_more[part], parts.first_more[part + 1]):
                    code &= ~((1 - np.int64(took[parts.more_turn[more]])) << parts.more_bit[more])
                width = parts.first_column[part + 1] - parts.first_column[part]
                at[part] = parts.at[part] + code * width
        for part in range(len(parts.at)):
            first, stop = parts.first_column[part], parts.first_column[part + 1]
            if at[part] != NO_TABLE:
                for place in range(first, stop):
                    to[parts.column[place]] += table[at[part] + place - first]
                continue
            start = parts.first_bit[part]
            for bit in range(start, parts.first_bit[part + 1]):
                memory.on[bit - start] = took[parts.turn[bit]]
            for more in range(parts.first_more[part], parts.first_more[part + 1]):
                memory.on[parts.more_bit[more]] *= took[parts.more_turn[more]]
            leaf = of.value[~parts.root[part]]
            product(leaf, parts.share[first:], stop - first, quadrature, memory)
            for place in range(first, stop):
                to[parts.column[place]] += memory.value[place - first]


@numba.njit(cache=True, nogil=True)
def _side_by_side(of: Any, parts: Any, table: Any, quadrature: Any, X: Any, values: Any) -> None:
    """The same for blocks of rows, part by part: turns are compared side by side."""
    n_features = X.shape[1]
    columns, sums = np.empty((2, n_features, _BLOCK))
    took = np.empty((2 * len(of.feature), _BLOCK), np.uint8)
    code = np.empty(_BLOCK, np.int64)
    memory = scratch(quadrature)
    for begin in range(0, len(X), _BLOCK):
        m = min(_BLOCK, len(X) - begin)
        for row in range(m):
            for feature in range(n_features):
                columns[feature, row] = X[begin + row, feature]
        sums[:] = 0.0
        _take_turns_together(of, columns, m, took)
        for part in range(len(parts.at)):
            first, width = parts.first_column[part], parts.first_column[part + 1]
            width -= first
            start, stop = parts.first_bit[part], parts.first_bit[part + 1]
            if parts.at[part] != NO_TABLE:
                code[:m] = 0
                for bit in range(start, stop):
                    taken = took[parts.turn[bit]]
                    for row in range(m):
                        code[row] |= np.int64(taken[row]) << (bit - start)
                for more in range(parts.first_more[part], parts.first_more[part + 1]):
                    taken, bit = took[parts.more_turn[more]], parts.more_bit[more]
                    for row in range(m):
                        code[row] &= ~((1 - np.int64(taken[row])) << bit)
                for place in range(width):
                    to, at = sums[parts.column[first + place]], parts.at[part] + place
                    for row in range(m):
                        to[row] += table[at + code[row] * width]
                continue
            leaf = of.value[~parts.root[part]]
            for row in range(m):
                for bit in range(start, stop):
                    memory.on[bit - start] = took[parts.turn[bit], row]
                for more in range(parts.first_more[part], parts.first_more[part + 1]):
                    memory.on[parts.more_bit[more]] *= took[parts.more_turn[more], row]
                product(leaf, parts.share[first:], width, quadrature, memory)
                for place in range(width):
                    sums[parts.column[first + place], row] += memory.value[place]
        for row in range(m):
            for feature in range(n_features):
                values[begin + row, feature] = sums[feature, row]


@numba.njit(cache=True, nogil=True)
def _take_turns_together(of: Any, columns: Any, m: int, took: Any) -> None:
    """Which turns `m` rows take, into `took` of shape (n_turns, m or more)."""
    for split in range(len(of.feature)):
        x, threshold = columns[of.feature[split]], of.threshold[split]
        decision = of.decision[split]
        left, right = took[2 * split + 1], took[2 * split]
        if decision & _PLAIN == NAN << 2:
            by_default = np.uint8(decision & DEFAULT_LEFT != 0)
            for row in range(m):
                at_most, absent = np.uint8(x[row] <= threshold), np.uint8(x[row] != x[row])
                left[row] = at_most | (absent & by_default)
        else:
            for row in range(m):
                left[row] = _is_left(x[row], threshold, decision, of.first_word, of.words)
        for row in range(m):
            right[row] = 1 - left[row]
