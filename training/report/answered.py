"""Rows whose outcome is known, with what each answerer said of them: what a report is made from."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.instants import Instants
from training.held_out import HeldOut, Probabilities

SCORECARD = "scorecard"


@dataclass(frozen=True)
class Answered:
    """Rows and answers.

    Attributes
    ----------
    label : ndarray of shape (n_rows,), int8
    group : ndarray of shape (n_rows,), int64
        Rows that are resampled together.
    lead : ndarray of shape (n_rows,), int64
        Whose row it is: a lead is called at most once.
    cutoff : ndarray of shape (n_rows,), int64
    tz : ZoneInfo or None
        The zone of days and months; None for a flat export, where no time is known.
    probability : dict of str to ndarray of shape (n_rows,)
        By answerer; who answers for the company first.
    rank : dict of str to ndarray of shape (n_rows,)
        What sorts the rows where it does so more finely than the probability: points.
    """

    label: npt.NDArray[np.int8]
    group: npt.NDArray[np.int64]
    lead: npt.NDArray[np.int64]
    cutoff: Instants
    tz: ZoneInfo | None
    probability: dict[str, Probabilities]
    rank: dict[str, npt.NDArray[np.float64]]

    @classmethod
    def of(cls, held_out: HeldOut, tz: ZoneInfo) -> Answered:
        """The test rows of a training run."""
        return cls(
            held_out.label,
            held_out.group,
            held_out.spine.lead,
            held_out.spine.cutoff,
            tz if held_out.split.by == "time" else None,
            held_out.probability,
            {SCORECARD: held_out.points.astype(np.float64)},
        )

    def __len__(self) -> int:
        return len(self.label)

    @property
    def best(self) -> str:
        """Who answers for the company: the model, else the scorecard."""
        return next(iter(self.probability))

    def order(self, name: str) -> npt.NDArray[np.float64]:
        """What sorts rows for an answerer, most likely highest."""
        return self.rank.get(name, self.probability[name])

    def pools(self) -> npt.NDArray[np.int64]:
        """The cutoff date of each row, as rising numbers from 0; 0 in a flat export."""
        return self._numbered("D")[0]

    def months(self) -> tuple[npt.NDArray[np.int64], list[str]]:
        """The month of each row's cutoff as a number, and the months' names, ``"2026-04"``."""
        return self._numbered("M")

    def _numbered(self, unit: str) -> tuple[npt.NDArray[np.int64], list[str]]:
        """The local day (``"D"``) or month (``"M"``) of each cutoff."""
        if self.tz is None:
            return np.zeros(len(self), dtype=np.int64), []
        cutoffs, place = np.unique(self.cutoff, return_inverse=True)
        local = pd.to_datetime(cutoffs, unit="us", utc=True).tz_convert(self.tz).tz_localize(None)
        begins, number = np.unique(local.to_numpy(dtype=f"datetime64[{unit}]"), return_inverse=True)
        return number[place], [str(begin) for begin in begins]
