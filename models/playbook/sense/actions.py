"""Next actions that come to nobody, because of earlier ones or of what they ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from models.playbook.actions import ActionSection, Direction, LeadState
from models.playbook.finding import Finding, mistake
from models.playbook.schema import Schema
from models.playbook.sense.stages import has_stages, minds, reachable

Box = dict[str, frozenset[str | None]]
"""Leads by the values of the conditions of actions: every combination of those listed."""


def of_actions(schema: Schema) -> Iterator[Finding]:
    """Actions that ask for what no lead is, and actions that earlier ones leave nothing to."""
    there_are = _everybody(schema)
    rules = schema.actions.rules
    earlier: list[tuple[int, Box]] = []
    for place, rule in enumerate(rules):
        at = ("actions", "rules", place)
        asked: Box = {}
        for name, values in there_are.items():
            said = getattr(rule, name)
            if said is None:
                asked[name] = values
                continue
            nobody = [value for value in said if value not in values]
            if nobody:
                yield mistake((*at, name), "nobody_is", names=nobody)
            asked[name] = frozenset(said) & values
        if not all(asked.values()):
            continue
        left = [asked]
        for _, box in earlier:
            left = [part for whole in left for part in _without(whole, box)]
        if not left:
            hiders = [_told(rules[other], other) for other, box in earlier if _meet(asked, box)]
            yield mistake(at, "hidden_action", action=_told(rule, place), earlier=hiders)
        earlier.append((place, asked))


def _told(rule: ActionSection, place: int) -> str:
    return f"{rule.label.en or rule.label.ja} ({place + 1})"


def _everybody(schema: Schema) -> Box:
    """The values that leads can have of each condition."""
    stages: set[str | None] = {*reachable(schema)} if has_stages(schema) else {None}
    steps = {event.step for event in schema.events.values() if event.step}
    return {
        "temperature": frozenset({"hot", "warm", "cold", None}),
        "task": frozenset({*schema.tasks, None}),
        "state": frozenset(get_args(LeadState)),
        "stage": frozenset(stages),
        "psychological_stage": frozenset({*minds(schema), None}),
        "journey_step": frozenset({*steps, None}),
        "trend": frozenset({*get_args(Direction), None}),
    }


def _meet(one: Box, other: Box) -> bool:
    return all(one[name] & other[name] for name in one)


def _without(whole: Box, taken: Box) -> Iterator[Box]:
    """What is left of some leads when others are taken away, in parts that do not overlap."""
    if not _meet(whole, taken):
        yield whole
        return
    rest = dict(whole)
    for name, values in whole.items():
        outside = values - taken[name]
        if outside:
            yield {**rest, name: outside}
        rest[name] = values & taken[name]
