"""Fitting again as a model was fitted, on other rows: what the gate's backtest asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from training.fit import Rung, Tuning, fit_matrix
from training.gate.backtest import Refit
from training.sources import Material
from training.train import Trained
from training.trees import Candidate


def refitting(material: Material, trained: Trained, seed: int) -> Refit:
    """A function that fits with given parameters on some rows of the material and predicts others."""
    matrix, spine = trained.held_out.matrix, material.spine

    def refit(
        parameters: Mapping[str, Any],
        fitted: npt.NDArray[np.int64],
        predicted: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.float64]:
        form: Rung = "logistic" if "C" in parameters else "lightgbm"
        found = fit_matrix(
            matrix.take(fitted),
            spine.take(fitted),
            material.unit[fitted],
            material.task.horizon,
            form,
            seed,
            lambda step: None,
            Tuning(given=given(parameters)),
            ordered=material.ordered,
        )
        return found.model.probability(found.encoder.encode(matrix.take(predicted)))

    return refit


def given(parameters: Mapping[str, Any]) -> tuple[Candidate, ...]:
    """The candidates of a model, from its record; none of a model that was no blend of trees."""
    return tuple(
        Candidate.from_json({k: v for k, v in member.items() if k not in ("n_trees", "log_loss")})
        for member in parameters.get("members", ())
    )
