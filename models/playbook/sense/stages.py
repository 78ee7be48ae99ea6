"""Stages without a way in, and what the journey says of nobody's mind."""

from __future__ import annotations

from collections.abc import Iterator

from models.playbook.finding import Finding, mistake, note
from models.playbook.lines import Path
from models.playbook.reach import reach
from models.playbook.references import references
from models.playbook.schema import Schema
from models.playbook.stages import PSYCHOLOGICAL, Psychological, Stage


def of_stages(schema: Schema) -> Iterator[Finding]:
    """What is odd about stages, the journey, and psychological stages."""
    yield from _ways(schema)
    yield from _journey(schema)


def path_of_way(schema: Schema, stage: Stage) -> Path:
    """Where the way into a stage is written."""
    return ("stages", "enter", stage, *((schema.stages.tql,) if stage == "TQL" else ()))


def has_stages(schema: Schema) -> bool:
    """Whether anything moves leads from stage to stage."""
    said = schema.stages
    ways = any(said.way(stage).is_there for stage in said.order)
    return ways or bool(said.moves or said.found or said.back)


def reachable(schema: Schema) -> set[Stage]:
    """The stages that leads can come to stand in."""
    said, most = schema.stages, reach(schema.points).most
    found: set[Stage] = {"lead"}
    for stage in said.order[1:]:
        way = said.way(stage)
        if said.moves or way.event or (way.points is not None and way.points <= most):
            found.add(stage)
    return found


def _ways(schema: Schema) -> Iterator[Finding]:
    said = schema.stages
    if not has_stages(schema):
        yield note(("stages",), "no_stages")
        return
    for stage in said.order[1:]:
        way = said.way(stage)
        at = path_of_way(schema, stage)
        if not way.is_there and said.moves:
            yield note(at, "by_hand_alone", stage=stage, moves=list(said.moves))
        elif not way.is_there:
            key = ".".join(str(step) for step in at)
            yield mistake(at, "no_way_in", stage=stage, key=key)
        both = [name for name in way.event if name in said.back]
        if both:
            yield mistake((*at, "event"), "in_and_back", stage=stage, events=both)
    aside = said.enter.tql.after_call if said.tql == "before_call" else said.enter.tql.before_call
    if not said.way("TQL").is_there and aside.is_there:
        yield note(("stages", "tql"), "other_way_in", tql=said.tql)


def _journey(schema: Schema) -> Iterator[Finding]:
    steps, said = schema.journey.steps, schema.psychological_stages
    if not steps:
        return
    reached = {event.step for event in schema.events.values() if event.step}
    for place, step in enumerate(steps):
        if step.name not in reached and schema.events:
            yield note(("journey", "steps", place), "step_unreached", step=step.name)
    without = [step.name for step in steps if step.name not in said.steps]
    if without:
        yield mistake(("psychological_stages", "steps"), "step_without_mind", steps=without)
    furthest = -1
    for step in steps:
        mind = said.steps.get(step.name)
        if mind is None:
            continue
        place = PSYCHOLOGICAL.index(mind)
        if place < furthest:
            yield mistake(
                ("psychological_stages", "steps", step.name),
                "mind_goes_back",
                step=step.name,
                mind=mind,
                before=PSYCHOLOGICAL[furthest],
            )
        furthest = max(furthest, place)
    if not _transaction(schema) and furthest > PSYCHOLOGICAL.index("consideration"):
        yield mistake(("psychological_stages", "steps"), "no_transaction")


def _transaction(schema: Schema) -> bool:
    return any(event.outcome == "won" for event in schema.events.values())


def minds(schema: Schema) -> set[Psychological]:
    """The psychological stages that leads can come to stand in."""
    steps = {event.step for event in schema.events.values() if event.step}
    found: set[Psychological] = set()
    for step, mind in schema.psychological_stages.steps.items():
        if step in steps:
            place = min(PSYCHOLOGICAL.index(mind), PSYCHOLOGICAL.index("consideration"))
            found.add(PSYCHOLOGICAL[place])
    if _transaction(schema):
        found |= {"purchase", "loyalty"}
    return found


def events_of_stages(schema: Schema) -> set[str]:
    """The event types that move leads from stage to stage."""
    return {
        reference.name
        for reference in references(schema)
        if reference.kind == "event" and reference.path[0] == "stages"
    }
