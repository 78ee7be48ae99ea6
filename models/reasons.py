"""The reasons of a model's answers: the strongest effects, with the lead's own facts, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from features.build import Matrix
from features.log import EventLog, Leads
from features.spine import Spine
from models import explain, wording
from models.artefact import Artefact
from models.playbook import Playbook


def reasons_of(
    artefact: Artefact,
    playbook: Playbook,
    matrix: Matrix,
    X: npt.NDArray[np.float32],
    leads: Leads,
    log: EventLog,
    spine: Spine,
    most: int,
    lang: str,
) -> list[list[dict[str, Any]]]:
    """At most `most` reasons for each row of a spine, the strongest first.

    Each has `group`, `facts`, `effect` in percentage points, and `text` in the language `lang`.

    Parameters
    ----------
    matrix, X : the features of the spine, and their encoding
    most : int, at most `models.explain.MOST`
    """
    effect, _ = explain.effects(artefact.model, artefact.groups, X)
    names, roles = artefact.groups.names, artefact.groups.roles
    columns = {a.name: c for a, c in zip(matrix.plan.attributes, matrix.attributes, strict=True)}

    def facts(place: int, group: int) -> dict[str, Any]:
        lead, cutoff = int(spine.lead[place]), int(spine.cutoff[place])
        if roles[group] == "events":
            return explain.event_facts(log, lead, cutoff, matrix.plan.members(names[group]))
        if roles[group] == "age":
            return explain.age_facts(int(leads.created_at[lead]), cutoff)
        return {"value": _plain(columns[names[group]][place])}

    def reason(place: int, group: int) -> dict[str, Any]:
        known, label = facts(place, group), _label(playbook, roles[group], names[group], lang)
        return {
            "group": names[group],
            "facts": known,
            "effect": float(effect[place, group]),
            "text": wording.sentence(roles[group], label, known, lang),
        }

    return [
        [reason(place, group) for group in explain.strongest(effect[place], names, most)]
        for place in range(len(spine))
    ]


def _label(playbook: Playbook, role: str, name: str, lang: str) -> str:
    """What people call a group: the playbook's name, else its own, quoted as it came."""
    if role == "events":
        group = wording.texts(lang)["groups"].get(name)
        return group or playbook.event_label(name, lang) or f"“{name}”"
    return playbook.attribute_label(name, lang) or name


def _plain(value: Any) -> str | float | None:
    """A cell of an attribute column as a plain value."""
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else float(value)
    text: str | None = value.as_py()
    return text
