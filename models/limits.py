"""How far a model's training reached, and what is said of answers beyond it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.instants import Instants, iso
from features.plan import Plan
from models.wording import texts

AGE = "age of the lead"
"""What the age at the cutoff is called beside attributes; in days."""


@dataclass(frozen=True)
class Limits:
    """How far training reached.

    Attributes
    ----------
    numbers : dict of str to (float, float)
        Least and greatest value of attributes that are learnt as numbers, and of `AGE`, both
        included, the outermost rows of either side left aside.
    old_from : int or None
        The instant from which the model is older than its horizon: so long after the end of its
        data. None without times.
    base_rates : (float, float) or None
        The shares of training and of test rows that converted, where they differ by more than chance.
    """

    numbers: Mapping[str, tuple[float, float]]
    old_from: int | None = None
    base_rates: tuple[float, float] | None = None

    @classmethod
    def of_record(cls, record: Mapping[str, Any], horizon: int | None) -> Limits:
        """From the record of a model; what an older record does not tell is not known."""
        numbers = record.get("trained_on", {}).get("numbers", {})
        until, moved = record.get("observed_until"), record.get("base_rate_moved")
        old_from = None
        if until and horizon:
            end = np.datetime64(str(until).removesuffix("Z"), "us").astype(np.int64)
            old_from = int(end) + horizon
        return cls(
            {name: (float(low), float(high)) for name, (low, high) in numbers.items()},
            old_from,
            (float(moved[0]), float(moved[1])) if moved else None,
        )

    def outside(
        self, plan: Plan, X: npt.NDArray[np.float32], age: npt.NDArray[np.float64]
    ) -> list[tuple[str, npt.NDArray[np.bool_]]]:
        """For the age and each attribute learnt as a number, which rows lie outside.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            As `models.encode.Encoder.encode` gives it.
        age : ndarray of shape (n_rows,), days; NaN where it is not known
        """
        columns: list[tuple[str, npt.NDArray[Any]]] = [
            (attribute.name, X[:, place])
            for place, attribute in enumerate(plan.attributes, start=len(plan.features))
            if attribute.is_number
        ]
        columns.append((AGE, age))
        found = []
        for name, values in columns:
            ends = np.array(self.numbers.get(name, (-np.inf, np.inf)))
            low, high = ends.astype(values.dtype)  # as X has them
            found.append((name, (values < low) | (values > high)))
        return found

    def warnings(self, as_of: Instants, lang: str) -> list[list[str]]:
        """What a reader of the model's answers as of these moments should know."""
        words, always = texts(lang)["warnings"], []
        if self.base_rates:
            before, after = self.base_rates
            always = [words["base_rate"].format(before=f"{before:.1%}", after=f"{after:.1%}")]
        if self.old_from is None:
            return [list(always) for _ in as_of]
        old = words["old"].format(since=iso(self.old_from))
        return [[old, *always] if at > self.old_from else list(always) for at in as_of]
