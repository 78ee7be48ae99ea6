"""Two procedures compared on the past, where there are too few new outcomes to compare two models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from models.calibration import row_losses
from training.gate.verdict import Backtest
from training.resampling import mean_interval

Positions = npt.NDArray[np.int64]
Refit = Callable[[Mapping[str, Any], Positions, Positions], npt.NDArray[np.float64]]
"""Fits a model with some parameters on some rows, and gives its probabilities for others.

``refit(parameters, fitted, predicted)``: ``parameters`` as `Artefact.record["parameters"]` has
them; ``fitted`` and ``predicted`` positions on the spine of the material; the result has shape
(n_predicted,).
"""


def backtest(
    label: npt.NDArray[np.int8],
    group: npt.NDArray[np.int64],
    folds: Sequence[tuple[Positions, Positions]],
    refit: Refit,
    champion: Mapping[str, Any],
    challenger: Mapping[str, Any],
) -> Backtest | None:
    """Fit both parameter sets at each rolling origin and compare what they say of later rows.

    Parameters
    ----------
    label, group : ndarray of shape (n_rows,)
        Of every row of the spine.
    folds : sequence of (fitted, predicted)
        Positions; folds of which nothing or one class only could be fitted are left out.
    refit : Refit
    champion, challenger : mapping
        Parameters.

    Returns
    -------
    Backtest or None
        None where no fold could be fitted.
    """
    usable = [(f, p) for f, p in folds if len(p) and len(np.unique(label[f])) == 2]
    if not usable:
        return None
    at = np.concatenate([predicted for _, predicted in usable])
    theirs, mine = (
        row_losses(label[at], np.concatenate([refit(parameters, f, p) for f, p in usable]))
        for parameters in (champion, challenger)
    )
    return Backtest(
        champion=float(theirs.mean()),
        challenger=float(mine.mean()),
        difference=mean_interval(mine - theirs, group[at]),
        rows=len(at),
        positive_leads=len(np.unique(group[at][label[at] == 1])),
    )
