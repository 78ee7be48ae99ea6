"""Facts as sentences, in the languages of ``models/text``."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from features.instants import HOUR
from features.plan import Feature

_TEXTS = Path(__file__).parent / "text"
_LONGEST = 80
"""Letters of a value or a name that are shown."""

LANGUAGES: tuple[str, ...] = tuple(sorted(path.stem for path in _TEXTS.glob("*.toml")))


@cache
def texts(lang: str) -> dict[str, dict[str, str]]:
    """The texts of one language, by section; a text of a table within one by ``gap.longest``."""
    said = tomllib.loads((_TEXTS / f"{lang}.toml").read_text(encoding="utf-8"))
    return {section: dict(_flat(entries)) for section, entries in said.items()}


def _flat(entries: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, entry in entries.items():
        if isinstance(entry, str):
            yield before + name, entry
        else:
            yield from _flat(entry, f"{before}{name}.")


def key(feature: Feature) -> str:
    """Under what a text has what a feature says: its kind, and which of the kind's values it is."""
    return f"{feature.kind}.{feature.choice}" if feature.choice else feature.kind


def language(accept: str | None) -> str:
    """The language to answer in, from an ``Accept-Language`` header or a plain name; else English.

    Examples
    --------
    >>> language("fr;q=0.9, ja;q=0.8"), language("ja-JP"), language(None)
    ('ja', 'ja', 'en')
    """
    wanted = []
    for place, part in enumerate((accept or "").split(",")):
        tag, _, parameter = part.partition(";")
        quality = parameter.replace(" ", "").removeprefix("q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            weight = 0.0
        name = tag.strip().replace("_", "-").split("-")[0].lower()
        if name in LANGUAGES and weight > 0:
            wanted.append((-weight, place, name))
    return min(wanted)[2] if wanted else "en"


def counted(section: str, name: str, n: int | str, lang: str, **more: str) -> str:
    """A text that depends on a number: its form for 1, else that for many."""
    words = texts(lang)[section]
    return words[f"{name}.one" if str(n) == "1" else f"{name}.many"].format(n=n, **more)


def ago(hours: float, lang: str) -> str:
    """How long ago something was: hours up to two days, then whole days."""
    if hours < 1:
        return texts(lang)["ago"]["moment"]
    return counted("ago", *_whole(hours), lang)


def span(hours: float, lang: str) -> str:
    """A length of time: minutes up to an hour, hours up to two days, then whole days."""
    unit, n = _whole(hours)
    return counted("span", unit, n, lang) if n else texts(lang)["span"]["moment"]


def window(length: int | None, lang: str) -> str:
    """The window of a feature, `length` microseconds up to the cutoff; None is for ever."""
    if length is None:
        return texts(lang)["window"]["ever"]
    return counted("window", *_whole(length / HOUR), lang)


def _whole(hours: float) -> tuple[str, int]:
    """A length of time as so many minutes, hours or days."""
    minutes = round(hours * 60)
    if minutes < 60:
        return "minutes", minutes
    if hours < 48:
        return "hours", max(int(hours), 1)
    return "days", int(hours // 24)


def quoted(name: str, lang: str) -> str:
    """A name that nobody said in other words, as it came."""
    return texts(lang)["name"]["quoted"].format(name=shown(name))


def quantity(value: float, unit: str, lang: str) -> str:
    """A number in words, by its unit (see `features.kinds.Choice`)."""
    words = texts(lang)["unit"]
    if unit in ("hours", "minutes"):
        return span(value if unit == "hours" else value / 60, lang)
    if unit == "share":
        return words["hardly"] if 0 < value < 0.005 else f"{value:.0%}"
    if unit == "yes or no":
        return words["yes" if value else "no"]
    if unit == "weekday":
        return words["weekdays"].split()[int(value)]
    if unit == "o'clock":
        minutes = round(value * 60)
        return f"{minutes // 60 % 24}:{minutes % 60:02}"
    shown = f"{value:.0f}" if value == round(value) or abs(value) >= 100 else f"{value:.3g}"
    if f"{unit}.one" in words:
        return counted("unit", unit, shown, lang)
    return words[unit].format(n=shown) if unit in words else shown


def often(label: str, said: str | None, count: int, lang: str) -> str:
    """How often something happened: as `said` has it, else by its label; never is "no <label>"."""
    words = texts(lang)["events"]
    if not count:
        return words["none"].format(label=label)
    number = quantity(count, "events", lang)
    return said.format(count=number) if said else words["plain"].format(label=label, count=number)


def events(label: str, said: str | None, facts: Mapping[str, Any], lang: str) -> str:
    """How often something happened, and how long ago it last did."""
    count, words = facts["count"], texts(lang)["events"]
    told = often(label, said, count, lang)
    if not count:
        return told
    since = ago(facts["hours_since_last"], lang)
    return words["once" if count == 1 else "many"].format(said=told, ago=since)


def sentence(role: str, label: str, facts: Mapping[str, Any], lang: str) -> str:
    """One reason in words; `role` is the section of the texts that says it."""
    words = texts(lang)[role]
    if role == "age":
        if facts.get("days") is None:
            return words["unknown"]
        return words["known"].format(ago=ago(facts["days"] * 24, lang))
    if role == "points":
        points = _signed(facts["points"])
        return counted("points", "fired", points.lstrip("+-"), lang, label=label, points=points)
    if facts.get("value") is None:
        return words["missing"].format(label=label)
    return words["given"].format(label=label, value=_given(facts, lang))


def effect(points: float, lang: str) -> str:
    """What a reason did to the probability, in percentage points; with its sign, also at nought."""
    return texts(lang)["effect"]["probability"].format(effect=percentage_points(points, lang))


def percentage_points(points: float, lang: str) -> str:
    """``+12.3 pp``."""
    return texts(lang)["effect"]["points"].format(effect=f"{points:+z.1f}")


def _given(facts: Mapping[str, Any], lang: str) -> str:
    """What is known of an attribute: its value, how long ago its date was, how long its text is."""
    value, unit, role = facts["value"], facts.get("unit"), "attribute"
    if unit == "days":
        to_come = -int(value // 1)
        return ago(value * 24, lang) if value >= 0 else counted(role, "to_come", to_come, lang)
    if unit == "characters":
        return counted(role, "characters", int(value), lang)
    return shown(value)


def shown(value: str | float) -> str:
    """A value as people may see it: a whole number without a point, a text on one line, not too long.

    Control characters, also those that turn the direction of writing, become spaces.
    """
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    plain = "".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in value)
    plain = " ".join(plain.split())
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"


def _signed(points: float) -> str:
    return f"{points:+g}" if points == round(points) else f"{points:+.1f}"
