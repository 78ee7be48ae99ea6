"""The reasons of a model's answers: the strongest effects, with the lead's own facts, in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from features.build import Matrix
from features.log import EventLog, Leads
from features.spine import Spine
from models.artefact import Artefact
from models.explain import effects, strongest
from models.facts import Facts
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
) -> tuple[list[list[dict[str, Any]]], npt.NDArray[np.float64]]:
    """At most `most` reasons for each row of a spine, the strongest first, and where effects start.

    Each has `group`, `facts`, `effect` in percentage points, and `text` in the language `lang`.

    Parameters
    ----------
    matrix, X : the features of the spine, and their encoding
    most : int

    Returns
    -------
    reasons : list of n_rows lists
    start : ndarray of shape (n_rows,), probability
    """
    groups = artefact.groups
    effect = effects(artefact.model, groups, X)
    facts = Facts(groups, artefact.encoder.statistics, matrix, leads, log, spine)
    words = Phrases(playbook, matrix.plan, lang)

    def reason(place: int, group: int) -> dict[str, Any]:
        known = facts.of(place, group, effect.of_features[place])
        return {
            "group": groups.names[group],
            "facts": known,
            "effect": float(effect.of_groups[place, group]),
            "text": words.reason(groups.roles[group], groups.names[group], known),
        }

    chosen = strongest(effect.of_groups, groups.names, most)
    return [
        [reason(place, group) for group in mine] for place, mine in enumerate(chosen)
    ], effect.start
