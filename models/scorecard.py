"""The scorecard: points for what a lead did, is, and left undone, by the rules of a playbook."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypedDict

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.attributes import as_of
from features.cells import as_text
from features.changes import Changes
from features.instants import MISSING, Instants, iso
from features.log import EventLog, Leads
from features.plan import Attribute
from features.spine import Spine
from models import wording
from models.playbook import Playbook, in_language
from models.playbook_schema import RuleSection
from models.tally import settle, tally

_FOREVER = int(np.iinfo(np.int64).max)


class Entry(TypedDict):
    """A line of the ledger: a rule that fired.

    `points` are after decay and caps, to two decimals; `event` is the type of the last event that
    fired the rule and `at` when it occurred, ISO 8601 (both None for attributes and silence);
    `count` the occurrences that counted.
    """

    rule: str
    points: float
    event: str | None
    at: str | None
    count: int
    label: str


@dataclass(frozen=True)
class Points:
    """The points of leads, and where they come from.

    Attributes
    ----------
    total : ndarray of shape (n,), int64
        The sum, rounded once, half up: the number shown and the number compared.
    contribution : ndarray of shape (n, n_rules), float64
        Of each rule, after decay and caps; 0 where it did not fire.
    fired_by : ndarray of shape (n, n_rules), int64
        The place in `log` of the last event that fired the rule; -1 for none, for attributes and
        for silence.
    count : ndarray of shape (n, n_rules), int32
        Occurrences that counted; 1 for an attribute or a silence that fired.
    log : EventLog
    """

    scorecard: Scorecard = field(repr=False)
    total: npt.NDArray[np.int64]
    contribution: npt.NDArray[np.float64]
    fired_by: npt.NDArray[np.int64]
    count: npt.NDArray[np.int32]
    log: EventLog = field(repr=False)

    def __len__(self) -> int:
        return len(self.total)

    def fired(self, row: int, rule: int) -> tuple[str | None, int]:
        """The last event that fired a rule for a row: its type, and when it occurred.

        None and `MISSING` where none did, and for attributes and silence.
        """
        place = int(self.fired_by[row, rule])
        if place < 0:
            return None, MISSING
        return self.log.types[self.log.event_type[place]], int(self.log.occurred_at[place])

    def ledger(self, row: int, lang: str = "en") -> list[Entry]:
        """The rules that fired for a row, most points (of either sign) first, then by name.

        Rules whose points have faded to less than a hundredth are left out.
        """
        fired = np.flatnonzero(self.count[row])
        entries = (self._entry(row, int(place), lang) for place in fired)
        return sorted(
            (e for e in entries if e["points"]), key=lambda e: (-abs(e["points"]), e["rule"])
        )

    def _entry(self, row: int, place: int, lang: str) -> Entry:
        rule, (event, at) = self.scorecard.rules[place], self.fired(row, place)
        return Entry(
            rule=rule.name,
            points=round(float(self.contribution[row, place]), 2),
            event=event,
            at=iso(at),
            count=int(self.count[row, place]),
            label=self.scorecard.label(rule, lang),
        )

    def reasons(self, row: int, most: int, lang: str = "en") -> list[dict[str, Any]]:
        """The first lines of the ledger as reasons; points are no percentage, so `effect` is None."""
        return [
            {
                "group": entry["rule"],
                "facts": {key: entry[key] for key in ("points", "count", "at")},
                "effect": None,
                "text": wording.sentence(
                    "points", entry["label"], {"points": entry["points"]}, lang
                ),
            }
            for entry in self.ledger(row, lang)[:most]
        ]


class Scorecard:
    """The points rules of a playbook, laid out to be added up.

    Rules are held in the order of their names, groups too, so that the order in which the playbook
    lists them changes no bit.

    Attributes
    ----------
    rules : tuple of RuleSection, by name
    """

    def __init__(self, playbook: Playbook) -> None:
        self._playbook = playbook
        self.rules: tuple[RuleSection, ...] = tuple(
            sorted(playbook.points.rules, key=lambda rule: rule.name)
        )
        groups = sorted(playbook.points.groups)
        self._touches = frozenset(playbook.touches)
        self._caps = np.array(
            [playbook.points.groups[name].cap for name in groups], dtype=np.float64
        )
        self._group = np.array(
            [-1 if rule.group is None else groups.index(rule.group) for rule in self.rules],
            dtype=np.int64,
        )
        self._points = np.array([rule.points for rule in self.rules], dtype=np.float64)
        self._at_most = np.array([rule.at_most or _FOREVER for rule in self.rules], dtype=np.int64)
        self._half_life = np.array(
            [rule.half_life or np.inf for rule in self.rules], dtype=np.float64
        )
        self._expires = np.array([rule.expires or _FOREVER for rule in self.rules], dtype=np.int64)
        self._silent_for = np.array([rule.silent_for or 0 for rule in self.rules], dtype=np.int64)

    @cached_property
    def _rules_of_type(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for place, rule in enumerate(self.rules):
            for name in dict.fromkeys(rule.event or ()):
                found.setdefault(name, []).append(place)
        return found

    @cached_property
    def _rules_of_attribute(self) -> dict[Attribute, list[int]]:
        """Rules by the column they look at, as numbers or as texts, with its value as of the cutoff."""
        found: dict[Attribute, list[int]] = {}
        for place, rule in enumerate(self.rules):
            if rule.attribute is not None:
                texts = rule.values is not None and isinstance(rule.values[0], str | bool)
                kind: Literal["category", "number"] = "category" if texts else "number"
                found.setdefault(Attribute(rule.attribute, kind, "tracked"), []).append(place)
        return found

    def points(
        self,
        leads: Leads,
        log: EventLog,
        lead: npt.NDArray[np.int64],
        cutoff: Instants,
        changes: Changes | None = None,
    ) -> Points:
        """The points of leads as of cutoffs.

        An event counts once ``visible_at <= cutoff``; its age is from when it occurred.

        Parameters
        ----------
        leads, log : Leads and the EventLog aligned to them
        lead, cutoff : ndarray of shape (n,), int64
            Row of the lead list, and the moment as of which it is seen.
        changes : Changes, optional
            Attribute values before the export; without it attributes are as in `leads`.
        """
        n, n_rules = len(lead), len(self.rules)
        contribution = np.zeros((n, n_rules))
        fired_by = np.full((n, n_rules), -1)
        count = np.zeros((n, n_rules), dtype=np.int32)
        rules_of = [self._rules_of_type.get(name, []) for name in log.types]
        tally(
            log.offsets,
            log.occurred_at,
            log.visible_at,
            log.event_type,
            log.channel,
            np.array([name not in self._touches for name in log.types], dtype=np.bool_),
            np.cumsum([0, *map(len, rules_of)], dtype=np.int64),
            np.array([place for places in rules_of for place in places], dtype=np.int64),
            self._heard(log.channels),
            leads.created_at,
            lead,
            cutoff,
            self._points,
            self._at_most,
            self._half_life,
            self._expires,
            self._silent_for,
            contribution,
            fired_by,
            count,
        )
        spine = Spine(lead, cutoff, None, np.zeros_like(lead))
        for attribute, places in self._rules_of_attribute.items():
            if attribute.name not in leads.attributes.column_names:
                continue
            column = as_of(attribute, leads, changes, spine)
            for place in places:
                fires = _fires(self.rules[place], column)
                contribution[fires, place] = self._points[place]
                count[fires, place] = 1
        total = np.empty(n, dtype=np.int64)
        settle(contribution, self._group, self._caps, total)
        return Points(self, total, contribution, fired_by, count, log)

    def _heard(self, channels: tuple[str, ...]) -> npt.NDArray[np.bool_]:
        heard = np.ones((len(self.rules), len(channels) + 1), dtype=np.bool_)
        for place, rule in enumerate(self.rules):
            if rule.channel is not None:
                heard[place] = [name in rule.channel for name in channels] + [False]
        return heard

    def label(self, rule: RuleSection, lang: str) -> str:
        """What a rule is about: its own label, else that of its events, else its name."""
        own = in_language(rule.label, lang)
        if own is not None or rule.event is None:
            return own or rule.name
        events = " / ".join(
            self._playbook.event_label(name, lang) or wording.quoted(name, lang)
            for name in rule.event
        )
        if rule.channel is None:
            return events
        channels = " / ".join(self._playbook.word(name, lang) for name in rule.channel)
        return wording.texts(lang)["name"]["by"].format(name=events, channels=channels)


def _fires(rule: RuleSection, column: npt.NDArray[np.float64] | pa.Array) -> npt.NDArray[np.bool_]:
    """Where an attribute is as the rule asks, shape (n,); never where it is missing."""
    if isinstance(column, np.ndarray):
        if rule.values is not None:
            return np.isin(column, np.array(rule.values, dtype=np.float64))
        low = -np.inf if rule.min is None else rule.min
        high = np.inf if rule.max is None else rule.max
        return np.isfinite(column) & (column >= low) & (column <= high)
    wanted = pa.array([as_text(value) for value in rule.values or ()], pa.string())
    return np.asarray(
        pc.is_in(column, value_set=wanted).to_numpy(zero_copy_only=False), dtype=np.bool_
    )
