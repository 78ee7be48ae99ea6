"""What a training run leaves to read: counts, figures by age, notes, and the record of its model."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.instants import DAY, iso
from features.spine import labels_of
from models.playbook import Playbook
from models.scorer import code_version
from training.evaluate import Metrics, metrics
from training.fit import MODEL_FROM, TREES_FROM, Rung
from training.held_out import HeldOut
from training.outcomes import converted_and_won
from training.provenance import revision, versions
from training.sources import Material
from training.split import Split

_AGE_BANDS = ((0, 30), (30, 90), (90, 180), (180, 10_000))
"""Days; rows of a task without ages are reported by these, each [from, to)."""


def by_age(material: Material, held_out: HeldOut) -> dict[str, Metrics]:
    """Figures of whoever answers, by the age of the lead at the cutoff."""
    if material.flat:
        return {}
    spine = held_out.spine
    if material.task.ages:
        parts = {f"{age / DAY:g} days": spine.age == age for age in material.task.ages}
    else:
        days = (spine.cutoff - material.leads.created_at[spine.lead]) / DAY
        parts = {
            f"{low} to {high} days" if high < 10_000 else f"{low} days and more": (days >= low)
            & (days < high)
            for low, high in _AGE_BANDS
        }
    return {
        name: metrics(held_out.label[rows], held_out.best[rows])
        for name, rows in parts.items()
        if rows.any()
    }


def counts(material: Material, split: Split, playbook: Playbook) -> dict[str, int]:
    """How many leads, rows and positives there are, and how many rows were left out, by reason."""
    spine, label = material.spine, labels_of(material.spine)
    found = converted_and_won(spine, material.log, playbook, material.observed_until)
    became = zip(("leads that converted", "of these won"), found or (), strict=False)
    return {
        "leads": len(material.leads),
        "leads on the spine": len(np.unique(spine.lead)),
        **dict(became),
        "rows": len(spine),
        "positives": int(label.sum()),
        "training rows": len(split.train),
        "training positives": int(label[split.train].sum()),
        "test rows": len(split.test),
        "test positives": int(label[split.test].sum()),
        "between training and test": split.between,
        **spine.left_out,
    }


def notes(material: Material, reached: Rung, converted: int, others: int) -> list[str]:
    """What a reader of the figures must know."""
    said = []
    if material.flat:
        chosen = "those given by --test" if material.given_test is not None else "a random share"
        said.append(
            f"A flat export without times: the test rows are {chosen}, not later ones, and what was "
            "known before the outcome cannot be told from what was written after it."
        )
    if reached == "rules":
        said.append(
            f"{converted} leads converted and {others} did not in the fitted span; a model needs "
            f"{MODEL_FROM} of either. Rules answer."
        )
    if reached == "logistic":
        said.append(
            f"{converted} leads converted in the fitted span: logistic regression; trees from {TREES_FROM}."
        )
    return said


def outcomes_seen_until(split: Split) -> int | None:
    """The latest instant at which an outcome was fitted, chosen or calibrated with.

    Of a split by time the first test cutoff: every training horizon has ended by then, and all that
    is chosen is chosen inside the training span. None in a flat export, which has no times.
    """
    return split.first_test_cutoff if split.by == "time" else None


def _iso(instant: int | None) -> str | None:
    return None if instant is None else iso(instant)


def record(
    material: Material,
    split: Split,
    playbook: Playbook,
    figures: dict[str, Metrics],
    by_segment: dict[str, Metrics],
    said: list[str],
) -> dict[str, Any]:
    """Where a model came from, in plain values; no path, and no name of a file or a person."""
    return {
        "task": material.task.name,
        "horizon": material.task.horizon_text,
        "split": split.by,
        "first_test_cutoff": _iso(split.first_test_cutoff),
        "outcomes_seen_until": _iso(outcomes_seen_until(split)),
        "observed_until": iso(material.observed_until),
        "timezone": material.tz.key,
        "playbook": playbook.version,
        "code": code_version(),
        "revision": revision(),
        "versions": versions(),
        "data": {file.name: file.to_json() for file in material.files},
        **({"stored_at": material.stored_at} if material.stored_at else {}),
        "counts": counts(material, split, playbook),
        "figures": {name: m.to_json() for name, m in figures.items()},
        "by_segment": {name: m.to_json() for name, m in by_segment.items()},
        "notes": said,
    }
