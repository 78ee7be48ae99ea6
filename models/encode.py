"""From a feature matrix to what a model reads: attributes get the codes fitted in training."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.build import Matrix
from features.plan import Plan

RARE = 20
"""A category of fewer leads than this in training is not stored; it shares code 0 with unseen ones."""

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
    """

    categories: dict[str, tuple[str, ...]]
    codes: dict[str, int] = field(default_factory=dict)

    @property
    def levels(self) -> dict[str, int]:
        """The columns of the model's input that hold codes, with how many there are, 0 included."""
        return {**self.codes, **{name: len(known) + 1 for name, known in self.categories.items()}}

    @classmethod
    def fit(cls, matrix: Matrix, lead: npt.NDArray[np.int64]) -> Encoder:
        """Learn the categories of training rows; `lead` tells which rows are one lead."""
        categories = {}
        for attribute, column in zip(matrix.plan.attributes, matrix.attributes, strict=True):
            if isinstance(column, pa.Array):
                encoded = column.dictionary_encode()
                codes = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
                pairs = np.unique(np.column_stack([codes, lead]), axis=0)
                leads = np.bincount(pairs[pairs[:, 0] >= 0, 0], minlength=len(encoded.dictionary))
                texts = encoded.dictionary.to_pylist()
                categories[attribute.name] = tuple(
                    sorted(t for t, n in zip(texts, leads, strict=True) if n >= RARE)
                )
        return cls(categories, matrix.plan.levels)

    def encode(self, matrix: Matrix) -> npt.NDArray[np.float32]:
        """The model's input, shape (n_rows, n_features), float32; NaN for missing."""
        X = np.empty((len(matrix), len(matrix.plan.names)), dtype=np.float32)
        width = matrix.behaviour.shape[1]
        X[:, :width] = matrix.behaviour
        for place, (attribute, column) in enumerate(
            zip(matrix.plan.attributes, matrix.attributes, strict=True), start=width
        ):
            if attribute.type == "number":
                # An infinite input would be no number to a sum of terms, and fail a whole list.
                X[:, place] = np.clip(column, -_LARGEST, _LARGEST)
            else:
                X[:, place] = self._codes(attribute.name, column)
        return X

    def _codes(self, name: str, column: pa.Array) -> npt.NDArray[np.float32]:
        known = pa.array(self.categories[name], pa.string())
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
        return {"categories": categories, "codes": self.codes}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Encoder:
        """The encoder that `to_json` wrote."""
        categories = {name: tuple(texts) for name, texts in stored["categories"].items()}
        return cls(categories, stored["codes"])
