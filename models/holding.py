"""A playbook held against data: rules that never fire, ways that nobody takes, words it does not know."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.conditions import Mask
from models.firing import Data, never, unheard
from models.playbook.actions import DefinitionSection
from models.playbook.conditions import Looked
from models.playbook.finding import Finding, Level, mistake, note
from models.playbook.lines import Path
from models.playbook.references import near_name
from models.playbook.sense.bands import unreachable
from models.playbook.sense.stages import has_stages, path_of_way
from models.playbook.stages import STAGES
from models.qualification import Qualification, Qualified


def on_data(data: Data) -> Iterator[Finding]:
    """What of a playbook does not fit some data."""
    dead = set()
    said = data.playbook.said
    for place, rule in enumerate(said.points.rules):
        yield from unheard(data, rule, ("points", "rules", place), "likely a mistake")
        if never(data, rule):
            dead.add(rule.name)
    if dead:
        known = {finding.path for finding in unreachable(said)}
        for finding in unreachable(said, without=dead):
            if finding.path not in known and finding.what != "stage_below":
                yield mistake(finding.path, f"{finding.what}_here", **finding.facts)
    qualified = Qualification(data.playbook).of(data.view)
    yield from _conditions(data, qualified)
    yield from _stages(data, qualified)
    yield from _tasks(data)
    yield from _events(data)
    yield from _columns(data)


def _conditions(data: Data, qualified: Qualified) -> Iterator[Finding]:
    """Definitions, targets, evidence and exclusions."""
    said = data.playbook.said
    mistaken: Level = "likely a mistake"
    places: list[tuple[Path, Looked, Level]] = []
    for name, definition in said.definitions.items():
        places.append((("definitions", name), definition, mistaken))
    for part in ("who", "what", "how"):
        for name, wanted in getattr(said.target, part).items():
            places.append((("target", part, name), wanted, mistaken))
    for number, entry in enumerate(said.stages.evidence):
        places.append((("stages", "evidence", number), entry, mistaken))
    for number, entry in enumerate(said.exclude.rules):
        places.append((("exclude", "rules", number), entry, "note"))
    for number, entry in enumerate(said.suppress.rules):
        places.append((("suppress", "rules", number), entry, "note"))
    for path, rule, level in places:
        yield from unheard(data, rule, path, level)
        if not never(data, rule) and not _holds(data, rule, qualified).any():
            yield Finding(level, path, "holds_of_nobody", {"n": len(data.leads)})


def _holds(data: Data, rule: Looked, qualified: Qualified) -> Mask:
    """Of which leads a rule holds now, a probability aside."""
    mask = data.conditions.hold(rule, data.view)
    if isinstance(rule, DefinitionSection):
        if rule.points is not None:
            mask &= qualified.points.total >= rule.points
        if rule.stage is not None and qualified.standing is not None:
            mask &= qualified.standing.stage >= STAGES.index(rule.stage)
    return mask


def _stages(data: Data, qualified: Qualified) -> Iterator[Finding]:
    """Ways into stages whose events do not occur, and stages that nobody entered."""
    said = data.playbook.said
    standing = qualified.standing
    if not has_stages(said) or standing is None:
        return
    types = data.log.types
    moved = any(name in types for name in said.stages.moves)
    for stage in said.stages.order[1:]:
        way, at = said.stages.way(stage), path_of_way(said, stage)
        absent = [name for name in way.event if name not in types]
        entered = bool((standing.entered[:, STAGES.index(stage)] >= 0).any())
        if way.event and len(absent) == len(way.event) and way.points is None and not moved:
            near = [n for n in (near_name(name, types) for name in absent) if n is not None]
            yield mistake((*at, "event"), "way_absent", stage=stage, names=absent, near=near)
        elif way.is_there and not entered:
            yield mistake(at, "nobody_enters", stage=stage)
        elif absent:
            yield note((*at, "event"), "some_events_absent", names=absent, near=[])
    for key in ("moves", "found", "back"):
        absent = [name for name in getattr(said.stages, key) if name not in types]
        if absent:
            yield note(("stages", key), "some_events_absent", names=absent, near=[])


def _tasks(data: Data) -> Iterator[Finding]:
    for name, task in data.playbook.said.tasks.items():
        types = data.log.types
        if data.log.n_events and not set(task.label) & set(types):
            near = [n for n in (near_name(label, types) for label in task.label) if n is not None]
            path = ("tasks", name, "label")
            yield mistake(path, "label_absent", names=list(task.label), near=near)
    for place, rule in enumerate(data.playbook.said.actions.rules):
        if rule.touch is not None and data.log.n_events and rule.touch not in data.log.types:
            at = ("actions", "rules", place, "touch")
            yield note(at, "some_events_absent", names=[rule.touch], near=[])


def _events(data: Data) -> Iterator[Finding]:
    """Event types of the data that the playbook does not know."""
    declared = data.playbook.events
    if not declared:
        return
    log = data.log
    count = np.bincount(log.event_type, minlength=len(log.types))
    for code, name in enumerate(log.types):
        if name not in declared:
            near = near_name(name, declared)
            make = note if near is None else mistake
            facts = {"names": [name], "n": int(count[code]), "near": [near] if near else []}
            yield make(("events",), "event_unknown", **facts)


def _columns(data: Data) -> Iterator[Finding]:
    """Columns that the playbook names and the lead list lacks."""
    said, there = data.playbook.said, data.leads.attributes.column_names
    asked: list[tuple[Path, str]] = []
    if said.suppress.phone is not None:
        asked.append((("suppress", "phone"), said.suppress.phone))
    if said.actions.calls.owner is not None:
        asked.append((("actions", "calls", "owner"), said.actions.calls.owner))
    asked += [(("suppress", "do_not_call"), name) for name in said.suppress.do_not_call]
    for path, name in asked:
        if name not in there:
            near = [n for n in [near_name(name, there)] if n is not None]
            yield mistake(path, "column_absent", names=[name], near=near)
    absent = [name for name in said.attributes if name not in there]
    if absent:
        yield note(("attributes",), "attributes_absent", names=absent)
