"""Flat exports on several random splits, beside the two libraries that people would take instead."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.build import Matrix
from features.spine import labels_of
from models.calibration import row_losses
from models.playbook import Playbook
from training.baselines import default_lightgbm
from training.held_out import Probabilities
from training.quality.comparison import OURS
from training.resampling import Interval, mean_interval
from training.sources import Sources, gather
from training.train import train

SEEDS = (1, 2, 3, 4, 5, 20261122)
TEST_SHARE = 0.3
HEADER = (
    "seed",
    OURS,
    "LightGBM",
    "CatBoost",
    "ours less CatBoost",
    "95% interval",
    "AUC",
    "slope",
)
_REFERENCES = ("LightGBM", "CatBoost")


@dataclass(frozen=True)
class OneSplit:
    """Log loss of each answerer on the test rows of one split.

    Attributes
    ----------
    less_catboost : Interval
        Of the paired difference, ours less CatBoost's.
    """

    seed: int
    loss: dict[str, float]
    less_catboost: Interval
    auc: float | None
    slope: float | None

    def line(self) -> list[str]:
        """A row under `HEADER`."""
        by = self.less_catboost
        return [
            str(self.seed),
            *(f"{self.loss[name]:.4f}" for name in (OURS, *_REFERENCES)),
            f"{by.mean:+.4f}",
            f"{by.low:+.4f} to {by.high:+.4f}",
            "-" if self.auc is None else f"{self.auc:.3f}",
            "-" if self.slope is None else f"{self.slope:.2f}",
        ]


@dataclass(frozen=True)
class Splits:
    """One data set on every split."""

    name: str
    splits: list[OneSplit]

    def lines(self) -> list[list[str]]:
        """Rows under `HEADER`, the means last."""
        means = {name: self.mean(name) for name in (OURS, *_REFERENCES)}
        mean = ["mean", *(f"{means[name]:.4f}" for name in means)]
        mean += [f"{means[OURS] - means['CatBoost']:+.4f}", "", "", ""]
        return [*(split.line() for split in self.splits), mean]

    def mean(self, name: str) -> float:
        """Mean log loss of an answerer over the splits."""
        return float(np.mean([split.loss[name] for split in self.splits]))

    @property
    def note(self) -> str:
        """Whether what is asked is reached."""
        below = sum(split.loss[OURS] < split.loss["LightGBM"] for split in self.splits)
        met = "at or below" if self.mean(OURS) <= self.mean("CatBoost") else "ABOVE"
        return (
            f"Mean {met} CatBoost's; below LightGBM's on {below} of {len(self.splits)} splits. "
            "Splits are stratified and divide copies of rows."
        )


def on_splits(name: str, sources: Sources, seeds: tuple[int, ...] = SEEDS) -> Splits:
    """Train on each split's training rows, as ``tegakari train --test`` does, and compare."""
    material, playbook = gather(sources, Playbook.load(), "qualification"), Playbook.load()
    found = []
    for seed in seeds:
        test = stratified(labels_of(material.spine), seed)
        trained = train(replace(material, given_test=test), playbook, seed=seed)
        rows, label = trained.held_out, labels_of(trained.material.spine)
        answers = {
            OURS: rows.probability["model"],
            "LightGBM": default_lightgbm(rows.matrix, label, rows.split.train, rows.split.test),
            "CatBoost": default_catboost(rows.matrix, label, rows.split.train, rows.split.test),
        }
        losses = {who: row_losses(rows.label, p) for who, p in answers.items()}
        figures = trained.figures["model"]
        found.append(
            OneSplit(
                seed,
                {who: float(loss.mean()) for who, loss in losses.items()},
                mean_interval(losses[OURS] - losses["CatBoost"], rows.group),
                figures.auc,
                figures.calibration_slope,
            )
        )
    return Splits(name, found)


def stratified(label: npt.NDArray[np.int8], seed: int) -> npt.NDArray[np.bool_]:
    """A random share of the rows to test on, of each class alike."""
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(label))
    chosen = train_test_split(rows, test_size=TEST_SHARE, stratify=label, random_state=seed)[1]
    test = np.zeros(len(label), dtype=bool)
    test[chosen] = True
    return test


def default_catboost(
    matrix: Matrix,
    label: npt.NDArray[np.int8],
    train: npt.NDArray[np.int64],
    test: npt.NDArray[np.int64],
    categories: tuple[str, ...] = (),
) -> Probabilities:
    """CatBoost with its default parameters on the same columns, texts declared categories.

    Parameters
    ----------
    categories : tuple of str
        Columns of numbers to declare categories too.
    """
    from catboost import CatBoostClassifier

    frame: pd.DataFrame = matrix.to_table().to_pandas()
    numbers = frame[list(categories)].select_dtypes("number").columns
    frame[numbers] = frame[numbers].astype(np.int64)
    frame = frame.astype(dict.fromkeys(numbers, str))
    texts = list(frame.select_dtypes(exclude="number").columns)
    frame[texts] = frame[texts].astype(object).fillna("").astype(str)
    model: Any = CatBoostClassifier(
        verbose=0, allow_writing_files=False, cat_features=texts, random_seed=0
    )
    model.fit(frame.iloc[train], label[train])
    return np.asarray(model.predict_proba(frame.iloc[test])[:, 1], dtype=np.float64)
