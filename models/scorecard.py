"""The scorecard: points for what a lead did, is, and left undone, by the rules of a playbook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.instants import FOREVER, MISSING
from features.log import EventLog
from features.plan import Attribute
from models import wording
from models.conditions import Conditions, View, attribute_of, fires
from models.playbook import Playbook, in_language
from models.playbook.points import RuleSection, ScoreSection
from models.tally import Integers, rounded, settle, tally

_AT_ONCE = 10_000
"""Ledgers that are written at one time."""


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
    by_score : ndarray of shape (n, n_scores), int64
        Of each score; they sum to the total.
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
    by_score: npt.NDArray[np.int64]
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

    def by_name(self, rows: slice) -> list[dict[str, int] | None]:
        """The points of rows by score; None where the playbook has no scores."""
        names = self.scorecard.scores
        if names == (None,):
            return [None] * len(self.total[rows])
        texts = list(map(str, names))
        return [dict(zip(texts, line, strict=True)) for line in self.by_score[rows].tolist()]

    def grades(self, rows: slice = slice(None)) -> list[str | None]:
        """The places of rows in the grid: a letter for the rows, A the best, and a number for the
        columns, 1 the best; None where the playbook has no grid."""
        grid, points = self.scorecard.grid, self.by_score[rows]
        if grid is None:
            return [None] * len(points)
        below = [_bands_below(score, points[:, place]) for place, score in grid]
        return [f"{chr(ord('A') + down)}{across + 1}" for down, across in zip(*below, strict=True)]

    def ledgers(self, rows: slice | Integers, lang: str = "en") -> list[list[Entry]]:
        """The rules that fired for each of the rows, most points (of either sign) first, then by name.

        Rules whose points have faded to less than a hundredth are left out.
        """
        count, points = self.count[rows], np.round(self.contribution[rows], 2)
        row, rule = np.nonzero((count != 0) & (points != 0))
        order = np.lexsort((self.scorecard.ranks[rule], -np.abs(points[row, rule]), row))
        cell = row[order], rule[order]
        rules = [(rule.name, self.scorecard.label(rule, lang)) for rule in self.scorecard.rules]
        entries: list[Entry] = [
            {
                "rule": name,
                "points": given,
                "event": event,
                "at": at,
                "count": n,
                "label": label,
            }
            for (name, label), given, event, at, n in zip(
                [rules[place] for place in cell[1].tolist()],
                points[cell].tolist(),
                *self.log.happened(self.fired_by[rows][cell]),
                count[cell].tolist(),
                strict=True,
            )
        ]
        ends = np.searchsorted(cell[0], np.arange(len(count) + 1)).tolist()
        return [entries[start:stop] for start, stop in pairwise(ends)]

    def ledger(self, row: int, lang: str = "en") -> list[Entry]:
        """The ledger of one row."""
        return self.ledgers(slice(row, row + 1), lang)[0]

    def reasons(
        self, rows: Integers, most: int, lang: str = "en"
    ) -> Iterator[list[dict[str, Any]]]:
        """The first lines of ledgers as reasons; points are no percentage, so `effect` is None."""
        for start in range(0, len(rows), _AT_ONCE):
            for ledger in self.ledgers(rows[start : start + _AT_ONCE], lang):
                yield [_reason(entry, lang) for entry in ledger[:most]]


def _reason(entry: Entry, lang: str) -> dict[str, Any]:
    facts = {"points": entry["points"], "count": entry["count"], "at": entry["at"]}
    return {
        "group": entry["rule"],
        "facts": facts,
        "effect": None,
        "text": wording.sentence("points", entry["label"], {"points": entry["points"]}, lang),
    }


class Scorecard:
    """The points rules of a playbook, laid out to be added up.

    Rules are held in the order of their names, groups too, so that the order in which the playbook
    lists them changes no bit.

    Attributes
    ----------
    rules : tuple of RuleSection, by name
    scores : tuple of str, by name
        The parts of the points that have a number of their own; ``(None,)`` where there are none.
    """

    def __init__(self, playbook: Playbook) -> None:
        self._playbook, self._conditions = playbook, Conditions(playbook)
        self._labels: dict[tuple[str, str], str] = {}
        self.rules: tuple[RuleSection, ...] = tuple(
            sorted(playbook.points.rules, key=lambda rule: rule.name)
        )
        self._forms = [rule.form for rule in self.rules]
        groups = sorted(playbook.points.groups)
        self.scores = tuple(sorted(playbook.points.scores)) or (None,)
        self._caps = np.array(
            [playbook.points.groups[name].cap for name in groups], dtype=np.float64
        )
        self._group = np.array(
            [-1 if rule.group is None else groups.index(rule.group) for rule in self.rules],
            dtype=np.int64,
        )
        self._points = np.array([rule.points for rule in self.rules], dtype=np.float64)
        self._score = np.array(
            [self.scores.index(rule.score) for rule in self.rules], dtype=np.int64
        )
        self._at_most = np.array([rule.counts or FOREVER for rule in self.rules], dtype=np.int64)
        self._half_life = np.array(
            [rule.half_life or np.inf for rule in self.rules], dtype=np.float64
        )
        self._expires = np.array([rule.expires or FOREVER for rule in self.rules], dtype=np.int64)
        self._silent_for = np.array([rule.silent_for or 0 for rule in self.rules], dtype=np.int64)
        of_events = [place for place, form in enumerate(self._forms) if form == "event"]
        self._of_any_type = [place for place in of_events if self.rules[place].event is None]
        named = {name for place in of_events for name in self.rules[place].event or ()}
        self._of_type = {name: self._rules_of(name, of_events) for name in named}
        self._of_attributes = [p for p, form in enumerate(self._forms) if form == "attribute"]
        self._of_conditions = [p for p, form in enumerate(self._forms) if form == "all"]

    def _rules_of(self, name: str, of_events: Sequence[int]) -> list[int]:
        """The rules that events of a type may fire."""
        rules = ((place, self.rules[place].event) for place in of_events)
        return [place for place, types in rules if types is None or name in types]

    @cached_property
    def grid(self) -> tuple[tuple[int, ScoreSection], ...] | None:
        """The score of the rows and that of the columns, each with its place in `scores`."""
        said = self._playbook.points
        if said.grid is None:
            return None
        return tuple(
            (self.scores.index(name), said.scores[name])
            for name in (said.grid.rows, said.grid.columns)
        )

    def points(self, view: View) -> Points:
        """The points of leads as of cutoffs.

        An event counts once ``visible_at <= cutoff``; its age is from when it occurred.
        """
        n, n_rules, log = len(view), len(self.rules), view.log
        contribution = np.zeros((n, n_rules))
        fired_by = np.full((n, n_rules), -1)
        count = np.zeros((n, n_rules), dtype=np.int32)
        first_rule, rule_of = log.once((self, "rules"), lambda: self._rules_of_types(log))
        narrowed, takes = self._narrowed(log)
        tally(
            log.offsets,
            log.occurred_at,
            log.visible_at,
            log.event_type,
            self._conditions.is_act(log),
            first_rule,
            rule_of,
            narrowed,
            takes,
            view.leads.created_at,
            view.lead,
            view.cutoff,
            view.heeds_silence,
            self._points,
            self._at_most,
            self._half_life,
            self._expires,
            self._silent_for,
            contribution,
            fired_by,
            count,
        )
        self._add_attributes(view, contribution, count)
        for place in self._of_conditions:
            holds = self._conditions.hold(self.rules[place], view)
            contribution[holds, place] = self._points[place]
            count[holds, place] = 1
        exact = np.zeros((n, len(self.scores)))
        settle(contribution, self._group, self._caps, self._score, exact)
        return Points(self, *rounded(exact), contribution, fired_by, count, log)

    def _rules_of_types(self, log: EventLog) -> tuple[Integers, Integers]:
        """Where the rules for events of each type begin, and which they are."""
        rules_of = [self._of_type.get(name, self._of_any_type) for name in log.types]
        first = np.cumsum([0, *map(len, rules_of)], dtype=np.int64)
        return first, np.array([place for places in rules_of for place in places], dtype=np.int64)

    def _narrowed(self, log: EventLog) -> tuple[Integers, npt.NDArray[np.bool_]]:
        """For rules that look at channel, content or value: which events they take."""
        place = np.full(len(self.rules), -1)
        takes: list[npt.NDArray[np.bool_]] = []
        for rule_place, rule in enumerate(self.rules):
            asks = (rule.channel, rule.content, rule.value)
            if any(asked is not None for asked in asks):
                place[rule_place] = len(takes)
                takes.append(self._conditions.events(rule, log))
        return place, np.array(takes, dtype=bool).reshape(len(takes), log.n_events)

    def _add_attributes(
        self, view: View, contribution: npt.NDArray[np.float64], count: npt.NDArray[np.int32]
    ) -> None:
        """Add the rules for attributes."""
        if not self._of_attributes:
            return
        if view.changes is None:
            # Attributes are as they are, whenever a lead is looked at.
            leads = view.leads
            everyone = View.now(leads, view.log, np.full(len(leads), FOREVER))
            holds = leads.once((self, "attributes"), lambda: self._attributes(everyone))[view.lead]
        else:
            holds = self._attributes(view)
        places = self._of_attributes
        contribution[:, places] = np.where(holds, self._points[places], 0.0)
        count[:, places] = holds

    def _attributes(self, view: View) -> npt.NDArray[np.bool_]:
        """Where the rules for attributes hold, shape (n_rows, n_rules_for_attributes)."""
        columns: dict[Attribute, npt.NDArray[np.float64] | pa.Array] = {}
        holds = np.empty((len(view), len(self._of_attributes)), dtype=bool)
        for column, place in enumerate(self._of_attributes):
            rule = self.rules[place]
            attribute = attribute_of(rule)
            if attribute not in columns:
                columns[attribute] = view.attribute(attribute)
            holds[:, column] = fires(rule, columns[attribute])
        return holds

    @cached_property
    def ranks(self) -> npt.NDArray[np.int64]:
        """The rank of each rule's name in the order of names, shape (n_rules,)."""
        rank = {name: place for place, name in enumerate(sorted({r.name for r in self.rules}))}
        return np.array([rank[rule.name] for rule in self.rules], dtype=np.int64)

    def label(self, rule: RuleSection, lang: str) -> str:
        """What a rule is about: its own label, else that of its events, else its name."""
        known = self._labels.get((rule.name, lang))
        if known is None:
            known = self._labels[rule.name, lang] = self._label(rule, lang)
        return known

    def _label(self, rule: RuleSection, lang: str) -> str:
        own = in_language(rule.label, lang)
        if own is not None or rule.event is None or rule.content or rule.value:
            return own or rule.name
        events = " / ".join(
            self._playbook.event_label(name, lang) or wording.quoted(name, lang)
            for name in rule.event
        )
        if rule.channel is None:
            return events
        channels = " / ".join(self._playbook.word(name, lang) for name in rule.channel)
        return wording.texts(lang)["name"]["by"].format(name=events, channels=channels)


def _bands_below(score: ScoreSection, points: npt.NDArray[np.int64]) -> list[int]:
    """How many bands below the best the points of a score are."""
    below: list[int] = (points[:, None] < np.array(score.bands)).sum(axis=1).tolist()
    return below
