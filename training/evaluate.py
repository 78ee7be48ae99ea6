"""How good probabilities are, on rows that nothing was fitted on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.calibration import log_loss


@dataclass(frozen=True)
class Metrics:
    """Figures of one set of rows; None where they are not defined (one class only).

    Attributes
    ----------
    auc : float
        P(a positive row's probability exceeds a negative row's), ties counting one half.
    log_loss : float
        Mean negative log-likelihood, in nats.
    brier : float
        Mean squared difference between probability and label.
    ece : float
        Expected calibration error over ten bins of equal size.
    calibration_slope : float
        Slope of a logistic regression of the label on the log-odds; 1 is calibrated, below 1 too
        extreme (Cox 1958).
    n, positives : int
        Rows, and rows with label 1.
    """

    auc: float | None
    log_loss: float
    brier: float
    ece: float
    calibration_slope: float | None
    n: int
    positives: int

    def to_json(self) -> dict[str, Any]:
        """The figures by name."""
        return asdict(self)


def metrics(label: npt.NDArray[np.int8], probability: npt.NDArray[np.float64]) -> Metrics:
    """The figures of probabilities against labels, both of shape (n_rows,), n_rows >= 1."""
    from sklearn.metrics import roc_auc_score

    positives = int(label.sum())
    both = 0 < positives < len(label)
    return Metrics(
        auc=float(roc_auc_score(label, probability)) if both else None,
        log_loss=log_loss(label, probability),
        brier=float(np.mean((probability - label) ** 2)),
        ece=_calibration_error(label, probability),
        calibration_slope=_slope(label, probability) if both else None,
        n=len(label),
        positives=positives,
    )


def _calibration_error(
    label: npt.NDArray[np.int8], probability: npt.NDArray[np.float64], bins: int = 10
) -> float:
    order = np.argsort(probability, kind="stable")
    error = 0.0
    for rows in np.array_split(order, bins):
        if len(rows):
            error += len(rows) * abs(float(label[rows].mean() - probability[rows].mean()))
    return error / len(label)


def _slope(label: npt.NDArray[np.int8], probability: npt.NDArray[np.float64]) -> float | None:
    from sklearn.linear_model import LogisticRegression

    p = np.clip(probability, 1e-9, 1 - 1e-9)
    log_odds = np.log(p) - np.log1p(-p)
    if np.ptp(log_odds) < 1e-9:
        return None
    fitted = LogisticRegression(C=np.inf, max_iter=1000).fit(log_odds[:, None], label)
    return float(fitted.coef_[0, 0])
