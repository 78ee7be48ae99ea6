"""What a model is measured against: simple ones that anybody could fit in a minute.

Both take LightGBM as it comes, on one thread, so that they are the same on every machine. Neither
sees a test row, and nothing about them was chosen by one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd

from features.build import Matrix, build
from features.plan import expand
from features.program import compile_plan
from models.calibration import Calibrator
from models.encode import Encoder
from models.logistic import Logistic
from training.sources import Material

_AS_IT_COMES = {
    "objective": "binary",
    "verbosity": -1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "seed": 0,
}
_SMALL = {**_AS_IT_COMES, "learning_rate": 0.05, "num_leaves": 7}
_TREES = 100
_STRENGTH = 0.1
_MOST_ROWS = 50_000
"""Rows that the logistic regression is fitted on, drawn where there are more."""


def logistic_regression(
    matrix: Matrix,
    label: npt.NDArray[np.int8],
    group: npt.NDArray[np.int64],
    train: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
    seed: int,
) -> npt.NDArray[np.float64]:
    """What `models.logistic` says of the same features, with one fixed penalty.

    Returns
    -------
    ndarray of shape (n_test,), probabilities
    """
    if len(train) > _MOST_ROWS:
        train = np.sort(np.random.default_rng(seed).choice(train, _MOST_ROWS, replace=False))
    inside = matrix.take(train)
    encoder = Encoder.fit(inside, group[train])
    weight, names = np.ones(len(train)), matrix.plan.names
    fitted = Logistic.fit(encoder.encode(inside), label[train], weight, encoder, names, _STRENGTH)
    return Calibrator()(fitted.raw(encoder.encode(matrix.take(test))))


def plain_counts(material: Material, matrix: Matrix) -> npt.NDArray[np.float32]:
    """How often each event type of the plan's vocabulary was seen by the cutoff, and nothing else.

    Returns
    -------
    ndarray of shape (n_rows, n_event_types), float32
        For every row of the material's spine.
    """
    plan = matrix.plan
    plan = replace(
        plan, features=expand(["count ever"], {"group": plan.event_types}), attributes=()
    )
    counted = build(plan, compile_plan(plan), material.leads, material.log, material.spine)
    return counted.behaviour


def counts_model(
    counts: npt.NDArray[np.float32],
    label: npt.NDArray[np.int8],
    train: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """A small LightGBM on `plain_counts`: 100 trees of 7 leaves, learning rate 0.05.

    Parameters
    ----------
    train, test : ndarray of int64
        Positions of rows to fit on and to predict.

    Returns
    -------
    ndarray of shape (n_test,), probabilities
    """
    fitted = lgb.train(_SMALL, lgb.Dataset(counts[train], label[train]), _TREES)
    predicted: Any = fitted.predict(counts[test])
    return np.asarray(predicted, dtype=np.float64)


def default_lightgbm(
    matrix: Matrix,
    label: npt.NDArray[np.int8],
    train: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """LightGBM with its default parameters on the same columns, categories as pandas holds them.

    Returns
    -------
    ndarray of shape (n_test,), probabilities
    """
    frame: pd.DataFrame = matrix.to_table().to_pandas()
    frame.columns = pd.Index([f"x{place}" for place in range(frame.shape[1])])
    categories = frame.select_dtypes(exclude="number").columns
    frame = frame.astype(dict.fromkeys(categories, "category"))
    fitted = lgb.train(_AS_IT_COMES, lgb.Dataset(frame.iloc[train], label[train]), _TREES)
    predicted: Any = fitted.predict(frame.iloc[test])
    return np.asarray(predicted, dtype=np.float64)
