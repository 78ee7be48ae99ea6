"""A lead's own facts: what stands beside the effect of a group as its reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.build import Matrix
from features.groups import OTHER
from features.instants import DAY, HOUR, MISSING
from features.log import EventLog, Leads
from features.plan import Feature, Plan, Response
from features.spine import Spine
from models.explain import Groups
from models.statistics import Statistic


@dataclass(frozen=True)
class Facts:
    """The facts of the rows of a spine: ids, numbers and times, in no language.

    Attributes
    ----------
    groups : Groups
    statistics : tuple of Statistic
        Those whose columns the groups have.
    matrix : Matrix
        The features of the spine.
    leads, log : Leads and the EventLog aligned to them
    spine : Spine
    """

    groups: Groups
    statistics: tuple[Statistic, ...]
    matrix: Matrix
    leads: Leads
    log: EventLog
    spine: Spine

    def of(self, place: int, group: int, effect: npt.NDArray[np.float64]) -> dict[str, Any]:
        """What is known of one row that a group of features tells of.

        Parameters
        ----------
        place, group : int
        effect : ndarray of shape (n_features,)
            What each feature did: of a kind, the one that did most speaks.
        """
        role, name = self.groups.roles[group], self.groups.names[group]
        lead, cutoff = int(self.spine.lead[place]), int(self.spine.cutoff[place])
        if role == "events":
            return event_facts(self.log, lead, cutoff, self._wanted[group])
        if role == "response":
            return response_facts(self.log, lead, cutoff, self._responses[name])
        if role == "age":
            return age_facts(int(self.leads.created_at[lead]), cutoff)
        if role == "kind":
            return self._strongest_feature(place, group, effect)
        if role in ("bigram", "step"):
            return self._only_feature(place, group)
        if role == "pair":
            return {"values": {of: self._value(of, place) for of in self._pairs[name]}}
        value = {"value": self._value(name, place)}
        return value | {"unit": self._units[name]} if name in self._units else value

    def _only_feature(self, place: int, group: int) -> dict[str, Any]:
        """How often one event came right after another, or whether a step was reached."""
        value = int(self.matrix.behaviour[place, int(self._features[group][0])])
        name = self.groups.names[group]
        if self.groups.roles[group] == "step":
            return {"step": name, "reached": bool(value)}
        first, then = self._bigrams[name]
        return {"first": first, "then": then, "count": value}

    def _strongest_feature(
        self, place: int, group: int, effect: npt.NDArray[np.float64]
    ) -> dict[str, Any]:
        """The feature of a group that moved most, and its value."""
        mine = self._features[group]
        column = int(mine[np.argmax(np.abs(effect[mine]))])
        feature = self.matrix.plan.features[column]
        value = float(self.matrix.behaviour[place, column])
        plain = None if np.isnan(value) else plain_value(self.matrix.plan, feature, value)
        return {"feature": feature.name, "value": plain, "unit": feature.says.unit}

    def _value(self, name: str, place: int) -> str | float | None:
        """The cell of an attribute column as a plain value."""
        cell = self._columns[name][place]
        if isinstance(cell, float | np.floating):
            return None if np.isnan(cell) else float(cell)
        text: str | None = cell.as_py()
        return text

    @cached_property
    def _columns(self) -> dict[str, npt.NDArray[np.float64] | pa.Array]:
        attributes = zip(self.matrix.plan.attributes, self.matrix.attributes, strict=True)
        return {attribute.name: column for attribute, column in attributes}

    @cached_property
    def _units(self) -> dict[str, str]:
        return {a.name: a.unit for a in self.matrix.plan.attributes if a.unit}

    @cached_property
    def _pairs(self) -> dict[str, tuple[str, ...]]:
        return {" x ".join(told.of): told.of for told in self.statistics}

    @cached_property
    def _responses(self) -> dict[str, Response]:
        return {response.name: response for response in self.matrix.plan.responses}

    @cached_property
    def _bigrams(self) -> dict[str, tuple[str, str]]:
        return {" > ".join(pair): pair for pair in self.matrix.plan.bigrams}

    @cached_property
    def _features(self) -> list[npt.NDArray[np.int64]]:
        """The columns of each group."""
        of_feature = self.groups.of_feature
        return [np.flatnonzero(of_feature == group) for group in range(len(self.groups.names))]

    @cached_property
    def _wanted(self) -> dict[int, npt.NDArray[np.bool_]]:
        """The types of the log that belong to each group of event types."""
        return {
            group: of_types(self.log, self.matrix.plan.members(name))
            for group, (name, role) in enumerate(
                zip(self.groups.names, self.groups.roles, strict=True)
            )
            if role == "events"
        }


def plain_value(plan: Plan, feature: Feature, value: float) -> str | float:
    """The value of a feature as a fact: codes by the name they stand for, or ``"*other"``."""
    names = {"type": plan.event_types, "channel": plan.channels, "step": plan.steps}
    if feature.says.unit not in names:
        return value
    known, place = names[feature.says.unit], int(value) - 1
    return known[place] if 0 <= place < len(known) else OTHER


def of_types(log: EventLog, belongs: Callable[[str], bool]) -> npt.NDArray[np.bool_]:
    """Which of the types of a log belong to a group, shape (n_types,)."""
    return np.array([belongs(name) for name in log.types], dtype=bool)


def event_facts(
    log: EventLog, lead: int, cutoff: int, wanted: npt.NDArray[np.bool_]
) -> dict[str, Any]:
    """How often events of some types were seen by the cutoff, and how long ago the last one was."""
    inside = slice(int(log.offsets[lead]), int(log.offsets[lead + 1]))
    seen = log.visible_at[inside] <= cutoff
    if len(wanted):
        seen &= wanted[log.event_type[inside]]
    times = log.occurred_at[inside][seen]
    facts: dict[str, Any] = {"count": len(times)}
    if len(times):
        facts["hours_since_last"] = round((cutoff - int(times.max())) / HOUR, 2)
    return facts


def response_facts(log: EventLog, lead: int, cutoff: int, response: Response) -> dict[str, Any]:
    """How many touches and answers of a response were seen by the cutoff, each on its own.

    A lead may answer one touch several times, or without one that the log knows of.
    """
    touches, answers = (
        event_facts(log, lead, cutoff, of_types(log, {name}.__contains__))
        for name in (response.touch, response.answer)
    )
    facts = {
        "touch": response.touch,
        "answer": response.answer,
        "touches": touches["count"],
        "answers": answers["count"],
    }
    if touches["count"]:
        facts["hours_since_touch"] = touches["hours_since_last"]
    return facts


def age_facts(created_at: int, cutoff: int) -> dict[str, Any]:
    """How many days ago the lead was created; None when that is not known."""
    return {"days": None if created_at == MISSING else round((cutoff - created_at) / DAY, 2)}
