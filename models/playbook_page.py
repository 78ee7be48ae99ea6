"""The definitions of a playbook as a page for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from models.conditions_told import ConditionsTold
from models.playbook import Playbook, in_language
from models.playbook.actions import ActionSection
from models.playbook.points import RuleSection
from models.playbook.stages import Stage, WaySection
from models.scorecard import Scorecard
from models.wording import counted, texts

WIDTH = 120
"""Columns of the page; Chinese characters take two."""

_NAME = 38


class Row(NamedTuple):
    """A line of the page: what it is about, and what is said of it; a heading where nothing is."""

    name: str
    text: str = ""


def page(playbook: Playbook, lang: str) -> list[Row]:
    """What a playbook says, section by section; sections that say nothing are left out."""
    words = ConditionsTold(playbook, lang)
    sections: tuple[tuple[str, Callable[[ConditionsTold], Iterator[Row]]], ...] = (
        ("points", _points),
        ("temperature", _temperature),
        ("stages", _stages),
        ("journey", _journey),
        ("definitions", _definitions),
        ("target", _target),
        ("aside", _aside),
        ("actions", _actions),
        ("calls", _calls),
    )
    title = words.words["title"].format(source=playbook.source, version=playbook.version)
    rows = [Row(title)]
    for name, told in sections:
        said = list(told(words))
        if said:
            rows += [Row(""), Row(words.words[name]), *said]
    return rows


def print_page(console: Console, rows: list[Row]) -> None:
    """Print a page within `WIDTH` columns."""
    for row in rows:
        if not row.text:
            console.print(row.name)
            continue
        names = _lines(console, row.name, _NAME)
        said = _lines(console, row.text, WIDTH - _NAME - 4)
        for place in range(max(len(names), len(said))):
            name = names[place] if place < len(names) else ""
            text = said[place] if place < len(said) else ""
            console.print(f"  {name}{' ' * (_NAME - cell_len(name))}  {text}".rstrip())


def _lines(console: Console, text: str, width: int) -> list[str]:
    return [line.plain.rstrip() for line in Text(text).wrap(console, width)]


def _points(told: ConditionsTold) -> Iterator[Row]:
    words, points, lang = told.words, told.playbook.points, told.lang
    label = Scorecard(told.playbook).label
    scores: list[str | None] = [*points.scores] or [None]
    for name in scores:
        if name is not None:
            score = points.scores[name]
            about = []
            if score.bands:
                about.append(words["grades"].format(lines=" / ".join(map(str, score.bands))))
            if score.hot is not None:
                about.append(words["least"].format(points=score.hot))
            yield Row(in_language(score.label, lang) or name, words["and"].join(about) or "-")
        for rule in points.rules:
            if rule.score == name:
                called = label(rule, lang)
                yield Row(f"{rule.points:+5d}  {called}", _rule(told, rule, called))
    for group, entry in points.groups.items():
        members = " / ".join(label(rule, lang) for rule in points.rules if rule.group == group)
        if members:
            text = words["group_cap"].format(cap=entry.cap, rules=members)
            yield Row(words["group"].format(group=group), text)


def _rule(told: ConditionsTold, rule: RuleSection, called: str) -> str:
    """What a rule is about, where that is not what it is called, and how it counts."""
    words = told.words
    asked, parts = told.of(rule), []
    if rule.form == "event":
        n = rule.counts
        parts.append(
            words["every"] if n is None else counted("playbook", "show.at_most", n, told.lang)
        )
    for key in ("half_life", "expires"):
        length = getattr(rule, key)
        if length is not None:
            parts.append(words[key].format(span=told.length(length)))
    return words["next"].join(parts if parts and asked == called else [asked, *parts])


def _temperature(told: ConditionsTold) -> Iterator[Row]:
    words, said = told.words, told.playbook.said.temperature
    bands = texts(told.lang)["page"]
    yield Row(words["decided"], words[f"by_{said.by}"])
    if said.lines is None:
        capacity = said.capacity
        assert capacity is not None  # the schema asks for it
        text = words["unsolved"].format(calls=capacity.calls, span=told.length(capacity.per))
        yield Row(bands["hot"], text)
        return

    def shown(value: float) -> str:
        return f"{value:g}" if said.by == "points" else f"{value:.1%}"

    for name, line in zip(("hot", "warm"), reversed(said.lines), strict=True):
        text = words[name].format(line=shown(line), left=shown(said.leaves_below(line)))
        yield Row(bands[name], text)
    yield Row(bands["cold"], words["cold"])
    trend = words["trend"].format(threshold=f"{told.playbook.said.trend.threshold:g}")
    yield Row(words["trend_name"], trend)


def _stages(told: ConditionsTold) -> Iterator[Row]:
    words, said = told.words, told.playbook.said.stages
    for stage in said.order[1:]:
        way = said.way(stage)
        yield Row(_stage(told, stage), _way(told, way))
    if said.sal == "origin":
        yield Row("", words["sal_origin"])
    for key in ("moves", "found", "back"):
        names = getattr(said, key)
        if names:
            yield Row(words[key], told.events(names))
    for entry in said.evidence:
        name = in_language(entry.label, told.lang) or entry.name
        yield Row(words["named"].format(what=words["evidence"], name=name), told.of(entry))


def _stage(told: ConditionsTold, stage: Stage) -> str:
    if stage != "TQL":
        return stage
    words = told.words
    return words["touch"].format(label="TQL", touch=words[told.playbook.said.stages.tql])


def _way(told: ConditionsTold, way: WaySection) -> str:
    words, parts = told.words, []
    if way.event:
        parts.append(told.happened(way.event, way.channel, way.content))
    if way.points is not None:
        parts.append(words["line"].format(line=way.points))
    return words["or"].join(parts) or words["no_way"]


def _journey(told: ConditionsTold) -> Iterator[Row]:
    words, said = told.words, told.playbook.said
    for step in said.journey.steps:
        mind = said.psychological_stages.steps.get(step.name)
        events = [name for name, entry in said.events.items() if entry.step == step.name]
        yield Row(
            in_language(step.label, told.lang) or step.name,
            words["mind"].format(
                mind=words[mind] if mind else "-", events=told.events(events) or words["no_event"]
            ),
        )


def _definitions(told: ConditionsTold) -> Iterator[Row]:
    words = told.words
    for name, entry in told.playbook.said.definitions.items():
        parts = []
        if entry.points is not None:
            parts.append(words["points_or_more"].format(points=entry.points))
        if entry.probability is not None:
            parts.append(
                words["probability_or_more"].format(probability=f"{entry.probability:.1%}")
            )
        if entry.stage is not None:
            parts.append(words["stage_or_beyond"].format(stage=entry.stage))
        if entry.form is not None:
            parts.append(told.of(entry))
        yield Row(in_language(entry.label, told.lang) or name, words["and"].join(parts))


def _target(told: ConditionsTold) -> Iterator[Row]:
    for part in ("who", "what", "how"):
        for name, wanted in getattr(told.playbook.said.target, part).items():
            yield Row(told.words["named"].format(what=told.words[part], name=name), told.of(wanted))


def _aside(told: ConditionsTold) -> Iterator[Row]:
    words, said = told.words, told.playbook.said
    for entry in said.exclude.rules:
        name = in_language(entry.label, told.lang) or entry.name
        yield Row(words["named"].format(what=words["excluded"], name=name), told.of(entry))
    suppress = said.suppress
    yield Row(
        words["quiet"],
        words["quiet_text"].format(
            quiet=told.length(suppress.quiet), cool_off=told.length(suppress.cool_off)
        ),
    )
    for name in suppress.do_not_call:
        yield Row("", words["forbids"].format(attribute=told.attribute(name)))
    for entry in suppress.rules:
        name = in_language(entry.label, told.lang) or entry.name
        yield Row("", words["named"].format(what=name, name=told.of(entry)))


def _actions(told: ConditionsTold) -> Iterator[Row]:
    words = told.words
    for place, rule in enumerate(told.playbook.said.actions.rules, 1):
        label = in_language(rule.label, told.lang) or ""
        if rule.touch is not None:
            label = words["touch"].format(label=label, touch=told.events([rule.touch]))
        yield Row(f"{place}. {_asked(told, rule)}", label)


def _asked(told: ConditionsTold, rule: ActionSection) -> str:
    """Which leads an action is for."""
    words, page, lang = told.words, texts(told.lang)["page"], told.lang
    parts = []
    if rule.task is not None:
        parts.append(f"{words['task']} {' / '.join(rule.task)}")
    for values in (rule.state, rule.temperature):
        if values is not None:
            parts.append(" / ".join(page[value] for value in values))
    if rule.stage is not None:
        parts.append(" / ".join(rule.stage))
    for named in (rule.psychological_stage, rule.trend):
        if named is not None:
            parts.append(" / ".join(words[value] for value in named))
    if rule.journey_step is not None:
        steps = (told.playbook.step_label(name, lang) or name for name in rule.journey_step)
        parts.append(" / ".join(steps))
    return words["and"].join(parts) or words["always"]


def _calls(told: ConditionsTold) -> Iterator[Row]:
    words, said = told.words, told.playbook.said
    calls = said.actions.calls
    text = words["per_week"].format(
        n=calls.per_week, explore=f"{calls.explore:.0%}", within=calls.within
    )
    yield Row(words["per_week_name"], text)
    if said.suppress.phone is not None:
        yield Row("", words["phone"].format(attribute=told.attribute(said.suppress.phone)))
    if calls.owner is not None:
        yield Row("", words["owner"].format(attribute=told.attribute(calls.owner)))
