"""The cells of a list for people: a few lines for each lead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple

from models.wording import counted, shown, texts
from serving.lists.listed import Listed, Record

_NAMES = 2
"""Columns to be shown, such as company and person, that have a line each."""
_SINCE = 3
"""Lines of what happened since, each for acts and for attributes."""


class Column(NamedTuple):
    """A column of a list: its header by name, its share of the width (0: fixed), the lines of a lead's cell."""

    header: str
    share: int
    lines: Callable[[Listed, Record], Iterator[str]]


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
    yield minute(listed, lead["hot_since"])
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


def minute(listed: Listed, at: str | None) -> str:
    """An ISO 8601 instant for people: to the minute, in their zone."""
    if at is None:
        return ""
    return datetime.fromisoformat(at).astimezone(listed.seen.tz).strftime("%Y-%m-%d %H:%M %Z")


_FIRST = (Column("lead", 22, _lead), Column("chance", 0, _chance))
COLUMNS: dict[str, tuple[Column, ...]] = {
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
"""The columns of each list."""
