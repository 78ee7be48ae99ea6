"""Several LightGBM models as one: the mean of their raw scores, as one text of trees.

A raw score is a sum over trees, so the mean of K models is the sum over all their trees with leaf
values divided by K. One text keeps scoring, explanations and the artefact as they are for one model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import lightgbm as lgb

_VALUES = re.compile(r"^(leaf_value|internal_value)=(.*)$", re.MULTILINE)
_FIRST = "Tree=0\n"
_END = "end of trees"


def averaged(texts: Sequence[str]) -> str:
    """The model whose raw score is the mean of those of some models with the same columns.

    Parameters
    ----------
    texts : sequence of str
        As `lightgbm.Booster.model_to_string` writes them.
    """
    if len(texts) == 1:
        return texts[0]
    trees = [block for text in texts for block in _trees(text)]
    first = texts[0]
    # Sizes of the trees would be wrong; without them LightGBM reads tree by tree.
    head = re.sub(r"^tree_sizes=.*\n", "", first[: first.index(_FIRST)], flags=re.MULTILINE)
    infos = [re.search(r"^feature_infos=(.*)$", text, re.MULTILINE) for text in texts]
    ranges = zip(*(found[1].split() for found in infos if found), strict=True)
    seen = " ".join(next((r for r in told if r != "none"), "none") for told in ranges)
    head = re.sub(
        r"^feature_infos=.*$", lambda _: f"feature_infos={seen}", head, flags=re.MULTILINE
    )
    body = "".join(
        f"Tree={place}\n{_divided(block, len(texts))}" for place, block in enumerate(trees)
    )
    merged = f"{head}{body}{first[first.index(_END) :]}"
    return str(lgb.Booster(model_str=merged).model_to_string(num_iteration=-1))


def _trees(text: str) -> list[str]:
    """The trees of a model, each without its number."""
    blocks = re.split(r"^Tree=\d+\n", text[: text.index(_END)], flags=re.MULTILINE)
    return blocks[1:]


def _divided(block: str, by: int) -> str:
    def smaller(found: re.Match[str]) -> str:
        values = [repr(float(value) / by) for value in found[2].split()]
        return f"{found[1]}={' '.join(values)}"

    return _VALUES.sub(smaller, block)
