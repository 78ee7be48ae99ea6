"""The reasons of a model's answers: the strongest effects, with the lead's own facts, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from features.build import Matrix
from features.log import EventLog, Leads
from features.spine import Spine
from models import explain
from models.artefact import Artefact
from models.phrases import Phrases
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
    effect = explain.effects(artefact.model, artefact.groups, X)
    names, roles = artefact.groups.names, artefact.groups.roles
    columns = {a.name: c for a, c in zip(matrix.plan.attributes, matrix.attributes, strict=True)}
    units = {a.name: a.unit for a in matrix.plan.attributes if a.unit}
    pairs = {" x ".join(told.of): told.of for told in artefact.encoder.statistics}
    responses = {response.name: response for response in matrix.plan.responses}
    bigrams = {" > ".join(pair): pair for pair in matrix.plan.bigrams}
    words = Phrases(playbook, matrix.plan, lang)

    def facts(place: int, group: int) -> dict[str, Any]:
        lead, cutoff = int(spine.lead[place]), int(spine.cutoff[place])
        if roles[group] == "events":
            return explain.event_facts(log, lead, cutoff, matrix.plan.members(names[group]))
        if roles[group] == "response":
            return explain.response_facts(log, lead, cutoff, responses[names[group]])
        if roles[group] in ("bigram", "step"):
            return _only_feature(place, group)
        if roles[group] == "age":
            return explain.age_facts(int(leads.created_at[lead]), cutoff)
        if roles[group] == "kind":
            return _strongest_feature(place, group)
        if roles[group] == "pair":
            return {"values": {of: _plain(columns[of][place]) for of in pairs[names[group]]}}
        value = {"value": _plain(columns[names[group]][place])}
        return value | {"unit": units[names[group]]} if names[group] in units else value

    def _only_feature(place: int, group: int) -> dict[str, Any]:
        """How often one event came right after another, or whether a step was reached."""
        column = int(np.flatnonzero(artefact.groups.of_feature == group)[0])
        value = int(matrix.behaviour[place, column])
        if roles[group] == "step":
            return {"step": names[group], "reached": bool(value)}
        first, then = bigrams[names[group]]
        return {"first": first, "then": then, "count": value}

    def _strongest_feature(place: int, group: int) -> dict[str, Any]:
        """The feature of a group that moved most, and its value."""
        mine = np.flatnonzero(artefact.groups.of_feature == group)
        most_moving = int(mine[np.argmax(np.abs(effect.of_features[place, mine]))])
        feature = matrix.plan.features[most_moving]
        value = float(matrix.behaviour[place, most_moving])
        return {
            "feature": feature.name,
            "value": None if np.isnan(value) else words.plain(feature, value),
            "unit": feature.says.unit,
        }

    def reason(place: int, group: int) -> dict[str, Any]:
        known = facts(place, group)
        return {
            "group": names[group],
            "facts": known,
            "effect": float(effect.of_groups[place, group]),
            "text": words.reason(roles[group], names[group], known),
        }

    return [
        [reason(place, group) for group in explain.strongest(effect.of_groups[place], names, most)]
        for place in range(len(spine))
    ]


def _plain(value: Any) -> str | float | None:
    """A cell of an attribute column as a plain value."""
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else float(value)
    text: str | None = value.as_py()
    return text
