"""Fitting again as a model was fitted, on other rows: for the gate's backtest, and for `--refit-all`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from features.instants import iso
from models.terminal import Report
from training.fit import Rung, Tuning, fit_matrix
from training.gate.backtest import Refit
from training.golden import golden
from training.train import Trained
from training.trees import Candidate

NOT_AS_SHIPPED = (
    "Not measured as shipped: fitted again on all rows, the figures are of the model before that."
)


def refitting(trained: Trained, seed: int, tuning: Tuning) -> Refit:
    """A function that fits with given parameters on some rows of the material and predicts others."""
    material = trained.material
    matrix, spine = trained.held_out.matrix, material.spine

    def refit(
        parameters: Mapping[str, Any],
        fitted: npt.NDArray[np.int64],
        predicted: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.float64]:
        found = fit_matrix(
            matrix.take(fitted),
            spine.take(fitted),
            material.unit[fitted],
            material.task.horizon,
            _form(parameters),
            seed,
            lambda step: None,
            replace(tuning, given=given(parameters)),
            ordered=material.ordered,
        )
        return found.model.probability(found.encoder.encode(matrix.take(predicted)))

    return refit


def refitted(trained: Trained, seed: int, report: Report, tuning: Tuning) -> Trained:
    """The model fitted again, with the parameters found, on every row of the spine, test rows too.

    Its figures, its evidence and its touches stay those of the model that was measured, and its
    record says so.
    """
    artefact, material = trained.artefact, trained.material
    if artefact is None:
        return trained
    report("fitting again on all rows")
    matrix, spine, parameters = (
        trained.held_out.matrix,
        material.spine,
        artefact.record["parameters"],
    )
    found = fit_matrix(
        matrix,
        spine,
        material.unit,
        material.task.horizon,
        _form(parameters),
        seed,
        report,
        replace(tuning, given=given(parameters)),
        ordered=material.ordered,
    )
    horizon = material.task.horizon
    written = {
        **trained.record,
        "measured_as_shipped": False,
        "outcomes_seen_until": iso(int(spine.cutoff.max()) + horizon) if horizon else None,
        "parameters": found.parameters,
        "notes": [*trained.notes, NOT_AS_SHIPPED],
    }
    artefact = replace(artefact, encoder=found.encoder, model=found.model, record=written)
    return replace(trained, artefact=golden(artefact, seed), record=written, notes=written["notes"])


def _form(parameters: Mapping[str, Any]) -> Rung:
    return "logistic" if "C" in parameters else "lightgbm"


def given(parameters: Mapping[str, Any]) -> tuple[Candidate, ...]:
    """The candidates of a model, from its record; none of a model that was no blend of trees."""
    return tuple(
        Candidate.from_json({k: v for k, v in member.items() if k not in ("n_trees", "log_loss")})
        for member in parameters.get("members", ())
    )
