"""How far all predictions over a line may be off together, as learnt from leads held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, xlog1py, xlogy
from scipy.stats import norm

from features.instants import MISSING
from features.spine import labels
from features.times import parse_one
from models.capacity.distributions import Floats, Shift
from models.capacity.reference import excluded
from models.evidence import AT_LEAST, Evidence
from models.past import Past

PRIOR = 0.4
"""Standard deviation of the shift in log-odds before anything was observed: models of some hundred
converted leads were off by 0.3 where a line lies."""
LATER = 0.1
"""Standard deviation of what held-out leads cannot tell: they are earlier ones, and all those over the
line, not those who have just crossed it."""
LOOKS = 13
"""At how many moments, a week apart, what became of leads is looked up."""

_NEAREST = 1e-9


class Observed(NamedTuple):
    """Comparable leads: how many, how many converted, and what was predicted of such leads.

    Both numbers are of leads, and need not be whole where a lead was seen several times.
    """

    n: float
    converted: float
    predicted: Floats


def learnt(observed: list[Observed]) -> Shift:
    """The posterior of a shift whose prior is normal with mean 0 and standard deviation `PRIOR`.

    Of n comparable leads with the predictions p the number that converted is taken as binomial with
    the mean of the shifted p; the posterior is worked out on a grid and summed up by mean and spread.
    """
    grid = np.linspace(-5 * PRIOR, 5 * PRIOR, 401)
    log = norm.logpdf(grid, scale=PRIOR)
    for leads in observed:
        odds = logit(np.clip(leads.predicted, _NEAREST, 1 - _NEAREST))
        rate = expit(odds + grid[:, None]).mean(axis=1)
        log += xlogy(leads.converted, rate) + xlog1py(leads.n - leads.converted, -rate)
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    mean = float(weight @ grid)
    return Shift(mean, float(np.sqrt(weight @ (grid - mean) ** 2 + LATER**2)))


@dataclass(frozen=True)
class Became:
    """What became of leads at moments of which whoever answers had seen no outcome.

    Attributes
    ----------
    lead : ndarray of shape (n_rows,), int64
    label : ndarray of shape (n_rows,), int8
    probability : ndarray of shape (n_rows,), float64
        As of the moment.
    """

    lead: npt.NDArray[np.int64]
    label: npt.NDArray[np.int8]
    probability: Floats

    @classmethod
    def of(cls, past: Past, until: int, length: int) -> Became:
        """Look back at the latest `LOOKS` moments whose horizon has ended.

        Parameters
        ----------
        until : int
            The instant up to which outcomes are known.
        length : int
            Of a week, microseconds.
        """
        seen, horizon = _seen_until(past), past.task.horizon
        every = np.arange(len(past.known.leads))
        lead, label, p = [every[:0]], [np.empty(0, dtype=np.int8)], [np.empty(0)]
        if seen is not None and horizon is not None:
            left_out = excluded(past, until)
            at = until - horizon - length * np.arange(LOOKS, dtype=np.int64)
            for moment in at[at >= seen]:
                then = np.full(len(every), moment)
                probability = past.probability(every, then)
                asked = np.flatnonzero(~np.isnan(probability) & ~left_out)
                lead.append(asked)
                label.append(labels(past.known.log, past.task, asked, then[asked]))
                p.append(probability[asked])
        return cls(np.concatenate(lead), np.concatenate(label), np.concatenate(p))

    def over(self, line: float) -> list[Observed]:
        """Those over a line, which is lowered until `AT_LEAST` leads were over it; none where there
        are no leads. A lead is the unit: one that was over it at several moments counts once."""
        if not len(self.lead):
            return []
        highest = np.full(int(self.lead.max()) + 1, -np.inf)
        np.maximum.at(highest, self.lead, self.probability)
        enough = np.sort(highest)[::-1][:AT_LEAST][-1]
        over = self.probability >= min(line, enough)
        n = len(np.unique(self.lead[over]))
        return [Observed(n, n * float(self.label[over].mean()), self.probability[over])]


def _seen_until(past: Past) -> int | None:
    """The instant before which whoever answers may have seen what became of leads."""
    if past.artefact is not None:
        record = past.artefact.record
        text = record.get("outcomes_seen_until") or record.get("first_test_cutoff")
        return parse_one(text, None, "outcomes_seen_until") if text else None
    if past.points_map is not None and past.points_map.observed_until != MISSING:
        return past.points_map.observed_until
    return None


def of_evidence(evidence: Evidence | None, line: float, probability: Floats) -> list[Observed]:
    """The bins of an artefact's evidence that reach above a line, else its last one.

    They flatter a little: bins end where the observed rate jumps.

    Parameters
    ----------
    probability : ndarray of shape (n,), without NaN
        Of leads like those held out: they say what is predicted of the leads of a bin.
    """
    if evidence is None or not evidence.bins:
        return []
    place, first = evidence.find(probability), int(evidence.find(np.array([line]))[0])
    bins = [(place == number, found) for number, found in enumerate(evidence.bins)]
    return [
        Observed(found.n, found.converted, probability[members])
        for members, found in bins[first:]
        if members.any()
    ]
