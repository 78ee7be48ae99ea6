"""Real data: the loan-lead log and the bank's contacts on later time; which flat exports there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features.instants import DAY
from features.spine import Spine
from models.playbook import Playbook
from training.baselines import counts_model, default_lightgbm, plain_counts
from training.quality.comparison import OURS, Comparison, trained_on
from training.sources import Sources

PLAYBOOK = Path(__file__).parents[2] / "notebooks" / "bpi2012.toml"
_ROWS = {1: 1240, 7: 1005, 14: 613}
"""Test rows of bpi2012 by age in days, as its published references have them."""

_X_EDUCATION = ("Tags", "Lead Quality", "Lead Profile", "Last Activity", "Last Notable Activity")
FLAT: dict[str, Sources] = {
    "x_education, drop list": Sources(
        Path("x_education/lead_scoring.csv"),
        label="Converted",
        columns={"lead_id": "Prospect ID"},
        drop=(*_X_EDUCATION, "Asymmetrique *", "Lead Number"),
    ),
    "bank_marketing without duration": Sources(
        Path("bank_marketing/bank-additional-full.csv"), label="y", drop=("duration",)
    ),
    "online_shoppers": Sources(
        Path("online_shoppers/online_shoppers_intention.csv"), label="Revenue"
    ),
    "online_shoppers without PageValues": Sources(
        Path("online_shoppers/online_shoppers_intention.csv"),
        label="Revenue",
        drop=("PageValues",),
    ),
}
"""Flat exports, their files by their place in the folder of data."""
BANK = FLAT["bank_marketing without duration"]


def bpi2012(folder: Path) -> Iterator[Comparison]:
    """The loan-lead log, for each age of an application."""
    sources = Sources(folder / "cases.parquet", folder / "events.parquet")
    material, rows = trained_on(sources, Playbook.load(PLAYBOOK))
    spine, train, counts = material.spine, rows.split.train, plain_counts(material, rows.matrix)
    assert spine.label is not None
    assert material.task.horizon is not None
    for age in map(int, np.unique(spine.age)):
        here = rows.spine.age == age
        test = rows.split.test[here]
        own = own_training_rows(spine, age, test, material.task.horizon)
        answers = {
            OURS: rows.probability["model"][here],
            "counts, this age": counts_model(counts, spine.label, own, test),
            "counts, all ages": counts_model(counts, spine.label, train, test),
            "scorecard": rows.probability["scorecard"][here],
            "base rate, this age": np.full(len(test), spine.label[own].mean()),
        }
        expected = _ROWS.get(age // DAY)
        note = "" if len(test) == expected else f"The published references are of {expected} rows."
        title = f"bpi2012, age {age // DAY} days"
        yield Comparison(title, rows.label[here], rows.group[here], answers, note)


def own_training_rows(
    spine: Spine, age: int, test: npt.NDArray[np.int64], horizon: int
) -> npt.NDArray[np.int64]:
    """Rows of one age whose horizon ended by the first cutoff among that age's test rows."""
    first = spine.cutoff[test].min()
    return np.flatnonzero((spine.age == age) & (spine.cutoff + horizon <= first))


def later(sources: Sources) -> Comparison:
    """A flat export in the order of time, on the last fifth of its rows."""
    material, rows = trained_on(replace(sources, ordered=True), Playbook.load())
    label, split = material.spine.label, rows.split
    assert label is not None
    answers = {
        OURS: rows.probability["model"],
        "LightGBM, defaults": default_lightgbm(rows.matrix, label, split.train, split.test),
        "base rate": rows.probability["base rate"],
    }
    rate = (
        f"{label[split.train].mean():.1%} of the training rows and {rows.label.mean():.1%} of these"
    )
    return Comparison(
        "bank_marketing without duration, the last fifth by order",
        rows.label,
        rows.group,
        answers,
        f"Converted: {rate}.",
    )
