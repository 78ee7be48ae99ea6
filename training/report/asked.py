"""Which rows of new data a saved model is evaluated on."""

from __future__ import annotations

from dataclasses import replace

from features.errors import InputError, TrainingRefused
from features.instants import iso
from features.spine import Spine, labels_of, training_spine
from models.artefact import Artefact
from models.playbook import Playbook
from training.report.making import outcomes_seen_until
from training.sources import Material


def rows_to_ask(
    material: Material, artefact: Artefact, playbook: Playbook
) -> tuple[Material, list[str], list[str]]:
    """The rows that the model's own task lays out, without those it may have learnt from.

    Returns
    -------
    material, notes, warnings
    """
    task, notes, warnings = artefact.task, list[str](), list[str]()
    if material.flat:
        material = replace(material, task=task)
        same = {file.name: file.to_json() for file in material.files}.get("leads")
        if same == artefact.record.get("data", {}).get("leads", {}):
            warnings.append(
                "This is the file that the model was trained on: the figures are too good."
            )
        else:
            warnings.append(
                "A flat export has no times: whether the model was trained on some of these rows "
                "cannot be told."
            )
    else:
        spine = _timed(material, artefact, playbook)
        seen_until = outcomes_seen_until(artefact.record)
        later = spine.cutoff >= (seen_until if seen_until is not None else -(2**62))
        if later.any() and not later.all():
            notes.append(
                f"{(~later).sum():,} rows with cutoffs before {iso(seen_until or 0, material.tz)} were "
                "left out: the model may have learnt from them."
            )
            spine = replace(spine.take(later), left_out=spine.left_out)
        elif not later.any():
            warnings.append(
                f"Every cutoff lies before {iso(seen_until or 0, material.tz)}, until when the model saw "
                "outcomes. If it was trained on these leads, the figures are too good."
            )
        left = ", ".join(f"{n:,} {reason}" for reason, n in spine.left_out.items() if n)
        notes += [f"Not on the spine: {left}."] if left else []
        material = replace(material, task=task, spine=spine, group=spine.lead)
    label = labels_of(material.spine)
    if not 0 < label.sum() < len(label):
        what = "no row has" if not label.any() else "every row has"
        raise InputError(
            f"Nothing to evaluate against: of {len(label):,} rows {what} label 1. Both leads that "
            "converted and leads that did not are needed; for leads whose outcome is not known yet "
            "there is `tegakari score`."
        )
    return material, notes, warnings


def _timed(material: Material, artefact: Artefact, playbook: Playbook) -> Spine:
    """The spine of the model's task, whatever the playbook has made of that task since."""
    task = artefact.task
    if not set(task.label) & set(material.log.types):
        came = ", ".join(material.log.types[:20]) or "none"
        raise InputError(
            f"Nothing to evaluate against: the outcome of the model is {' or '.join(task.label)}, which "
            f"never occurs. The event types are: {came}. For leads whose outcome is not known yet "
            "there is `tegakari score`."
        )
    spine = training_spine(
        material.leads,
        material.log,
        task,
        playbook.touches,
        material.observed_until,
        material.tz,
    )
    if not len(spine):
        left = ", ".join(f"{n:,} {reason}" for reason, n in spine.left_out.items() if n)
        raise TrainingRefused(
            f"No row of task {task.name!r} is open and mature (left out: {left or 'nothing'}). A horizon "
            f"of {task.horizon_text} needs data that go on so long after a cutoff."
        )
    return spine
