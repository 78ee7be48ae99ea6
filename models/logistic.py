"""Logistic regression as a sum of one term per feature: for companies with few conversions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from models.encode import Encoder

_LIMIT = 5.0
"""Standard deviations from the mean beyond which a number says no more."""


@dataclass(frozen=True)
class Logistic:
    """raw = intercept + sum of terms; a feature's term is coefficient * z(x).

    ``z(x) = (squash(x) - centre) / scale``, held to [-5, 5]: what hardly varied in training would
    otherwise decide alone on the day it does. ``squash(x) = sign(x) log(1 + |x|)`` tames counts and
    hours. A missing value has a term of its own, and so has each category.

    Attributes
    ----------
    intercept : float
    centre, scale, coefficient, missing : ndarray of shape (n_features,), float64
    levels : ndarray of shape (n_features, n_codes), float64
        The term of each category code; NaN for numbers.
    mean : ndarray of shape (n_features,), float64
        Each feature's mean term over the training rows.
    """

    intercept: float
    centre: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    coefficient: npt.NDArray[np.float64]
    missing: npt.NDArray[np.float64]
    levels: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]

    def raw(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Raw scores (log-odds) of shape (n_rows,)."""
        return np.asarray(_row_sums(self._terms(X), self.intercept))

    def contributions(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Shapley values of each feature, and the base last: shape (n_rows, n_features + 1).

        In a sum of terms they are each term less its mean, and the base is the sum of the means.
        """
        base = np.full((len(X), 1), self.intercept + self.mean.sum())
        return np.hstack([self._terms(X) - self.mean, base])

    def difference(
        self, before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float64]:
        """What each feature did to the way from one raw score to another: (n_rows, n_features)."""
        return self._terms(after) - self._terms(before)

    def _terms(self, X: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        return np.asarray(
            _terms(X, self.centre, self.scale, self.coefficient, self.missing, self.levels)
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, as stored in an artefact."""
        arrays = {key: value.tolist() for key, value in self.__dict__.items() if key != "intercept"}
        return {"intercept": self.intercept, **arrays}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Logistic:
        """The model that `to_json` wrote."""
        arrays = {k: np.array(v, dtype=np.float64) for k, v in stored.items() if k != "intercept"}
        return cls(intercept=float(stored["intercept"]), **arrays)

    @classmethod
    def fit(
        cls,
        X: npt.NDArray[np.float32],
        label: npt.NDArray[np.int8],
        weight: npt.NDArray[np.float64],
        encoder: Encoder,
        names: list[str],
        strength: float,
        rising: Mapping[str, int] | None = None,
    ) -> Logistic:
        """Fit with an L2 penalty on standardised columns; `strength` is scikit-learn's C.

        `rising` has the direction of the features with which the raw score may only rise, 1, or
        only fall, -1: one that goes the other way in the data gets no coefficient.
        """
        from sklearn.linear_model import LogisticRegression

        n_features = X.shape[1]
        sizes = encoder.levels
        n_codes = max(sizes.values(), default=1)
        centre, scale = np.zeros(n_features), np.ones(n_features)
        columns, owner = [], []
        for place, name in enumerate(names):
            x = X[:, place].astype(np.float64)
            absent = np.isnan(x)
            if name in sizes:
                for code in range(sizes[name]):
                    columns.append(x == code)
                    owner.append((place, code))
            else:
                squashed = np.sign(x) * np.log1p(np.abs(x))
                centre[place] = squashed[~absent].mean() if (~absent).any() else 0.0
                spread = squashed[~absent].std() if (~absent).any() else 0.0
                scale[place] = spread or 1.0
                z = np.clip((squashed - centre[place]) / scale[place], -_LIMIT, _LIMIT)
                columns.append(np.where(absent, 0.0, z))
                owner.append((place, -1))
            columns.append(absent)
            owner.append((place, -2))
        design = np.column_stack(columns).astype(np.float64)
        directed = {names.index(name): sign for name, sign in (rising or {}).items()}
        while True:
            fitted = LogisticRegression(C=strength, max_iter=200, solver="newton-cholesky").fit(
                design, label, sample_weight=weight
            )
            against = [
                column
                for column, (place, code) in enumerate(owner)
                if code == -1 and fitted.coef_[0, column] * directed.get(place, 0) < 0
            ]
            if not against:
                break
            design[:, against] = 0.0
        coefficient, missing = np.zeros(n_features), np.zeros(n_features)
        levels = np.full((n_features, n_codes), np.nan)
        for (place, code), value in zip(owner, fitted.coef_[0], strict=True):
            if code == -2:
                missing[place] = value
            elif code == -1:
                coefficient[place] = value
            else:
                levels[place, code] = value
        terms = _terms(X, centre, scale, coefficient, missing, levels)
        mean = np.average(terms, axis=0, weights=weight)
        return cls(float(fitted.intercept_[0]), centre, scale, coefficient, missing, levels, mean)


@numba.njit(cache=True, nogil=True)
def _terms(X: Any, centre: Any, scale: Any, coefficient: Any, missing: Any, levels: Any) -> Any:
    n_rows, n_features = X.shape
    out = np.empty((n_rows, n_features))
    for row in range(n_rows):
        for place in range(n_features):
            x = np.float64(X[row, place])  # Numba's float() would stay single
            if np.isnan(x):
                out[row, place] = missing[place]
            elif not np.isnan(levels[place, 0]):
                out[row, place] = levels[place, int(x)]
            else:
                squashed = np.sign(x) * np.log1p(abs(x))
                z = (squashed - centre[place]) / scale[place]
                out[row, place] = coefficient[place] * min(max(z, -_LIMIT), _LIMIT)
    return out


@numba.njit(cache=True, nogil=True)
def _row_sums(terms: Any, start: float) -> Any:
    sums = np.full(terms.shape[0], start)
    for row in range(terms.shape[0]):
        for place in range(terms.shape[1]):
            sums[row] += terms[row, place]
    return sums
