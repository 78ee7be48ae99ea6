"""Points from the data: a logistic regression on what the rules see, rounded to whole points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold

from features.errors import TrainingRefused, UsageError
from features.spine import Spine, labels_of
from models.conditions import View
from models.playbook import Playbook
from models.playbook.lines import Path
from models.playbook.points import PointsSection
from models.playbook.writing import rewritten
from models.qualification import Qualification
from training.report.ranking import ranking
from training.resampling import Interval, Resamples, interval
from training.sources import Material
from training.split import split_by_time

AT_LEAST = 20
"""Fewest leads for whom a rule has to have fired."""
EITHER = 40
"""Fewest leads that converted, and that did not."""
_STRENGTHS = (0.01, 0.1, 1.0, 10.0)
_FOLDS = 5
_COARSE, _FINE = np.geomspace(1, 200, 20), np.geomspace(0.8, 1.25, 16)
"""Points for one unit of log-odds that are tried, and shares of the best of them."""

Floats = npt.NDArray[np.float64]


class Weighed(NamedTuple):
    """A rule, and what the data give it.

    Attributes
    ----------
    new : int
        0 for a rule that is left out.
    leads : int
        For whom it fired in training rows.
    """

    name: str
    old: int
    new: int
    leads: int


@dataclass(frozen=True)
class Suggested:
    """Points by the data.

    Attributes
    ----------
    text : str
        The playbook with them, comments kept.
    rules : list of Weighed
    auc : dict of str to Interval
        On later rows: of the ``old`` points, the ``logistic`` regression and the ``new`` points, with
        95% intervals that resample leads.
    hot : (float, float)
        The share of training rows at or above the hot line, old and new.
    rows, test_rows : int
    """

    text: str
    rules: list[Weighed]
    auc: dict[str, Interval]
    hot: tuple[float, float]
    rows: int
    test_rows: int


def suggest_points(material: Material, playbook: Playbook) -> Suggested:
    """Fit the points of a playbook's rules to training rows, and measure them on later ones.

    A rule's column is what it adds for each point it is worth: counts that fade, before the caps of
    groups, or 0 and 1. The coefficients are scaled by the one number that leaves the share of
    training rows at or above the hot line as it is, and rounded to whole points. Caps grow or shrink
    as the rules of their group do.

    Raises
    ------
    UsageError
        When the temperature is not by points, or the playbook has no rules.
    TrainingRefused
        When there are too few rows.
    """
    line = playbook.said.temperature.lines
    if playbook.said.temperature.by != "points" or line is None:
        raise UsageError(
            f"{playbook.source}: points are suggested where they decide the temperature."
        )
    if not playbook.points.rules:
        raise UsageError(f"{playbook.source}: no [[points.rules]] to weigh. Write rules first.")
    assert material.task.horizon is not None
    split = split_by_time(material.spine, material.task.horizon)
    label = labels_of(material.spine)
    train, test = (material.spine.take(rows) for rows in (split.train, split.test))
    _enough(train, label[split.train])
    seen = {name: _view(material, spine) for name, spine in (("train", train), ("test", test))}
    X = {name: _columns(playbook, view) for name, view in seen.items()}
    fired = np.array([len(np.unique(train.lead[column != 0])) for column in X["train"].T])
    usable = fired >= AT_LEAST
    model = _fitted(X["train"][:, usable], label[split.train], train.lead)
    weight = np.zeros(len(fired))
    weight[usable] = model.coef_[0]
    old = Qualification(playbook)
    before = {name: old.points(view).total for name, view in seen.items()}
    share = float((before["train"] >= line[1]).mean())
    points = _scaled(playbook, weight, seen["train"], share, line[1])
    names = [rule.name for rule in old.scorecard.rules]
    was = {rule.name: rule.points for rule in playbook.points.rules}
    rules = [
        Weighed(name, was[name], int(new), int(leads))
        for name, new, leads in zip(names, points, fired, strict=True)
    ]
    text = rewritten(playbook.text, _changes(playbook, dict(zip(names, points, strict=True))))
    after = Qualification(Playbook.parse(text))
    now = {name: after.points(view).total for name, view in seen.items()}
    y, resamples = label[split.test], Resamples.of(test.lead)
    scores = {
        "old": before["test"].astype(np.float64),
        "logistic": X["test"][:, usable] @ model.coef_[0],
        "new": now["test"].astype(np.float64),
    }
    return Suggested(
        text,
        sorted(rules, key=lambda rule: (-abs(rule.new), rule.name)),
        {name: _auc(value, y, resamples) for name, value in scores.items()},
        (share, float((now["train"] >= line[1]).mean())),
        len(train),
        len(test),
    )


def _enough(train: Spine, label: npt.NDArray[np.int8]) -> None:
    converted = len(np.unique(train.lead[label == 1]))
    others = len(np.unique(train.lead)) - converted
    if min(converted, others) < EITHER:
        raise TrainingRefused(
            f"{converted} leads converted and {others} did not in the training rows; points need "
            f"{EITHER} of either. Give more history."
        )


def _view(material: Material, spine: Spine) -> View:
    return View(material.leads, material.log, spine.lead, spine.cutoff, material.intake.changes)


def _columns(playbook: Playbook, view: View) -> Floats:
    """What each rule adds for each point it is worth, before caps; shape (n_rows, n_rules)."""
    free = {
        name: group.model_copy(update={"cap": 10**9})
        for name, group in playbook.points.groups.items()
    }
    loose = playbook.altered(points=playbook.points.model_copy(update={"groups": free}))
    points = Qualification(loose).points(view)
    worth = np.array([rule.points for rule in points.scorecard.rules], dtype=np.float64)
    return np.asarray(points.contribution / worth)


def _fitted(X: Floats, label: npt.NDArray[np.int8], lead: npt.NDArray[np.int64]) -> Any:
    """The regression, its strength chosen by log loss on folds that keep leads together."""
    spread = X.std(axis=0)
    spread[spread == 0] = 1.0
    Z = X / spread
    folds = list(GroupKFold(_FOLDS).split(Z, label, lead))
    losses = []
    for strength in _STRENGTHS:
        found = [
            log_loss(
                label[later],
                _regression(Z[rows], label[rows], strength).predict_proba(Z[later])[:, 1],
                labels=[0, 1],
            )
            for rows, later in folds
        ]
        losses.append(float(np.mean(found)))
    model = _regression(Z, label, _STRENGTHS[int(np.argmin(losses))])
    model.coef_ = model.coef_ / spread
    return model


def _regression(X: Floats, label: npt.NDArray[np.int8], strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=1000).fit(X, label)


def _scaled(
    playbook: Playbook, weight: Floats, view: View, share: float, hot: float
) -> npt.NDArray[np.int64]:
    """Whole points, so that about the same share of rows is at or above the hot line."""
    best, nearest, centre = np.zeros(len(weight), dtype=np.int64), np.inf, 1.0
    names = [rule.name for rule in Qualification(playbook).scorecard.rules]
    for scales in (_COARSE, _FINE):
        around = centre
        for scale in around * scales:
            points = np.rint(scale * weight).astype(np.int64)
            if not points.any():
                continue
            weighed = _altered(playbook, dict(zip(names, points, strict=True)))
            total = Qualification(weighed).points(view).total
            off = abs(float((total >= hot).mean()) - share)
            if off < nearest:
                best, nearest, centre = points, off, float(scale)
    if not best.any():
        raise TrainingRefused("No rule tells who converts: every coefficient rounds to no points.")
    return best


def _caps(playbook: Playbook, points: Mapping[str, int]) -> dict[str, int]:
    """The cap of each group, in proportion to the points of its rules."""
    caps, hot = {}, int((playbook.said.temperature.lines or (0, 0))[1])
    for name, group in playbook.points.groups.items():
        mine = [rule for rule in playbook.points.rules if rule.group == name]
        before = sum(abs(rule.points) for rule in mine)
        after = sum(abs(points[rule.name]) for rule in mine)
        cap = max(1, round(group.cap * after / before)) if before else group.cap
        # A group that alone makes nobody hot goes on making nobody hot.
        caps[name] = min(cap, hot - 1) if group.cap < hot else cap
    return caps


def _altered(playbook: Playbook, points: Mapping[str, int]) -> Playbook:
    caps, said = _caps(playbook, points), playbook.points
    rules = tuple(
        rule.model_copy(update={"points": int(points[rule.name])})
        for rule in said.rules
        if points[rule.name]
    )
    groups = {
        name: group.model_copy(update={"cap": caps[name]}) for name, group in said.groups.items()
    }
    section: PointsSection = said.model_copy(update={"rules": rules, "groups": groups})
    return playbook.altered(points=section)


def _changes(playbook: Playbook, points: Mapping[str, int]) -> dict[Path, Any]:
    """What is set in the text: points and caps; rules without points are taken away."""
    changes: dict[Path, Any] = {
        ("points", "groups", name, "cap"): cap for name, cap in _caps(playbook, points).items()
    }
    for name, worth in points.items():
        path: Path = ("points", "rules", name)
        if worth:
            changes[(*path, "points")] = int(worth)
        else:
            changes[path] = None
    return changes


def _auc(score: Floats, label: npt.NDArray[np.int8], resamples: Resamples) -> Interval:
    found = interval(ranking(resamples, label, score)[0])
    if found is None:
        raise TrainingRefused(
            "The later rows are all of one class: there is nothing to measure on."
        )
    return found
