"""An explained answer as a page for people, in their language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from typing import Any

from rich.console import Console
from rich.table import Table

from features.instants import HOUR, duration
from models import wording
from models.playbook import in_language
from serving.explanation import Explained

Answer = dict[str, Any]

_SHOWN = 12
"""Reasons that have a line each; the weaker ones share one."""

_VISIBLE = 0.05
"""Percentage points that are shown as more than nought."""

_WIDTH = 120


def print_page(console: Console, told: Explained) -> None:
    """Print the page: the answer, why, on what basis, what next, points, and what changed it."""
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH)
    lang = told.taken.asked.lang
    words, answer = wording.texts(lang)["page"], told.answer
    for line in _head(told, lang):
        console.print(line)
    if answer["starting_point"] is not None:
        console.print()
        for line in _why(told, lang):
            console.print(line)
    for title, lines in (
        (words["next"], _next(answer)),
        (words["ledger"], []),
        (_changed_title(told, lang), list(_changed(told, lang))),
        (words["warnings"], list(dict.fromkeys([*answer["warnings"], *told.warnings]))),
    ):
        if title == words["ledger"]:
            console.print(f"\n{title}")
            _print_ledger(console, told, lang)
        elif lines:
            console.print(f"\n{title}")
            for line in lines:
                console.print(f"  {line}")
    versions = {name: version or words["none"] for name, version in answer["versions"].items()}
    console.print(f"\n{words['versions'].format(**versions)}")


def _head(told: Explained, lang: str) -> Iterator[str]:
    words, answer = wording.texts(lang)["page"], told.answer
    yield words["asked"].format(
        lead=wording.shown(answer["lead_id"]),
        task=answer["task"] or words["none"],
        as_of=_minute(answer["as_of"], told.tz),
    )
    if answer["probability"] is not None:
        chance = f"{answer['probability']:.1%}"
        horizon = wording.span(duration(answer["horizon"]) / HOUR, lang)
        outcome = " / ".join(_called(told, name, lang) for name in told.outcome)
        yield words["likely"].format(probability=chance, horizon=horizon, outcome=outcome)
    else:
        state = words["not_asked"].format(state=words[answer["state"]])
        yield words["unknown"].format(why=words["nothing_observed"] if answer["task"] else state)
    parts = [words["points"].format(points=answer["points"])]
    if answer["temperature"] is not None:
        by = words[
            "ledger" if answer["temperature_by"] == "points" else f"by_{answer['temperature_by']}"
        ]
        parts.append(
            words["temperature"].format(temperature=words[answer["temperature"]], by=by.lower())
        )
    why = answer["fallback_reason"]
    if answer["task"] is None:
        parts.append(words["by_rules"])
    else:
        parts.append(words["rules"].format(why=words[why]) if why else words["model"])
    yield " · ".join(parts)
    yield from _standing(told, lang)
    yield from _basis(answer, lang)


def _standing(told: Explained, lang: str) -> Iterator[str]:
    """Stage, psychological stage, step and trend, each with what tells it."""
    words, answer, playbook = (
        wording.texts(lang)["standing"],
        told.answer,
        told.taken.scorer.playbook,
    )
    standing = answer["standing"]
    if standing is not None:
        parts = [words["stage"].format(stage=answer["stage"])]
        last = next(iter(standing["entered"][::-1]), standing["sent_back"])
        if last is not None:
            said = words["by_points" if last["by_points"] else "by_event"]
            event, at = _called(told, last["event"], lang), _minute(last["since"], told.tz)
            parts.append(said.format(event=event, at=at))
        if standing["origin"] is not None:
            parts.append(words[standing["origin"]])
        if standing["cycle"] > 1:
            back = standing["sent_back"]
            reason = (
                wording.quoted(back["content"], lang) if back["content"] else words["no_reason"]
            )
            parts.append(words["cycle"].format(cycle=standing["cycle"], reason=reason))
        if standing["evidence"]:
            parts.append(words["evidence"].format(evidence=words["and"].join(standing["evidence"])))
        yield " · ".join(parts)
    parts = []
    if answer["psychological_stage"] is not None:
        sign = answer["journey"]["psychological_by"]
        mind, event = words[answer["psychological_stage"]], _called(told, sign["event"], lang)
        parts.append(words["inferred"].format(mind=mind, event=event))
    if answer["journey_step"] is not None:
        step = playbook.step_label(answer["journey_step"], lang) or answer["journey_step"]
        parts.append(words["step"].format(step=step))
    if answer["points_by_score"]:
        scores = playbook.points.scores.items()
        named = (
            f"{in_language(score.label, lang) or name} {answer['points_by_score'][name]}"
            for name, score in scores
        )
        grade = "" if answer["grade"] is None else words["grade"].format(grade=answer["grade"])
        parts.append(" + ".join(named) + grade)
    if answer["trend"] is not None:
        parts.append(_trend(answer["trend"], lang))
    if parts:
        yield " · ".join(parts)


def _trend(trend: dict[str, Any], lang: str) -> str:
    """Where it is going, and from where."""
    words = wording.texts(lang)["standing"]
    past = [
        words["then"].format(days=then["days"], probability=f"{then['probability']:.1%}")
        for then in trend["past"]
        if then["probability"] is not None
    ]
    told = words["bracket"].format(inside=words["and"].join(past)) if past else ""
    return f"{words[trend['direction']]}{told}"


def _basis(answer: Answer, lang: str) -> Iterator[str]:
    basis = answer["basis"]
    if basis is not None:
        words = wording.texts(lang)["page"]
        said = words["by_points" if answer["fallback_reason"] else "evidence"]
        shares = {end: f"{basis[end]:.1%}" for end in ("low", "high")}
        rate = f"{basis['converted'] / basis['n']:.1%}"
        yield said.format(n=basis["n"], converted=basis["converted"], rate=rate, **shares)


def _why(told: Explained, lang: str) -> Iterator[str]:
    """The reasons for and against, and what is left of the way from the starting point."""
    words, start = wording.texts(lang)["page"], told.answer["starting_point"]
    yield words["start"].format(probability=f"{start:.1%}")
    shown = _worth_a_line(told.reasons)
    for title, mine in (
        (words["for"], [r for r in shown if r["effect"] > 0]),
        (words["against"], [r for r in shown if r["effect"] < 0]),
    ):
        if mine:
            yield title
            yield from (f"  {_moved(reason, lang)}" for reason in mine)
    yield from _rest(told.reasons[len(shown) :], lang)
    yield words["allocation"]


def _worth_a_line(reasons: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The strongest reasons, whose effect is not shown as nought."""
    return [reason for reason in reasons[:_SHOWN] if abs(reason["effect"]) >= _VISIBLE]


def _rest(reasons: Sequence[dict[str, Any]], lang: str) -> Iterator[str]:
    """What is not worth a line each."""
    if reasons:
        moved = wording.percentage_points(sum(reason["effect"] for reason in reasons), lang)
        yield wording.texts(lang)["page"]["rest"].format(n=len(reasons), effect=moved)


def _moved(reason: dict[str, Any], lang: str) -> str:
    return f"{wording.effect(reason['effect'], lang)}  {reason['text']}"


def _next(answer: Answer) -> list[str]:
    action = answer["next_action"]
    if action is None:
        return []
    beside = action["association"]
    return [action["label"]] + ([beside["text"]] if beside else [])


def _print_ledger(console: Console, told: Explained, lang: str) -> None:
    words, ledger = wording.texts(lang)["page"], told.answer["ledger"]
    if not ledger:
        console.print(f"  {words['no_rule']}")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("rule", "ledger", "event", "at", "count"):
        table.add_column(words[name], justify="right" if name in ("ledger", "count") else "left")
    for entry in ledger:
        table.add_row(
            entry["label"],
            f"{entry['points']:+g}",
            _called(told, entry["event"], lang) if entry["event"] else "",
            _minute(entry["at"], told.tz),
            str(entry["count"]) if entry["event"] else "",
        )
    table.add_row(words["total"], f"{told.answer['points']:g}", "", "", "")
    console.print(table)


def _called(told: Explained, event_type: str, lang: str) -> str:
    """What people call an event."""
    said = told.taken.scorer.playbook.event_label(event_type, lang)
    return said or wording.quoted(event_type, lang)


def _minute(at: str | None, tz: tzinfo) -> str:
    """An ISO 8601 instant for people: to the minute, in their zone."""
    if at is None:
        return ""
    return datetime.fromisoformat(at).astimezone(tz).strftime("%Y-%m-%d %H:%M %Z")


def _changed_title(told: Explained, lang: str) -> str:
    since = _minute(told.change["since"], told.tz) if told.change else ""
    return wording.texts(lang)["page"]["changed"].format(since=since)


def _changed(told: Explained, lang: str) -> Iterator[str]:
    change, words = told.change, wording.texts(lang)["page"]
    if change is None:
        return
    ends: Sequence[Answer] = (change["then"], told.answer)
    if change["effect"] is None:
        said = [_shortly(end, lang) for end in ends]
        yield words["incomparable"].format(before=said[0], after=said[1])
        yield words["moved"].format(before=ends[0]["points"], after=ends[1]["points"])
        yield from (f"  {rule['text']}" for rule in change["points"][:_SHOWN])
        return
    before, after = (f"{end['probability']:.1%}" for end in ends)
    total = wording.percentage_points(change["effect"], lang)
    yield words["from_to"].format(before=before, after=after, effect=total)
    shown = _worth_a_line(change["reasons"])
    yield from (f"  {_moved(reason, lang)}" for reason in shown)
    yield from _rest(change["reasons"][len(shown) :], lang)
    yield words["order"]


def _shortly(answer: Answer, lang: str) -> str:
    if answer["probability"] is not None:
        return f"{answer['probability']:.1%}"
    return str(wording.texts(lang)["page"][answer["state"]])
