"""Reasons: what moved a lead's probability, grouped and in percentage points.

Features that say the same thing are one reason: all of one event type, of one response, pair of
events or step, all of one kind (sessions, channels, ...), or one attribute. The effect of group i is

    effect_i = contribution_i * (g(f) - g(b)) / (f - b)        (limit g'(b) as f approaches b)

with g the calibrator, f the raw score and b the base, contributions being Shapley values of the raw
score (Lundberg et al. 2020). It is an allocation of the difference between the lead's probability
and the starting point g(b), to which the effects sum; not what would happen if the group changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from features.kinds import KINDS
from features.plan import Feature, Plan
from models.calibration import Calibrator
from models.conversion import ConversionModel
from models.statistics import Statistic

MOST = 5
"""The most reasons an answer carries; every door keeps to it."""

ALL = 1_000_000
"""More reasons than there can be."""

_NEAR = 1e-9
"""Raw scores so near to the base have the calibrator's slope there for their scale."""

ROLES = ("events", "response", "bigram", "step", "age", "kind", "attribute", "pair")
"""What a group may be: see `Groups`."""


@dataclass(frozen=True)
class Groups:
    """Which features make one reason.

    Attributes
    ----------
    names : tuple of str
        Group names: an event type or a group of types, a response, a pair of event types, a step,
        a kind of feature, an attribute, or a pair of attributes.
    roles : tuple of str
        One of `ROLES` for each: how it is said.
    of_feature : ndarray of shape (n_features,), int64
        The group of each column of the model's input.
    """

    names: tuple[str, ...]
    roles: tuple[str, ...]
    of_feature: npt.NDArray[np.int64]


def groups(plan: Plan, statistics: Sequence[Statistic] = ()) -> Groups:
    """The groups of a plan's features and of target statistics."""
    keys = [_key(feature) for feature in plan.features]
    keys += [("attribute", a.name) for a in plan.attributes]
    for statistic in statistics:
        role = "attribute" if len(statistic.of) == 1 else "pair"
        keys += [(role, " x ".join(statistic.of))] * len(statistic.names)
    distinct = list(dict.fromkeys(keys))
    place = {key: i for i, key in enumerate(distinct)}
    return Groups(
        tuple(str(name) for _, name in distinct),
        tuple(role for role, _ in distinct),
        np.array([place[key] for key in keys], dtype=np.int64),
    )


def _key(feature: Feature) -> tuple[str, str | None]:
    per = KINDS[feature.kind].per
    if per == "group":
        return "events", feature.of
    if per in ("response", "bigram", "step"):
        return per, feature.of
    return "age" if feature.kind == "age" else "kind", feature.kind


class Effects(NamedTuple):
    """What moved probabilities, in percentage points.

    Attributes
    ----------
    of_groups : ndarray of shape (n_rows, n_groups)
    of_features : ndarray of shape (n_rows, n_features)
    start : ndarray of shape (n_rows,)
        g(b), the probability from which the effects set out, in [0, 1].
    """

    of_groups: npt.NDArray[np.float64]
    of_features: npt.NDArray[np.float64]
    start: npt.NDArray[np.float64]


def effects(model: ConversionModel, of: Groups, X: npt.NDArray[np.float32]) -> Effects:
    """What each group, and each feature, did to each probability."""
    contributions = model.estimator.contributions(X)
    base = contributions[:, -1]
    points = 100 * scale(model.calibrator, base, model.raw(X))[:, None]
    of_groups = grouped(contributions, of.of_feature, len(of.names))
    return Effects(of_groups * points, contributions[:, :-1] * points, model.calibrator(base))


def scale(
    calibrator: Calibrator, start: npt.NDArray[np.float64], end: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(g(end) - g(start)) / (end - start), and g'(start) where they meet; all of shape (n_rows,)."""
    distance = end - start
    near = np.abs(distance) < _NEAR
    ratio = (calibrator(end) - calibrator(start)) / np.where(near, 1.0, distance)
    for row in np.flatnonzero(near):
        ratio[row] = calibrator.slope_at(float(start[row]))
    return np.asarray(ratio)


@numba.njit(cache=True, nogil=True)
def grouped(contributions: Any, group: Any, n_groups: int) -> Any:
    """Sums over the features of each group, shape (n_rows, n_groups).

    Parameters
    ----------
    contributions : ndarray of shape (n_rows, n_features or more); columns beyond are left out
    group : ndarray of shape (n_features,), int64
    """
    sums = np.zeros((len(contributions), n_groups))
    for row in range(len(contributions)):
        for feature in range(len(group)):
            sums[row, group[feature]] += contributions[row, feature]
    return sums


def strongest(
    effect: npt.NDArray[np.float64], names: tuple[str, ...], most: int
) -> list[list[int]]:
    """The groups that moved each lead most, for or against; ties by name, none without effect.

    Parameters
    ----------
    effect : ndarray of shape (n_rows, n_groups)
    """
    by_name = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)
    weight = -np.abs(effect[:, by_name])
    order = by_name[np.argsort(weight, axis=1, kind="stable")[:, :most]]
    return [
        [int(group) for group in groups if effect[row, group] != 0]
        for row, groups in enumerate(order)
    ]
