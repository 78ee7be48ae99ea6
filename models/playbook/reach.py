"""The most and the fewest points that a lead can have by the rules of a playbook."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from models.playbook.conditions import Looked
from models.playbook.points import PointsSection, RuleSection


class Reach(NamedTuple):
    """Bounds of points, ends included: infinite where rules count events without end.

    No lead has more than `most`; whether one can have as many depends on what leads are like.
    """

    fewest: float
    most: float


def reach(
    points: PointsSection, *, score: str | None = None, without: Collection[str] = ()
) -> Reach:
    """The bounds of the points, or of one score.

    Values of one attribute exclude each other: of rules for them within a group, those are summed
    that hold of the same value. Caps of groups hold both ways.

    Parameters
    ----------
    score : str, optional
        The score that is asked for; by default the sum of all.
    without : collection of str
        Names of rules that never fire.
    """
    rules = [
        rule
        for rule in points.rules
        if rule.name not in without and (score is None or rule.score == score)
    ]
    groups: dict[str | None, list[RuleSection]] = defaultdict(list)
    for rule in rules:
        groups[rule.group].append(rule)
    most = fewest = 0.0
    for name, members in groups.items():
        cap = math.inf if name is None else points.groups[name].cap
        most += min(_sum(members, max), cap)
        fewest += max(_sum(members, min), -cap)
    return Reach(fewest, most)


def _sum(rules: Iterable[RuleSection], best: Callable[..., float]) -> float:
    """The most, or the fewest, points that rules of one group come to before its cap."""
    total = 0.0
    of_attribute: dict[str, list[RuleSection]] = defaultdict(list)
    for rule in rules:
        if rule.form == "attribute" and rule.attribute is not None and rule.pattern is None:
            of_attribute[rule.attribute].append(rule)
        else:
            total += best(0.0, _bound(rule))
    for members in of_attribute.values():
        total += best(
            sum(rule.points for rule in members if _takes(rule, value))
            for value in _values(members)
        )
    return total


def _bound(rule: RuleSection) -> float:
    if rule.form == "event" and rule.counts is None:
        return math.copysign(math.inf, rule.points)
    return float(rule.points * (rule.counts or 1))


_NONE, _OTHER = object(), object()
"""No value, and a value that no rule names."""


def _values(rules: Iterable[Looked]) -> list[object]:
    """Values of an attribute between which rules for it tell apart."""
    found: list[object] = [_NONE, _OTHER]
    for rule in rules:
        found += rule.values or ()
        found += [end for end in (rule.min, rule.max) if end is not None]
    return found


def _takes(rule: Looked, value: object) -> bool:
    if rule.missing:
        return value is _NONE
    if rule.values is not None:
        return value in rule.values
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    low = -math.inf if rule.min is None else rule.min
    return low <= value <= (math.inf if rule.max is None else rule.max)


def possible(conditions: Sequence[Looked]) -> bool:
    """Whether one value of an attribute can meet all of some conditions, none of them a pattern."""
    return any(all(_takes(rule, value) for rule in conditions) for value in _values(conditions))
