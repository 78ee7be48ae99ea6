"""A new playbook in the place of the working one, once the conversion of its points is observed."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path

from features.errors import InputError, UsageError
from features.reading import Refusal
from features.spine import labels_of
from features.writing import write_whole
from models.conditions import View
from models.kept import keep
from models.playbook import Playbook
from models.playbook.playbook import DEFAULT
from models.points_map import PointsMap
from models.qualification import Qualification
from models.settings import Settings
from models.terminal import Report
from training.sources import Material, Sources, gather_each

ENOUGH = 100
"""Leads, one row of each, from which conversions are observed at the least."""


@dataclass(frozen=True)
class Observed:
    """What became of the points of one task.

    Attributes
    ----------
    task : str
    leads, converted : int
        One row of each lead, by `models.points_map.drawn_rows`.
    immature : int
        Rows left out because their horizon has not ended.
    points_map : PointsMap or None
        None where there is too little to observe.
    """

    task: str
    leads: int
    converted: int
    immature: int
    points_map: PointsMap | None


@dataclass(frozen=True)
class Published:
    """What a publication came to.

    Attributes
    ----------
    target : Path
    old : Playbook or None
        What was there; None for nothing, and for what was no playbook.
    new : Playbook
    kept : list of Path
        The copies of both.
    observed : list of Observed
    refused : list of Refusal
    """

    target: Path
    old: Playbook | None
    new: Playbook
    kept: list[Path]
    observed: list[Observed] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def target_of(to: Path | None, settings: Settings) -> Path:
    """The working playbook, which is to be replaced.

    Raises
    ------
    UsageError
        When nothing says which that is.
    InputError
        When it could not be written.
    """
    target = to or settings.playbook
    if target is None:
        raise UsageError(
            "Nothing says which playbook is in use. Set TEGAKARI_PLAYBOOK to its file, or give --to PATH."
        )
    target = target.resolve()
    if target == DEFAULT.resolve():
        raise UsageError(
            f"{target} is the playbook that comes with Tegakari, and is not replaced. "
            "Set TEGAKARI_PLAYBOOK to a file of your own, or give --to PATH."
        )
    if target.is_dir():
        raise InputError(f"{target}: cannot be written: {os.strerror(errno.EISDIR)}.")
    if not target.parent.is_dir():
        raise InputError(f"{target}: the folder {target.parent} does not exist. Make it first.")
    if not os.access(target.parent, os.W_OK):
        raise InputError(f"{target}: cannot be written: {os.strerror(errno.EACCES)}.")
    return target


def publish(
    raw: bytes,
    new: Playbook,
    target: Path,
    sources: Sources | None,
    settings: Settings,
    report: Report,
) -> Published:
    """Put a playbook into the place of another, whole or not at all, and as the last thing.

    Before it stands there its points maps do, so that rules do not lose their probabilities, and a
    copy of both. Whatever goes wrong before, and Ctrl-C, leaves the old one in its place.

    Parameters
    ----------
    raw : bytes
        The new playbook as it is written.
    sources : Sources or None
        The data to observe conversions on; None for none.
    """
    before = target.read_bytes() if target.exists() else None
    observed, refused = [], []
    if sources is not None:
        report("reading")
        for material in gather_each(sources, new):
            report(f"observing conversions of {material.task.name}")
            observed.append(observe(material, new))
            refused = material.intake.refused
    for entry in observed:
        if entry.points_map is not None:
            entry.points_map.save(settings.points_maps)
    kept = [keep(text, settings.playbooks) for text in (before, raw) if text is not None]
    old = None
    if before is not None and not kept[0].name.startswith("wrong-"):
        old = Playbook.parse(before.decode("utf-8-sig"), str(target))
    write_whole(target, lambda file: file.write(raw))
    return Published(target, old, new, kept, observed, refused)


def observe(material: Material, playbook: Playbook) -> Observed:
    """The conversion observed for the points of a playbook, on all mature rows of a task."""
    spine, task = material.spine, material.task.name
    immature = int(spine.left_out.get("immature", 0))
    if not len(spine):
        return Observed(task, 0, 0, immature, None)
    points = Qualification(playbook).points(
        View(material.leads, material.log, spine.lead, spine.cutoff, material.intake.changes)
    )
    fitted = PointsMap.fit(
        points.total,
        labels_of(spine),
        spine.lead,
        task=task,
        playbook_version=playbook.version,
        observed_until=material.observed_until,
    )
    leads = sum(entry.n for entry in fitted.evidence.bins)
    converted = sum(entry.converted for entry in fitted.evidence.bins)
    enough = leads >= ENOUGH and 0 < converted < leads
    return Observed(task, leads, converted, immature, fitted if enough else None)
