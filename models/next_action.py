"""The next action of a lead by the playbook, and how similar leads converted with and without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from models.playbook import Playbook, in_language
from models.playbook.actions import ActionSection
from models.touches import Association, Touches
from models.wording import quoted

if TYPE_CHECKING:
    from models.scores import Scores


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
    rules: dict[tuple[str | None, ...], ActionSection | None] = {}
    associations: dict[tuple[str, int], Association | None] = {}
    found: list[NextAction | None] = []
    for row in range(len(scores)):
        lead = conditions(scores, row)
        key = tuple(lead.values())
        if key not in rules:
            rules[key] = playbook.next_action(**lead)
        rule = rules[key]
        if rule is None:
            found.append(None)
            continue
        beside = None
        if touches is not None and rule.touch is not None and scores.by_model[row]:
            tercile = touches.tercile(float(scores.raw[row]))
            asked = rule.touch, tercile
            if asked not in associations:
                called = playbook.event_label(rule.touch, lang) or quoted(rule.touch, lang)
                associations[asked] = touches.association(rule.touch, called, tercile, lang)
            beside = associations[asked]
        label = in_language(rule.label, lang)
        assert label is not None  # the schema asks for one language at least
        found.append({"label": label, "touch": rule.touch, "association": beside})
    return found


def conditions(scores: Scores, row: int) -> dict[str, str | None]:
    """A lead by the names of the conditions of an action."""
    reached = scores.qualified.reached
    return {
        "temperature": scores.temperature[row],
        "task": scores.task[row],
        "state": scores.state[row],
        "stage": scores.stage(row),
        "psychological_stage": reached.psychological_stage(row),
        "journey_step": reached.step_name(row),
        "trend": scores.trend.direction[row],
    }
