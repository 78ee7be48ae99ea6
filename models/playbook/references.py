"""Names in a playbook that have to stand for something else in it, and texts that others read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from features.changes import CHANGE_COLUMNS
from features.errors import TegakariError, UsageError
from features.events import EVENT_COLUMNS
from features.identities import IDENTITY_COLUMNS
from features.instants import zone
from features.plan import expand
from features.tables import LEAD_COLUMNS
from models.playbook.lines import Path
from models.playbook.schema import Schema
from models.playbook.values import Section

_TABLES = (LEAD_COLUMNS, EVENT_COLUMNS, CHANGE_COLUMNS, IDENTITY_COLUMNS)


class Problem(NamedTuple):
    """What is wrong at one key."""

    path: Path
    message: str


class Reference(NamedTuple):
    """A name at a key, and of what kind it has to be the name; see `Section.refers`."""

    path: Path
    kind: str
    name: str


def nearest(name: str, valid: Sequence[str]) -> str:
    """`` Did you mean 'x'?``, or nothing when no valid name is near, letters large or small alike."""
    near = near_name(name, valid)
    return f" Did you mean {near!r}?" if near is not None else ""


def near_name(name: str, valid: Iterable[str]) -> str | None:
    """The valid name that a wrong one is likely to stand for; None where none is near."""
    alike = {other.casefold(): other for other in reversed(list(valid))}
    near = get_close_matches(name.casefold(), list(alike), n=1)
    return alike[near[0]] if near else None


def problems(schema: Schema) -> Iterator[Problem]:
    """Names that stand for nothing, names that stand twice, and texts that nobody understands."""
    yield from _texts(schema)
    yield from _strangers(schema)
    for path, names in _own_names(schema):
        for place, name in enumerate(names):
            if name in names[:place]:
                message = f"expected a name of its own; {name!r} came before"
                yield Problem((*path, place, "name"), message)
    yield from _scores(schema)


def _texts(schema: Schema) -> Iterator[Problem]:
    """The zone, the columns and the catalogue."""
    if schema.timezone is not None:
        try:
            zone(schema.timezone)
        except UsageError as error:
            yield Problem(("timezone",), str(error))
    known = tuple(dict.fromkeys(word for table in _TABLES for word in table))
    for name in schema.columns:
        if name not in known:
            yield Problem(
                ("columns", name), f"expected one of {', '.join(known)}.{nearest(name, known)}"
            )
    for table in _TABLES:
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


def _strangers(schema: Schema) -> Iterator[Problem]:
    """Names that stand for nothing."""
    events = tuple(schema.events)
    touches = tuple(name for name, event in schema.events.items() if event.by == "us")
    there_are = {
        "event": events,
        "touch": touches,
        "task": tuple(schema.tasks),
        "step": tuple(step.name for step in schema.journey.steps),
        "group": tuple(schema.points.groups),
        "score": tuple(schema.points.scores),
    }
    declare = {
        "touch": '[events.{}] with by = "us"',
        "task": "a table [tasks.{}]",
        "step": "an entry [[journey.steps]]",
        "group": "a table [points.groups.{}]",
        "score": "a table [points.scores.{}]",
    }
    for path, kind, name in references(schema):
        names = there_are[kind]
        if name in names or (kind == "event" and not events):
            continue
        near = nearest(name, names)
        if kind == "event":
            yield Problem(
                path,
                f"{name!r} is not an event of this playbook.{near} "
                f"Correct it or declare [events.{name}]",
            )
            continue
        other = declare[kind].format(name)
        if kind == "touch":
            listed = (
                f"one of {', '.join(names)}, or {other}" if names else f"an event of ours: {other}"
            )
        else:
            listed = f"one of {', '.join(names)}" if names else other
        yield Problem(path, f"expected {listed}, got {name!r}.{near}")


def references(schema: Section) -> Iterator[Reference]:
    """Every name in a section that has to be the name of something else."""
    for path, section in sections(schema):
        for name, kind in section.refers.items():
            value, info = getattr(section, name), type(section).model_fields[name]
            for text in [value] if isinstance(value, str) else value or ():
                yield Reference((*path, info.alias or name), kind, text)
        # A dictionary whose keys are names.
        for name, kind in section.keys_refer.items():
            for text in getattr(section, name):
                yield Reference((*path, name, text), kind, text)


def sections(section: Section, path: Path = ()) -> Iterator[tuple[Path, Section]]:
    """A section and every section inside it, with where each is."""
    yield path, section
    for name, info in type(section).model_fields.items():
        value, at = getattr(section, name), (*path, info.alias or name)
        inside: Iterable[tuple[str | int, object]] = ()
        if isinstance(value, Section):
            yield from sections(value, at)
        elif isinstance(value, dict):
            inside = value.items()
        elif isinstance(value, tuple):
            inside = enumerate(value)
        for key, entry in inside:
            if isinstance(entry, Section):
                yield from sections(entry, (*at, key))


def _own_names(schema: Schema) -> Iterator[tuple[Path, list[str]]]:
    """Lists whose entries are told apart by their names."""
    yield ("journey", "steps"), [step.name for step in schema.journey.steps]
    yield ("points", "rules"), [rule.name for rule in schema.points.rules]
    yield ("stages", "evidence"), [entry.name for entry in schema.stages.evidence]
    yield ("exclude", "rules"), [rule.name for rule in schema.exclude.rules]
    yield ("suppress", "rules"), [rule.name for rule in schema.suppress.rules]


def _scores(schema: Schema) -> Iterator[Problem]:
    """Rules of no score, groups across scores, and a grid of scores without grades."""
    points = schema.points
    first: dict[str, str | None] = {}
    for place, rule in enumerate(points.rules):
        at = ("points", "rules", place)
        if points.scores and rule.score is None:
            names = ", ".join(points.scores)
            yield Problem((*at, "score"), f"expected one of {names}: the scores sum to the points")
        if rule.group is not None and first.setdefault(rule.group, rule.score) != rule.score:
            yield Problem(
                (*at, "score"),
                f"expected {first[rule.group]!r}, as of the other rules of the group {rule.group!r}: "
                f"a cap holds within one score; got {rule.score!r}",
            )
    if points.grid is not None:
        for key in ("rows", "columns"):
            name = getattr(points.grid, key)
            if name in points.scores and not points.scores[name].bands:
                yield Problem(
                    ("points", "grid", key),
                    f"expected a score with bands, the lines between its grades; {name!r} has none",
                )
