"""Curves of one answerer, thinned to what a plot can show."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_POINTS = 200
_BINS = 40


class Curve(NamedTuple):
    """Precision at a recall, in rows; recall ascending."""

    recall: list[float]
    precision: list[float]


class Histogram(NamedTuple):
    """Rows by probability and outcome; bin i is [edges[i], edges[i + 1]), the last with its end."""

    edges: list[float]
    others: list[int]
    positives: list[int]


def precision_recall(label: npt.NDArray[np.int8], probability: npt.NDArray[np.float64]) -> Curve:
    """Precision over recall, where equal probabilities come at once."""
    from sklearn.metrics import precision_recall_curve

    if not 0 < label.sum() < len(label):
        return Curve([], [])
    precision, recall, _ = precision_recall_curve(label, probability)
    # The first point scikit-learn adds, precision 1 at recall 0, is nobody's.
    precision, recall = precision[:-1][::-1], recall[:-1][::-1]
    picked = np.unique(np.searchsorted(recall, np.linspace(0, 1, _POINTS)).clip(0, len(recall) - 1))
    return Curve(recall[picked].tolist(), precision[picked].tolist())


def histogram(label: npt.NDArray[np.int8], probability: npt.NDArray[np.float64]) -> Histogram:
    """Counts in bins of equal width from 0 to the largest probability."""
    edges = np.linspace(0, max(float(probability.max()), 1e-6), _BINS + 1)
    counts = [np.histogram(probability[label == outcome], edges)[0].tolist() for outcome in (0, 1)]
    return Histogram(edges.tolist(), *counts)
