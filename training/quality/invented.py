"""Invented flat exports: a signal that only a pair of columns has, and a column of pure noise."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet

from features.spine import labels_of
from models.playbook import Playbook
from training.baselines import default_lightgbm
from training.quality.comparison import OURS, Comparison
from training.quality.splits import TEST_SHARE, default_catboost
from training.sources import Material, Sources, gather
from training.train import train

ROWS, LEVELS, NOISE_LEVELS = 50_000, 300, 5000
_SEED = 20261122
_RATES = (0.1, 0.5)
"""The rate of conversion of most pairs of values, and of the fifth that tell."""
_SKEW = 4
"""Levels are drawn as ``LEVELS * u ** _SKEW``: as in real columns, some are frequent."""

Columns = dict[str, npt.NDArray[Any]]


def invented(rows: int = ROWS) -> Iterator[Comparison]:
    """Pairs as texts and as whole numbers, of frequent and of equally rare levels; then noise."""
    for skew, named in ((_SKEW, "frequent and rare levels"), (1, "levels all as rare")):
        a, b, label = pairs(rows, skew, _SEED)
        texts = {name: np.array([f"{name}{v}" for v in of]) for name, of in (("a", a), ("b", b))}
        title = f"a signal that only a pair has, 2 x {LEVELS} {named}"
        yield _beside(f"{title}, as texts", texts, label)
        yield _beside(f"{title}, as whole numbers", {"a": a, "b": b}, label)
    yield noise(rows)


def pairs(
    rows: int, skew: float, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int8]]:
    """Two columns of levels and a label that neither tells alone.

    Which pairs tell is drawn pair by pair, so that a level's own rate is nearly that of all.
    """
    rng = np.random.default_rng(seed)
    tells = rng.normal(size=(LEVELS, LEVELS)) > 0.8
    a, b = (
        np.minimum((LEVELS * rng.random(rows) ** skew).astype(np.int64), LEVELS - 1)
        for _ in range(2)
    )
    label = rng.random(rows) < np.where(tells[a, b], _RATES[1], _RATES[0])
    return a, b, label.astype(np.int8)


def noise(rows: int) -> Comparison:
    """One number that tells, without and with a column of so many texts that tells nothing."""
    rng = np.random.default_rng(_SEED)
    x = rng.normal(size=rows).round(4)
    label = (rng.random(rows) < 1 / (1 + np.exp(2 - x))).astype(np.int8)
    texts = np.array([f"v{v}" for v in rng.integers(0, NOISE_LEVELS, rows)])
    alone = _ours(_material({"x": x}, label))
    with_noise = _ours(_material({"x": x, "noise": texts}, label))
    test = _test(rows)
    answers = {OURS: with_noise, "ours, without the column": alone}
    title = f"a column of {NOISE_LEVELS:,} levels of pure noise"
    return Comparison(title, label[test], test, answers)


def _beside(title: str, columns: Columns, label: npt.NDArray[np.int8]) -> Comparison:
    trained = train(_material(columns, label), Playbook.load())
    rows, known = trained.held_out, labels_of(trained.material.spine)
    at = rows.split.train, rows.split.test
    answers = {
        OURS: rows.probability["model"],
        "CatBoost, both declared categories": default_catboost(
            rows.matrix, known, *at, categories=tuple(columns)
        ),
        "LightGBM, defaults": default_lightgbm(rows.matrix, known, *at),
    }
    return Comparison(title, rows.label, rows.group, answers)


def _ours(material: Material) -> npt.NDArray[np.float64]:
    return train(material, Playbook.load()).held_out.probability["model"]


def _test(rows: int) -> npt.NDArray[np.int64]:
    """The last rows, which are as random as any."""
    return np.arange(int(rows * (1 - TEST_SHARE)), rows)


def _material(columns: Columns, label: npt.NDArray[np.int8]) -> Material:
    test = _test(len(label))
    table = pa.table({**columns, "label": label})
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        pyarrow.parquet.write_table(table[: test[0]], here / "train.parquet")
        pyarrow.parquet.write_table(table[test[0] :], here / "test.parquet")
        return gather(
            Sources(here / "train.parquet", test=here / "test.parquet", label="label"),
            Playbook.load(),
            "qualification",
        )
