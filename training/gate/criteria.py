"""The gate itself, as a function of plain arrays: what promotion needs, and whether it is there.

(a) At least 200 positive leads among the rows, else nothing can be told apart.
(b) Not worse than the champion: the upper end of the 95% interval of the paired difference in log
    loss is below 1% of the champion's log loss; and calibrated: slope in [0.8, 1.25].
(c) The champion is as good here as when it was registered. Where it is not, the data changed, and
    which model is better on such data is for a person to decide.
(d) Better than the base rate beyond noise, and than the scorecard. Also for a first model, which
    needs nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.calibration import row_losses
from training.evaluate import metrics
from training.gate.verdict import Criterion, Letter, Verdict, shown
from training.resampling import Interval, mean_interval

POSITIVE_LEADS = 200
WORSE = 0.01
"""Share of the champion's log loss by which a challenger may be worse, at the very most."""
SLOPES = (0.8, 1.25)
PERSON = "a person decides"
CHANGED = f"the data changed, {PERSON}"
TOO_FEW = "not enough new outcomes"
_STOPPED: dict[Letter, str] = {
    "c": CHANGED,
    "a": TOO_FEW,
    "b": "not shown to be as good as the champion",
    "d": "not better than knowing little",
}
"""What a failed criterion means, the weightiest first."""

Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GateRows:
    """Rows whose outcomes neither model has seen, with every answer to them.

    Attributes
    ----------
    label : ndarray of shape (n_rows,), int8
    group : ndarray of shape (n_rows,), int64
        The lead of each row: what is resampled.
    challenger, base_rate, scorecard : ndarray of shape (n_rows,), probabilities
    champion : ndarray of shape (n_rows,), probabilities, or None
        None for a first model.
    """

    label: npt.NDArray[np.int8]
    group: npt.NDArray[np.int64]
    challenger: Probabilities
    base_rate: Probabilities
    scorecard: Probabilities
    champion: Probabilities | None = None

    def __len__(self) -> int:
        return len(self.label)

    @property
    def positive_leads(self) -> int:
        """Leads with a row of label 1."""
        return len(np.unique(self.group[self.label == 1]))

    def loss(self, probability: Probabilities) -> Interval:
        """Log loss of some answers, with its interval."""
        return mean_interval(row_losses(self.label, probability), self.group)

    def excess(self, other: Probabilities) -> Interval:
        """Log loss of the challenger less that of `other`, row by row, with its interval."""
        losses = (row_losses(self.label, p) for p in (self.challenger, other))
        return mean_interval(np.subtract(*losses), self.group)


def judge(
    rows: GateRows, registered: Interval | None = None, champion: str | None = None
) -> Verdict:
    """Whether the challenger is promoted; every criterion that applies is measured, met or not.

    Parameters
    ----------
    rows : GateRows
    registered : Interval, optional
        The champion's log loss on its own test rows when it was registered.
    champion : str, optional
        The champion's version, for the verdict.
    """
    if not len(rows):
        nothing = Criterion("a", False, {"positive leads": 0.0}, f"{TOO_FEW}: no row has any.")
        return Verdict(False, TOO_FEW, (nothing,), champion)
    if rows.champion is None:
        known = _knows(rows)
        reason = f"the first model: {_lower(known.says)}" if known.met else _reason((known,))
        return Verdict(known.met, reason, (known,), champion)
    enough, loss = _enough(rows), rows.loss(rows.champion)
    not_worse = _not_worse(rows, rows.champion, loss)
    found = (enough, not_worse, _same(loss, registered), _knows(rows))
    return Verdict(all(one.met for one in found), _reason(found), found, champion)


def _enough(rows: GateRows) -> Criterion:
    n = rows.positive_leads
    says = f"{n:,} leads with a positive row; {POSITIVE_LEADS} are needed."
    return Criterion("a", n >= POSITIVE_LEADS, {"positive leads": float(n)}, says)


def _not_worse(rows: GateRows, champion: Probabilities, loss: Interval) -> Criterion:
    difference, limit = rows.excess(champion), WORSE * loss.mean
    slope = metrics(rows.label, rows.challenger).calibration_slope
    near = difference.high < limit
    calibrated = slope is not None and SLOPES[0] <= slope <= SLOPES[1]
    says = (
        f"Log loss less the champion's is {shown(difference)}; its upper end "
        f"{'is' if near else 'is not'} below {limit:.4f}, 1% of the champion's {loss.mean:.4f}. "
        f"The calibration slope is {'not defined' if slope is None else f'{slope:.2f}'}, "
        f"{'within' if calibrated else 'outside'} {SLOPES[0]} to {SLOPES[1]}."
    )
    numbers = {
        "difference": difference.mean,
        "low": difference.low,
        "high": difference.high,
        "limit": limit,
        "slope": slope,
    }
    return Criterion("b", near and calibrated, numbers, says)


def _same(now: Interval, registered: Interval | None) -> Criterion:
    """Whether two log losses of one model, on different rows, differ by no more than noise.

    The interval of a difference of two independent estimates from the interval of each: MOVER,
    Zou and Donner (2008), "Construction of confidence limits about effect measures". Rows that the
    two share make the difference smaller than this allows for.
    """
    if registered is None:
        says = "The champion's registered log loss has no interval to compare with."
        return Criterion("c", False, {"now": now.mean, "registered": None}, says)
    difference = now.mean - registered.mean
    down = np.hypot(now.mean - now.low, registered.high - registered.mean)
    up = np.hypot(now.high - now.mean, registered.mean - registered.low)
    apart = Interval(difference, float(difference - down), float(difference + up))
    met = apart.low <= 0 <= apart.high
    says = (
        f"The champion's log loss is {now.mean:.4f} here and was {registered.mean:.4f} when it was "
        f"registered: {shown(apart)}, {'within' if met else 'beyond'} noise."
    )
    numbers: dict[str, float | None] = {
        "now": now.mean,
        "registered": registered.mean,
        "difference": apart.mean,
        "low": apart.low,
        "high": apart.high,
    }
    return Criterion("c", bool(met), numbers, says)


def _knows(rows: GateRows) -> Criterion:
    base_rate, scorecard = rows.excess(rows.base_rate), rows.excess(rows.scorecard)
    knows, beats = base_rate.high < 0, scorecard.mean < 0
    says = (
        f"Log loss less the base rate's is {shown(base_rate)}, "
        f"{'better' if knows else 'not better'} beyond noise; less the scorecard's "
        f"{shown(scorecard)}, {'better' if beats else 'not better'}."
    )
    numbers: dict[str, float | None] = {
        "less base rate": base_rate.mean,
        "less base rate, high": base_rate.high,
        "less scorecard": scorecard.mean,
        "less scorecard, high": scorecard.high,
    }
    return Criterion("d", knows and beats, numbers, says)


def _reason(found: tuple[Criterion, ...]) -> str:
    """What stopped the model; where the data changed, nothing else means much."""
    stopped = {one.letter: one for one in found if not one.met}
    if not stopped:
        return found[1].says
    said = []
    for letter, opening in _STOPPED.items():
        if letter in stopped:
            unknown = letter == "c" and stopped[letter].numbers["registered"] is None
            said.append(
                f"({letter}) {PERSON if unknown else opening}: {_lower(stopped[letter].says)}"
            )
    return " ".join(said)


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:]
