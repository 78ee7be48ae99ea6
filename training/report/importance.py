"""What a model looks at: its features by group, as shares of all it uses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from features.groups import ANY, BY_LEAD, BY_US, OTHER
from models.artefact import Artefact
from models.conversion import Trees

_GROUPS = {
    ANY: "all events",
    BY_LEAD: "acts of the lead",
    BY_US: "touches by us",
    OTHER: "rare events",
}

_STATISTICS = "conversion by values and pairs of values"


class Importance(NamedTuple):
    """Shares by group of features, largest first; they sum to 1.

    `measure` says of what: of the loss that splits took away in training (trees), or of the absolute
    coefficients of standardised features (logistic regression). It is not what would be lost
    without the group: groups stand in for each other.
    """

    measure: str
    names: list[str]
    shares: list[float]


def importance(artefact: Artefact) -> Importance:
    """The groups of a model that have any share."""
    estimator = artefact.model.estimator
    if isinstance(estimator, Trees):
        measure = "share of the gain of all splits"
        weight = np.asarray(estimator.booster.feature_importance("gain"), dtype=np.float64)
    else:
        measure = "share of the absolute coefficients"
        levels = np.nan_to_num(np.abs(estimator.levels))
        largest = levels.max(axis=1) if levels.shape[1] else np.zeros(len(levels))
        weight = np.maximum(np.abs(estimator.coefficient), largest)
    of = artefact.groups
    # Columns beyond the plan's are what was learnt of values and their pairs.
    beyond = np.full(len(weight) - len(of.of_feature), len(of.names))
    group_names = [*of.names, _STATISTICS]
    total = np.bincount(np.r_[of.of_feature, beyond], weights=weight, minlength=len(group_names))
    shares = total / total.sum() if total.sum() else total
    order = [int(i) for i in np.argsort(-shares, kind="stable") if shares[i] > 0]
    names = [_GROUPS.get(group_names[i], group_names[i]) for i in order]
    return Importance(measure, names, [float(shares[i]) for i in order])
