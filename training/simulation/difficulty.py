"""How hard a simulated world is: what the best possible answer gains, and what counting gains.

`python -m training.simulation.difficulty DIR` prints it for a directory written by `training.simulate`. It
reads the files as anybody would: labels come from events.parquet, not from the simulator.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.simulation.world import Bools, Floats, Ints

LABEL = "deal_opened"


@dataclass(frozen=True)
class Rows:
    """Weekly cutoffs of open leads whose horizon is over, in arrays of shape (n,).

    Attributes
    ----------
    lead : index of the lead.
    p_bayes : the best possible answer.
    label : deal opened in (cutoff, cutoff + horizon].
    counts : ndarray of shape (n, n_types), events of each type up to and at the cutoff.
    """

    lead: Ints
    p_bayes: Floats
    label: Bools
    counts: Floats


@dataclass(frozen=True)
class Difficulty:
    """What can be gained in this world.

    Attributes
    ----------
    positives : share of rows with a deal.
    auc : area under the ROC curve of p_bayes.
    slope, slope_error : logistic regression of the label on logit(p_bayes), and its standard error
        with leads as the units (sandwich estimator; Liang and Zeger, 1986).
    gain : mean log loss of the base rate less that of p_bayes.
    counts_share : the part of `gain` that a logistic regression on total counts per event type
        gets, on leads it was not fitted on; the better of plain and logarithmic counts.
    """

    rows: int
    leads: int
    positives: float
    auc: float
    slope: float
    slope_error: float
    gain: float
    counts_share: float


def weekly_rows(directory: Path) -> Rows:
    """Every seventh midnight of the truth whose horizon ends by the last one."""
    truth = pd.read_parquet(directory / "truth.parquet", columns=["lead_id", "cutoff", "p_bayes"])
    events = pd.read_parquet(
        directory / "events.parquet", columns=["lead_id", "event_type", "occurred_at"]
    )
    ids = pd.Index(pd.read_csv(directory / "leads.csv", usecols=["lead_id"])["lead_id"])
    horizon = pd.Timedelta(days=90)
    first, last = truth["cutoff"].min(), truth["cutoff"].max()
    weekly = (truth["cutoff"] - first) % pd.Timedelta(days=7) == pd.Timedelta(0)
    truth = truth[weekly & (truth["cutoff"] + horizon <= last)].sort_values(["cutoff", "lead_id"])
    events = events.sort_values("occurred_at", kind="stable")
    kind, types = pd.factorize(events["event_type"], sort=True)
    who = ids.get_indexer(events["lead_id"])
    label, counts = [], []
    total = np.zeros((len(ids), len(types)))
    done = 0
    for cutoff, rows in truth.groupby("cutoff"):
        now, then = events["occurred_at"].searchsorted([cutoff, cutoff + horizon], side="right")
        np.add.at(total, (who[done:now], kind[done:now]), 1)
        done = int(now)
        deals = who[now:then][kind[now:then] == types.get_loc(LABEL)]
        lead = ids.get_indexer(rows["lead_id"])
        label.append(np.isin(lead, deals))
        counts.append(total[lead])
    return Rows(
        lead=ids.get_indexer(truth["lead_id"]),
        p_bayes=truth["p_bayes"].to_numpy(),
        label=np.concatenate(label),
        counts=np.concatenate(counts),
    )


def difficulty(rows: Rows) -> Difficulty:
    """Measure a world on its rows."""
    y, p = rows.label, rows.p_bayes
    base = log_loss(y, np.full(len(y), y.mean()))
    gain = base - log_loss(y, p)
    counted = min(log_loss(y, counts_answer(rows, log)) for log in (False, True))
    slope, error = calibration_slope(rows)
    return Difficulty(
        rows=len(y),
        leads=len(np.unique(rows.lead)),
        positives=float(y.mean()),
        auc=float(roc_auc_score(y, p)),
        slope=slope,
        slope_error=error,
        gain=float(gain),
        counts_share=float((base - counted) / gain),
    )


def calibration_slope(rows: Rows) -> tuple[float, float]:
    """Slope of the label on logit(p_bayes) and its standard error over leads."""
    x = np.column_stack([np.ones(len(rows.label)), np.log(rows.p_bayes / (1 - rows.p_bayes))])
    fit = LogisticRegression(C=np.inf, fit_intercept=False).fit(x, rows.label)
    q = fit.predict_proba(x)[:, 1]
    bread = np.linalg.inv((x * (q * (1 - q))[:, None]).T @ x)
    score = np.zeros((rows.lead.max() + 1, 2))
    np.add.at(score, rows.lead, x * (rows.label - q)[:, None])
    variance = bread @ (score.T @ score) @ bread
    return float(fit.coef_[0, 1]), float(np.sqrt(variance[1, 1]))


def counts_answer(rows: Rows, log: bool) -> Floats:
    """Out-of-fold answers of a logistic regression on total counts: ndarray of shape (n,).

    Two folds, split by lead.
    """
    x = np.log1p(rows.counts) if log else rows.counts
    half = rows.lead % 2 == 0
    answer = np.empty(len(x))
    for fold in (half, ~half):
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        model.fit(x[fold], rows.label[fold])
        answer[~fold] = model.predict_proba(x[~fold])[:, 1]
    return answer


if __name__ == "__main__":
    print(difficulty(weekly_rows(Path(sys.argv[1]))))
