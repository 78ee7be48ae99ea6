"""Lines for probabilities that keep the volume of the lines for points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from features.errors import UsageError
from features.instants import FOREVER
from features.spine import Spine, labels_of
from features.times import parse_one
from models.conditions import View
from models.evidence import Basis, wilson
from models.playbook import Playbook
from models.playbook.lines import Path
from models.playbook.writing import rewritten
from models.points_map import drawn_rows
from models.qualification import Qualification
from training.breakdown.exposed import History
from training.gate.champion import Champion
from training.sources import Material


class Line(NamedTuple):
    """A line for probabilities, and the line for points whose volume it keeps.

    Attributes
    ----------
    points : float
    probability : float
    by_points, by_probability : int
        Leads at or above the line at the end of the data.
    of_points, of_probability : Basis or None
        Rows later than all that the model has learnt from, at or above the line, and how many of
        them converted: one row of each lead at most, drawn.
    """

    name: str
    points: float
    probability: float
    by_points: int
    by_probability: int
    of_points: Basis | None
    of_probability: Basis | None


@dataclass(frozen=True)
class SuggestedLines:
    """Lines by the model.

    Attributes
    ----------
    text : str
        The playbook with them, comments kept.
    leads : int
        Whom the task asks about at the end of the data.
    """

    text: str
    lines: list[Line]
    leads: int


def suggest_lines(material: Material, playbook: Playbook, champion: Champion) -> SuggestedLines:
    """The probabilities at which as many leads are hot, and warm, as by points.

    Raises
    ------
    UsageError
        When the temperature is not by points, or nobody is hot or warm by them.
    """
    said = playbook.said.temperature
    if said.by != "points" or said.lines is None:
        raise UsageError(
            f"{playbook.source}: lines for probabilities keep the volume of lines for points; the "
            f"temperature is by {said.by} already."
        )
    lead = _now(material, playbook)
    moments = np.full(len(lead), material.observed_until)
    probability = champion.probability(material, Spine(lead, moments, None, np.zeros_like(lead)))
    points = _points(material, playbook, lead, moments)
    later = _later(material, champion)
    label = labels_of(later)
    then = champion.probability(material, later)
    points_then = _points(material, playbook, later.lead, later.cutoff)
    found = []
    for name, line in zip(("warm", "hot"), said.lines, strict=True):
        n = int((points >= line).sum())
        if not n:
            raise UsageError(
                f"Nobody has {line:g} points or more now, so there is no volume to keep."
            )
        cut = _rounded(float(np.sort(probability)[-n]))
        found.append(
            Line(
                name,
                line,
                cut,
                n,
                int((probability >= cut).sum()),
                _basis(points_then >= line, label),
                _basis(then >= cut, label),
            )
        )
    if not found[0].probability < found[1].probability:
        raise UsageError("Hot and warm come to one probability: too many leads have the same.")
    warm, hot = found
    changes: dict[Path, Any] = {
        ("temperature", "by"): "probability",
        ("temperature", "hot"): hot.probability,
        ("temperature", "warm"): warm.probability,
    }
    if said.hysteresis is not None:
        changes["temperature", "hysteresis"] = None  # points are no probabilities
    return SuggestedLines(rewritten(playbook.text, changes), [hot, warm], len(lead))


def _now(material: Material, playbook: Playbook) -> npt.NDArray[np.int64]:
    """Whom the task asks about at the end of the data."""
    history = History(material, playbook)
    at = np.full(history.n_leads, material.observed_until)
    masks = history.sorted_out(at)
    return np.flatnonzero(masks["used"] | masks["immature"])


def _later(material: Material, champion: Champion) -> Spine:
    """One row of each lead, drawn as `models.points_map.drawn_rows` does, of those after all that the
    model has learnt from."""
    record = champion.artefact.record
    seen = record.get("outcomes_seen_until") or record.get("first_test_cutoff")
    since = parse_one(seen, None, "the model's record") if seen else FOREVER
    spine = material.spine
    rows = np.flatnonzero(spine.cutoff >= since)
    return spine.take(np.sort(rows[drawn_rows(spine.lead[rows], (spine.cutoff[rows],))]))


def _points(
    material: Material,
    playbook: Playbook,
    lead: npt.NDArray[np.int64],
    at: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    view = View(material.leads, material.log, lead, at, material.intake.changes)
    return Qualification(playbook).points(view).total


def _rounded(probability: float) -> float:
    """Four digits that are read, rounded down so that nobody at the line falls below it."""
    return float(np.floor(probability * 1e4) / 1e4) or probability


def _basis(mask: npt.NDArray[np.bool_], label: npt.NDArray[np.int8]) -> Basis | None:
    n = int(mask.sum())
    return wilson(n, int(label[mask].sum())) if n else None
