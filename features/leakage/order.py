"""Ids and row numbers that predict: the file is sorted by the outcome, or by time that drifts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.cells import text_column
from features.instants import MISSING, Instants
from features.leakage.alone import Codes, codes, folds, predicted
from features.leakage.bounds import auc, auc_error, z_of
from features.leakage.finding import Finding
from features.leakage.outcome import Outcome

NOTE_AUC, LIKELY_AUC = 0.60, 0.80
"""A row number has nothing to say: .60 is worth knowing, and .80 is a file sorted by the outcome or
a drift so strong that a random test means nothing."""
SAME_ORDER = 0.99
"""Rank correlation from which two orders are one, and reported once."""
STRATA = 50


@dataclass(frozen=True)
class Order:
    """A position for each lead of an outcome, and what it is: ``row number``, or a column."""

    name: str
    position: npt.NDArray[np.float64]


def digits_of(ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """The number in each id, for ids that are a number with letters around it; else NaN.

    Examples
    --------
    >>> digits_of(pa.array(["L0012", "7", "7a9"])).tolist()
    [12.0, 7.0, nan]
    """
    parts = pc.extract_regex(text_column(ids), r"^\D*(?P<number>\d{1,15})\D*$")
    number = pc.struct_field(parts, "number").cast(pa.float64())
    return np.asarray(number.to_numpy(zero_copy_only=False), dtype=np.float64)


def order_that_predicts(
    orders: list[Order], outcome: Outcome, created_at: Instants | None
) -> list[Finding]:
    """Orders that tell who converted; where creation is known, beyond what creation explains.

    The AUC of cross-fitted rates over 32 parts of the order, with Hanley and McNeil's bounds. With
    `created_at` it counts only pairs of leads created at about the same time (one of 50 strata):
    a drift that creation explains is then a note, and any more is not.

    Parameters
    ----------
    created_at : ndarray of shape (n,), int64, or None
        Of the leads of `outcome`.
    """
    if not outcome.enough:
        return []
    found: list[Finding] = []
    told: list[Order] = []
    z = z_of(len(orders))
    for order in orders:
        if np.isfinite(order.position).mean() < 0.9 or _same(order, told):
            continue
        told.append(order)
        code = codes(pa.array(order.position, from_pandas=True), number=True)
        p = predicted(code, outcome.converted, folds(outcome.converted))
        n_yes = int(outcome.converted.sum())
        area = auc(p, outcome.converted)
        low = area - z * float(auc_error(area, n_yes, len(p) - n_yes))
        if low < NOTE_AUC:
            continue
        evidence = (
            f"The {order.name} alone predicts the outcome with AUC {area:.3f} (from {low:.3f})"
        )
        strata = _strata(created_at)
        if strata is None:
            severe = low >= LIKELY_AUC
            evidence += "; without times this is the outcome or a drift."
        else:
            within, within_low = _within(p, outcome.converted, strata, z)
            severe = within_low >= LIKELY_AUC
            evidence += (
                f"; among leads created at the same time {within:.3f} (from {within_low:.3f})."
            )
        found.append(
            Finding(
                "likely" if severe else "note",
                "file",
                f"leads, {order.name}",
                "order predicts",
                evidence,
                "Neither ids nor row numbers are learnt. Export in another order, or say with "
                "--test which rows are later: on a random test a drift flatters.",
            )
        )
    return found


def _same(order: Order, others: list[Order]) -> bool:
    known = np.isfinite(order.position)
    for other in others:
        both = known & np.isfinite(other.position)
        a, b = (np.argsort(np.argsort(o.position[both], kind="stable")) for o in (order, other))
        if both.sum() > 2 and abs(np.corrcoef(a, b)[0, 1]) >= SAME_ORDER:
            return True
    return False


def _strata(created_at: Instants | None) -> Codes | None:
    """Leads created at about the same time; None where creation is not known."""
    if created_at is None or (created_at == MISSING).mean() > 0.1:
        return None
    edges = np.unique(np.quantile(created_at, np.linspace(0, 1, STRATA + 1)[1:-1], method="lower"))
    return np.searchsorted(edges, created_at, side="left").astype(np.int64)


def _within(
    score: npt.NDArray[np.float64], converted: npt.NDArray[np.bool_], strata: Codes, z: float
) -> tuple[float, float]:
    """AUC over pairs of the same stratum, and its lower bound (van Elteren 1960 for the weights)."""
    pairs, area, variance = 0.0, 0.0, 0.0
    for stratum in np.unique(strata):
        rows = strata == stratum
        yes = int(converted[rows].sum())
        no = int(rows.sum()) - yes
        if yes and no:
            mine = auc(score[rows], converted[rows])
            pairs, area = pairs + yes * no, area + yes * no * mine
            variance += (yes * no * float(auc_error(mine, yes, no))) ** 2
    if not pairs:
        return 0.5, 0.0
    return area / pairs, area / pairs - z * variance**0.5 / pairs
