"""The next action of a lead by the playbook, and how similar leads converted with and without it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypedDict

from models.playbook import Playbook, in_language
from models.touches import Association, Touches
from models.wording import quoted

if TYPE_CHECKING:
    from models.scores import Scores


CONDITIONS = (
    "temperature",
    "task",
    "state",
    "stage",
    "psychological_stage",
    "journey_step",
    "trend",
)
"""The names of the conditions of an action."""


class NextAction(TypedDict):
    """What to do next, in the language asked for; `touch` the event type with which it is done.

    `association` is None by rules, for an action without touch, and where too few leads had it.
    """

    label: str
    touch: str | None
    association: Association | None


def next_actions(
    playbook: Playbook, touches: Touches | None, scores: Scores
) -> list[NextAction | None]:
    """What to do about each lead; None where no rule of the playbook holds.

    Parameters
    ----------
    touches : Touches or None
        Of the model that answers.
    """
    lang = scores.lang
    associations: dict[tuple[str, int], Association | None] = {}
    found: list[NextAction | None] = []
    terciles = touches.tercile(scores.raw).tolist() if touches else [0] * len(scores)
    for lead, by_model, tercile in zip(
        conditions(scores), scores.by_model.tolist(), terciles, strict=True
    ):
        rule = playbook.next_action(**dict(zip(CONDITIONS, lead, strict=True)))
        if rule is None:
            found.append(None)
            continue
        beside = None
        if touches is not None and rule.touch is not None and by_model:
            asked = rule.touch, tercile
            if asked not in associations:
                called = playbook.event_label(rule.touch, lang) or quoted(rule.touch, lang)
                associations[asked] = touches.association(rule.touch, called, tercile, lang)
            beside = associations[asked]
        label = in_language(rule.label, lang)
        assert label is not None  # the schema asks for one language at least
        found.append({"label": label, "touch": rule.touch, "association": beside})
    return found


def conditions(scores: Scores) -> Iterator[tuple[str | None, ...]]:
    """Each lead by `CONDITIONS`."""
    reached, standing = scores.qualified.reached, scores.qualified.standing
    return zip(
        scores.temperature,
        scores.task,
        scores.state,
        standing.names() if standing else [None] * len(scores),
        reached.psychological_stages(),
        reached.step_names(),
        scores.trend.direction.tolist(),
        strict=True,
    )
