"""A list as a table for people, in their language: a few lines for each lead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from features.instants import iso
from models.wording import counted, shown, texts
from serving.lists.listed import Listed, Record

_WIDTH = 120
_NAMES = 2
"""Columns to be shown, such as company and person, that have a line each."""
_CHANCE = 13
"""Letters of the column of probability, temperature and stage."""
_SINCE = 3
"""Lines of what happened since, each for acts and for attributes."""


_TOTAL = {
    "rising": "rising",
    "untouched": "untouched",
    "recycle": "eligible",
    "dormant": "eligible",
}
"""What a list counts of those that would be on it, were there no end."""


class Column(NamedTuple):
    """A column of a list: its header by name, its share of the width (0: fixed), the lines of a lead's cell."""

    header: str
    share: int
    lines: Callable[[Listed, Record], Iterator[str]]


def print_list(console: Console, listed: Listed) -> None:
    """Print a list: what it is, its leads, whom it leaves out, and what to beware of."""
    if not console.is_terminal:
        console.width = max(console.width, _WIDTH)
    words = texts(listed.seen.lang)["lists"]
    for line in _head(listed):
        console.print(line)
    if listed.leads:
        console.print()
        console.print(_table(listed, min(console.width, _WIDTH)))
    else:
        console.print(words["nobody"])
    total = listed.said.get(_TOTAL.get(listed.name, ""), 0)
    if total > len(listed.leads):
        console.print(words["more"].format(n=f"{total - len(listed.leads):,}"))
    left = listed.said.get("left_out")
    if listed.name == "call" and left:
        n = sum(reason["leads"] for reason in left)
        console.print(f"\n{words['left_out.title'].format(n=f'{n:,}')}")
        for reason in left:
            console.print(f"  {reason['leads']:>9,}  {reason['label']}")
    if listed.warnings:
        console.print(f"\n{texts(listed.seen.lang)['page']['warnings']}")
        for warning in listed.warnings:
            console.print(f"  {warning}")


def _head(listed: Listed) -> Iterator[str]:
    seen, lang = listed.seen, listed.seen.lang
    words = texts(lang)["lists"]
    yield words["head"].format(
        title=words[f"title.{listed.name}"],
        n=f"{len(listed.leads):,}",
        leads=f"{len(seen):,}",
        task=seen.taken.asked.task,
        as_of=_minute(listed, iso(seen.as_of)),
    )
    yield _order(listed)
    yield from listed.notes


def _order(listed: Listed) -> str:
    """In which order the leads are, and by whom it was answered."""
    words, pages = texts(listed.seen.lang)["lists"], texts(listed.seen.lang)["page"]
    scores, rows = listed.seen.scores, listed.rows
    answered = [bool(scores.by_model[row]) for row in rows]
    why = next((scores.fallback_reason[row] for row in rows if not scores.by_model[row]), None)
    by = pages["rules"].format(why=pages[why]) if why else pages["model"]
    if listed.name in ("rising", "untouched"):
        order = words[f"order.{listed.name}"]
    elif any(lead["probability"] is not None for lead in listed.leads) or all(answered):
        order = words["order.probability"]
    else:
        order = words["order.points"]
    return words["between"].join([order, by] if len(rows) else [order])


def _table(listed: Listed, width: int) -> Table:
    words = texts(listed.seen.lang)["lists"]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0), width=width)
    table.add_column("#", justify="right", width=len(str(len(listed.leads))) + 1)
    columns = _COLUMNS[listed.name]
    for column in columns:
        header = words[f"column.{column.header}"]
        if column.share:
            table.add_column(header, ratio=column.share, overflow="fold")
        else:
            table.add_column(header, width=_CHANCE, overflow="fold")
    for lead in listed.leads:
        cells = ("\n".join(column.lines(listed, lead)) for column in columns)
        table.add_row(Text(str(lead["place"])), *map(Text, cells))
    return table


def _lead(listed: Listed, lead: Record) -> Iterator[str]:
    yield shown(lead["lead_id"])
    named = [value for value in lead["display"].values() if value is not None and value.strip()]
    yield from map(shown, named[:_NAMES])
    if lead["phone"] and lead["phone"] not in named[:_NAMES]:
        yield shown(lead["phone"])


def _chance(listed: Listed, lead: Record) -> Iterator[str]:
    lang = listed.seen.lang
    words, pages = texts(lang)["lists"], texts(lang)["page"]
    if lead["probability"] is not None:
        arrow = {"rising": " ↑", "cooling": " ↓"}.get(lead["trend"] or "", "")
        yield f"{lead['probability']:.1%}{arrow}"
    yield pages["points"].format(points=lead["points"])
    parts = [pages[lead["temperature"]]] if lead["temperature"] else []
    if lead["stage"] not in (None, "lead"):
        parts.append(lead["stage"])
    if parts:
        yield words["between"].join(parts)


def _why(listed: Listed, lead: Record) -> Iterator[str]:
    words = texts(listed.seen.lang)["lists"]
    if lead.get("drawn"):
        yield words["is_drawn"]
    for reason in lead["reasons"]:
        effect = reason["effect"]
        if effect is None:
            yield reason["text"]
        else:
            yield words["for" if effect > 0 else "against"].format(text=reason["text"])


def _last(listed: Listed, lead: Record) -> Iterator[str]:
    words = texts(listed.seen.lang)["lists"]
    for name in ("act", "touch"):
        happened = lead[f"last_{name}"]
        yield words[f"no_{name}"] if happened is None else words[f"last_{name}"].format(**happened)


def _next(listed: Listed, lead: Record) -> Iterator[str]:
    if lead["next_action"]:
        yield lead["next_action"]
    if lead.get("not_to_be_called"):
        words = texts(listed.seen.lang)["lists"]
        yield words["no_call"].format(why=lead["not_to_be_called"])


def _change(listed: Listed, lead: Record) -> Iterator[str]:
    words = texts(listed.seen.lang)["lists"]
    before, now = (_percent(lead[name]) for name in ("probability_then", "probability"))
    yield words["from_to"].format(before=before, now=now)
    yield counted(
        "lists", "change", lead["days"], listed.seen.lang, change=f"{lead['change']:+.1f}"
    )


def _percent(probability: float) -> str:
    """Small probabilities with a decimal more."""
    return f"{probability:.2%}" if probability < 0.01 else f"{probability:.1%}"


def _hot_since(listed: Listed, lead: Record) -> Iterator[str]:
    words = texts(listed.seen.lang)["lists"]
    if lead["hot_since"] is None:
        yield words["unknown_since"]
        return
    yield _minute(listed, lead["hot_since"])
    if lead["hot_since_by"] == "last_act":
        yield words["by_last_act"]
    yield counted("lists", "working_days", lead["working_days"], listed.seen.lang)


def _closed(listed: Listed, lead: Record) -> Iterator[str]:
    closed, lang = lead["closed"], listed.seen.lang
    words = texts(lang)["lists"]
    if closed is not None:
        yield words["last_act"].format(**closed)
    if lead["reason"] is not None:
        reason = shown(listed.seen.playbook.word(lead["reason"], lang))
        yield words[f"reason.{listed.name}"].format(reason=reason)
    if lead["closings"] > 1:
        yield words[f"closings.{listed.name}"].format(n=lead["closings"])


def _since(listed: Listed, lead: Record) -> Iterator[str]:
    words = texts(listed.seen.lang)["lists"]
    for kind in ("acts", "changes"):
        entries = lead[f"{kind}_since"]
        yield from (entry["text"] for entry in entries[:_SINCE])
        if len(entries) > _SINCE:
            yield counted("lists", "further", len(entries) - _SINCE, listed.seen.lang)
    if not lead["acts_since"] and not lead["changes_since"]:
        yield words["nothing_since"]


def _minute(listed: Listed, at: str | None) -> str:
    if at is None:
        return ""
    return datetime.fromisoformat(at).astimezone(listed.seen.tz).strftime("%Y-%m-%d %H:%M %Z")


_FIRST = (Column("lead", 22, _lead), Column("chance", 0, _chance))
_COLUMNS: dict[str, tuple[Column, ...]] = {
    "call": (
        *_FIRST,
        Column("why", 34, _why),
        Column("last", 22, _last),
        Column("next", 17, _next),
    ),
    "rising": (
        *_FIRST,
        Column("change", 22, _change),
        Column("why", 26, _why),
        Column("last", 22, _last),
        Column("next", 17, _next),
    ),
    "untouched": (
        *_FIRST,
        Column("hot_since", 22, _hot_since),
        Column("last", 25, _last),
        Column("next", 20, _next),
    ),
    "recycle": (
        *_FIRST,
        Column("lost", 20, _closed),
        Column("since", 36, _since),
        Column("next", 20, _next),
    ),
    "dormant": (
        *_FIRST,
        Column("bought", 20, _closed),
        Column("since", 36, _since),
        Column("next", 20, _next),
    ),
}
