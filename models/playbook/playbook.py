"""The playbook: a company's own definitions, read from one TOML file and checked as a whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from features.attributes import Declared
from features.errors import PlaybookError, UsageError
from features.task import Task
from models.playbook.actions import ActionSection
from models.playbook.points import PointsSection
from models.playbook.references import nearest
from models.playbook.schema import EventSection, Schema
from models.playbook.source import parse
from models.playbook.values import Label

State = Literal["in_deal", "customer", "lost", "closed"]
"""How a lead stands after the event that closed it."""

MAIL = "mail"
"""The channel of mails, in the playbook's words."""

DEFAULT = Path(__file__).parents[1] / "playbook.toml"
"""The playbook that comes with Tegakari."""

_AFTER: dict[str | None, State] = {
    "deal": "in_deal",
    "won": "customer",
    "lost": "lost",
    None: "closed",
}


@dataclass(frozen=True)
class Playbook:
    """What a company means by its events, leads and points.

    Attributes
    ----------
    text : str
        As it was read.
    source : str
        Where it came from, for messages.
    said : Schema
        What it says, checked.
    """

    text: str
    source: str
    said: Schema

    @classmethod
    def load(cls, path: Path | None = None) -> Playbook:
        """Read a playbook; without a path, the one that comes with Tegakari.

        Raises
        ------
        PlaybookError
            When `text_of` cannot read it, or `parse` refuses it.
        """
        path = path or DEFAULT
        return cls.parse(text_of(path), str(path))

    @classmethod
    def parse(cls, text: str, source: str = "playbook") -> Playbook:
        """Read a playbook from text.

        Raises
        ------
        PlaybookError
            Naming `source`, and for every problem its line, its key, what was expected and the
            nearest valid name.
        """
        return cls(text, source, parse(text, source))

    def altered(self, **sections: object) -> Playbook:
        """The same with other sections, by their names in `models.playbook.schema.Schema`."""
        return replace(self, said=self.said.model_copy(update=sections))

    @cached_property
    def version(self) -> str:
        """A short hash of what the playbook means: comments, layout, defaults written out and the
        order of tables and of points rules do not change it; actions are tried in their order."""
        meaning = self.said.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        if "rules" in meaning.get("points", {}):
            meaning["points"]["rules"].sort(key=lambda rule: rule["name"])
        text = json.dumps(meaning, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def timezone(self) -> str | None:
        """IANA name of the zone of local times and of days; None when none is declared."""
        return self.said.timezone

    @property
    def columns(self) -> dict[str, str]:
        """The contract's name of a column -> the name the files have."""
        return dict(self.said.columns)

    @cached_property
    def attributes(self) -> Mapping[str, Declared]:
        """What is declared of attributes, by column."""
        said = self.said.attributes.items()
        return {
            name: Declared(entry.role, entry.time, entry.type, entry.monotone)
            for name, entry in said
        }

    @property
    def events(self) -> Mapping[str, EventSection]:
        """What is declared of events, by type."""
        return self.said.events

    @property
    def points(self) -> PointsSection:
        """The rules of the scorecard, and their groups."""
        return self.said.points

    @property
    def catalogue(self) -> tuple[str, ...]:
        """The lines of the feature catalogue, for `features.plan.expand`."""
        return self.said.features.catalogue

    @property
    def tasks(self) -> tuple[str, ...]:
        """The names of the tasks."""
        return tuple(self.said.tasks)

    def task(self, name: str) -> Task:
        """The task of that name; UsageError naming those there are when it is not one of them."""
        if name not in self.said.tasks:
            there_are = (
                f"its tasks are {', '.join(self.tasks)}"
                if self.tasks
                else "it has no [tasks.<name>]"
            )
            raise UsageError(
                f"{self.source}: no task is called {name!r}; {there_are}.{nearest(name, self.tasks)}"
            )
        said = self.said.tasks[name]
        return Task(
            name=name,
            label=said.label,
            closes=said.closes,
            reopens=said.reopens,
            horizon=said.horizon,
            every=said.cutoffs.every,
            ages=said.cutoffs.ages or (),
            after=said.after,
            dormant=said.dormant or 0,
            until=said.until,
            exclude_events=said.exclude_events,
        )

    def catalogue_of(self, task: Task | str) -> tuple[str, ...]:
        """The lines of the catalogue for one task: everybody's, then its own `features`."""
        said = self.said.tasks.get(task if isinstance(task, str) else task.name)
        return self.catalogue + (said.features if said else ())

    def exclude_columns(self, task: Task | str) -> tuple[str, ...]:
        """The columns that a task may not learn; none for a task that is not in the playbook."""
        said = self.said.tasks.get(task if isinstance(task, str) else task.name)
        return said.exclude_columns if said else ()

    @cached_property
    def touches(self) -> tuple[str, ...]:
        """Event types done by us."""
        return tuple(name for name, event in self.events.items() if event.by == "us")

    @property
    def personal_touches(self) -> tuple[str, ...]:
        """Event types done by us for one lead, after which it is left in peace for a while."""
        return self.said.suppress.touches or self.touches

    @cached_property
    def inbound(self) -> tuple[str, ...]:
        """Event types with which the lead comes to us."""
        return tuple(name for name, event in self.events.items() if event.flow == "inbound")

    @cached_property
    def channel_of_type(self) -> dict[str, str]:
        """Event type -> the channel of events that do not name theirs."""
        return {name: event.channel for name, event in self.events.items() if event.channel}

    @cached_property
    def answers(self) -> tuple[tuple[str, str], ...]:
        """Event types and what they answer: pairs of (touch, answer)."""
        return tuple((e.answers, name) for name, e in self.events.items() if e.answers is not None)

    def by_mail(self, touch: str) -> bool:
        """Whether a touch is a mail, which machines may open: ours, by the channel ``"mail"``."""
        return touch in self.touches and self.channel_of_type.get(touch) == MAIL

    @cached_property
    def step_of_type(self) -> dict[str, str]:
        """Event type -> the step of the journey that it reaches."""
        return {name: event.step for name, event in self.events.items() if event.step}

    def steps_before(self, task: Task) -> tuple[str, ...]:
        """The steps of the journey, in order, up to the one that the task's label reaches."""
        names = [step.name for step in self.said.journey.steps]
        reached = [names.index(self.step_of_type[e]) for e in task.label if e in self.step_of_type]
        return tuple(names[: min(reached, default=len(names))])

    def step_label(self, name: str, lang: str) -> str | None:
        """What people call a step of the journey; None where the playbook does not say."""
        steps = (step for step in self.said.journey.steps if step.name == name)
        return next((in_language(step.label, lang) for step in steps), None)

    @cached_property
    def outcomes(self) -> frozenset[str]:
        """Event types that are an outcome: a label, a closing or a reopening of a task, or declared."""
        in_tasks = {
            name
            for task in self.said.tasks.values()
            for name in (*task.label, *task.closes, *task.reopens)
        }
        return frozenset(in_tasks | {name for name, event in self.events.items() if event.outcome})

    def state_after(self, event_type: str) -> State:
        """How a lead stands once this event has closed it."""
        event = self.events.get(event_type)
        return _AFTER[event.outcome if event else None]

    def event_label(self, event_type: str, lang: str) -> str | None:
        """What people call an event type; None where the playbook does not say."""
        event = self.events.get(event_type)
        return in_language(event.label, lang) if event else None

    def event_said(self, event_type: str, lang: str) -> str | None:
        """How often an event happened, as people say it, with ``{count}`` for the number.

        None where the playbook does not say it in this language: a sentence is not half of another.
        """
        event = self.events.get(event_type)
        return (event.said.ja if lang == "ja" else event.said.en) if event else None

    def attribute_label(self, name: str, lang: str) -> str | None:
        """What people call an attribute; None where the playbook does not say."""
        attribute = self.said.attributes.get(name)
        return in_language(attribute.label, lang) if attribute else None

    def word(self, value: str, lang: str) -> str:
        """What people call a channel or a value of a category; as it came where nobody says."""
        names = self.said.names.ja if lang == "ja" else self.said.names.en
        return names.get(value, value)

    def next_action(self, **lead: str | None) -> ActionSection | None:
        """What to do next about a lead: the first rule that holds; None where none does.

        Parameters
        ----------
        lead
            By the names of the conditions of a rule: ``temperature="hot", state="open"``.
        """
        asked = tuple(lead.items())
        if asked not in self._actions:
            if len(self._actions) >= _MOST_ACTIONS:
                self._actions.clear()
            rules = (rule for rule in self.said.actions.rules if rule.holds(**lead))
            self._actions[asked] = next(rules, None)
        return self._actions[asked]

    @cached_property
    def _actions(self) -> dict[tuple[tuple[str, str | None], ...], ActionSection | None]:
        """The rules found so far: leads come in many more numbers than in kinds."""
        return {}


_MOST_ACTIONS = 10_000
"""Kinds of leads whose next action is kept."""


def text_of(path: Path) -> str:
    """The text of a playbook; PlaybookError when there is no such file, or it is not UTF-8."""
    return text_in(bytes_of(path), path)


def bytes_of(path: Path) -> bytes:
    """A playbook as it is written; PlaybookError when there is no such file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise PlaybookError(f"{path}: the playbook cannot be read: {error.strerror}.") from error


def text_in(raw: bytes, path: Path) -> str:
    """The text in what was read from a file; PlaybookError when it is not UTF-8."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise PlaybookError(
            f"{path}, line {line}: expected UTF-8, got byte 0x{raw[error.start]:02x}. "
            "Save the playbook as UTF-8."
        ) from error


def in_language(label: Label, lang: str) -> str | None:
    """A label in the language asked for, else in the other one, else None."""
    return (label.ja or label.en) if lang == "ja" else (label.en or label.ja)
