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
    average_precision : float
        Mean precision over the positive rows, from the most likely down; equal probabilities come
        at once (Manning, Raghavan and Schuetze 2008, section 8.4).
    log_loss : float
        Mean negative log-likelihood, in nats.
    brier : float
        Mean squared difference between probability and label.
    ece : float
        Expected calibration error over `tenths`.
    calibration_slope : float
        Slope of a logistic regression of the label on the log-odds; 1 is calibrated, below 1 too
        extreme (Cox 1958).
    n, positives : int
        Rows, and rows with label 1.
    """

    auc: float | None
    average_precision: float | None
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
    from sklearn.metrics import average_precision_score, roc_auc_score

    positives = int(label.sum())
    line = calibration_line(label, probability)
    both = 0 < positives < len(label)
    return Metrics(
        auc=float(roc_auc_score(label, probability)) if both else None,
        average_precision=float(average_precision_score(label, probability)) if both else None,
        log_loss=log_loss(label, probability),
        brier=float(np.mean((probability - label) ** 2)),
        ece=_calibration_error(label, probability),
        calibration_slope=line[1] if line else None,
        n=len(label),
        positives=positives,
    )


def tenths(probability: npt.NDArray[np.float64], bins: int = 10) -> npt.NDArray[np.int64]:
    """The bin of each row, of bins as equal in size as they can be that divide no equal probabilities.

    Returns
    -------
    ndarray of shape (n_rows,), int64, in [0, bins)
        Rising with the probability; a bin may be empty.

    Examples
    --------
    >>> tenths(np.array([0.5, 0.1, 0.5, 0.9]), 2)
    array([1, 0, 1, 1])
    """
    _, place, rows = np.unique(probability, return_inverse=True, return_counts=True)
    middle = np.cumsum(rows) - rows / 2
    return np.asarray((middle * bins / len(probability)).astype(np.int64)[place])


def calibration_line(
    label: npt.NDArray[np.int8], probability: npt.NDArray[np.float64]
) -> tuple[float, float] | None:
    """Intercept and slope of a logistic regression of the label on the log-odds (Cox 1958).

    None where there is one class, or one probability.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    x = log_odds(probability)
    if np.ptp(x) < 1e-9 or not 0 < label.sum() < len(label):
        return None
    # Two numbers are fitted: threads would only wait for each other.
    with threadpool_limits(1):
        fitted = LogisticRegression(C=np.inf, max_iter=1000).fit(x[:, None], label)
    return float(fitted.intercept_[0]), float(fitted.coef_[0, 0])


def log_odds(probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """ln(p / (1 - p)); probabilities are kept off 0 and 1 by 1e-9."""
    p = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(p) - np.log1p(-p))


def _calibration_error(label: npt.NDArray[np.int8], probability: npt.NDArray[np.float64]) -> float:
    missed = np.bincount(tenths(probability), weights=probability - label)
    return float(np.abs(missed).sum() / len(label))
