"""Training: material in, a measured artefact and a points map out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from features.attributes import Column, learnt, unreadable
from features.build import Matrix, build
from features.errors import TrainingRefused
from features.instants import MISSING
from features.program import compile_plan
from features.reading import Refusal
from features.spine import labels_of
from models.artefact import Artefact
from models.conditions import View
from models.evidence import Evidence
from models.playbook import Playbook
from models.points_map import PointsMap, drawn_rows
from models.qualification import Qualification
from models.terminal import Report
from training.baselines import logistic_regression
from training.evaluate import Metrics
from training.fit import DEFAULT, Rung, Tuning, fit_matrix, rung
from training.freeze import freeze
from training.gate.rows import registered
from training.golden import golden
from training.held_out import HeldOut
from training.leaks import refuse_leaks
from training.record import by_age, notes, record
from training.report.making import range_of
from training.report.moved import Rate, base_rate_moved
from training.sources import Material
from training.split import (
    Split,
    one_side,
    split_at_random,
    split_by_order,
    split_by_time,
)
from training.touched import measured
from training.tune import Trial


@dataclass(frozen=True)
class Trained:
    """What a training run came to.

    Attributes
    ----------
    artefact : Artefact or None
        None where too few leads converted: rules answer.
    points_map : PointsMap
    held_out : HeldOut
        The test rows, with every answer to them.
    rung, converted, others
        How far the ladder was climbed, and on how many leads of either class.
    figures : dict of str to Metrics
        Test figures of ``model``, ``scorecard`` and ``base rate``.
    by_segment : dict of str to Metrics
        Test figures of the model (else the scorecard) by age.
    columns : list of Column
    refused : list of Refusal
    notes : list of str
        What a reader of the figures must know.
    trials : list of Trial
        Every candidate that was tried.
    record : dict
        Where it came from, in plain values; ``record["counts"]`` are those of the spine.
    material : Material
        What was trained on: as given, less the rows refused here. Positions in `held_out` are of
        its spine.
    """

    artefact: Artefact | None
    points_map: PointsMap
    held_out: HeldOut
    rung: Rung
    converted: int
    others: int
    figures: dict[str, Metrics]
    by_segment: dict[str, Metrics]
    columns: list[Column]
    refused: list[Refusal]
    notes: list[str]
    trials: list[Trial]
    record: dict[str, Any]
    material: Material


def train(
    material: Material,
    playbook: Playbook,
    report: Report = lambda step: None,
    seed: int = 0,
    tuning: Tuning = DEFAULT,
) -> Trained:
    """Train, calibrate and measure; the artefact that is measured is the one returned.

    Parameters
    ----------
    tuning : Tuning
        How the parameters of trees are found.

    Raises
    ------
    TrainingRefused
        When training or test rows have one class only, no row can be trained on, or a column or
        event type that would be learnt certainly tells the outcome.
    """
    material, refused = _without_unreadable(material)
    spine, label = material.spine, labels_of(material.spine)
    split = _split(material, seed)
    _check_classes(material, split, label)
    report("looking for leaks")
    leaks = refuse_leaks(material, playbook, split.train, split.first_test_cutoff)
    plan = freeze(material, playbook, split.train)
    report(f"features of {len(spine):,} rows")
    changes = material.intake.changes
    matrix = build(
        plan,
        compile_plan(plan),
        material.leads,
        material.log,
        spine,
        changes,
        material.intake.colleagues,
    )
    points = Qualification(playbook).points(
        View(material.leads, material.log, spine.lead, spine.cutoff, changes)
    )
    points_map = PointsMap.fit(
        points.total[split.train],
        label[split.train],
        spine.lead[split.train],
        task=material.task.name,
        playbook_version=playbook.version,
        observed_until=split.first_test_cutoff or MISSING,
        seed=seed,
    )
    reached, converted, others = rung(label[split.train], material.group[split.train])
    probability = {
        "scorecard": points_map.probability(points.total[split.test]),
        "base rate": np.full(len(split.test), label[split.train].mean()),
    }
    artefact: Artefact | None = None
    trials: list[Trial] = []
    raw = np.empty(0)
    if reached != "rules":
        artefact, trials = _fitted(material, matrix, split, reached, seed, report, tuning)
        X = artefact.encoder.encode(matrix.take(split.test))
        raw = artefact.model.raw(X)
        linear = logistic_regression(matrix, label, material.group, split.train, split.test, seed)
        probability = {
            "model": artefact.model.calibrator(raw),
            "logistic regression": linear,
            **probability,
        }
    test = spine.take(split.test)
    held_out = HeldOut(
        split,
        matrix,
        test,
        label[split.test],
        material.group[split.test],
        probability,
        points.total[split.test],
    )
    figures = {name: held_out.metrics(name) for name in probability}
    by_segment = by_age(material, held_out)
    said = notes(material, reached, converted, others)
    said += [
        str(leak) if leak.severity == "note" else f"{leak.severity} leak: {leak}" for leak in leaks
    ]
    written = record(material, split, playbook, figures, by_segment, said)
    written |= registered(material, held_out)
    written["seed"] = seed
    written["base_rate_moved"] = _base_rates(held_out, material)
    written["trained_on"] = range_of(material, held_out, artefact).to_json()
    if artefact is not None:
        drawn = drawn_rows(test.lead, (test.cutoff,), seed)
        evidence = Evidence.of(held_out.best[drawn], held_out.label[drawn])
        touches = measured(material.log, material.task, test, raw, drawn, playbook.touches)
        written = {**artefact.record, **written}
        artefact = replace(artefact, evidence=evidence, touches=touches, record=written)
        artefact = golden(artefact, seed)
    return Trained(
        artefact,
        points_map,
        held_out,
        reached,
        converted,
        others,
        figures,
        by_segment,
        material.columns,
        refused,
        said,
        trials,
        written,
        material,
    )


def _base_rates(held_out: HeldOut, material: Material) -> tuple[float, float] | None:
    """The base rates of training and test rows, where they differ by more than chance."""
    train = held_out.split.train
    trained = Rate.of(labels_of(material.spine)[train], material.group[train])
    test = Rate.of(held_out.label, held_out.group)
    return (trained.rate, test.rate) if base_rate_moved(trained, test) else None


def _without_unreadable(material: Material) -> tuple[Material, list[Refusal]]:
    """Leave out rows of leads whose number or date columns hold anything else, NaN or infinity."""
    refused = list(material.intake.refused)
    attributes = learnt(material.columns, material.trust, flat=material.flat)
    files = [material.intake] + ([material.test_intake] if material.test_intake else [])
    ends = np.cumsum([len(file.rows) for file in files])[:-1]
    bad = np.zeros(len(material.leads), dtype=bool)
    for name, (cells, expected) in unreadable(material.leads, attributes, material.tz).items():
        for file, fresh in zip(files, np.split(cells & ~bad, ends), strict=True):
            mine = np.zeros(file.table.data.num_rows, dtype=bool)
            mine[file.rows[fresh]] = True
            refused += file.table.refusals(mine, name, f"not {expected}")
        bad |= cells
    if not bad.any():
        return material, refused
    kept = ~bad[material.spine.lead]
    if not kept.any():
        raise TrainingRefused(
            f"No row has finite numbers and dates where they are learnt: {refused[-1]}. Declare such a "
            "column a category in the playbook's [attributes], or leave it out with --drop."
        )
    group, unit = material.group[kept], material.unit[kept]
    given = None if material.given_test is None else material.given_test[kept]
    spine = replace(material.spine.take(kept), left_out=material.spine.left_out)
    return replace(material, spine=spine, group=group, copies=unit, given_test=given), refused


def _split(material: Material, seed: int) -> Split:
    if not material.flat:
        assert material.task.horizon is not None
        split = split_by_time(material.spine, material.task.horizon)
        return one_side(split, material.spine.lead, material.group)
    if material.given_test is not None:
        test = material.given_test
        by: Literal["order", "random"] = "order" if material.ordered else "random"
        return Split(np.flatnonzero(~test), np.flatnonzero(test), 0, by)
    if material.ordered:
        return split_by_order(len(material.spine))
    return split_at_random(labels_of(material.spine), material.group, seed)


def _check_classes(material: Material, split: Split, label: npt.NDArray[np.int8]) -> None:
    for name, rows in (("training", split.train), ("test", split.test)):
        positives = int(label[rows].sum())
        if not 0 < positives < len(rows):
            what = "no row has" if not positives else "every row has"
            raise TrainingRefused(
                f"One class only: of the {len(rows):,} {name} rows of task {material.task.name!r} {what} label 1. "
                "Both leads that converted and leads that did not are needed, over a longer time or "
                "with another label."
            )


def _fitted(
    material: Material,
    matrix: Matrix,
    split: Split,
    reached: Rung,
    seed: int,
    report: Report,
    tuning: Tuning,
) -> tuple[Artefact, list[Trial]]:
    fitted = fit_matrix(
        matrix.take(split.train),
        material.spine.take(split.train),
        material.unit[split.train],
        material.task.horizon,
        reached,
        seed,
        report,
        tuning,
        ordered=material.ordered,
    )
    return Artefact(
        matrix.plan,
        material.task,
        fitted.encoder,
        fitted.model,
        record={"parameters": fitted.parameters},
    ), fitted.trials
