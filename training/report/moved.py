"""What differs between the rows a model learnt from and those it is asked about, in plain words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import norm

from features.build import Matrix
from features.instants import DAY, iso
from models.encode import RARE
from models.limits import AGE

_CHANCE = 0.01
_LEAST_SHIFT = 1.1
"""A base rate moved when chance would rarely do it, and its odds changed by more than a tenth."""
_LEAST_SHARE = 0.01
"""A column is outside what was trained when this share of rows is."""


class Rate(NamedTuple):
    """A conversion rate over rows, and its standard error with groups of rows as the units."""

    rate: float
    error: float
    n: int

    @classmethod
    def of(cls, label: npt.NDArray[np.int8], group: npt.NDArray[np.int64]) -> Rate:
        """The error is that of a ratio of sums over groups (Cochran 1977, section 6.3)."""
        rate = float(label.mean())
        code = np.unique(group, return_inverse=True)[1]
        of_group = np.bincount(code, weights=label - rate)
        n = max(len(of_group), 2)
        error = np.sqrt((of_group**2).sum() * n / (n - 1)) / len(label)
        return cls(rate, float(error), len(label))

    @classmethod
    def told(cls, positives: int, n: int, beside: Rate) -> Rate:
        """A rate of which only counts are known; its groups are taken to be like those beside."""
        rate = positives / n
        like = beside.rate * (1 - beside.rate)
        scale = rate * (1 - rate) * beside.n / (like * n) if like else 0.0
        return cls(rate, beside.error * float(np.sqrt(scale)), n)


def base_rate_moved(trained: Rate, asked: Rate) -> str | None:
    """A warning where the base rate is another one than in training; a z-test of two rates."""
    error = np.hypot(trained.error, asked.error)
    if not 0 < trained.rate < 1 or not 0 < asked.rate < 1 or not error:
        return None
    p = 2 * norm.sf(abs(asked.rate - trained.rate) / error)
    odds = (r / (1 - r) for r in (asked.rate, trained.rate))
    shift = abs(float(np.log(next(odds) / next(odds))))
    if p >= _CHANCE or shift <= np.log(_LEAST_SHIFT):
        return None
    said = f"p = {p:.1g}" if p >= 1e-4 else "p below 0.0001"
    return (
        f"The base rate moved: {trained.rate:.1%} of training rows converted, {asked.rate:.1%} of "
        f"these ({said}, leads as units). Probabilities learnt at the old rate may be too "
        f"{'low' if asked.rate > trained.rate else 'high'}; see the drift over months."
    )


def too_old(old_from: int | None, latest_cutoff: int) -> str | None:
    """A warning where a model is asked later than `models.limits.Limits.old_from`."""
    if old_from is None or latest_cutoff <= old_from:
        return None
    return (
        f"The model is older than its horizon since {iso(old_from)}, and is asked up to "
        f"{(latest_cutoff - old_from) / DAY:.0f} days later. Train again."
    )


_ASIDE = 0.02
"""Share of training rows that a range leaves aside at most."""


@dataclass(frozen=True)
class Range:
    """What a model was trained on.

    Attributes
    ----------
    numbers : dict of str to (float, float)
        Least and greatest value of each number, both included, the outermost leads of either side
        left aside; `AGE` in days among them.
    categories : dict of str to frozenset of str
        The texts of each category that the model can tell from others.
    rare : dict of str to float
        The share of the rows with another text than these, in [0, 1].
    """

    numbers: dict[str, tuple[float, float]]
    categories: dict[str, frozenset[str]]
    rare: dict[str, float]

    @classmethod
    def of(
        cls,
        matrix: Matrix,
        lead: npt.NDArray[np.int64],
        age: npt.NDArray[np.float64] | None = None,
        categories: Mapping[str, Collection[str]] | None = None,
    ) -> Range:
        """The range of some rows.

        Parameters
        ----------
        lead : ndarray of shape (n_rows,)
        age : ndarray of shape (n_rows,), days, optional
        categories : mapping, optional
            The texts that have a code in the encoder; by default every text of these rows.
        """
        numbers, known, rare = {}, {}, {}
        for name, column in _columns(matrix, age):
            if isinstance(column, pa.Array):
                told = (categories or {}).get(name)
                texts = column.drop_null().unique().to_pylist() if told is None else told
                known[name] = frozenset(texts)
                rare[name] = float(_others(column, known[name]).mean())
            elif np.isfinite(column).any():
                finite = np.isfinite(column)
                numbers[name] = _ends(column[finite], lead[finite])
        return cls(numbers, known, rare)

    def warnings(self, matrix: Matrix, age: npt.NDArray[np.float64] | None = None) -> list[str]:
        """Which columns of other rows lie outside, or are not there at all."""
        said = []
        for name, column in _columns(matrix, age):
            if isinstance(column, pa.Array) and name in self.categories:
                known = self.categories[name]
                if column.null_count == len(column) and known:
                    said.append(_absent(name))
                    continue
                strange, before = _others(column, known), self.rare.get(name, 0.0)
                if _many(strange, before):
                    said.append(
                        f"{name}: {_share(strange)} have a value that the model did not learn"
                        + (f", in training {before:.1%}." if before else ".")
                    )
            elif not isinstance(column, pa.Array) and name in self.numbers:
                if np.isnan(column).all():
                    said.append(_absent(name))
                    continue
                low, high = self.numbers[name]
                strange = (column < low) | (column > high)
                if _many(strange, _ASIDE):
                    unit = " days" if name == AGE else ""
                    said.append(
                        f"{name}: {_share(strange)} are outside the {low:.4g} to {high:.4g}{unit} that "
                        "training knew."
                    )
        return said

    def to_json(self) -> dict[str, Any]:
        """Plain values, without texts: what a category may be is in the encoder of an artefact."""
        return {
            "numbers": {name: list(ends) for name, ends in self.numbers.items()},
            "rare": self.rare,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any], categories: dict[str, tuple[str, ...]]) -> Range:
        """The range that `to_json` wrote, with the categories of the artefact's encoder."""
        numbers = {name: (low, high) for name, (low, high) in stored.get("numbers", {}).items()}
        known = {name: frozenset(texts) for name, texts in categories.items()}
        return cls(numbers, known, dict(stored.get("rare", {})))


def _ends(value: npt.NDArray[np.float64], lead: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Least and greatest value, the outermost leads of either side left aside.

    So many leads that no end is one lead's alone: 1% of them, at least 5 and at most `RARE`.
    """
    rows = np.lexsort((value, lead))
    first = np.r_[True, lead[rows][1:] != lead[rows][:-1]]
    last = np.r_[first[1:], True]
    least, greatest = np.sort(value[rows][first]), np.sort(value[rows][last])
    few = min(max(len(least) // 100, 5), RARE, (len(least) - 1) // 2)
    return float(least[few]), float(greatest[-1 - few])


def _columns(
    matrix: Matrix, age: npt.NDArray[np.float64] | None
) -> list[tuple[str, npt.NDArray[np.float64] | pa.Array]]:
    names = [attribute.name for attribute in matrix.plan.attributes]
    return [
        *([(AGE, age)] if age is not None else []),
        *zip(names, matrix.attributes, strict=True),
    ]


def _others(column: pa.Array, known: Collection[str]) -> npt.NDArray[np.bool_]:
    """Which cells hold a text that is not among those known."""
    told = pc.is_in(column, value_set=pa.array(sorted(known), pa.string()))
    strange = pc.and_not(column.is_valid(), told)
    return np.asarray(strange.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _many(strange: npt.NDArray[np.bool_], before: float = 0.0) -> bool:
    """Whether more rows than `_LEAST_SHARE` are strange, and twice as many as were in training."""
    return bool(strange.mean() >= max(_LEAST_SHARE, 2 * before))


def _share(strange: npt.NDArray[np.bool_]) -> str:
    return f"{strange.sum():,} rows ({strange.mean():.1%})"


def _absent(name: str) -> str:
    return f"{name}: the model learnt from it, and no row has it."
