"""The test rows of a training run, with what each answerer says of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.build import Matrix
from features.spine import Spine
from models.playbook import Playbook
from models.scorecard import Scorecard
from training.evaluate import Metrics, metrics
from training.sources import Material
from training.split import Split, split_at_random, split_by_time
from training.train import Trained

Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True)
class HeldOut:
    """Rows that nothing was fitted on.

    Attributes
    ----------
    split : Split
        Positions on the spine of the material.
    matrix : Matrix
        Features of every row of that spine, by the artefact's plan.
    spine : Spine
        The test rows, with their labels.
    label : ndarray of shape (n_rows,), int8
    group : ndarray of shape (n_rows,), int64
        Rows that stand or fall together: those of one lead; in a flat export, equal rows.
    probability : dict of str to ndarray of shape (n_rows,)
        Of ``model``, ``scorecard`` and ``base rate``.
    points : ndarray of shape (n_rows,), int64
        Of the scorecard: they rank more finely than the probabilities observed for them.
    """

    split: Split
    matrix: Matrix
    spine: Spine
    label: npt.NDArray[np.int8]
    group: npt.NDArray[np.int64]
    probability: dict[str, Probabilities]
    points: npt.NDArray[np.int64]

    def metrics(self, name: str, rows: npt.NDArray[np.bool_] | slice = slice(None)) -> Metrics:
        """The figures of one answerer, on some of the rows."""
        return metrics(self.label[rows], self.probability[name][rows])


def held_out(material: Material, trained: Trained, playbook: Playbook, seed: int = 0) -> HeldOut:
    """The rows that ``trained.figures`` are of.

    Parameters
    ----------
    material, playbook, seed
        What `trained` was made from; every row of the material must have been usable.

    Raises
    ------
    ValueError
        When there is no model, or the rows turn out to be others than those measured in training.
    """
    spine, artefact = material.spine, trained.artefact
    if spine.label is None or artefact is None:
        raise ValueError("held-out rows need labels and a model")
    if material.task.horizon is not None:
        split = split_by_time(spine, material.task.horizon)
    else:
        split = split_at_random(spine.label, material.group, seed)
    matrix = artefact.matrix(material.leads, material.log, spine, material.intake.changes)
    test = spine.take(split.test)
    X = artefact.encoder.encode(matrix.take(split.test))
    points = Scorecard(playbook).points(
        material.leads, material.log, test.lead, test.cutoff, material.intake.changes
    )
    label = spine.label[split.test]
    probability = {
        "model": artefact.model.probability(X),
        "scorecard": trained.points_map.probability(points.total.astype(np.float64)),
        "base rate": np.full(len(label), spine.label[split.train].mean()),
    }
    for name, p in probability.items():
        now, then = metrics(label, p).log_loss, trained.figures[name].log_loss
        if abs(now - then) > 1e-12:
            raise ValueError(f"{name}: log loss {now} on these rows, {then} when it was trained")
    group = material.group[split.test]
    return HeldOut(split, matrix, test, label, group, probability, points.total)
