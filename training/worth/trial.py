"""One trial: what a model says that was given some families of features, and no others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.build import Matrix, build
from features.program import compile_plan
from models.families import FAMILIES, kinds_of
from models.terminal import Report
from training.fit import fit_matrix, rung
from training.freeze import freeze
from training.held_out import Probabilities
from training.worth.worlds import World


@dataclass(frozen=True)
class Trial:
    """What a model says that was fitted as `training.train` fits.

    Attributes
    ----------
    test : ndarray of shape (n_test,)
        Probabilities of the test rows of the world's split.
    held_out : ndarray of shape (n_held_out,), int64
        Rows of the spine in the folds inside the training span.
    folds : ndarray of shape (n_held_out,)
        Their probabilities, by models fitted on earlier rows.
    """

    test: Probabilities
    held_out: npt.NDArray[np.int64]
    folds: Probabilities


def features(world: World, *families: str) -> Matrix:
    """The counts and the features of some families, of every row of the world's spine."""
    material = world.material
    plan = freeze(material, world.with_families(*families), world.split.train)
    changes, colleagues = material.intake.changes, material.intake.colleagues
    leads, log, spine = material.leads, material.log, material.spine
    return build(plan, compile_plan(plan), leads, log, spine, changes, colleagues)


def telling(world: World, matrix: Matrix, family: str) -> int:
    """How many features of a family are not the same in every training row."""
    kinds = kinds_of(FAMILIES[family])
    mine = np.array([f.kind in kinds for f in matrix.plan.features])
    known = matrix.behaviour[np.ix_(world.split.train, mine)]
    least = np.where(np.isnan(known), np.inf, known).min(axis=0)
    most = np.where(np.isnan(known), -np.inf, known).max(axis=0)
    return int((least < most).sum())


def trial(world: World, matrix: Matrix, report: Report) -> Trial:
    """Fit on the training rows of a matrix and predict the test rows.

    Raises
    ------
    ValueError
        When too few leads converted for a model.
    """
    material, split = world.material, world.split
    label, lead = world.label[split.train], material.group[split.train]
    reached, converted, _ = rung(label, lead)
    if reached == "rules":
        raise ValueError(f"{world.name}: {converted} converted leads are too few for a model")
    inside, spine = matrix.take(split.train), material.spine.take(split.train)
    fitted = fit_matrix(inside, spine, lead, world.horizon, reached, world.seed, report)
    test = fitted.model.probability(fitted.encoder.encode(matrix.take(split.test)))
    return Trial(test, split.train[fitted.held_out], fitted.predicted)
