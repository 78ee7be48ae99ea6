"""From the text of a playbook to its schema; every problem with its line, key and what was expected."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import ValidationError

from features.errors import PlaybookError
from models.playbook.lines import Lines, Path, inside
from models.playbook.references import Problem, nearest, problems
from models.playbook.schema import Schema
from models.playbook.values import Section

S = TypeVar("S", bound=Section)


class Wrong(NamedTuple):
    """What makes a text no playbook: its line, its key (``""`` where it is not TOML), and what."""

    line: int
    key: str
    message: str

    def told(self, source: str) -> str:
        """The whole message."""
        key = f", {self.key}" if self.key else ""
        return f"{source}, line {self.line}{key}: {self.message}"


def parse(text: str, source: str) -> Schema:
    """Read a playbook.

    Raises
    ------
    PlaybookError
        With a line of message for every problem found.
    """
    return parse_as(Schema, text, source, problems)


def parse_as(
    schema: type[S], text: str, source: str, problems: Callable[[S], Iterable[Problem]]
) -> S:
    """Read a TOML file of a schema.

    Raises
    ------
    PlaybookError
        With a line of message for every problem found.
    """
    found, wrong = read_as(schema, text, problems)
    if found is None:
        raise PlaybookError("\n".join(problem.told(source) for problem in wrong))
    return found


def read(text: str) -> tuple[Schema | None, list[Wrong]]:
    """A playbook, or all that is wrong with it in the order of lines."""
    return read_as(Schema, text, problems)


def read_as(
    schema: type[S], text: str, problems: Callable[[S], Iterable[Problem]]
) -> tuple[S | None, list[Wrong]]:
    """A file of a schema, or all that is wrong with it in the order of lines.

    Parameters
    ----------
    problems : callable
        What is wrong with a file whose every key has its type.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return None, [_syntax(error, text)]
    try:
        found = schema.model_validate(raw)
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, _located([_problem(one, schema) for one in details], text, raw)
    wrong = _located(problems(found), text, raw)
    return (None, wrong) if wrong else (found, [])


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


def _problem(details: Mapping[str, Any], schema: type[Section]) -> Problem:
    """What Pydantic found, in the words of the playbook."""
    path: Path = tuple(step for step in details["loc"] if step != "[key]")
    kind, came, context = details["type"], details["input"], details.get("ctx", {})
    name = str(path[-1]) if path else ""
    if kind == "playbook":
        return Problem(path, context["message"])
    if kind == "extra_forbidden":
        section = _section(schema, path[:-1])
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


def _section(schema: type[Section], path: Path) -> type[Section]:
    """The section of a schema at a path."""
    here: Any = schema
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


def _located(problems: Iterable[Problem], text: str, raw: Mapping[str, Any]) -> list[Wrong]:
    lines = Lines(text)
    return sorted(
        {
            Wrong(
                lines.of(problem.path),
                dotted(problem.path, raw),
                problem.message + ("" if problem.message[-1] in ".?" else "."),
            )
            for problem in problems
        }
    )


def dotted(path: Path, raw: Mapping[str, Any]) -> str:
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


def _syntax(error: tomllib.TOMLDecodeError, text: str) -> Wrong:
    said = re.fullmatch(
        r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", str(error), re.DOTALL
    )
    line = int(said[2]) if said and said[2] else text.count("\n") + 1
    column = f"column {said[3]}" if said and said[3] else ""
    return Wrong(line, column, f"this is not TOML: {said[1] if said else error}.")
