"""Texts: everything can be said in every language, and the language asked for is the one given."""

from __future__ import annotations

import math
import re
import string
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.groups import ANY, BY_LEAD, BY_US, OTHER
from features.instants import DAY, HOUR
from features.kinds import KINDS
from features.plan import Feature
from models import wording
from models.explain import ROLES
from models.wording import (
    LANGUAGES,
    ago,
    effect,
    events,
    language,
    quantity,
    sentence,
    span,
    texts,
    window,
)

FACTS: list[tuple[str, dict[str, Any]]] = [
    ("age", {"days": 12.0}),
    ("age", {"days": None}),
    ("attribute", {"value": "製造"}),
    ("attribute", {"value": 30.0}),
    ("attribute", {"value": None}),
    ("attribute", {"value": -0.5, "unit": "days"}),
    ("attribute", {"value": 1.0, "unit": "characters"}),
    ("points", {"points": 12.0}),
    ("points", {"points": -1.0}),
    ("points", {"points": -2.55}),
]


def placeholders(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_are_there() -> None:
    assert LANGUAGES == ("en", "ja")
    folder = Path(wording.__file__).parent / "text"
    for lang in LANGUAGES:
        said = tomllib.loads((folder / f"{lang}.toml").read_text(encoding="utf-8"))
        assert texts(lang)["age"] == said["age"]
        assert texts(lang)["kinds"]["gap.longest"] == said["kinds"]["gap"]["longest"]


def test_every_language_says_the_same_things_of_the_same_facts() -> None:
    reference = texts("en")
    for lang in LANGUAGES:
        assert {role: set(said) for role, said in texts(lang).items()} == {
            role: set(said) for role, said in reference.items()
        }
        for role, said in texts(lang).items():
            for name, text in said.items():
                assert text.strip()
                assert placeholders(text) == placeholders(reference[role][name]), (lang, role, name)


SENTENCES = {
    wording.key(Feature(name, choice=choice)): kind
    for name, kind in KINDS.items()
    for choice in kind.choices
}
"""The kind of every feature's sentence."""


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_value_of_every_kind_has_its_sentence_and_no_other_has(lang: str) -> None:
    assert set(texts(lang)["kinds"]) == set(SENTENCES)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_sentence_says_the_value_and_what_the_kind_is_told(lang: str) -> None:
    parameter = {"window": {"window"}, "half_life": {"length"}, None: set[str]()}
    for name, text in texts(lang)["kinds"].items():
        kind = SENTENCES[name]
        of = set() if kind.per == "lead" else {"of"}
        assert placeholders(text) == {"value"} | of | parameter[kind.takes], name


SAID_AS_EVENTS = {"group", "response", "bigram", "step"}
"""Of what kinds have features that are said by what they are about, not by the feature."""


@pytest.mark.parametrize("lang", LANGUAGES)
def test_nothing_and_not_known_are_said_as_absence(lang: str) -> None:
    """Of every value that a lead of which nothing is known has, and of every share of nothing."""
    said = texts(lang)
    for name, kind in SENTENCES.items():
        if kind.per in SAID_AS_EVENTS or kind.name == "age":
            assert name not in said["none"] | said["missing"], name
            continue
        choice = kind.choices[name.removeprefix(kind.name).lstrip(".")]
        if choice.empty == 0 or choice.unit == "share":
            assert name in said["none"], name
        if math.isnan(choice.empty) or kind.source in ("changes", "colleagues"):
            assert name in said["missing"], name


@pytest.mark.parametrize("section", ["none", "missing"])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_absence_is_that_of_a_feature_and_says_no_value(lang: str, section: str) -> None:
    for name, text in texts(lang)[section].items():
        sentence = placeholders(texts(lang)["kinds"][name])
        assert placeholders(text) <= sentence - {"value"}, name


def test_points_are_those_of_the_scorecard_only() -> None:
    of_points = {("page", "points"), ("page", "ledger"), ("page", "by_points"), ("page", "moved")}
    about_definitions = {
        "lists",
        "playbook",
        "preview",
        "capacity",
        "outcomes",
        "standing",
        "suggestion",
    }
    for lang, word in (("en", "point"), ("ja", "点")):
        for section, said in texts(lang).items():
            if section in about_definitions:
                continue
            for key, text in said.items():
                rest = text.replace("starting point", "").replace("{points}", "")
                rest = rest.replace("時点", "")  # a moment
                expected = section == "points" or (section, key) in of_points
                assert (word in rest.lower()) == expected, text


def test_every_role_and_every_group_of_events_has_words() -> None:
    for lang in LANGUAGES:
        # What a kind says is under `kinds`; a pair is said as its attributes are.
        assert ({*ROLES} - {"kind", "pair"}) | {"points", "kinds"} <= set(texts(lang))
        for section in ("groups", "said"):
            assert set(texts(lang)[section]) == {ANY, BY_LEAD, BY_US, OTHER}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(("role", "facts"), FACTS)
def test_every_fact_becomes_a_sentence(lang: str, role: str, facts: dict[str, Any]) -> None:
    said = sentence(role, "LABEL {curly}", facts, lang)
    assert "None" not in said
    assert "LABEL {curly}" in said or role == "age"
    assert (lang == "ja") == any(ord(letter) > 0x3000 for letter in said.replace("製造", ""))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("said", [None, "SAID {count}"])
def test_every_count_of_events_becomes_a_sentence(lang: str, said: str | None) -> None:
    """Never is absence, whatever is said of the rest; a label is no template."""
    whole = [
        events("LABEL {curly}", said, {"count": n, "hours_since_last": 50.0}, lang)
        for n in range(5)
    ]
    assert len(set(whole)) == len(whole)
    assert "LABEL {curly}" in whole[0]
    for n, text in enumerate(whole[1:], 1):
        assert ("SAID" if said else "LABEL {curly}") in text
        assert ago(50.0, lang) in text
        assert quantity(n, "events", lang) in text
        assert ("last" in text or "最終" in text) == (n > 1)


@pytest.mark.parametrize(
    ("label", "said", "count", "sentence"),
    [
        (
            "price page view",
            "price page seen {count}",
            4,
            "price page seen 4 times, last 2 days ago",
        ),
        ("price page view", "price page seen {count}", 1, "price page seen once, 2 days ago"),
        ("price page view", None, 4, "price page view: 4 times, last 2 days ago"),
        ("price page view", None, 1, "price page view: once, 2 days ago"),
        ("reply", "replied {count}", 0, "no reply"),
        ("料金ページの閲覧", "料金ページを{count}閲覧", 4, "料金ページを4回閲覧（最終2日前）"),
        ("料金ページの閲覧", "料金ページを{count}閲覧", 1, "料金ページを1回閲覧（2日前）"),
        ("「fax」", None, 4, "「fax」：4回（最終2日前）"),
        ("返信", "{count}返信", 0, "返信なし"),
    ],
)
def test_events_by_example(label: str, said: str | None, count: int, sentence: str) -> None:
    facts = {"count": count, "hours_since_last": 50.0}
    assert events(label, said, facts, "en" if sentence.isascii() else "ja") == sentence


def test_facts_are_in_the_sentence() -> None:
    assert sentence("attribute", "employees", {"value": 30.0}, "en") == "employees: 30"
    assert sentence("points", "demo", {"points": 12.0}, "en") == "demo: +12 points"
    assert sentence("points", "demo", {"points": -2.55}, "ja").startswith("demo：-2.")


@pytest.mark.parametrize(
    ("hours", "en", "ja"),
    [
        (0.0, "within the hour", "1時間以内"),
        (1.0, "1 hour ago", "1時間前"),
        (1.99, "1 hour ago", "1時間前"),
        (47.9, "47 hours ago", "47時間前"),
        (48.0, "2 days ago", "2日前"),
        (71.9, "2 days ago", "2日前"),
        (24.0 * 365, "365 days ago", "365日前"),
    ],
)
def test_times_past(hours: float, en: str, ja: str) -> None:
    assert (ago(hours, "en"), ago(hours, "ja")) == (en, ja)


@pytest.mark.parametrize(
    ("hours", "en", "ja"),
    [
        (0.0, "less than a minute", "1分未満"),
        (1 / 60, "1 minute", "1分"),
        (0.5, "30 minutes", "30分"),
        (59.8 / 60, "1 hour", "1時間"),
        (1.9, "1 hour", "1時間"),
        (24.0, "24 hours", "24時間"),
        (48.0, "2 days", "2日"),
    ],
)
def test_lengths_of_time(hours: float, en: str, ja: str) -> None:
    assert (span(hours, "en"), span(hours, "ja")) == (en, ja)


@pytest.mark.parametrize(
    ("length", "en", "ja"),
    [
        (None, "so far", "これまで"),
        (HOUR, "in the last hour", "直近1時間"),
        (DAY, "in the last 24 hours", "直近24時間"),
        (7 * DAY, "in the last 7 days", "直近7日"),
    ],
)
def test_windows(length: int | None, en: str, ja: str) -> None:
    assert (window(length, "en"), window(length, "ja")) == (en, ja)


UNITS = sorted({choice.unit for kind in KINDS.values() for choice in kind.choices.values()})
WRONG = re.compile(r"\b1 \w+s\b|\b(?!1\b)\d+ (time|minute|hour|day|bit|point|character)\b")
"""English that has the plural for one, or the singular for many."""


@given(
    st.sampled_from([*UNITS, "characters"]),
    st.one_of(st.sampled_from([0.0, 1.0, 1.0004, 2.0]), st.floats(0, 1e5)),
)
def test_one_is_singular_and_many_are_plural(unit: str, value: float) -> None:
    if unit == "weekday":
        value %= 7
    assert not WRONG.search(quantity(value, unit, "en"))
    for facts in ({"value": value, "unit": unit}, {"value": -value, "unit": "days"}):
        assert not WRONG.search(sentence("attribute", "x", facts, "en"))
    assert not WRONG.search(sentence("points", "x", {"points": round(value)}, "en"))
    count = {"count": round(value), "hours_since_last": value}
    for said in (None, "x {count}"):
        assert not WRONG.search(events("x", said, count, "en"))


def test_numbers_are_written_out() -> None:
    assert quantity(123456.7, "value", "en") == "123457"
    assert quantity(2.346, "ratio", "en") == "2.35 ×"


@pytest.mark.parametrize(
    ("accept", "lang"),
    [
        (None, "en"),
        ("", "en"),
        ("ja", "ja"),
        ("JA-jp", "ja"),
        ("en-GB,en;q=0.9", "en"),
        ("fr, ja;q=0.3", "ja"),
        ("en;q=0.4, ja;q=0.5", "ja"),
        ("ja; q=0.5, en; q=0.4", "ja"),
        ("en ; q=0.4 , ja ; q=0.5", "ja"),
        ("ja;q=0.5, en;q=0.5", "ja"),
        ("ja;q=0, en", "en"),
        ("ja;q=0", "en"),
        ("ja;q=oops", "en"),
        ("ja;q=nan", "en"),
        ("*", "en"),
        (";;,,q=1", "en"),
        ("jabberwocky", "en"),
    ],
)
def test_the_language_asked_for(accept: str | None, lang: str) -> None:
    assert language(accept) == lang


@given(st.text())
def test_whatever_is_asked_a_language_there_is_comes_back(accept: str) -> None:
    assert language(accept) in LANGUAGES


def test_every_minute_of_a_day_is_said_as_it_is() -> None:
    """An hour is a float of single precision, below the minute it stands for as often as above."""
    for minute in range(24 * 60):
        hour = float(np.float32(minute / 60))
        assert quantity(hour, "o'clock", "ja") == f"{minute // 60}:{minute % 60:02}"


@pytest.mark.parametrize(
    ("facts", "en", "ja"),
    [
        ({"value": 400.2, "unit": "days"}, "x: 400 days ago", "x：400日前"),
        ({"value": 0.2, "unit": "days"}, "x: 4 hours ago", "x：4時間前"),
        ({"value": -2.5, "unit": "days"}, "x: in 3 days", "x：3日後"),
        ({"value": -0.5, "unit": "days"}, "x: in 1 day", "x：1日後"),
        ({"value": 12.0, "unit": "characters"}, "x: 12 characters", "x：12文字"),
        ({"value": None, "unit": "days"}, "x is not given", "xが未入力"),
        ({"value": 12.0}, "x: 12", "x：12"),
    ],
)
def test_an_attribute_is_said_as_what_is_learnt_of_it(
    facts: dict[str, Any], en: str, ja: str
) -> None:
    assert sentence("attribute", "x", facts, "en") == en
    assert sentence("attribute", "x", facts, "ja") == ja


@pytest.mark.parametrize(
    ("points", "en", "ja"),
    [
        (12.3, "probability +12.3 pp", "確率 +12.3%ポイント"),
        (-0.26, "probability -0.3 pp", "確率 -0.3%ポイント"),
        (-0.04, "probability +0.0 pp", "確率 +0.0%ポイント"),
    ],
)
def test_effects_are_percentage_points_of_probability(points: float, en: str, ja: str) -> None:
    assert (effect(points, "en"), effect(points, "ja")) == (en, ja)


@given(st.floats(-100, 100))
def test_an_effect_has_one_sign_and_one_decimal(points: float) -> None:
    for lang in LANGUAGES:
        number = re.search(r"[+-]\d+\.\d", effect(points, lang))
        assert number
        assert abs(float(number[0]) - points) <= 0.05 + 1e-9


def test_what_leads_wrote_is_shown_on_one_line_and_cannot_write_another() -> None:
    hostile = "IT\n  probability +99.0 pp\x1b[2J \u202eforged\x00"
    assert wording.shown(hostile) == "IT probability +99.0 pp [2J forged"
    assert wording.shown("x" * 5000) == "x" * 79 + "…"
    assert [wording.shown(v) for v in (3.0, 2.5, "機械")] == ["3", "2.5", "機械"]
    assert "\n" not in sentence("attribute", "industry", {"value": hostile}, "en")
    assert "\x1b" not in wording.quoted(hostile, "ja")


@pytest.mark.parametrize("accept", ["ja; q = 1", "ja_JP", "fr, ja;q=0.1", "en;q=0.5,ja"])
def test_languages_are_asked_for_in_many_ways(accept: str) -> None:
    assert wording.language(accept) == "ja"
