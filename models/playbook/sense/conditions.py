"""Conditions that contradict each other, so that they hold of nobody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from models.playbook.conditions import Looked
from models.playbook.finding import Finding, mistake
from models.playbook.lines import Path
from models.playbook.reach import possible
from models.playbook.references import sections
from models.playbook.schema import Schema


def of_conditions(schema: Schema) -> Iterator[Finding]:
    """Rules, definitions, targets and exclusions that can hold of nobody whatever happens."""
    for path, section in sections(schema):
        if isinstance(section, Looked) and section.form == "all":
            yield from _together(schema, section, path)


def _together(schema: Schema, rule: Looked, path: Path) -> Iterator[Finding]:
    asked = list(_conjuncts(rule))
    of_attribute: dict[str, list[Looked]] = defaultdict(list)
    for condition in asked:
        if condition.attribute is not None and condition.pattern is None:
            of_attribute[condition.attribute].append(condition)
    for name, conditions in of_attribute.items():
        if not possible(conditions):
            yield mistake((*path, "all"), "no_such_value", attribute=name)
    for place, condition in enumerate(rule.none_of):
        if condition in asked:
            yield mistake((*path, "none", place), "asked_and_refused")
    for condition in asked:
        if condition.silent_for is None:
            continue
        for other in asked:
            within = getattr(other, "within", None)
            acts = other.event is not None and not any(
                name in schema.events and schema.events[name].by == "us" for name in other.event
            )
            if acts and within is not None and within <= condition.silent_for:
                yield mistake((*path, "all"), "silent_and_active", events=list(other.event or ()))


def _conjuncts(rule: Looked) -> Iterator[Looked]:
    """The conditions that all have to hold."""
    for condition in rule.all_of:
        if condition.form == "all":
            yield from _conjuncts(condition)
        else:
            yield condition
