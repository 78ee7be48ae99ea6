"""Measuring: the counts alone, each family beside them, and all families."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.calibration import row_losses
from models.families import BASE, DEFAULT, FAMILIES
from models.terminal import Report
from training.worth.measured import Gain, Measured
from training.worth.resampled import Resampled, error, interval
from training.worth.trial import Trial, features, telling, trial
from training.worth.worlds import World

ALL, CHOSEN = "all", "default"
"""Stand for all families together, and for those of the default catalogue."""

BESIDE = tuple(name for name in FAMILIES if name != BASE)
"""The families that are tried."""

_TOGETHER = {ALL: BESIDE, CHOSEN: tuple(name for name in DEFAULT if name != BASE)}

Rows = npt.NDArray[np.int64]


def measure(worlds: Sequence[World], tried: Sequence[str], report: Report) -> Measured:
    """What each of some families adds to the counts.

    Parameters
    ----------
    worlds : sequence of World
        One, or several that differ in their seed: each has models of its own, and what they say of
        their test rows is looked at together.
    tried : sequence of str
        Names of families, `ALL` and `CHOSEN`. A family is passed over where its features are the same in
        all rows: nothing here is for it to read.
    """
    rows = [world.split.test for world in worlds]
    label, drawn = _labels(worlds, rows), Resampled(_units(worlds, rows))
    base = [_fitted(world, (), report) for world in worlds]
    answers = np.concatenate([answer.test for answer, _ in base])
    auc, loss = drawn.auc(label, answers), drawn.mean(row_losses(label, answers))
    best, without = (_truth(worlds, rows, answer) for answer in ("best", "without"))
    planted = worlds[0].planted
    gains, recovered, gap = {}, None, None
    for name in tried:
        families = _TOGETHER.get(name, (name,))
        other = [_fitted(world, families, report) for world in worlds]
        n_telling = max(count for _, count in other)
        if not n_telling:
            continue
        answers = np.concatenate([answer.test for answer, _ in other])
        gain = loss - drawn.mean(row_losses(label, answers))
        folds, folds_error = _on_folds(worlds, [a for a, _ in base], [a for a, _ in other])
        gains[name] = Gain(
            features=n_telling,
            auc=interval(drawn.auc(label, answers) - auc),
            log_loss=interval(gain),
            folds=folds,
            folds_error=folds_error,
        )
        if name == planted and best is not None and without is not None:
            to_gain = drawn.mean(row_losses(label, without) - row_losses(label, best))
            gap, recovered = interval(to_gain), interval(gain / to_gain)
    distinct = list({id(world.material): world for world in worlds}.values())
    return Measured(
        world=worlds[0].name,
        seeds=[world.seed for world in worlds],
        leads=sum(len(world.material.leads) for world in distinct),
        train_rows=sum(len(world.split.train) for world in distinct),
        test_rows=sum(len(world.split.test) for world in distinct),
        positives=sum(int(world.label[world.split.test].sum()) for world in distinct),
        auc=float(auc[0]),
        log_loss=float(loss[0]),
        best_auc=None if best is None else float(drawn.auc(label, best)[0]),
        best_log_loss=None if best is None else float(row_losses(label, best).mean()),
        gains=gains,
        planted=planted,
        gap=gap,
        recovered=recovered,
    )


def _fitted(world: World, families: Sequence[str], report: Report) -> tuple[Trial, int]:
    """A trial, and how many features of the families tell rows apart; nothing is fitted if none."""
    report(f"{world.title}: {', '.join(families) or 'the counts alone'}")
    matrix = features(world, *families)
    n_telling = sum(telling(world, matrix, family) for family in families)
    if families and not n_telling:
        return Trial(np.empty(0), np.empty(0, np.int64), np.empty(0)), 0
    return trial(world, matrix, report), n_telling


def _labels(worlds: Sequence[World], rows: Sequence[Rows]) -> npt.NDArray[np.int8]:
    return np.concatenate([world.label[r] for world, r in zip(worlds, rows, strict=True)])


def _units(worlds: Sequence[World], rows: Sequence[Rows]) -> Rows:
    """What is resampled; only worlds of the same material have units in common."""
    place = {key: n for n, key in enumerate(dict.fromkeys(id(w.material) for w in worlds))}
    most = 1 + max(int(world.unit.max()) for world in worlds)
    return np.concatenate(
        [w.unit[r] + most * place[id(w.material)] for w, r in zip(worlds, rows, strict=True)]
    )


def _truth(
    worlds: Sequence[World], rows: Sequence[Rows], answer: str
) -> npt.NDArray[np.float64] | None:
    known = [getattr(world, answer) for world in worlds]
    if any(answers is None for answers in known):
        return None
    return np.concatenate([answers[r] for answers, r in zip(known, rows, strict=True)])


def _on_folds(
    worlds: Sequence[World], base: Sequence[Trial], other: Sequence[Trial]
) -> tuple[float, float]:
    """Gain in log loss on the rows of the folds, and its standard error."""
    rows = [np.intersect1d(a.held_out, b.held_out) for a, b in zip(base, other, strict=True)]
    label = _labels(worlds, rows)
    losses = [
        row_losses(
            label,
            np.concatenate(
                [t.folds[np.searchsorted(t.held_out, r)] for t, r in zip(trials, rows, strict=True)]
            ),
        )
        for trials in (base, other)
    ]
    gain = Resampled(_units(worlds, rows)).mean(losses[0] - losses[1])
    return float(gain[0]), error(gain)
