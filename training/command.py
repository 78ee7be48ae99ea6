"""The verbs of training: ``simulate``, ``train`` and ``build``, from options to an exit code."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.attributes import learnt
from features.build import build
from features.cells import text_column
from features.errors import InputError, UsageError
from features.instants import iso
from features.program import compile_plan
from features.reading import read
from features.spine import Spine
from features.times import parse
from features.writing import check_output, write, write_whole
from models.kept import keep
from models.playbook import Playbook
from models.settings import Settings
from models.terminal import (
    aside,
    people,
    print_json,
    print_table,
    progress,
)
from training.evaluate import Metrics
from training.fit import DEFAULT, Tuning
from training.freeze import freeze
from training.gate.decide import decide
from training.gate.verdict import Verdict
from training.refit import given, refitted, refitting
from training.report.making import report_of_training
from training.report.page import files_of
from training.simulate import Simulated, simulate
from training.sources import Material, Sources, gather
from training.tracking import Extras, Logged, log_run
from training.train import Trained, train
from training.tune import Budget


def run_simulate(
    out: Path,
    *,
    leads: int,
    days: int,
    seed: int,
    end: datetime | None = None,
    timezone: str = "Asia/Tokyo",
    signal: str | None = None,
    as_json: bool = False,
) -> Simulated:
    """Write a simulated world and say what is in it."""
    with progress("simulate"):
        world = simulate(
            out, leads=leads, days=days, seed=seed, end=end, timezone=timezone, signal=signal
        )
    if as_json:
        print_json(asdict(world))
    else:
        people(False).print(
            f"{out}: {world.leads:,} leads, {world.events:,} events, {world.changes:,} changes, "
            f"{world.truth:,} best possible answers; days of {world.timezone} from {world.begins} "
            f"to before {world.ends}" + ("" if signal is None else f"; planted signal: {signal}")
        )
    return world


def tuning_of(
    settings: Settings,
    *,
    budget: str,
    trials: int | None,
    threads: int,
    params: Path | None,
    resume: bool,
) -> Tuning:
    """How parameters are to be found, from the options of the command.

    Raises
    ------
    UsageError
        When the budget is no length of time, or `params` no model of trees.
    """
    if params is not None:
        try:
            record = json.loads((params / "record.json").read_bytes())
            found = given(record["parameters"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(
                f"--params {params}: expected the folder of a trained model ({error})."
            ) from error
        if not found:
            raise UsageError(
                f"--params {params}: this model is no model of trees; it has no parameters."
            )
        return Tuning(Budget(threads=threads), given=found)
    if trials is not None:
        return Tuning(Budget(None, trials, threads, settings.tuning, resume))
    return Tuning(Budget(_seconds(budget), None, threads, settings.tuning, resume))


def seed_of(seed: int | None, params: Path | None) -> int:
    """The seed asked for; else that of the model whose parameters are taken; else 0."""
    if seed is not None or params is None:
        return seed or 0
    try:
        return int(json.loads((params / "record.json").read_bytes()).get("seed", 0))
    except (OSError, ValueError, AttributeError) as error:
        raise UsageError(
            f"--params {params}: expected the folder of a trained model ({error})."
        ) from error


def _seconds(text: str) -> float:
    """``90s``, ``5m``, ``1h`` or ``0`` in seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if not found or (not found[2] and float(found[1])):
        raise UsageError(f"--budget {text!r}: expected a length of time such as 90s, 5m, 1h, or 0.")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def run_train(
    sources: Sources,
    settings: Settings,
    task: str,
    tuning: Tuning = DEFAULT,
    *,
    as_json: bool = False,
    seed: int = 0,
    refit_all: bool = False,
    promoted: Callable[[str], object] = lambda version: None,
) -> int:
    """Train, save the artefact and the points map, log to MLflow, and print what came out.

    `promoted` is told which version the gate made the champion, where it made one.
    """
    console = people(as_json)
    playbook = Playbook.load(settings.playbook)
    with progress("train") as report:
        report("reading")
        trained = train(gather(sources, playbook, task), playbook, report, seed, tuning)
        if refit_all:
            trained = refitted(trained, seed, report, tuning)
        material = trained.material
        report("saving")
        folder = _save(trained, settings)
        trained.points_map.save(settings.points_maps)
        keep(playbook.text.encode(), settings.playbooks)
        report("asking the gate")
        verdict = decide(settings, task, trained, material, refitting(trained, seed, tuning))
        made = report_of_training(
            material,
            trained.held_out,
            playbook,
            trained.artefact,
            notes=trained.notes,
            report=report,
        )
        files = files_of(made)
        page = _keep_report(files["report.html"], folder, settings)
        trials = [asdict(trial) for trial in trained.trials]
        report("logging to MLflow")
        extras = Extras(files, material.files, trials)
        logged = log_run(settings, task, folder, trained.record, verdict, extras)
    if as_json:
        print_json(_object(trained, folder, logged, verdict, page))
    else:
        _print(trained, material, folder, logged, verdict)
        for warning in made.warnings:
            console.print(f"warning: {warning}")
        console.print(f"report: {page}")
    if logged.champion and logged.version:
        promoted(logged.version)
    return aside(trained.refused, settings.home / "train", console)


def run_build(
    sources: Sources,
    settings: Settings,
    task: str,
    spine_file: Path | None,
    out: Path,
    *,
    as_json: bool = False,
) -> int:
    """Write the feature matrix of a spine; without one, of every lead at the cutoffs of the task."""
    console = people(as_json)
    check_output(out)
    playbook = Playbook.load(settings.playbook)
    with progress("build") as report:
        report("reading")
        material = gather(sources, playbook, task)
        spine = material.spine if spine_file is None else _read_spine(spine_file, material)
        plan = freeze(material, playbook, np.arange(len(material.spine)))
        report(f"features of {len(spine):,} rows")
        matrix = build(
            plan,
            compile_plan(plan),
            material.leads,
            material.log,
            spine,
            material.intake.changes,
            material.intake.colleagues,
        )
        table = matrix.to_table()
        table = table.add_column(0, "cutoff", pa.array(spine.cutoff, pa.timestamp("us", tz="UTC")))
        table = table.add_column(0, "lead_id", material.leads.lead_id.take(pa.array(spine.lead)))
        if spine.label is not None:
            table = table.append_column("label", pa.array(spine.label))
        write(table, out)
    rows, features = len(spine), len(plan.names)
    if as_json:
        print_json({"out": str(out), "rows": rows, "features": features, "plan": plan.version})
    else:
        console.print(f"{out}: {rows:,} rows, {features:,} features, plan {plan.version}.")
    return aside(material.intake.refused, out, console)


def _read_spine(path: Path, material: Material) -> Spine:
    """The rows of a file with ``lead_id`` and ``cutoff``."""
    table = read(path)
    for name in ("lead_id", "cutoff"):
        if name not in table.data.column_names:
            raise InputError(
                f"{path}, line 1: expected column {name!r}; a spine has lead_id and cutoff."
            )
    ids = text_column(table.data["lead_id"])
    lead = pc.fill_null(pc.index_in(ids, value_set=material.leads.lead_id), -1).to_numpy(
        zero_copy_only=False
    )
    times = parse(table.data["cutoff"], material.form.tz)
    for wrong, column, reason in (
        (lead < 0, "lead_id", "not a lead of the list"),
        (
            times.bad | times.unzoned | table.data["cutoff"].is_null().to_numpy(),
            "cutoff",
            "not a time with a zone",
        ),
    ):
        for refusal in table.refusals(wrong, column, reason)[:1]:
            raise InputError(f"{refusal}. Every row of a spine must be usable.")
    order = np.lexsort((times.instant, lead))
    lead = lead[order].astype(np.int64)
    return Spine(lead, times.instant[order], None, np.zeros_like(lead))


def _save(trained: Trained, settings: Settings) -> Path | None:
    """The artefact, whole or not at all, under ``<home>/artefacts``."""
    if trained.artefact is None:
        return None
    folder = settings.home / "artefacts" / trained.artefact.version
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as scratch:
        trained.artefact.save(Path(scratch) / "whole")
        # One of the same content may be there already, and may have been damaged since.
        if folder.exists():
            folder.rename(Path(scratch) / "before")
        (Path(scratch) / "whole").rename(folder)
    return folder


def _keep_report(page: bytes, folder: Path | None, settings: Settings) -> Path:
    """Write the page under the home, named like its model."""
    path = settings.home / "reports" / f"{folder.name if folder else 'rules'}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, lambda file: file.write(page))
    return path


def _object(
    trained: Trained, folder: Path | None, logged: Logged, verdict: Verdict, page: Path
) -> dict[str, Any]:
    best = next(iter(trained.figures.values()))
    return {
        "model_version": logged.version,
        "registered_model": logged.name,
        "champion": logged.champion,
        "gate": verdict.to_json(),
        "artefact": str(folder) if folder else None,
        "report": str(page),
        "rung": trained.rung,
        "metrics": best.to_json(),
        "by_age": {name: m.to_json() for name, m in trained.by_segment.items()},
        "compared": {name: m.to_json() for name, m in trained.figures.items()},
        "spine": trained.record["counts"],
        "refused": len(trained.refused),
        "notes": [*trained.notes, *([logged.note] if logged.note else [])],
        "mlflow_run": logged.run_id,
    }


def _print(
    trained: Trained,
    material: Material,
    folder: Path | None,
    logged: Logged,
    verdict: Verdict,
) -> None:
    console = people(False)
    intake = material.intake
    console.print(f"{intake.table.path}: {intake.table.understood}, {intake.table.rows_in:,} rows")
    console.print(f"time zone: {material.timezone_note}")
    if not material.flat:
        console.print(f"observed until: {iso(material.observed_until, material.tz)}")
    for name, count in intake.counts.items():
        if count:
            console.print(f"  {name}: {count:,}")
    console.print("\n# [attributes] as understood; paste into the playbook what you want otherwise")
    names = {a.name for a in learnt(trained.columns, material.trust, flat=material.flat)}
    for column in trained.columns:
        mark = "" if column.name in names else " (not learnt)"
        console.print(f"{column.as_playbook()}  # {column.why}{mark}")
    console.print()
    print_table(
        console,
        "spine",
        ["count", ""],
        [[k, f"{v:,}"] for k, v in trained.record["counts"].items()],
    )
    console.print()
    figures = {**trained.figures, **{f"  {k}": m for k, m in trained.by_segment.items()}}
    header = ["test rows", "AUC", "log loss", "Brier", "ECE", "slope", "rows", "positives"]
    print_table(
        console, "on rows never fitted on", header, [_row(k, m) for k, m in figures.items()]
    )
    console.print()
    for note in trained.notes:
        console.print(f"note: {note}")
    if logged.note:
        on_disk = " The artefact is on disk." if folder else ""
        console.print(f"note: {logged.note}.{on_disk}")
    if folder:
        console.print(f"{trained.rung} model {folder.name}: {folder}")
    if trained.artefact:
        console.print(f"gate: {verdict.reason}")
    if logged.version:
        standing = "champion" if logged.champion else "challenger"
        console.print(f"registered as {logged.name} version {logged.version} ({standing})")


def _row(name: str, m: Metrics) -> list[str]:
    def shown(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    return [
        name,
        shown(m.auc, ".3f"),
        shown(m.log_loss, ".4f"),
        shown(m.brier, ".4f"),
        shown(m.ece, ".4f"),
        shown(m.calibration_slope, ".2f"),
        f"{m.n:,}",
        f"{m.positives:,}",
    ]
