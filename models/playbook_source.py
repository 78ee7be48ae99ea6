"""From the text of a playbook to its schema; every problem with its line, key and what was expected."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from types import NoneType
from typing import Any, NamedTuple, get_args

from pydantic import ValidationError

from features.changes import CHANGE_COLUMNS
from features.errors import PlaybookError, TegakariError, UsageError
from features.events import EVENT_COLUMNS
from features.instants import zone
from features.plan import expand
from features.tables import LEAD_COLUMNS
from models.playbook_lines import Lines, Path, inside
from models.playbook_schema import Schema
from models.playbook_values import Section


class Problem(NamedTuple):
    """What is wrong at one key."""

    path: Path
    message: str


def parse(text: str, source: str) -> Schema:
    """Read a playbook.

    Raises
    ------
    PlaybookError
        With a line of message for every problem found.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlaybookError(_syntax(error, text, source)) from error
    try:
        schema = Schema.model_validate(raw)
    except ValidationError as error:
        problems = [_problem(details, raw) for details in error.errors(include_url=False)]
        raise PlaybookError(_report(problems, text, source, raw)) from None
    problems = list(_references(schema))
    if problems:
        raise PlaybookError(_report(problems, text, source, raw))
    return schema


def nearest(name: str, valid: Sequence[str]) -> str:
    """`` Did you mean 'x'?``, or nothing when no valid name is near."""
    near = get_close_matches(name, valid, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _references(schema: Schema) -> Iterator[Problem]:
    """Names that stand for nothing, and texts that another part of the product has to understand."""
    if schema.timezone is not None:
        try:
            zone(schema.timezone)
        except UsageError as error:
            yield Problem(("timezone",), str(error))
    known = tuple(dict.fromkeys(LEAD_COLUMNS + EVENT_COLUMNS + CHANGE_COLUMNS))
    for name in schema.columns:
        if name not in known:
            yield Problem(
                ("columns", name), f"expected one of {', '.join(known)}.{nearest(name, known)}"
            )
    for table in (LEAD_COLUMNS, EVENT_COLUMNS, CHANGE_COLUMNS):
        taken: dict[str, str] = {}
        for name in (name for name in schema.columns if name in table):
            other = taken.setdefault(schema.columns[name], name)
            if other != name:
                yield Problem(("columns", name), f"expected a column of its own; {other} has it")
    for place, line in enumerate(schema.features.catalogue):
        try:
            expand([line], {})
        except TegakariError as error:
            yield Problem(("features", "catalogue", place), str(error))
    yield from _unknown_events(schema)
    yield from _journey(schema)
    yield from _actions(schema)
    names: set[str] = set()
    for place, rule in enumerate(schema.points.rules):
        at = ("points", "rules", place)
        if rule.name in names:
            yield Problem((*at, "name"), f"expected a name of its own; {rule.name!r} came before")
        names.add(rule.name)
        groups = tuple(schema.points.groups)
        if rule.group is not None and rule.group not in groups:
            listed = (
                f"one of {', '.join(groups)}" if groups else f"a table [points.groups.{rule.group}]"
            )
            yield Problem(
                (*at, "group"),
                f"expected {listed}, got {rule.group!r}.{nearest(rule.group, groups)}",
            )


def _unknown_events(schema: Schema) -> Iterator[Problem]:
    """Event types that a task or rule names, where the playbook declares its events, but not these."""
    declared = tuple(schema.events)
    named: list[tuple[Path, tuple[str, ...]]] = []
    for name, task in schema.tasks.items():
        for key in ("label", "closes", "reopens", "exclude_events"):
            named.append((("tasks", name, key), getattr(task, key)))
    for place, rule in enumerate(schema.points.rules):
        named.append((("points", "rules", place, "event"), rule.event or ()))
    for name, section in schema.events.items():
        if section.answers is not None:
            named.append((("events", name, "answers"), (section.answers,)))
    for path, types in named:
        for event in types:
            if declared and event not in declared:
                yield Problem(
                    path,
                    f"{event!r} is not an event of this playbook.{nearest(event, declared)} "
                    f"Correct it or declare [events.{event}]",
                )


def _journey(schema: Schema) -> Iterator[Problem]:
    """Steps that events reach and the journey lacks, and steps named twice."""
    steps = [step.name for step in schema.journey.steps]
    for place, name in enumerate(steps):
        if name in steps[:place]:
            at = ("journey", "steps", place, "name")
            yield Problem(at, f"expected a name of its own; {name!r} came before")
    for name, event in schema.events.items():
        if event.step is not None and event.step not in steps:
            listed = f"one of {', '.join(steps)}" if steps else "an entry [[journey.steps]]"
            yield Problem(
                ("events", name, "step"),
                f"expected {listed}, got {event.step!r}.{nearest(event.step, steps)}",
            )


def _actions(schema: Schema) -> Iterator[Problem]:
    """Tasks that an action is for and touches that it is done by, and the playbook lacks."""
    tasks = tuple(schema.tasks)
    touches = tuple(name for name, event in schema.events.items() if event.by == "us")
    for place, rule in enumerate(schema.actions.rules):
        at = ("actions", "rules", place)
        for name in rule.task or ():
            if name not in tasks:
                listed = f"one of {', '.join(tasks)}" if tasks else f"a table [tasks.{name}]"
                yield Problem(
                    (*at, "task"), f"expected {listed}, got {name!r}.{nearest(name, tasks)}"
                )
        if rule.touch is not None and rule.touch not in touches:
            declare = f'[events.{rule.touch}] with by = "us"'
            listed = f"one of {', '.join(touches)}, or" if touches else "an event of ours:"
            yield Problem(
                (*at, "touch"),
                f"expected {listed} {declare}, got {rule.touch!r}.{nearest(rule.touch, touches)}",
            )


_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "string_too_short": "text that is not empty",
    "too_short": "at least one entry",
    "string_pattern_mismatch": "letters, digits, - and _",
}


def _problem(details: Mapping[str, Any], raw: Mapping[str, Any]) -> Problem:
    """What Pydantic found, in the words of the playbook."""
    path: Path = tuple(step for step in details["loc"] if step != "[key]")
    kind, came, context = details["type"], details["input"], details.get("ctx", {})
    name = str(path[-1]) if path else ""
    if kind == "playbook":
        return Problem(path, context["message"])
    if kind == "extra_forbidden":
        section = _section(path[:-1])
        if name in section.later:
            return Problem(path, "belongs to a later version; this one does not know it")
        keys = _keys(section)
        return Problem(
            path, f"unknown key; expected one of {', '.join(keys)}.{nearest(name, keys)}"
        )
    if kind == "missing":
        return Problem(path, "expected this key, and it is missing")
    if path == ("schema",):
        return Problem(path, f"expected 1, the form this version reads, got {_written(came)}")
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", context["expected"])
        near = nearest(came, choices) if isinstance(came, str) else ""
        return Problem(path, f"expected one of {', '.join(choices)}, got {_written(came)}.{near}")
    bounds = {"greater_than": "above {gt}", "greater_than_equal": "from {ge} on"}
    bounds |= {"less_than": "below {lt}", "less_than_equal": "up to {le}"}
    if kind in bounds:
        return Problem(
            path, f"expected a number {bounds[kind].format(**context)}, got {_written(came)}"
        )
    return Problem(path, f"expected {_EXPECTED.get(kind, details['msg'])}, got {_written(came)}")


def _keys(section: type[Section]) -> list[str]:
    return [field.alias or name for name, field in section.model_fields.items()]


def _section(path: Path) -> type[Section]:
    """The section of the schema at a path."""
    here: Any = Schema
    for step in path:
        if isinstance(here, type) and issubclass(here, Section):
            here = next(f.annotation for n, f in here.model_fields.items() if step in (n, f.alias))
        else:
            here = next(kind for kind in reversed(get_args(here)) if kind is not Ellipsis)
        while NoneType in get_args(here):
            here = next(kind for kind in get_args(here) if kind is not NoneType)
    found: type[Section] = here
    return found


def _written(value: object) -> str:
    """A value as one would name it to the person who wrote it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    return repr(value) if isinstance(value, str | int | float) else str(value)


def _report(problems: Sequence[Problem], text: str, source: str, raw: Mapping[str, Any]) -> str:
    lines = Lines(text)
    located = sorted({(lines.of(p.path, raw), _dotted(p.path, raw), p.message) for p in problems})
    return "\n".join(
        f"{source}, line {line}, {key}: {message}{'' if message[-1] in '.?' else '.'}"
        for line, key, message in located
    )


def _dotted(path: Path, raw: Mapping[str, Any]) -> str:
    """``points.rules["price page"].event``: a rule by its name, where it has one."""
    text, here = "", raw
    for step in path:
        here = inside(here, step)
        if isinstance(step, int):
            name = here.get("name") if isinstance(here, dict) else None
            text += f'["{name}"]' if isinstance(name, str) else f"[{step}]"
        else:
            shown = step if re.fullmatch(r"[A-Za-z0-9_-]+", step) else f'"{step}"'
            text += f".{shown}" if text else shown
    return text


def _syntax(error: tomllib.TOMLDecodeError, text: str, source: str) -> str:
    said = re.fullmatch(
        r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", str(error), re.DOTALL
    )
    line = said[2] if said and said[2] else str(text.count("\n") + 1)
    column = f", column {said[3]}" if said and said[3] else ""
    return f"{source}, line {line}{column}: this is not TOML: {said[1] if said else error}."
