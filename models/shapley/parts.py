"""Trees cut into parts, and for each part a table of the Shapley values of whatever a lead may do.

A part is a split with all below it. What it adds to the values of a lead depends on which turns the
lead takes: one bit for each feature of the way from the root to the part, whether the lead takes all
turns of that feature, and one bit for each split inside. A leaf whose way has more features than a
table may have bits is a part without a table.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from models.shapley.nodes import Nodes
from models.shapley.product import Quadrature, product, scratch

BITS = 8
"""The most bits of a table of several leaves: it shall lie in the processor's first cache."""

LEAF_BITS = 11
"""The most bits of a table of one leaf, whose way is long: it is still faster than computing."""

NO_TABLE = -1


class Parts(NamedTuple):
    """Parts of trees.

    Attributes
    ----------
    first_bit : ndarray of shape (n_parts + 1,), int32
        Part p has bits ``first_bit[p]:first_bit[p + 1]``, the lowest first: those of the features
        of its way, then those of its splits.
    turn : ndarray of shape (n_bits,), uint32
        A bit is 1 where the lead takes this turn: twice the split, and 1 more for one to the left.
    first_more : ndarray of shape (n_parts + 1,), int32
    more_bit : ndarray of shape (n_more,), int32
    more_turn : ndarray of shape (n_more,), uint32
        Bits of ways that turn by one feature more than once, and the turns that they need besides.
    first_column : ndarray of shape (n_parts + 1,), int32
    column : ndarray of shape (n_columns,), uint32
        The features that the part says something of, those of its way first.
    at : ndarray of shape (n_parts,), int64
        Where its table begins, of shape (2 ** n_bits, n_columns); `NO_TABLE` for none.
    root : ndarray of shape (n_parts,), int64
        Its topmost split, or ``~leaf``.
    share : ndarray of shape (n_columns,), float64
        Of a part without a table: the share of training rows that took the turns of a feature.
    """

    first_bit: npt.NDArray[np.int32]
    turn: npt.NDArray[np.uint32]
    first_more: npt.NDArray[np.int32]
    more_bit: npt.NDArray[np.int32]
    more_turn: npt.NDArray[np.uint32]
    first_column: npt.NDArray[np.int32]
    column: npt.NDArray[np.uint32]
    at: npt.NDArray[np.int64]
    root: npt.NDArray[np.int64]
    share: npt.NDArray[np.float64]


class Count(NamedTuple):
    """How much of `Parts` is filled, and the numbers in all tables; arrays of one number."""

    parts: npt.NDArray[np.int64]
    bits: npt.NDArray[np.int64]
    more: npt.NDArray[np.int64]
    columns: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]


def cut(of: Nodes, most: int) -> tuple[Parts, npt.NDArray[np.float64], Quadrature]:
    """The parts of trees, their tables one after the other, and what computes the rest.

    Parameters
    ----------
    most : int
        The most numbers that all tables together may have.
    """
    up, leaf_up = _turns_to(of.child, len(of.value))
    for bits in range(LEAF_BITS, -2, -1):
        parts, size = _laid_out(of, up, leaf_up, min(bits, BITS), bits)
        if size <= most:
            break
    widest = int(np.diff(parts.first_column).max(initial=1))
    quadrature = Quadrature.up_to(widest)
    table = np.zeros(size)
    _fill(of, up, leaf_up, parts, quadrature, table)
    return parts, table, quadrature


def _laid_out(
    of: Nodes,
    up: npt.NDArray[np.int64],
    leaf_up: npt.NDArray[np.int64],
    bits: int,
    leaf_bits: int,
) -> tuple[Parts, int]:
    """The parts with at most so many bits, and the numbers in their tables, which are still empty."""
    depth, inner = _shape(up)
    n_leaves = len(of.value)
    longest = int(depth.max(initial=0)) + 1
    # At most a bit for each turn on the way to a leaf, and for each split inside a part.
    room = int((depth[leaf_up[leaf_up >= 0] >> 1] + 1).sum()) + len(depth)
    firsts = np.zeros((3, n_leaves + 1), dtype=np.int32)
    turn, more_turn, column = np.empty((3, room), dtype=np.uint32)
    more_bit = np.empty(room, dtype=np.int32)
    at, root = np.empty((2, n_leaves), dtype=np.int64)
    parts = Parts(
        firsts[0], turn, firsts[1], more_bit, more_turn, firsts[2], column, at, root, np.ones(0)
    )
    n = Count(*np.zeros((5, 1), dtype=np.int64))
    way = np.empty((3, longest + max(bits, 0) + 1), dtype=np.int64)
    _lay_out(of, up, leaf_up, inner, bits, leaf_bits, parts, n, way)
    return Parts(
        parts.first_bit[: n.parts[0] + 1].copy(),
        turn[: n.bits[0]].copy(),
        parts.first_more[: n.parts[0] + 1].copy(),
        more_bit[: n.more[0]].copy(),
        more_turn[: n.more[0]].copy(),
        parts.first_column[: n.parts[0] + 1].copy(),
        column[: n.columns[0]].copy(),
        at[: n.parts[0]].copy(),
        root[: n.parts[0]].copy(),
        np.ones(n.columns[0]),
    ), int(n.size[0])


@numba.njit(cache=True, nogil=True)
def _turns_to(child: Any, n_leaves: int) -> Any:
    """The turn that leads to each split, and to each leaf; -1 for roots."""
    up, leaf_up = np.full(len(child), -1), np.full(n_leaves, -1)
    for split in range(len(child)):
        for side in range(2):
            below = child[split, side]
            if below >= 0:
                up[below] = 2 * split + side
            else:
                leaf_up[~below] = 2 * split + side
    return up, leaf_up


@numba.njit(cache=True, nogil=True)
def _shape(up: Any) -> Any:
    """How many splits come before each split, and how many there are from it on."""
    before, inside = np.zeros(len(up), np.int64), np.ones(len(up), np.int64)
    for split in range(len(up)):
        if up[split] >= 0:
            before[split] = before[up[split] >> 1] + 1
    for split in range(len(up) - 1, -1, -1):
        if up[split] >= 0:
            inside[up[split] >> 1] += inside[split]
    return before, inside


@numba.njit(cache=True, nogil=True)
def _lay_out(
    of: Any,
    up: Any,
    leaf_up: Any,
    inside: Any,
    bits: int,
    leaf_bits: int,
    parts: Any,
    n: Any,
    way: Any,
) -> None:
    """Fill all of `parts` but its shares; `n` counts what is filled."""
    turns, places, columns = way
    stack = np.empty(len(columns) + 2, np.int64)
    for tree in range(len(of.first_leaf) - 1):
        waiting = 0
        if of.first_split[tree] < of.first_split[tree + 1]:
            stack[0], waiting = of.first_split[tree], 1
        while waiting:
            waiting -= 1
            here = stack[waiting]
            turn = up[here] if here >= 0 else leaf_up[~here]
            length, width = _way(of.feature, up, turn, turns, places, columns)
            if here >= 0 and width + inside[here] > bits:
                stack[waiting], stack[waiting + 1] = of.child[here, 0], of.child[here, 1]
                waiting += 2
                continue
            _bits_of_way(parts, n, turns[:length], places, width)
            if here >= 0:
                width = _bits_of_splits(of, here, parts, n, columns, width)
            _end(parts, n, here, columns[:width], leaf_bits)


@numba.njit(nogil=True)
def _way(feature: Any, up: Any, turn: int, turns: Any, places: Any, columns: Any) -> Any:
    """The turns of a way from `turn` up to the root, the features they turn by (`columns`), and
    which of these each turn is of (`places`).

    Returns how many turns, and how many different features, there are.
    """
    n = width = 0
    while turn >= 0:
        place = _place(columns, width, feature[turn >> 1])
        width = max(width, place + 1)
        turns[n], places[n] = turn, place
        n += 1
        turn = up[turn >> 1]
    return n, width


@numba.njit(nogil=True)
def _place(columns: Any, width: int, feature: int) -> int:
    """Where a feature stands among the first `width` columns; it is put at their end if it does not."""
    for place in range(width):
        if columns[place] == feature:
            return place
    columns[width] = feature
    return width


@numba.njit(nogil=True)
def _bits_of_way(parts: Any, n: Any, turns: Any, places: Any, width: int) -> None:
    first, seen = n.bits[0], 0
    for one in range(len(turns)):
        if places[one] == seen:
            parts.turn[first + seen] = turns[one]
            seen += 1
        else:
            parts.more_bit[n.more[0]], parts.more_turn[n.more[0]] = places[one], turns[one]
            n.more[0] += 1
    n.bits[0] += width


@numba.njit(nogil=True)
def _bits_of_splits(of: Any, root: int, parts: Any, n: Any, columns: Any, width: int) -> int:
    """A bit for the left turn of each split from `root` on; returns the width with their features."""
    first = done = n.bits[0]
    parts.turn[first] = 2 * root + 1
    n.bits[0] += 1
    while done < n.bits[0]:
        split = parts.turn[done] >> 1
        done += 1
        width = max(width, _place(columns, width, of.feature[split]) + 1)
        for side in range(2):
            if of.child[split, side] >= 0:
                parts.turn[n.bits[0]] = 2 * of.child[split, side] + 1
                n.bits[0] += 1
    return width


@numba.njit(nogil=True)
def _end(parts: Any, n: Any, root: int, columns: Any, leaf_bits: int) -> None:
    """Close the part whose bits were laid out last."""
    part = n.parts[0]
    bits = n.bits[0] - parts.first_bit[part]
    parts.root[part] = root
    parts.at[part] = n.size[0]
    if root < 0 and bits > leaf_bits:
        parts.at[part] = NO_TABLE
    else:
        n.size[0] += len(columns) << bits
    parts.column[n.columns[0] : n.columns[0] + len(columns)] = columns
    n.columns[0] += len(columns)
    n.parts[0] += 1
    parts.first_bit[part + 1], parts.first_more[part + 1] = n.bits[0], n.more[0]
    parts.first_column[part + 1] = n.columns[0]


@numba.njit(cache=True, nogil=True)
def _fill(of: Any, up: Any, leaf_up: Any, parts: Any, quadrature: Any, table: Any) -> None:
    """Fill the tables, and the shares of parts without one."""
    memory = scratch(quadrature)
    most = len(memory.on)
    mask, want, met = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    share, bit_of = np.empty(most), np.full(len(of.feature), -1)
    stack = np.empty(len(of.feature) + 2, np.int64)
    for part in range(len(parts.at)):
        columns = parts.column[parts.first_column[part] : parts.first_column[part + 1]]
        turns = parts.turn[parts.first_bit[part] : parts.first_bit[part + 1]]
        _number(parts.root[part], turns, bit_of, True)
        stack[0], waiting = parts.root[part], 1
        while waiting:
            waiting -= 1
            node = stack[waiting]
            if node >= 0:
                stack[waiting], stack[waiting + 1] = of.child[node, 0], of.child[node, 1]
                waiting += 2
                continue
            n = _asked(of, up, leaf_up, ~node, columns, bit_of, share, mask, want, met)
            if parts.at[part] == NO_TABLE:
                first = parts.first_column[part]
                for one in range(n):
                    parts.share[first + met[one]] = share[one]
                continue
            rows = table[parts.at[part] : parts.at[part] + (len(columns) << len(turns))]
            rows = rows.reshape(1 << len(turns), len(columns))
            for code in range(1 << len(turns)):
                for one in range(n):
                    memory.on[one] = 1.0 if code & mask[one] == want[one] else 0.0
                product(of.value[~node], share, n, quadrature, memory)
                for one in range(n):
                    rows[code, met[one]] += memory.value[one]
        _number(parts.root[part], turns, bit_of, False)


@numba.njit(nogil=True)
def _number(root: int, turns: Any, bit_of: Any, inside: bool) -> None:
    """Note the bit of each split inside a part, or forget it."""
    bit = len(turns) - 1
    while root >= 0:
        split = turns[bit] >> 1
        bit_of[split] = bit if inside else -1
        if split == root:
            return
        bit -= 1


@numba.njit(nogil=True)
def _asked(
    of: Any,
    up: Any,
    leaf_up: Any,
    leaf: int,
    columns: Any,
    bit_of: Any,
    share: Any,
    mask: Any,
    want: Any,
    met: Any,
) -> int:
    """What a leaf of a part asks of a lead.

    Feature ``columns[met[i]]`` is as the leaf asks where ``code & mask[i] == want[i]``, and was with
    a share ``share[i]`` of training rows. Returns how many features there are.
    """
    n = 0
    turn, rows = leaf_up[leaf], of.leaf_rows[leaf]
    while turn >= 0:
        split, side = turn >> 1, turn & 1
        place = _place(columns, len(columns), of.feature[split])
        one = 0
        while one < n and met[one] != place:
            one += 1
        if one == n:
            met[n], mask[n], want[n], share[n] = place, 0, 0, 1.0
            n += 1
        share[one] *= rows / of.rows[split]
        rows = of.rows[split]
        # Bits of the way are those of its features; parts without a table may have more than 63.
        if bit_of[split] >= 0:
            mask[one] |= 1 << bit_of[split]
            want[one] |= side << bit_of[split]
        elif place < 63:
            mask[one] |= 1 << place
            want[one] |= 1 << place
        turn = up[split]
    return n
