"""The plan: everything that decides what a feature vector is, frozen in training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np

from features.errors import ArtefactError, PlaybookError, UsageError
from features.groups import ANY, BY_LEAD, BY_US, OTHER, groups
from features.instants import DAY, duration, duration_text, zone
from features.kinds import KINDS, Choice, Kind
from features.kinds.kind import Per, Source
from features.log import EventLog
from features.people import email

_LEAD = "*lead"
"""What stands for a group in the name of a feature of the lead, which may have an attribute ``age``."""

_LONGEST = 36_500 * DAY
"""A window longer than a hundred years is ``ever``."""

VOCABULARY = 64
"""How many event types have features of their own; the rest share `OTHER`."""


@dataclass(frozen=True)
class Feature:
    """One behavioural feature.

    Attributes
    ----------
    kind : str
    of : str or None
        What it is about: a group of event types, a step, ...; None for the lead as a whole.
    parameter : int or None
        A window or half-life in microseconds; None for ever, and for kinds that take none.
    choice : str
        Which of the kind's values it is; ``""`` where it has but one.
    """

    kind: str
    of: str | None = None
    parameter: int | None = None
    choice: str = ""

    @property
    def name(self) -> str:
        """``count_7d(price_page_view)``, ``gap_longest(*lead)``: derived, never chosen."""
        kind = KINDS[self.kind]
        words = [kind.name, self.choice] if self.choice else [kind.name]
        if kind.takes:
            words.append("ever" if self.parameter is None else duration_text(self.parameter))
        return f"{'_'.join(words)}({self.of or _LEAD})"

    @property
    def says(self) -> Choice:
        """Its unit and its empty value."""
        return KINDS[self.kind].choices[self.choice]


Type = Literal["number", "category", "date", "text"]
Monotone = Literal["increasing", "decreasing"]


@dataclass(frozen=True)
class Attribute:
    """An attribute that is learnt.

    Attributes
    ----------
    name : str
        Its column.
    type : {"number", "category", "date", "text"}
        A date is learnt as the days from it to the cutoff, a text as its number of characters.
    time : {"fixed", "tracked", "snapshot"}
    monotone : {"increasing", "decreasing"} or None
        What the probability may do when the number rises, the date is later or the text longer, all
        else equal; None for anything.
    """

    name: str
    type: Type
    time: Literal["fixed", "tracked", "snapshot"] = "fixed"
    monotone: Monotone | None = None

    @property
    def is_number(self) -> bool:
        """Whether what is learnt of it is a number."""
        return self.type != "category"

    @property
    def unit(self) -> str | None:
        """What is learnt of it is counted in days or in characters; None for its own values."""
        return {"date": "days", "text": "characters"}.get(self.type)


@dataclass(frozen=True)
class Response:
    """An act that answers a touch.

    Attributes
    ----------
    touch, answer : str
        Event types.
    rate : float
        Answers per touch in training, in [0, 1].
    by_mail : bool
        Whether an answer within seconds of the touch is that of a machine.
    """

    touch: str
    answer: str
    rate: float = 0.5
    by_mail: bool = False

    @property
    def name(self) -> str:
        """``newsletter_open/newsletter_sent``."""
        return f"{self.answer}/{self.touch}"


@dataclass(frozen=True)
class Plan:
    """What a feature vector is.

    Attributes
    ----------
    event_types : tuple of str
        The vocabulary: types with features of their own, most frequent in training first.
    other_types : tuple of str
        Types without features of their own: too rare in training, or seen only of colleagues; they
        share the group ``*other``.
    touches : tuple of str
        Those of both that are done by us; the others are acts of the lead.
    features : tuple of Feature
    attributes : tuple of Attribute
    timezone : str
        IANA name; the zone of days and of hours of the day.
    columns, date_events : dict
        How the files of training named things (see `features.form.Form`): the default when a
        file is scored.
    numbered : bool
        Whether the lead list of training had no column of ids.
    channels : tuple of str
        Channels that count apart, most frequent in training first.
    channel_of_type : dict
        Event type -> the channel of events that do not name theirs.
    inbound : tuple of str
        The types that are inbound: the lead came to us.
    steps : tuple of str
        The journey as far as features may know it, first step first.
    step_of_type : dict
        Event type -> the step that it reaches.
    responses : tuple of Response
    account : str or None
        What tells accounts, see `features.colleagues.account_source`.
    bigrams : tuple of (str, str)
        Pairs of event types of which one coming right after the other is counted.
    """

    event_types: tuple[str, ...]
    other_types: tuple[str, ...]
    touches: tuple[str, ...]
    features: tuple[Feature, ...]
    attributes: tuple[Attribute, ...]
    timezone: str
    columns: dict[str, str]
    date_events: dict[str, str]
    numbered: bool = False
    channels: tuple[str, ...] = ()
    channel_of_type: Mapping[str, str] = field(default_factory=dict)
    inbound: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    step_of_type: Mapping[str, str] = field(default_factory=dict)
    responses: tuple[Response, ...] = ()
    bigrams: tuple[tuple[str, str], ...] = ()
    account: str | None = None

    @property
    def tz(self) -> ZoneInfo:
        """The zone of days."""
        return zone(self.timezone)

    @property
    def tracked(self) -> tuple[str, ...]:
        """The attributes whose changes are known."""
        return tuple(a.name for a in self.attributes if a.time == "tracked")

    @property
    def subjects(self) -> dict[Per, tuple[str, ...]]:
        """Of what the kinds have one feature each, besides those that have one for the lead."""
        return {
            "group": tuple(groups(self.event_types, self.other_types, self.touches)),
            "step": self.steps,
            "bigram": tuple(" > ".join(pair) for pair in self.bigrams),
            "response": tuple(response.name for response in self.responses),
            "attribute": self.tracked,
        }

    @cached_property
    def _sources(self) -> frozenset[Source]:
        return frozenset(KINDS[feature.kind].source for feature in self.features)

    def reads(self, source: Source) -> bool:
        """Whether a feature reads the lead's events, changes of its attributes, or its colleagues."""
        return source in self._sources

    def with_features(self, catalogue: Iterable[str]) -> Plan:
        """The same plan with the features that lines of a catalogue stand for."""
        return replace(self, features=expand(catalogue, self.subjects))

    @property
    def levels(self) -> dict[str, int]:
        """The features that are codes, each with the number of its codes: 0 stands for none."""
        sizes = {"type": len(self.event_types) + 2, "channel": len(self.channels) + 2}
        return {f.name: sizes[f.says.unit] for f in self.features if f.says.coded}

    @cached_property
    def names(self) -> list[str]:
        """The columns of the feature matrix in order: behaviour first, then attributes."""
        return [f.name for f in self.features] + [a.name for a in self.attributes]

    @property
    def known_types(self) -> tuple[str, ...]:
        """Every event type that training saw."""
        return self.event_types + self.other_types

    def members(self, group: str) -> Callable[[str], bool]:
        """Whether an event type belongs to a group of `groups`, as a function of its name."""
        touches, known = set(self.touches), set(self.known_types)
        if group == ANY:
            return known.__contains__
        if group == OTHER:
            return set(self.other_types).__contains__
        if group in (BY_LEAD, BY_US):
            return (known & touches if group == BY_US else known - touches).__contains__
        return {group}.__contains__

    def to_json(self) -> dict[str, Any]:
        """Plain values, as stored in an artefact."""
        stored = asdict(self)
        stored["features"] = [[f.kind, f.of, f.parameter, f.choice] for f in self.features]
        return stored

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Plan:
        """The plan that `to_json` wrote; ArtefactError when it names a kind this code lacks."""
        features = tuple(Feature(*row) for row in stored["features"])
        unknown = {
            f"{f.kind} {f.choice}".strip()
            for f in features
            if f.kind not in KINDS or f.choice not in KINDS[f.kind].choices
        }
        if unknown:
            raise ArtefactError(
                f"The plan has features of kinds this version lacks: {', '.join(sorted(unknown))}."
            )
        tuples = ("event_types", "other_types", "touches", "channels", "inbound", "steps")
        return cls(
            **{
                **stored,
                **{key: tuple(stored[key]) for key in tuples},
                "features": features,
                "attributes": tuple(Attribute(**a) for a in stored["attributes"]),
                "responses": tuple(Response(**r) for r in stored["responses"]),
                "bigrams": tuple((a, b) for a, b in stored["bigrams"]),
            }
        )

    @property
    def version(self) -> str:
        """A short hash of the plan."""
        text = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def expand(catalogue: Iterable[str], subjects: Mapping[Per, Sequence[str]]) -> tuple[Feature, ...]:
    """The features that catalogue lines stand for, over the subjects of a plan.

    A line is a kind, which of its values (all of them where none is named), and its windows or
    half-lives: ``"count 7d 30d"``, ``"decay 14d"``, ``"gap longest"``, ``"value sum 90d"``.

    Raises
    ------
    PlaybookError
        When a line is not a known kind and what it takes.
    """
    features: dict[Feature, None] = {}
    for line in catalogue:
        word, *rest = line.split() or [""]
        if word not in KINDS:
            raise PlaybookError(f"Catalogue line {line!r}: expected one of {', '.join(KINDS)}.")
        kind = KINDS[word]
        chosen = [word for word in rest if word in kind.choices] or list(kind.choices)
        lengths = _lengths(line, kind, [word for word in rest if word not in kind.choices])
        for choice in chosen:
            for parameter in lengths:
                for of in subjects.get(kind.per, ()) if kind.per != "lead" else (None,):
                    features[Feature(word, of, parameter, choice)] = None
    return tuple(features)


def _lengths(line: str, kind: Kind, words: list[str]) -> list[int | None]:
    """The windows or half-lives that a catalogue line names."""
    if bool(words) != (kind.takes is not None):
        takes = f"a {kind.takes.replace('_', '-')}" if kind.takes else "no parameter"
        named = [word for word in kind.choices if word]
        either = f", and may name {' or '.join(named)}" if named else ""
        raise PlaybookError(f"Catalogue line {line!r}: {kind.name} takes {takes}{either}.")
    lengths: list[int | None] = []
    for word in words:
        forever = word == "ever" and kind.takes == "window"
        try:
            length = None if forever else duration(word)
        except UsageError as error:
            raise PlaybookError(f"Catalogue line {line!r}: {error}") from error
        if length is not None and length > _LONGEST:
            raise PlaybookError(f"Catalogue line {line!r}: expected at most 36500d, got {word}.")
        lengths.append(length)
    return lengths or [None]


def vocabulary(
    log: EventLog, last_cutoff: np.ndarray[Any, np.dtype[np.int64]], hidden: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The event types that training sees, most frequent first, and those too rare for features.

    What holds an e-mail address is no type: a plan keeps nobody's address.

    Parameters
    ----------
    log : EventLog
    last_cutoff : ndarray of shape (n_leads,), int64
        The last cutoff of each lead in training; `MISSING` for leads not trained on.
    hidden : iterable of str
        Types that no feature may see.
    """
    visible = log.visible_at <= last_cutoff[log.lead_of_event()]
    counts = np.bincount(log.event_type[visible], minlength=len(log.types))
    excluded = {*hidden, *(name for name in log.types if email(name) is not None)}
    order = sorted(range(len(log.types)), key=lambda code: (-counts[code], log.types[code]))
    seen = [log.types[code] for code in order if counts[code] and log.types[code] not in excluded]
    return tuple(seen[:VOCABULARY]), tuple(seen[VOCABULARY:])
