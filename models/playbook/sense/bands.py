"""Lines that nobody reaches, or that everybody does, and bands that overlap."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from itertools import pairwise

from models.playbook.finding import Finding, mistake, note
from models.playbook.reach import reach
from models.playbook.schema import Schema


def of_bands(schema: Schema) -> Iterator[Finding]:
    """What is odd about temperatures, scores and groups."""
    yield from _temperature(schema)
    yield from unreachable(schema)
    points = schema.points
    used = {rule.group for rule in points.rules}
    for name in points.groups:
        if name not in used:
            yield note(("points", "groups", name), "group_unused", group=name)
    for place, rule in enumerate(points.rules):
        if rule.group is not None and abs(rule.points) > points.groups[rule.group].cap:
            yield note(
                ("points", "rules", place, "points"),
                "above_cap",
                points=rule.points,
                group=rule.group,
                cap=points.groups[rule.group].cap,
            )
        ours = [n for n in rule.event or () if n in schema.events and schema.events[n].by == "us"]
        if ours and rule.points > 0:
            yield note(("points", "rules", place, "event"), "points_for_touch", events=ours)


def _temperature(schema: Schema) -> Iterator[Finding]:
    said = schema.temperature
    if said.lines is None:
        yield mistake(("temperature", "capacity"), "capacity_unsolved")
        return
    if said.by != "capacity" and said.capacity is not None:
        yield note(("temperature", "capacity"), "capacity_unused", by=said.by)
    warm, hot = said.lines
    left = said.leaves_below(hot)
    if left < warm:
        yield mistake(
            ("temperature", "hysteresis"),
            "bands_overlap",
            left=left,
            warm=warm,
            least=hot - warm if said.by == "points" else 1 - warm / hot,
        )
    if said.by == "points":
        fewest = reach(schema.points).fewest
        if warm <= fewest:
            yield mistake(("temperature", "warm"), "nobody_cold", warm=warm, fewest=fewest)
        elif said.leaves_below(warm) <= fewest:
            yield mistake(
                ("temperature", "hysteresis"),
                "never_leaves_warm",
                left=said.leaves_below(warm),
                fewest=fewest,
            )


def unreachable(schema: Schema, without: Collection[str] = ()) -> Iterator[Finding]:
    """Lines of points above what the rules, caps and counts of a playbook let anybody have.

    Parameters
    ----------
    without : collection of str
        Names of rules that never fire.
    """
    points, said = schema.points, schema.temperature
    most = reach(points, without=without).most
    if said.by == "points" and points.rules:
        for name in ("hot", "warm"):
            line = getattr(said, name)
            if line > most:
                yield mistake(("temperature", name), "line_unreachable", line=line, most=most)
    for name, score in points.scores.items():
        top = reach(points, score=name, without=without).most
        if score.hot is not None and score.hot > top:
            yield mistake(
                ("points", "scores", name, "hot"), "least_unreachable", line=score.hot, most=top
            )
        high = [line for line in score.bands if line > top]
        if high and math.isfinite(top):
            yield mistake(
                ("points", "scores", name, "bands"), "grade_unreachable", lines=high, most=top
            )
    for name, definition in schema.definitions.items():
        if definition.points is not None and definition.points > most:
            yield mistake(
                ("definitions", name, "points"),
                "line_unreachable",
                line=definition.points,
                most=most,
            )
    ways = schema.stages
    asked = [("MQL", ways.enter.mql), ("TQL", ways.way("TQL"))]
    paths = {"MQL": ("MQL",), "TQL": ("TQL", ways.tql)}
    for stage, way in asked:
        if way.points is not None and way.points > most:
            path = ("stages", "enter", *paths[stage], "points")
            yield mistake(path, "line_unreachable", line=way.points, most=most)
    for (one, first), (other, second) in pairwise(asked):
        if first.points is not None and second.points is not None and second.points < first.points:
            yield mistake(
                ("stages", "enter", *paths[other], "points"),
                "stage_below",
                stage=other,
                line=second.points,
                before=one,
                line_before=first.points,
            )
