"""Which conditions of a playbook can never hold on given data, and what of them does not occur there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from features.attributes import Column, columns
from features.cells import as_text, numbers, text_column
from features.changes import Changes
from features.log import EventLog, Leads
from models.conditions import Conditions, View, attribute_of, fires, fitting
from models.playbook import Playbook
from models.playbook.conditions import Looked
from models.playbook.finding import Finding, Level
from models.playbook.lines import Path
from models.playbook.references import near_name

_SHOWN = 5
"""Values of the data that are named beside one that does not occur."""


@dataclass(frozen=True)
class Data:
    """Leads and what is known of them, to hold a playbook against.

    Attributes
    ----------
    leads, log, changes
    at : int
        The moment as of which the leads are seen.
    """

    playbook: Playbook
    leads: Leads
    log: EventLog
    changes: Changes | None
    at: int
    conditions: Conditions = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "conditions", Conditions(self.playbook))

    @cached_property
    def view(self) -> View:
        """Every lead as of `at`."""
        at = np.full(len(self.leads), self.at)
        return View.now(self.leads, self.log, at, self.changes)

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The columns of the lead list, by name."""
        tracked = set(self.changes.attribute) if self.changes else ()
        found = columns(self.leads, self.playbook.attributes, tracked=tracked)
        return {column.name: column for column in found}

    def values(self, attribute: str) -> list[str]:
        """The values that an attribute has or had, the most frequent first."""
        count: dict[str, int] = {}
        texts = text_column(self.leads.attributes[attribute]).value_counts().to_pylist()
        for entry in texts:
            if entry["values"] is not None:
                count[entry["values"]] = entry["counts"]
        for text in self._before.get(attribute, ()):
            count.setdefault(text, 0)
        return sorted(count, key=lambda text: (-count[text], text))

    @cached_property
    def _before(self) -> dict[str, set[str]]:
        """The values that attributes had before they changed."""
        found: dict[str, set[str]] = {}
        if self.changes is not None:
            for name, text in zip(self.changes.attribute, self.changes.old_value, strict=True):
                if text is not None:
                    found.setdefault(name, set()).add(text)
        return found


def unheard(data: Data, rule: Looked, path: Path, level: Level) -> Iterator[Finding]:
    """What of a rule does not occur in the data, so that it never fires.

    Yields
    ------
    Finding
        Of the level asked for where the part never fires; a note where only some of several events
        or values do not occur, and inside ``none``.
    """
    if rule.form == "event":
        yield from _events(data, rule, path, level)
    elif rule.form == "attribute":
        yield from _attribute(data, rule, path, level)
    elif rule.form == "silent_for" and not data.conditions.hold(rule, data.view).any():
        yield Finding("note", (*path, "silent_for"), "nobody_silent")
    for key, inside in (("all", rule.all_of), ("any", rule.any_of), ("none", rule.none_of)):
        for place, condition in enumerate(inside):
            below: Level = "note" if key == "none" else level
            yield from unheard(data, condition, (*path, key, place), below)


def never(data: Data, rule: Looked) -> bool:
    """Whether a rule can never fire on the data."""
    if rule.form == "all":
        dead = [never(data, condition) for condition in rule.any_of]
        return any(never(data, condition) for condition in rule.all_of) or (
            bool(dead) and all(dead)
        )
    return any(finding.what in _FATAL for finding in unheard(data, rule, (), "note"))


_FATAL = {
    "event_absent",
    "channel_absent",
    "content_absent",
    "value_absent",
    "column_absent",
    "dates_not_numbers",
    "no_numbers",
    "range_absent",
    "values_absent",
    "pattern_absent",
    "never_missing",
}


def _events(data: Data, rule: Looked, path: Path, level: Level) -> Iterator[Finding]:
    log = data.log
    if rule.event is not None:
        absent = [name for name in rule.event if name not in log.types]
        if absent:
            all_of_them = len(absent) == len(rule.event)
            yield Finding(
                level if all_of_them else "note",
                (*path, "event"),
                "event_absent" if all_of_them else "some_events_absent",
                {"names": absent, "near": _near(absent, log.types)},
            )
            if all_of_them:
                return
    asked: dict[str, Any] = {"channel": None, "content": None, "value": None}
    seen = data.conditions.events(rule.model_copy(update=asked), log)
    for key in ("channel", "content", "value"):
        wanted = getattr(rule, key)
        if wanted is None:
            continue
        asked[key] = wanted
        then = data.conditions.events(rule.model_copy(update=asked), log)
        if not then.any():
            yield Finding(level, (*path, key), f"{key}_absent", _there(data, key, wanted, seen))
            return
        seen = then


def _there(data: Data, key: str, wanted: Any, seen: Any) -> dict[str, Any]:
    """What the events have that were looked at, instead of what was asked for."""
    log = data.log
    if key == "value":
        values = log.value[seen]
        values = values[np.isfinite(values)]
        there = [f"{values.min():g} - {values.max():g}"] if len(values) else []
        ends = [f"{end:g}" if end is not None else "" for end in (wanted.min, wanted.max)]
        return {"names": [" - ".join(ends)], "there": there, "near": []}
    codes, names = (log.channel, log.channels) if key == "channel" else (log.content, log.contents)
    count = np.bincount(codes[seen][codes[seen] >= 0], minlength=len(names))
    order = [int(place) for place in np.argsort(-count, kind="stable") if count[place]]
    there = [names[place] for place in order]
    if key == "channel":
        types = {log.types[code] for code in np.unique(log.event_type[seen])}
        own = (data.playbook.channel_of_type.get(name) for name in sorted(types))
        there += [name for name in dict.fromkeys(own) if name and name not in there]
    return {"names": list(wanted), "there": there[:_SHOWN], "near": _near(wanted, there)}


def _attribute(data: Data, rule: Looked, path: Path, level: Level) -> Iterator[Finding]:
    assert rule.attribute is not None
    name, there = rule.attribute, data.leads.attributes.column_names
    if name not in there:
        if not rule.missing:
            facts = {"names": [name], "near": _near([name], there)}
            yield Finding(level, (*path, "attribute"), "column_absent", facts)
        return
    if rule.missing:
        if not fires(rule, data.view.attribute(attribute_of(rule))).any():
            yield Finding(level, (*path, "missing"), "never_missing", {"attribute": name})
        return
    values = data.values(name)
    # What tells who somebody is, is never shown.
    personal = data.columns[name].role in ("display", "key")
    shown: dict[str, Any] = {"attribute": name, "there": [] if personal else values[:_SHOWN]}
    if attribute_of(rule).type == "number":
        found = _what_of_numbers(rule, values)
        if found is not None:
            dated = found == "no_numbers" and data.columns[name].type == "date"
            key = "in" if rule.one_of is not None else "equals"
            at = key if rule.values is not None else "min" if rule.min is not None else "max"
            yield Finding(level, (*path, at), "dates_not_numbers" if dated else found, shown)
        return
    if rule.pattern is not None:
        fits = fitting(rule.pattern)
        if not any(fits(value) for value in values):
            facts = {**shown, "names": list(rule.pattern)}
            yield Finding(level, (*path, "pattern"), "pattern_absent", facts)
        return
    asked = [as_text(value) or "" for value in rule.values or ()]
    absent = [value for value in asked if value not in values]
    if absent:
        all_of_them = len(absent) == len(asked)
        yield Finding(
            level if all_of_them else "note",
            (*path, "equals" if rule.equals is not None else "in"),
            "values_absent" if all_of_them else "some_values_absent",
            {**shown, "names": absent, "near": _near(absent, values)},
        )


def _what_of_numbers(rule: Looked, values: Sequence[str]) -> str | None:
    """What is odd about a rule for numbers of a column with these values; None for nothing."""
    found, _ = numbers(pa.array(values, pa.string()))
    if not np.isfinite(found).any():
        return "no_numbers"
    return None if fires(rule, found).any() else "range_absent"


def _near(names: Sequence[str], there: Sequence[str]) -> list[str]:
    found = (near_name(name, there) for name in names)
    return list(dict.fromkeys(name for name in found if name is not None))
