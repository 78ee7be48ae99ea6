"""LightGBM's text as arrays: the splits and leaves of all trees, one after the other."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

CATEGORICAL, DEFAULT_LEFT = 1, 2
"""Bits of `Nodes.decision`, as LightGBM writes them; the two above say what is missing."""

NEVER, ZERO, NAN = 0, 1, 2
"""What a split takes for missing: nothing (NaN is 0), zeros and NaN, or NaN."""

_UNKNOWN = ("average_output", "is_linear=1")
"""Words of a text whose trees are averaged, or whose leaves are no constants."""

_KEY = re.compile(r"^(\w+)=(.*)$", re.MULTILINE)


class Nodes(NamedTuple):
    """Splits and leaves of all trees.

    Attributes
    ----------
    first_split, first_leaf : ndarray of shape (n_trees + 1,), int64
        Tree t has splits ``first_split[t]:first_split[t + 1]``, its root first, and likewise leaves.
    feature : ndarray of shape (n_splits,), int32
    threshold : ndarray of shape (n_splits,), float64
        Numbers up to it go left. Of a categorical split the place in `first_word`.
    decision : ndarray of shape (n_splits,), int32
    child : ndarray of shape (n_splits, 2), int64
        Right and left: another split, or ``~leaf``.
    rows : ndarray of shape (n_splits,), float64
        Training rows that came to the split.
    value, leaf_rows : ndarray of shape (n_leaves,), float64
        What a leaf adds to the raw score, and the training rows that came to it.
    first_word : ndarray of shape (n_categorical + 1,), int64
        The codes that go left are bits of ``words[first_word[c]:first_word[c + 1]]``.
    words : ndarray of shape (n_words,), uint32
    """

    first_split: npt.NDArray[np.int64]
    first_leaf: npt.NDArray[np.int64]
    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float64]
    decision: npt.NDArray[np.int32]
    child: npt.NDArray[np.int64]
    rows: npt.NDArray[np.float64]
    value: npt.NDArray[np.float64]
    leaf_rows: npt.NDArray[np.float64]
    first_word: npt.NDArray[np.int64]
    words: npt.NDArray[np.uint32]


def nodes(text: str) -> Nodes:
    """Read the trees of one raw score.

    Raises
    ------
    ValueError
        When the text is not of such trees: several classes, averaged outputs, linear leaves.
    """
    strange = [word for word in _UNKNOWN if re.search(f"^{word}$", text, re.MULTILINE)]
    if strange or "\nnum_tree_per_iteration=1\n" not in text:
        raise ValueError(
            "expected trees of one sum with constant leaves, got "
            + (strange[0] if strange else "several raw scores")
        )
    blocks = re.split(r"^Tree=\d+\n", text[: text.index("end of trees")], flags=re.MULTILINE)[1:]
    trees = [dict(_KEY.findall(block)) for block in blocks]
    leaves = np.array([int(tree["num_leaves"]) for tree in trees], dtype=np.int64)
    first_leaf = _starts(leaves)
    first_split = _starts(leaves - 1)

    def joined(key: str, of: Callable[[str], Any] = float) -> npt.NDArray[Any]:
        # A tree of one leaf has no splits, and a text without a word for them.
        return np.array([of(word) for tree in trees for word in tree.get(key, "").split()])

    split_tree = np.repeat(np.arange(len(trees)), leaves - 1)
    child = np.column_stack([joined("right_child", int), joined("left_child", int)])
    child = child.astype(np.int64).reshape(len(split_tree), 2)
    inner, leaf = first_split[split_tree, None] + child, first_leaf[split_tree, None] + ~child
    if ((child >= 0) & (inner <= np.arange(len(split_tree))[:, None])).any():
        raise ValueError("expected splits numbered from the root on")
    categorical = np.array([int(tree.get("num_cat", 0)) for tree in trees], dtype=np.int64)
    decision = joined("decision_type", int).astype(np.int32)
    threshold = joined("threshold").astype(np.float64)
    threshold += np.where(decision & CATEGORICAL, _starts(categorical)[split_tree], 0)
    bounds = [tree["cat_boundaries"].split() for tree in trees if "cat_boundaries" in tree]
    words = [np.diff(np.array(bound, dtype=np.int64)) for bound in bounds]
    return Nodes(
        first_split,
        first_leaf,
        joined("split_feature", int).astype(np.int32),
        threshold,
        decision,
        np.where(child >= 0, inner, ~leaf),
        joined("internal_count").astype(np.float64),
        joined("leaf_value").astype(np.float64),
        _leaf_rows(trees, leaves),
        _starts(np.concatenate([np.zeros(0, dtype=np.int64), *words])),
        joined("cat_threshold", int).astype(np.uint32),
    )


def _leaf_rows(trees: list[dict[str, str]], leaves: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """A tree of one leaf need not say how many rows came to it: all did."""
    told = [
        tree.get("leaf_count", "").split() if n > 1 else ["1"]
        for tree, n in zip(trees, leaves, strict=True)
    ]
    return np.array([float(word) for words in told for word in words])


def _starts(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
