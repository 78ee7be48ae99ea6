"""Reports of what training held out, and of what a saved model says of other data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from features.build import Matrix
from features.instants import iso
from features.spine import Spine
from models.artefact import Artefact
from models.playbook import Playbook
from training.held_out import HeldOut
from training.outcomes import converted_and_won
from training.report.answered import Answered
from training.report.best_possible import best_possible
from training.report.importance import importance
from training.report.moved import Range, Rate, base_rate_moved, too_old
from training.report.report import Report, report_of
from training.report.segments import age_days, segments
from training.sources import Material


def report_of_training(
    material: Material,
    held_out: HeldOut,
    playbook: Playbook,
    artefact: Artefact | None,
    *,
    notes: Sequence[str] = (),
    truth: Path | None = None,
    report: Callable[[str], None] = lambda step: None,
) -> Report:
    """The report of a training run: its test rows, beside what it was trained on."""
    split, spine = held_out.split, held_out.spine
    label, train = material.spine.label, split.train
    assert label is not None
    trained = Rate.of(label[train], material.group[train])
    trained_on = range_of(material, held_out, artefact)
    return _report(
        material,
        spine,
        Answered.of(held_out, material.tz),
        playbook,
        artefact,
        title=f"Tegakari: {material.task.name}, trained and tested",
        about=_about(material, spine, playbook, artefact),
        warnings=[
            *_moved(trained, held_out),
            *trained_on.warnings(held_out.matrix.take(split.test), _ages(material, spine)),
        ],
        notes=notes,
        truth=truth,
        report=report,
    )


def report_of_artefact(
    material: Material,
    spine: Spine,
    rows: Answered,
    matrix: Matrix,
    playbook: Playbook,
    artefact: Artefact,
    *,
    warnings: Sequence[str] = (),
    notes: Sequence[str] = (),
    truth: Path | None = None,
    report: Callable[[str], None] = lambda step: None,
) -> Report:
    """The report of a saved model on other data than it was trained on."""
    asked = Rate.of(rows.label, rows.group)
    said = list(warnings)
    known = rate_told(artefact.record)
    if known is not None:
        moved = base_rate_moved(Rate.told(*known, beside=asked), asked)
        said += [moved] if moved else []
    old = too_old(artefact.limits.old_from, int(spine.cutoff.max()))
    said += [old] if old else []
    stored = artefact.record.get("trained_on", {})
    trained_on = Range.from_json(stored, artefact.encoder.categories)
    said += trained_on.warnings(matrix, _ages(material, spine))
    return _report(
        material,
        spine,
        rows,
        playbook,
        artefact,
        title=f"Tegakari: {artefact.task.name}, model {artefact.version} on new data",
        about=_about(material, spine, playbook, artefact),
        warnings=said,
        notes=notes,
        truth=truth,
        report=report,
    )


def range_of(material: Material, held_out: HeldOut, artefact: Artefact | None) -> Range:
    """What the training rows span, for ``record["trained_on"]``; categories as the model tells them."""
    train = held_out.split.train
    ages = _ages(material, material.spine.take(train))
    categories = artefact.encoder.categories if artefact is not None else None
    lead = material.group[train]
    return Range.of(held_out.matrix.take(train), lead, ages, categories)


def rate_told(record: dict[str, Any]) -> tuple[int, int] | None:
    """Positives and rows that a model was trained on, from its record; None where it has no counts."""
    counts = record.get("counts", {})
    rows = int(counts.get("training rows", 0))
    return (int(counts.get("training positives", 0)), rows) if rows else None


def outcomes_seen_until(record: dict[str, Any]) -> int | None:
    """The instant after which a model saw no outcome, from its record; None where no time is known."""
    told = record.get("outcomes_seen_until") or record.get("first_test_cutoff")
    return int(np.datetime64(str(told).removesuffix("Z"), "us").astype(np.int64)) if told else None


def _report(
    material: Material,
    spine: Spine,
    rows: Answered,
    playbook: Playbook,
    artefact: Artefact | None,
    *,
    truth: Path | None,
    **said: Any,
) -> Report:
    return report_of(
        rows,
        segments=segments(material, spine, playbook),
        best=None if truth is None else best_possible(truth, material.leads, spine),
        importance=importance(artefact) if artefact is not None else None,
        **said,
    )


def _about(
    material: Material, spine: Spine, playbook: Playbook, artefact: Artefact | None
) -> list[tuple[str, str]]:
    said = [("data", Path(material.intake.table.path).name), ("task", material.task.name)]
    if material.task.horizon_text:
        first, last = (
            iso(int(end), material.tz) for end in (spine.cutoff.min(), spine.cutoff.max())
        )
        said += [
            ("horizon", material.task.horizon_text),
            ("cutoffs", f"{first} to {last}"),
            ("observed until", str(iso(material.observed_until, material.tz))),
        ]
    became = converted_and_won(spine, material.log, playbook, material.observed_until)
    if became is not None:
        said += [("converted", f"{became[0]:,} leads, {became[1]:,} of them won by then")]
    if artefact is not None:
        said += [("model", f"{artefact.model.kind} {artefact.version}")]
    return said


def _moved(trained: Rate, held_out: HeldOut) -> list[str]:
    moved = base_rate_moved(trained, Rate.of(held_out.label, held_out.group))
    return [moved] if moved else []


def _ages(material: Material, spine: Spine) -> Any:
    return None if material.flat else age_days(material.leads, spine)
