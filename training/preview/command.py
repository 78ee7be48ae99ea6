"""The verb ``playbook preview``, from files to an exit code."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from features.errors import UsageError
from features.instants import MISSING
from features.times import parse_one
from features.writing import check_output, write
from models.playbook import Playbook
from models.points_map import PointsMap
from models.settings import Settings
from models.terminal import REFUSED_ROWS, people, print_json, print_refused, progress
from training.gate.champion import champion_of
from training.preview.followed import Answerer
from training.preview.preview import Preview, preview
from training.preview.printing import print_preview
from training.sources import Material, Sources, gather


def run_preview(
    new: Path,
    old: Path | None,
    sources: Sources,
    settings: Settings,
    task: str,
    *,
    as_of: str | None = None,
    weeks: int = 26,
    most: int = 5,
    out: Path | None = None,
    lang: str = "en",
    as_json: bool = False,
) -> int:
    """Say what a new playbook would change, on leads whose past is known."""
    if out is not None:
        check_output(out)
    before, after = Playbook.load(old or settings.playbook), Playbook.load(new)
    for playbook in (before, after):
        if playbook.said.temperature.lines is None:
            raise UsageError(
                f'{playbook.source}: by = "capacity" is not solved yet, so nobody is hot by it. '
                "tegakari playbook capacity solves it."
            )
    with progress("preview") as report:
        report("reading")
        material = gather(sources, after, task)
        at = parse_one(as_of, material.tz, "--as-of") if as_of else material.observed_until
        answerers = _answerer(before, material, settings), _answerer(after, material, settings)
        report("following leads through the weeks")
        found = preview(before, after, material, answerers, as_of=at, weeks=weeks)
    if out is not None:
        write(_table(found), out)
    if as_json:
        print_json(found.to_json())
    else:
        print_preview(people(False), found, most, lang)
    print_refused(people(True), material.intake.refused)
    return REFUSED_ROWS if material.intake.refused else 0


def _answerer(playbook: Playbook, material: Material, settings: Settings) -> Answerer:
    """What gives the probabilities by which a playbook decides; nothing where points do."""
    if playbook.said.temperature.by == "points":
        return Answerer()
    champion = champion_of(settings, material.task.name)
    if champion is not None:
        return Answerer(champion.artefact)
    observed, why = PointsMap.load(settings.points_maps, material.task.name, playbook.version)
    if observed is None:
        raise UsageError(
            f"{playbook.source}: the temperature is by {playbook.said.temperature.by}, and nothing gives "
            f"probabilities: no model is registered for task {material.task.name!r}, and {why}."
        )
    return Answerer(None, observed if observed.observed_until != MISSING else None)


def _table(found: Preview) -> pa.Table:
    """The leads that move."""
    rows = [
        {
            "lead_id": mover.lead_id,
            "tegakari_points_old": mover.points[0],
            "tegakari_points_new": mover.points[1],
            "tegakari_temperature_old": mover.temperature[0],
            "tegakari_temperature_new": mover.temperature[1],
            "tegakari_stage_old": mover.stage[0],
            "tegakari_stage_new": mover.stage[1],
            "tegakari_rules": "; ".join(f"{name} {gain:+.2f}" for name, gain in mover.rules)
            or None,
        }
        for mover in found.movers
    ]
    schema = pa.schema(
        [
            pa.field(name, pa.int64() if "points" in name else pa.string())
            for name in (
                "lead_id",
                *(
                    f"tegakari_{of}_{end}"
                    for of in ("points", "temperature", "stage")
                    for end in ("old", "new")
                ),
                "tegakari_rules",
            )
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)
