"""The plan: everything that decides what a feature vector is, frozen in training."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from features.errors import ArtefactError, PlaybookError, UsageError
from features.instants import duration, duration_text
from features.kinds import KINDS
from features.log import EventLog

ANY, BY_LEAD, BY_US, OTHER = "*any", "*by_lead", "*by_us", "*other"
"""Groups of event types: all of them, acts of the lead, touches by us, the rare ones together."""

_LEAD = "*lead"
"""What stands for a group in the name of a feature of the lead, which may have an attribute ``age``."""

VOCABULARY = 64
"""How many event types have features of their own; the rest share `OTHER`."""


@dataclass(frozen=True)
class Feature:
    """One behavioural feature: a kind, whose events it counts, and its parameter in microseconds."""

    kind: str
    of: str | None = None
    parameter: int | None = None

    @property
    def name(self) -> str:
        """``count_7d(price_page_view)``, ``recency(*any)``, ``age(*lead)``: derived, never chosen."""
        kind = KINDS[self.kind]
        word = kind.name
        if kind.parameter:
            word += "_" + ("ever" if self.parameter is None else duration_text(self.parameter))
        return f"{word}({self.of or _LEAD})"


@dataclass(frozen=True)
class Attribute:
    """An attribute that is learnt: its column, whether it is a number or a category, and its time."""

    name: str
    type: Literal["number", "category"]
    time: Literal["fixed", "tracked", "snapshot"] = "fixed"


@dataclass(frozen=True)
class Plan:
    """What a feature vector is.

    Attributes
    ----------
    event_types : tuple of str
        The vocabulary: types with features of their own, most frequent in training first.
    other_types : tuple of str
        Types seen in training too rarely for that; they share the group ``*other``.
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

    @property
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
        stored["features"] = [[f.kind, f.of, f.parameter] for f in self.features]
        return stored

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Plan:
        """The plan that `to_json` wrote; ArtefactError when it names a kind this code lacks."""
        features = tuple(Feature(*row) for row in stored["features"])
        unknown = {f.kind for f in features} - set(KINDS)
        if unknown:
            raise ArtefactError(
                f"The plan has features of kinds this version lacks: {', '.join(sorted(unknown))}."
            )
        texts = {key: tuple(stored[key]) for key in ("event_types", "other_types", "touches")}
        attributes = tuple(Attribute(**a) for a in stored["attributes"])
        return cls(**{**stored, **texts, "features": features, "attributes": attributes})

    @property
    def version(self) -> str:
        """A short hash of the plan."""
        text = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def expand(catalogue: Iterable[str], groups: Sequence[str]) -> tuple[Feature, ...]:
    """The features that catalogue lines such as ``"count 7d"`` stand for, over `groups`.

    Raises
    ------
    PlaybookError
        When a line is not a known kind and the parameter it takes.
    """
    features: dict[Feature, None] = {}
    for line in catalogue:
        word, *rest = line.split() or [""]
        if word not in KINDS:
            raise PlaybookError(f"Catalogue line {line!r}: expected one of {', '.join(KINDS)}.")
        kind = KINDS[word]
        if len(rest) != (kind.parameter is not None):
            takes = f"a {kind.parameter.replace('_', '-')}" if kind.parameter else "no parameter"
            raise PlaybookError(f"Catalogue line {line!r}: {word} takes {takes}.")
        forever = rest == ["ever"] and kind.parameter == "window"
        try:
            parameter = duration(rest[0]) if rest and not forever else None
        except UsageError as error:
            raise PlaybookError(f"Catalogue line {line!r}: {error}") from error
        for group in groups if kind.per_group else [None]:
            features[Feature(word, group, parameter)] = None
    return tuple(features)


def vocabulary(
    log: EventLog, last_cutoff: np.ndarray[Any, np.dtype[np.int64]], hidden: Iterable[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The event types that training sees, most frequent first, and those too rare for features.

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
    excluded = set(hidden)
    order = sorted(range(len(log.types)), key=lambda code: (-counts[code], log.types[code]))
    seen = [log.types[code] for code in order if counts[code] and log.types[code] not in excluded]
    return tuple(seen[:VOCABULARY]), tuple(seen[VOCABULARY:])


def groups(
    event_types: Sequence[str], other_types: Sequence[str], touches: Sequence[str]
) -> list[str]:
    """The groups that have features: each type, and all, ours and the lead's where they differ."""
    listed = list(event_types)
    if other_types:
        listed.append(OTHER)
    if listed:
        listed.append(ANY)
    known = {*event_types, *other_types}
    if known & set(touches) and known - set(touches):
        listed += [BY_LEAD, BY_US]
    return listed
