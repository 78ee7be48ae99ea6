"""From a feature matrix to what a model reads: attributes get the codes fitted in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.build import Matrix
from features.cells import FEW
from features.people import email
from features.plan import Plan
from models.statistics import Key, Statistic

RARE = 20
"""A category of fewer leads than this in training is not stored; it shares code 0 with unseen ones."""

MOST_CODES = 1000
"""A number of more different whole values than this is an amount and no code."""

_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Encoder:
    """Codes of categories.

    Attributes
    ----------
    categories : dict of str to tuple of str
        For each category attribute the texts that have a code: the first has 1, the next 2, ...;
        0 stands for a text seen too rarely in training or never.
    codes : dict of str to int
        Behavioural features that are codes already, with the number of their codes.
    whole : dict of str to tuple of float
        For each number attribute whose values are whole and few and not declared monotone, so that
        they may be codes, those that enough leads have, ascending.
    statistics : tuple of Statistic
        What is known of values and pairs of values besides their codes.
    """

    categories: dict[str, tuple[str, ...]]
    codes: dict[str, int] = field(default_factory=dict)
    whole: dict[str, tuple[float, ...]] = field(default_factory=dict)
    statistics: tuple[Statistic, ...] = ()

    @property
    def levels(self) -> dict[str, int]:
        """The columns of the model's input that hold codes, with how many there are, 0 included."""
        return {**self.codes, **{name: len(known) + 1 for name, known in self.categories.items()}}

    @classmethod
    def fit(cls, matrix: Matrix, lead: npt.NDArray[np.int64]) -> Encoder:
        """Learn the categories of training rows; `lead` tells which rows are one lead."""
        categories, whole = {}, {}
        for attribute, column in zip(matrix.plan.attributes, matrix.attributes, strict=True):
            if isinstance(column, pa.Array):
                encoded = column.dictionary_encode()
                codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
                pairs = np.unique(np.column_stack([codes, lead]), axis=0)
                leads = np.bincount(pairs[pairs[:, 0] >= 0, 0], minlength=len(encoded.dictionary))
                texts = encoded.dictionary.to_pylist()
                categories[attribute.name] = tuple(
                    sorted(
                        text
                        for text, n in zip(texts, leads, strict=True)
                        # Who somebody is, is no category: a model keeps nobody's address.
                        if n >= RARE and email(text) is None
                    )
                )
            elif attribute.type == "number" and attribute.monotone is None:
                values = _whole(column, lead)
                if values:
                    whole[attribute.name] = values
        return cls(categories, matrix.plan.levels, whole)

    def with_statistics(self, statistics: Sequence[Statistic]) -> Encoder:
        """The same with target statistics."""
        return replace(self, statistics=tuple(statistics))

    def names(self, plan: Plan) -> list[str]:
        """The columns of `encode`: the plan's features, then those of the statistics."""
        return [*plan.names, *(name for s in self.statistics for name in s.names)]

    def keys(self, matrix: Matrix) -> dict[str, Key]:
        """The attributes that target statistics can be of, as codes."""
        found = {}
        for attribute, column in zip(matrix.plan.attributes, matrix.attributes, strict=True):
            name = attribute.name
            if isinstance(column, pa.Array):
                size = len(self.categories[name]) + 2
                codes = self._codes(name, column)
            elif name in self.whole:
                known = np.array(self.whole[name])
                size = len(known) + 2
                place = np.minimum(np.searchsorted(known, column), len(known) - 1)
                codes = np.where(known[place] == column, place + 1.0, 0.0).astype(np.float32)
                codes[np.isnan(column)] = np.nan
            else:
                continue
            found[name] = Key(np.where(np.isnan(codes), size - 1, codes).astype(np.int64), size)
        return found

    def encode(self, matrix: Matrix) -> npt.NDArray[np.float32]:
        """The model's input, shape (n_rows, n_features), float32; NaN for missing."""
        X = np.empty((len(matrix), len(self.names(matrix.plan))), dtype=np.float32)
        width = matrix.behaviour.shape[1]
        X[:, :width] = matrix.behaviour
        for place, (attribute, column) in enumerate(
            zip(matrix.plan.attributes, matrix.attributes, strict=True), start=width
        ):
            if attribute.is_number:
                # An infinite input would be no number to a sum of terms, and fail a whole list.
                X[:, place] = np.clip(column, -_LARGEST, _LARGEST)
            else:
                X[:, place] = self._codes(attribute.name, column)
        keys = self.keys(matrix) if self.statistics else {}
        for place, statistic in enumerate(self.statistics):
            at = len(matrix.plan.names) + 2 * place
            X[:, at : at + 2] = statistic.columns(keys)
        return X

    @cached_property
    def _known(self) -> dict[str, pa.Array]:
        """The texts that have codes, in their order, by attribute."""
        return {name: pa.array(texts, pa.string()) for name, texts in self.categories.items()}

    @cached_property
    def _places(self) -> dict[str, dict[str | None, float]]:
        """The code of each text that has one, and of what is missing, by attribute."""
        return {
            name: {None: np.nan, **{text: place + 1.0 for place, text in enumerate(texts)}}
            for name, texts in self.categories.items()
        }

    def _codes(self, name: str, column: pa.Array) -> npt.NDArray[np.float32]:
        if len(column) <= FEW:
            code = self._places[name]
            return np.array([code.get(text, 0.0) for text in column.to_pylist()], np.float32)
        known = self._known[name]
        codes = pc.fill_null(pc.index_in(column, value_set=known, skip_nulls=True), -1)
        coded = np.asarray(codes.to_numpy(zero_copy_only=False) + 1, dtype=np.float32)
        coded[column.is_null().to_numpy(zero_copy_only=False)] = np.nan
        return coded

    def unseen(
        self, plan: Plan, X: npt.NDArray[np.float32]
    ) -> list[tuple[str, npt.NDArray[np.bool_]]]:
        """For each category attribute, which rows of `encode`'s `X` hold a text that has no code."""
        return [
            (attribute.name, X[:, place] == 0)
            for place, attribute in enumerate(plan.attributes, start=len(plan.features))
            if attribute.type == "category"
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain values, as stored in an artefact."""
        categories = {name: list(texts) for name, texts in self.categories.items()}
        return {
            "categories": categories,
            "codes": self.codes,
            "whole": {name: list(values) for name, values in self.whole.items()},
            "statistics": [statistic.to_json() for statistic in self.statistics],
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Encoder:
        """The encoder that `to_json` wrote."""
        categories = {name: tuple(texts) for name, texts in stored["categories"].items()}
        return cls(
            categories,
            stored["codes"],
            {name: tuple(values) for name, values in stored.get("whole", {}).items()},
            tuple(Statistic.from_json(told) for told in stored.get("statistics", [])),
        )


def _whole(column: npt.NDArray[np.float64], lead: npt.NDArray[np.int64]) -> tuple[float, ...]:
    """The values of a number that may be a code, which enough leads have; none if it is an amount."""
    known = np.isfinite(column)
    values, codes = np.unique(column[known], return_inverse=True)
    if not 2 < len(values) <= MOST_CODES or (values % 1 != 0).any():
        return ()
    pairs = np.unique(np.column_stack([codes, lead[known]]), axis=0)
    leads = np.bincount(pairs[:, 0], minlength=len(values))
    return tuple(float(value) for value in values[leads >= RARE])
