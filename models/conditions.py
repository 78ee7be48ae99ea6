"""Of which leads the conditions of a playbook hold, as of the moments at which they are view."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import translate
from functools import lru_cache, reduce
from typing import Any, Literal

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.attributes import as_of
from features.cells import FEW, as_text
from features.changes import Changes
from features.instants import FOREVER, MISSING, Instants
from features.log import EventLog, Leads
from features.plan import Attribute
from features.spine import Spine
from models.playbook import Playbook
from models.playbook.conditions import Condition, Looked

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class View:
    """Leads as they are seen at moments: what a condition is asked of.

    Attributes
    ----------
    leads, log : Leads and the EventLog aligned to them
    lead, cutoff : ndarray of shape (n,), int64
        Row of the lead list, and the moment as of which it is view.
    changes : Changes or None
        Attribute values before the export; without it attributes are as in `leads`.
    by_sales : ndarray of shape (n,), bool, or None
        Leads that sales found by itself: no rule for silence holds of them.
    """

    leads: Leads
    log: EventLog
    lead: npt.NDArray[np.int64]
    cutoff: Instants
    changes: Changes | None = None
    by_sales: Mask | None = None

    def __len__(self) -> int:
        return len(self.lead)

    @classmethod
    def now(
        cls, leads: Leads, log: EventLog, as_of: Instants, changes: Changes | None = None
    ) -> View:
        """Every lead of a list as of a moment of its own."""
        return cls(leads, log, np.arange(len(leads)), as_of, changes)

    def take(self, rows: npt.NDArray[Any]) -> View:
        """Some of the rows, by mask or by position."""
        by_sales = None if self.by_sales is None else self.by_sales[rows]
        return replace(self, lead=self.lead[rows], cutoff=self.cutoff[rows], by_sales=by_sales)

    @property
    def heeds_silence(self) -> Mask:
        """Of which rows rules for silence may hold, shape (n,)."""
        return np.ones(len(self), dtype=bool) if self.by_sales is None else ~self.by_sales

    def attribute(self, attribute: Attribute) -> npt.NDArray[np.float64] | pa.Array:
        """The values of an attribute at each row; see `features.attributes.as_of`."""
        spine = Spine(self.lead, self.cutoff, None, np.zeros_like(self.lead))
        return as_of(attribute, self.leads, self.changes, spine)


class Conditions:
    """Decides conditions, by what a playbook says of events.

    Examples
    --------
    ``Conditions(playbook).hold(rule, View.now(leads, log, as_of))`` is a mask of leads.
    """

    def __init__(self, playbook: Playbook) -> None:
        self._touches = frozenset(playbook.touches)
        self._channel_of_type = playbook.channel_of_type

    def hold(self, rule: Looked, view: View) -> Mask:
        """Where a rule holds, shape (n_rows,); everywhere for one that looks at nothing."""
        if rule.form == "event":
            return self._happened(rule, view)
        if rule.form == "attribute":
            return attribute_holds(rule, view)
        if rule.form == "silent_for":
            assert rule.silent_for is not None
            return self._silent(rule.silent_for, view)
        return self._together(rule, view)

    def _together(self, rule: Looked, view: View) -> Mask:
        masks = [self.hold(condition, view) for condition in rule.all_of]
        if rule.any_of:
            masks.append(reduce(np.logical_or, (self.hold(c, view) for c in rule.any_of)))
        masks += [~self.hold(condition, view) for condition in rule.none_of]
        return reduce(np.logical_and, masks, np.ones(len(view), dtype=bool))

    def _happened(self, rule: Looked, view: View) -> Mask:
        within = rule.within if isinstance(rule, Condition) and rule.within else FOREVER
        at_least = rule.at_least if isinstance(rule, Condition) else 1
        log = view.log
        found = np.zeros(len(view), dtype=np.int64)
        matched = self.events(rule, log)
        _count(
            log.offsets,
            log.occurred_at,
            log.visible_at,
            matched,
            view.lead,
            view.cutoff,
            within,
            found,
        )
        return found >= at_least

    def _silent(self, silent_for: int, view: View) -> Mask:
        log = view.log
        acts = self.is_act(log)[log.event_type] if log.n_events else np.empty(0, dtype=bool)
        last = np.empty(len(view), dtype=np.int64)
        _last(
            log.offsets,
            log.occurred_at,
            log.visible_at,
            acts,
            view.leads.created_at,
            view.lead,
            view.cutoff,
            last,
        )
        silent = (last != MISSING) & (view.cutoff - last >= silent_for)
        return np.asarray(view.heeds_silence & silent)

    def is_act(self, log: EventLog) -> Mask:
        """Of each type of a log: whether it is an act of the lead."""
        found: Mask = log.once((self, "acts"), lambda: self._acts(log.types))
        return found

    def _acts(self, types: Sequence[str]) -> Mask:
        return np.array([name not in self._touches for name in types], dtype=bool)

    def heard(self, rule: Looked, log: EventLog) -> Mask:
        """Whether a rule takes events by their channel, shape (n_types, n_channels + 1).

        The last column is of events that name no channel: theirs is the one of their type.
        """
        heard = np.ones((len(log.types), len(log.channels) + 1), dtype=bool)
        if rule.channel is not None:
            heard[:, :-1] = [name in rule.channel for name in log.channels]
            heard[:, -1] = [self._channel_of_type.get(name) in rule.channel for name in log.types]
        return heard

    def events(self, rule: Looked, log: EventLog) -> Mask:
        """The events of a log that a rule looks at, shape (n_events,)."""
        if not log.n_events:
            return np.empty(0, dtype=bool)
        types = np.array([rule.event is None or name in rule.event for name in log.types])
        mask = types[log.event_type]
        if rule.channel is not None:
            mask &= self.heard(rule, log)[log.event_type, log.channel]
        if rule.content is not None:
            mask &= read(rule.content, log.contents)[log.content]
        if rule.value is not None:
            low, high = bounds(rule)
            with np.errstate(invalid="ignore"):
                mask &= (log.value >= low) & (log.value <= high)
        return np.asarray(mask)


def bounds(rule: Looked) -> tuple[float, float]:
    """The values of events that a rule takes, both ends included."""
    low = -np.inf if rule.value is None or rule.value.min is None else rule.value.min
    high = np.inf if rule.value is None or rule.value.max is None else rule.value.max
    return low, high


def read(patterns: Sequence[str] | None, contents: Sequence[str]) -> Mask:
    """Which contents fit one of some patterns, shape (n_contents + 1,); the last is for none."""
    if patterns is None:
        return np.ones(len(contents) + 1, dtype=bool)
    fits = fitting(patterns)
    return np.array([*(fits(text) is not None for text in contents), False])


def fitting(patterns: Iterable[str]) -> Any:
    """What decides whether a whole text fits one of the patterns, letters large or small alike."""
    return re.compile("|".join(map(translate, patterns)), re.IGNORECASE).match


def attribute_of(rule: Looked) -> Attribute:
    """The column that a rule looks at, as numbers or as texts, with its value as of the cutoff."""
    assert rule.attribute is not None
    texts = (
        rule.pattern is not None
        or rule.missing
        or (rule.values is not None and isinstance(rule.values[0], str | bool))
    )
    kind: Literal["category", "number"] = "category" if texts else "number"
    return Attribute(rule.attribute, kind, "tracked")


def attribute_holds(rule: Looked, view: View) -> Mask:
    """Where an attribute is as a rule asks; a column that is not there is missing everywhere."""
    return fires(rule, view.attribute(attribute_of(rule)))


def fires(rule: Looked, column: npt.NDArray[np.float64] | pa.Array) -> Mask:
    """Where the values of an attribute are as a rule asks, shape (n,); missing ones are never so,
    but where it asks for missing."""
    if isinstance(column, np.ndarray):
        if rule.values is not None:
            return np.isin(column, np.array(rule.values, dtype=np.float64))
        low = -np.inf if rule.min is None else rule.min
        high = np.inf if rule.max is None else rule.max
        return np.isfinite(column) & (column >= low) & (column <= high)
    if rule.missing:
        return np.asarray(column.is_null().to_numpy(zero_copy_only=False), dtype=bool)
    if len(column) <= FEW:
        takes = _takes(rule.pattern, tuple(as_text(value) for value in rule.values or ()))
        return np.array([takes(text) for text in column.to_pylist()], dtype=bool)
    if rule.pattern is not None:
        fits, distinct = fitting(rule.pattern), column.dictionary_encode()
        known = [
            text is not None and fits(text) is not None for text in distinct.dictionary.to_pylist()
        ]
        place = distinct.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return np.asarray(np.array([*known, False], dtype=bool)[place])
    wanted = pa.array([as_text(value) for value in rule.values or ()], pa.string())
    return np.asarray(pc.is_in(column, value_set=wanted).to_numpy(zero_copy_only=False), dtype=bool)


@lru_cache(1_000)
def _takes(
    pattern: tuple[str, ...] | None, values: tuple[str | None, ...]
) -> Callable[[str | None], bool]:
    """What decides of one text whether it is as a rule asks; never of a missing one."""
    if pattern is not None:
        fits = fitting(pattern)
        return lambda text: text is not None and fits(text) is not None
    return lambda text: text is not None and text in values


@numba.njit(cache=True, nogil=True)
def _count(
    offsets: Any,
    occurred_at: Any,
    visible_at: Any,
    matched: Any,
    lead: Any,
    cutoff: Any,
    within: Any,
    found: Any,
) -> None:
    """Matched events that each row sees, those that occurred in ``(cutoff - within, cutoff]``."""
    for row in range(len(lead)):
        at = cutoff[row]
        for event in range(offsets[lead[row] + 1] - 1, offsets[lead[row]] - 1, -1):
            if matched[event] and visible_at[event] <= at and at - occurred_at[event] < within:
                found[row] += 1


@numba.njit(cache=True, nogil=True)
def _last(
    offsets: Any,
    occurred_at: Any,
    visible_at: Any,
    matched: Any,
    created_at: Any,
    lead: Any,
    cutoff: Any,
    last: Any,
) -> None:
    """When the last matched event occurred that each row sees, else the creation of its lead."""
    for row in range(len(lead)):
        last[row] = created_at[lead[row]]
        for event in range(offsets[lead[row]], offsets[lead[row] + 1]):
            if matched[event] and visible_at[event] <= cutoff[row]:
                last[row] = max(last[row], occurred_at[event])
