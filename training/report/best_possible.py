"""How far answers are from the best possible ones, where a simulation tells these."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from features.errors import InputError
from features.log import Leads
from features.spine import Spine
from models.calibration import row_losses
from training.held_out import Probabilities
from training.report.answered import Answered
from training.report.ranking import ranking
from training.resampling import Interval, Resamples, interval

BASE_RATE = "base rate"


class Distance(NamedTuple):
    """An answerer beside `p_bayes`, on the rows that the truth covers.

    `log_loss` is that of the best possible answers; `less` the answerer's less it, paired by row;
    `gain` is (base rate - answerer) / (base rate - best): 0 is the base rate, 1 the best possible;
    `auc` the best one's, `auc_less` the answerer's less it.
    """

    name: str
    rows: int
    log_loss: Interval | None
    less: Interval | None
    gain: Interval | None
    auc: Interval | None
    auc_less: Interval | None


def best_possible(
    truth: Path, leads: Leads, spine: Spine, answer: str = "p_bayes"
) -> Probabilities:
    """`p_bayes` of each row of a spine, by lead and cutoff; NaN where the truth has none.

    Parameters
    ----------
    answer : {"p_bayes", "p_without"}
        The latter is there where a signal is planted.

    Returns
    -------
    ndarray of shape (n_rows,)

    Raises
    ------
    InputError
        When the file is not a truth file.
    """
    try:
        told = pd.read_parquet(truth, columns=["lead_id", "cutoff", answer])
    except (OSError, ValueError) as error:
        raise InputError(
            f"{truth}: expected the truth.parquet of a simulated world, with lead_id, cutoff and "
            f"{answer} ({error})."
        ) from error
    asked = pd.DataFrame(
        {
            "lead_id": leads.lead_id.take(pa.array(spine.lead)).to_pandas(),
            "cutoff": pd.to_datetime(spine.cutoff, unit="us", utc=True).as_unit("us"),
        }
    )
    found = asked.merge(told, how="left", on=["lead_id", "cutoff"], validate="one_to_one")
    return found[answer].to_numpy(dtype=np.float64)


def distances(rows: Answered, best: Probabilities, resamples: Resamples) -> list[Distance]:
    """Every answerer's distance from the best possible answers; none where no row has one."""
    known = np.flatnonzero(np.isfinite(best))
    if not len(known):
        return []
    label, drawn = rows.label[known], resamples.take(known)
    answers = {name: p[known] for name, p in rows.probability.items()}
    losses = [row_losses(label, p) for p in (best[known], *answers.values())]
    sums = drawn.sums(np.column_stack([np.ones(len(known)), *losses]))[:, 0]
    ideal, *means = (sums[:, 1:] / sums[:, :1]).T
    auc = ranking(drawn, label, best[known])[0]
    base = dict(zip(answers, means, strict=True)).get(BASE_RATE, np.full_like(ideal, np.nan))
    found = []
    for (name, p), mean in zip(answers.items(), means, strict=True):
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = interval((base - mean) / (base - ideal))
        less = interval(ranking(drawn, label, p)[0] - auc)
        found.append(
            Distance(
                name,
                len(known),
                interval(ideal),
                interval(mean - ideal),
                gain,
                interval(auc),
                less,
            )
        )
    return found
