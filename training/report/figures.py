"""The figures of one answerer, each with a 95% interval that resamples leads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.calibration import row_losses
from training.evaluate import calibration_line, log_odds, tenths
from training.report.ranking import ranking
from training.resampling import Interval, Resamples, Values, interval

BINS = 10


@dataclass(frozen=True)
class Figures:
    """What `training.evaluate.Metrics` means by each, as (value, low, high); None where undefined.

    Attributes
    ----------
    auc, average_precision, log_loss, brier, calibration_slope : Interval or None
    ece : Interval
        Its bins are those of the data. Noise never makes it smaller, so its interval lies above
        the value more often than around it.
    log_loss_less : Interval or None
        Log loss less that of the first answerer, paired by row; above 0 this one is worse.
    """

    auc: Interval | None
    average_precision: Interval | None
    log_loss: Interval | None
    brier: Interval | None
    ece: Interval | None
    calibration_slope: Interval | None
    log_loss_less: Interval | None = None

    def to_json(self) -> dict[str, Any]:
        """Each figure as a list of value, low and high."""
        return {name: None if v is None else list(v) for name, v in asdict(self).items()}


def figures(
    resamples: Resamples,
    label: npt.NDArray[np.int8],
    probability: npt.NDArray[np.float64],
    first: npt.NDArray[np.float64] | None = None,
) -> Figures:
    """The figures of an answerer.

    Parameters
    ----------
    label, probability : ndarray of shape (n_rows,)
    first : ndarray of shape (n_rows,), optional
        The first answerer's probabilities, where this is another one.
    """
    loss = row_losses(label, probability)
    less = np.zeros_like(loss) if first is None else loss - row_losses(label, first)
    per_row = np.column_stack([np.ones_like(loss), loss, (probability - label) ** 2, less])
    sums = resamples.sums(per_row)[:, 0]
    means = sums[:, 1:] / sums[:, :1]
    missed = resamples.sums((probability - label)[:, None], tenths(probability, BINS), BINS)
    ece = np.abs(missed[:, :, 0]).sum(axis=1) / sums[:, 0]
    auc, precision = ranking(resamples, label, probability)
    return Figures(
        auc=interval(auc),
        average_precision=interval(precision),
        log_loss=interval(means[:, 0]),
        brier=interval(means[:, 1]),
        ece=interval(ece),
        calibration_slope=_slope(resamples, label, probability),
        log_loss_less=None if first is None else interval(means[:, 2]),
    )


def _slope(
    resamples: Resamples, label: npt.NDArray[np.int8], probability: npt.NDArray[np.float64]
) -> Interval | None:
    """Each resample's slope by one Newton step from that of the data.

    The one-step bootstrap of Moulton and Zeger (1991), "Bootstrapping generalized linear models":
    its score and information are sums over rows, so no resample is fitted.
    """
    line = calibration_line(label, probability)
    if line is None:
        return None
    intercept, slope = line
    x = log_odds(probability)
    fitted = 1 / (1 + np.exp(-(intercept + slope * x)))
    residual, weight = label - fitted, fitted * (1 - fitted)
    terms = np.column_stack([residual, residual * x, weight, weight * x, weight * x * x])
    g0, g1, h00, h01, h11 = np.moveaxis(resamples.sums(terms)[:, 0], 1, 0)
    determinant = h00 * h11 - h01 * h01
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes: Values = slope + (h00 * g1 - h01 * g0) / determinant
    slopes[0] = slope
    return interval(slopes)
