"""Target statistics: how often leads with a value, or with a pair of values, converted in training.

    rate = (positives + weight * prior) / (rows + weight)

A cell is a value of one attribute, or a pair of values of two; `prior` is the conversion rate of all
training rows, and `weight` says how many rows of it stand before a cell's own (Micci-Barreca 2001).
A cell that training did not see has the prior, and no rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


class Key(NamedTuple):
    """An attribute as codes.

    Attributes
    ----------
    codes : ndarray of shape (n_rows,), int64, in [0, size)
        0 stands for a value seen too rarely in training or never, the last code for a missing one.
    size : int
    """

    codes: npt.NDArray[np.int64]
    size: int


@dataclass(frozen=True, eq=False)
class Statistic:
    """Rates of the cells of one attribute or of two.

    Attributes
    ----------
    of : tuple of str
        The attributes.
    prior, weight : float
    cells : ndarray of shape (n_cells,), int64, ascending
        See `cells`.
    rate : ndarray of shape (n_cells,), float64, in (0, 1)
    rows : ndarray of shape (n_cells,), int64
        Training rows of each cell.
    """

    of: tuple[str, ...]
    prior: float
    weight: float
    cells: npt.NDArray[np.int64]
    rate: npt.NDArray[np.float64]
    rows: npt.NDArray[np.int64]

    @property
    def names(self) -> tuple[str, str]:
        """The two columns that it adds to a model's input."""
        what = " x ".join(self.of)
        return f"rate({what})", f"rows({what})"

    def columns(self, keys: Mapping[str, Key]) -> npt.NDArray[np.float32]:
        """The rate of each row's cell, and the logarithm of one more than its rows: (n_rows, 2)."""
        wanted = cells(keys, self.of)
        if not len(self.cells):
            return columns(np.full(len(wanted), self.prior), np.zeros(len(wanted)))
        place = np.minimum(np.searchsorted(self.cells, wanted), len(self.cells) - 1)
        known = self.cells[place] == wanted
        return columns(
            np.where(known, self.rate[place], self.prior), np.where(known, self.rows[place], 0)
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, as stored in an artefact: codes, never texts."""
        return {
            "of": list(self.of),
            "prior": self.prior,
            "weight": self.weight,
            "cells": self.cells.tolist(),
            "rate": self.rate.tolist(),
            "rows": self.rows.tolist(),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Statistic:
        """The statistic that `to_json` wrote."""
        return cls(
            tuple(stored["of"]),
            float(stored["prior"]),
            float(stored["weight"]),
            np.array(stored["cells"], dtype=np.int64),
            np.array(stored["rate"], dtype=np.float64),
            np.array(stored["rows"], dtype=np.int64),
        )


def cells(keys: Mapping[str, Key], of: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """The cell of each row: the code of one attribute, or of a pair ``first * size + second``."""
    found = keys[of[0]].codes
    for name in of[1:]:
        found = found * keys[name].size + keys[name].codes
    return found


def columns(rate: npt.NDArray[np.float64], rows: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Rates and numbers of rows as a model reads them."""
    return np.column_stack([rate, np.log1p(rows)]).astype(np.float32)
