"""One set of test rows, and everybody's answers to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from models.calibration import row_losses
from models.playbook import Playbook
from training.evaluate import Metrics, metrics
from training.held_out import HeldOut, Probabilities
from training.resampling import Interval, mean_interval
from training.sources import Material, Sources, gather
from training.train import train

HEADER = ("", "AUC", "log loss", "slope", "ours less it", "95% interval")
"""Of `Comparison.lines`."""

OURS = "ours"


@dataclass(frozen=True)
class Comparison:
    """Answers to the same test rows.

    Attributes
    ----------
    title : str
    label : ndarray of shape (n_rows,), int8
    group : ndarray of shape (n_rows,), int64
        Rows that are resampled together: those of one lead.
    answers : dict of str to ndarray of shape (n_rows,)
        Probabilities by answerer, `OURS` among them.
    note : str
        What a reader of the figures must know besides.
    """

    title: str
    label: npt.NDArray[np.int8]
    group: npt.NDArray[np.int64]
    answers: dict[str, Probabilities]
    note: str = ""

    @cached_property
    def figures(self) -> dict[str, Metrics]:
        """The figures of each answerer."""
        return {name: metrics(self.label, p) for name, p in self.answers.items()}

    def difference(self, name: str) -> Interval:
        """Mean log loss of ours less that of another, paired by row; below 0 ours is better."""
        ours, other = (row_losses(self.label, self.answers[who]) for who in (OURS, name))
        return mean_interval(ours - other, self.group)

    def heading(self) -> str:
        """The title with the numbers of rows."""
        rows, leads = len(self.label), len(np.unique(self.group))
        return f"{self.title}: {rows:,} test rows of {leads:,} leads, {self.label.sum():,} positive"

    def lines(self) -> list[list[str]]:
        """A row of a table for each answerer."""
        lines = []
        for name, m in self.figures.items():
            auc = "-" if m.auc is None else f"{m.auc:.3f}"
            slope = "-" if m.calibration_slope is None else f"{m.calibration_slope:.2f}"
            line = [name, auc, f"{m.log_loss:.4f}", slope, "", ""]
            if name != OURS:
                by = self.difference(name)
                line[4:] = [f"{by.mean:+.4f}", f"{by.low:+.4f} to {by.high:+.4f}"]
            lines.append(line)
        return lines


def gain_share(base: float, ours: float, best: float) -> float:
    """(base - ours) / (base - best) in log loss: 0 is the base rate, 1 the best possible answer.

    Examples
    --------
    >>> round(gain_share(0.30, 0.22, 0.20), 3)
    0.8
    """
    return (base - ours) / (base - best)


def trained_on(sources: Sources, playbook: Playbook) -> tuple[Material, HeldOut]:
    """What was trained on, and the rows held out from it."""
    trained = train(gather(sources, playbook, "qualification"), playbook)
    return trained.material, trained.held_out
