"""Figures of parts of the rows: tenths of the probability, segments, months."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from training.evaluate import metrics, tenths
from training.resampling import Interval, Resamples, interval

LEAST = 20
"""Values of fewer leads than this are shown together: they name nobody, and no figure of theirs holds."""
MOST = 12
"""Values of a segment that are shown by themselves, those with most rows."""
OTHER, MISSING = "(other)", "(missing)"


class Part(NamedTuple):
    """Some of the rows.

    `predicted` is the mean probability, `observed` the share that converted, with its 95% interval
    from drawing leads; `auc` and `calibration_slope` are None where undefined.
    """

    name: str
    rows: int
    leads: int
    positives: int
    predicted: float
    observed: Interval | None
    auc: float | None
    log_loss: float
    calibration_slope: float | None

    @property
    def missed(self) -> bool:
        """Whether the mean probability lies outside the interval of what was observed."""
        seen = self.observed
        return seen is not None and not seen.low <= self.predicted <= seen.high


def parts(
    names: list[str],
    code: npt.NDArray[np.int64],
    resamples: Resamples,
    lead: npt.NDArray[np.int64],
    label: npt.NDArray[np.int8],
    probability: npt.NDArray[np.float64],
) -> list[Part]:
    """The parts that have rows; `code` of shape (n_rows,) says which of `names` each row is in."""
    sums = resamples.sums(np.column_stack([np.ones(len(label)), label]), code, len(names))
    found = []
    for place, name in enumerate(names):
        here = np.flatnonzero(code == place)
        if not len(here):
            continue
        with np.errstate(invalid="ignore"):
            observed = interval(sums[:, place, 1] / sums[:, place, 0])
        own = metrics(label[here], probability[here])
        found.append(
            Part(
                name,
                own.n,
                len(np.unique(lead[here])),
                own.positives,
                float(probability[here].mean()),
                observed,
                own.auc,
                own.log_loss,
                own.calibration_slope,
            )
        )
    return found


def by_tenth(
    resamples: Resamples,
    lead: npt.NDArray[np.int64],
    label: npt.NDArray[np.int8],
    probability: npt.NDArray[np.float64],
) -> list[Part]:
    """The table of calibration: bins as equal in size as ties allow, least likely first."""
    names = [str(n) for n in range(1, 11)]
    return parts(names, tenths(probability), resamples, lead, label, probability)


def coded(values: pa.Array, lead: npt.NDArray[np.int64]) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The values of a segment as names and codes; rare ones together, most rows first.

    Parameters
    ----------
    values : pyarrow.StringArray of n_rows
    lead : ndarray of shape (n_rows,)
    """
    encoded = pc.fill_null(values, MISSING).dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    code = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    rows = np.bincount(code, minlength=len(texts))
    leads = np.bincount(np.unique(code * (lead.max() + 1) + lead) // (lead.max() + 1))
    order = [int(i) for i in np.argsort(-rows, kind="stable") if leads[i] >= LEAST][:MOST]
    place = np.full(len(texts), len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return [texts[i] for i in order] + [OTHER], place[code]
