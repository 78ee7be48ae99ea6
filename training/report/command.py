"""The verb ``evaluate``: how good a saved model is on data it was not trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from features.attributes import unreadable
from features.errors import InputError, UsageError
from features.reading import Refusal
from features.spine import labels_of
from features.writing import write_whole
from models.artefact import Artefact, check, load
from models.conditions import View
from models.playbook import Playbook
from models.points_map import PointsMap
from models.qualification import Qualification
from models.settings import Settings
from models.terminal import aside, people, print_json, progress
from training.report.answered import SCORECARD, Answered
from training.report.asked import rows_to_ask
from training.report.best_possible import BASE_RATE
from training.report.making import rate_told, report_of_artefact
from training.report.page import page
from training.report.printing import print_report
from training.report.report import Report
from training.sources import Material, Sources, gather


@dataclass(frozen=True)
class Evaluated:
    """What was evaluated: the report, and the rows of the files that could not be read."""

    report: Report
    refused: list[Refusal]


def run_evaluate(
    model: Path,
    sources: Sources,
    settings: Settings,
    task: str | None = None,
    out: Path = Path("report.html"),
    truth: Path | None = None,
    as_json: bool = False,
) -> int:
    """Score data whose outcomes are known, print the figures and write the page; an exit code.

    Parameters
    ----------
    model : Path
        The folder of an artefact.
    task : str, optional
        Refused when it is not the model's.
    out : Path
        The page, .html.
    truth : Path, optional
        The best possible answers of a simulated world.
    """
    console = people(as_json)
    if out.suffix.lower() not in (".html", ".htm") or not out.parent.is_dir():
        raise InputError(f"{out}: expected a name ending in .html, in a folder that exists.")
    with progress("evaluate") as step:
        evaluated = evaluate(model, sources, settings, task, truth, step)
        step("writing")
        text = page(evaluated.report).encode()
        write_whole(out, lambda file: file.write(text))
    if as_json:
        print_json({**evaluated.report.to_json(), "out": str(out)})
    else:
        print_report(evaluated.report, console)
        console.print(f"\n{out}: the report, with plots and segments.")
    return aside(evaluated.refused, out, console)


def evaluate(
    model: Path,
    sources: Sources,
    settings: Settings,
    task: str | None = None,
    truth: Path | None = None,
    step: object = None,
) -> Evaluated:
    """The report of a saved model on the leads of some files.

    Raises
    ------
    ArtefactError
        When the model does not give the answers it gave when it was made.
    UsageError
        When another task is asked for than the model's.
    InputError
        When no row's outcome is known, or all have the same.
    """
    said = step if callable(step) else lambda _: None
    said("checking the model")
    check(model)
    artefact = load(model)
    _check_task(artefact, sources, task)
    playbook = Playbook.load(settings.playbook)
    said("reading")
    material = gather(
        _as_trained(sources, artefact), playbook, _known(artefact, playbook), with_rows=False
    )
    material, notes, warnings = rows_to_ask(material, artefact, playbook)
    spine, label = material.spine, labels_of(material.spine)
    said(f"features of {len(spine):,} rows")
    intake = material.intake
    matrix = artefact.matrix(material.leads, material.log, spine, intake.changes, intake.colleagues)
    said("scoring")
    probability = {"model": artefact.model.probability(artefact.encoder.encode(matrix))}
    points = Qualification(playbook).points(
        View(material.leads, material.log, spine.lead, spine.cutoff, intake.changes)
    )
    observed, why = PointsMap.load(settings.points_maps, artefact.task.name, playbook.version)
    if observed is None:
        notes.append(f"No probabilities for points, so the scorecard is not compared: {why}.")
    else:
        probability[SCORECARD] = observed.probability(points.total)
    rate = rate_told(artefact.record)
    if rate is not None:
        probability[BASE_RATE] = np.full(len(spine), rate[0] / rate[1])
    rows = Answered(
        label,
        material.group,
        spine.lead,
        spine.cutoff,
        None if material.flat else material.tz,
        probability,
        {SCORECARD: points.total.astype(np.float64)},
    )
    made = report_of_artefact(
        material,
        spine,
        rows,
        matrix,
        playbook,
        artefact,
        warnings=warnings + _unreadable(material, artefact),
        notes=notes,
        truth=truth,
        report=said,
    )
    return Evaluated(made, intake.refused)


def _check_task(artefact: Artefact, sources: Sources, task: str | None) -> None:
    name, timed = artefact.task.name, artefact.task.horizon is not None
    if task is not None and task != name:
        raise UsageError(f"--task {task}: the model answers {name!r}. Leave the option out.")
    if timed and sources.label:
        raise UsageError(
            f"--label {sources.label}: the model was trained with times; its outcome is "
            f"{' or '.join(artefact.task.label)} within {artefact.task.horizon_text}. Give --events."
        )
    if not timed and not sources.label:
        raise UsageError(
            "The model was trained on a flat export without times. Give --label, the column that "
            "says which leads converted."
        )


def _as_trained(sources: Sources, artefact: Artefact) -> Sources:
    """Columns and date events are named as in training where the options do not say otherwise."""
    plan = artefact.plan
    dates = sources.date_events
    if not dates and not sources.events:
        dates = plan.date_events
    return replace(sources, columns={**plan.columns, **sources.columns}, date_events=dates)


def _known(artefact: Artefact, playbook: Playbook) -> str:
    """A task by which files can be read: the model's own, where the playbook still has it."""
    return artefact.task.name if artefact.task.name in playbook.tasks else playbook.tasks[0]


def _unreadable(material: Material, artefact: Artefact) -> list[str]:
    bad = unreadable(material.leads, artefact.plan.attributes, artefact.plan.tz)
    return [
        f"{name}: {cells.sum():,} leads hold something else than {expected}; it was taken as missing."
        for name, (cells, expected) in bad.items()
    ]
