"""Phrases: every feature of every kind says what it is, in both languages, with the company's names."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from features.groups import ANY, BY_LEAD, BY_US
from features.instants import DAY
from features.kinds import KINDS
from features.plan import Attribute, Feature, Plan, Response
from models import explain, wording
from models.facts import plain_value
from models.phrases import Phrases
from models.playbook import Playbook
from models.wording import LANGUAGES

WORDS = {None: "", "window": "7d 30d ever", "half_life": "3d 45d"}
PLAN = Plan(
    event_types=("price_page_view", "newsletter_sent", "見積依頼"),
    other_types=("fax",),
    touches=("newsletter_sent",),
    features=(),
    attributes=(Attribute("project", "category", "tracked"),),
    timezone="Asia/Tokyo",
    columns={},
    date_events={},
    channels=("web", "mail"),
    steps=("attention", "comparison"),
    step_of_type={"price_page_view": "comparison"},
    responses=(Response("newsletter_sent", "price_page_view"),),
    bigrams=(("newsletter_sent", "price_page_view"), ("price_page_view", "newsletter_sent")),
)
LINES = [f"{name} {WORDS[kind.takes]}" for name, kind in KINDS.items()]
WHOLE = PLAN.with_features([*LINES, "count 14d", "decay 5d"])
"""Every kind, and lines that somebody adds to a plan at run time."""

GROUPS = explain.groups(WHOLE)
OF_KINDS = [
    feature
    for feature, group in zip(WHOLE.features, GROUPS.of_feature, strict=False)
    if GROUPS.roles[group] == "kind"
]


@pytest.fixture(scope="module", params=LANGUAGES)
def words(request: pytest.FixtureRequest) -> Phrases:
    return Phrases(Playbook.load(), WHOLE, request.param)


def test_every_feature_says_something_of_its_own(words: Phrases) -> None:
    said = [words.feature(feature, "VALUE") for feature in WHOLE.features]
    assert len(set(said)) == len(said)
    for sentence in said:
        assert "VALUE" in sentence
        assert "{" not in sentence
        assert "None" not in sentence
        assert (words.lang == "ja") == any(
            ord(letter) > 0x3000 for letter in sentence.replace("見積依頼", "")
        )


def test_every_value_becomes_a_reason(words: Phrases) -> None:
    for feature in OF_KINDS:
        for value in (0.0, 1.0, 2.5, 6.0):
            facts = {"feature": feature.name, "value": plain_value(words.plan, feature, value)}
            sentence = words.reason("kind", feature.kind, facts)
            assert sentence
            assert "{" not in sentence


def test_absence_is_said_as_absence(words: Phrases) -> None:
    """Of every feature that a lead of which nothing is known has, and never as a number."""
    for feature in OF_KINDS:
        empty = None if math.isnan(feature.says.empty) else feature.says.empty
        said = words.reason("kind", feature.kind, {"feature": feature.name, "value": empty})
        assert said != words.feature(feature, said)
        assert not re.search(r"[:：]|\b0\b", said)
        assert words.feature(feature, "") not in said
        if feature.parameter:
            assert wording.window(feature.parameter, words.lang) in said


@pytest.mark.parametrize(
    ("feature", "value", "en", "ja"),
    [
        (
            Feature("gap", choice="longest"),
            75.0,
            "longest pause: 3 days",
            "行動のなかった最長期間：3日",
        ),
        (
            Feature("session", choice="minutes"),
            12.0,
            "mean length of a session: 12 minutes",
            "平均セッション時間：12分",
        ),
        (
            Feature("recent", choice="1"),
            1.0,
            "last activity: price page view",
            "最後の行動：料金ページの閲覧",
        ),
        (
            Feature("recent", choice="1"),
            4.0,
            "last activity: something rarer",
            "最後の行動：その他",
        ),
        (
            Feature("journey", choice="furthest"),
            2.0,
            "furthest step reached: comparison",
            "到達した最も先の段階：比較",
        ),
        (
            Feature("clock", choice="weekday"),
            5.0,
            "last activity on a Saturday",
            "最後の行動の曜日：土曜日",
        ),
        (
            Feature("clock", choice="hour"),
            9.5,
            "time of the last activity: 9:30",
            "最後の行動の時刻：9:30",
        ),
    ],
)
def test_reasons_by_example(feature: Feature, value: float, en: str, ja: str) -> None:
    for lang, expected in (("en", en), ("ja", ja)):
        words = Phrases(Playbook.load(), PLAN.with_features([*LINES, "count 14d"]), lang)
        facts = {"feature": feature.name, "value": plain_value(words.plan, feature, value)}
        assert words.reason("kind", feature.kind, facts) == expected


@pytest.mark.parametrize(
    ("feature", "value", "en", "ja"),
    [
        (Feature("session", choice="count"), 0.0, "no session so far", "セッションなし"),
        (Feature("recent", choice="2"), None, "lead active once at most", "リードの行動は1回以下"),
        (
            Feature("active", parameter=7 * DAY),
            0.0,
            "lead not active in the last 7 days",
            "直近7日の行動なし",
        ),
        (
            Feature("changed", "project", choice="count"),
            0.0,
            "no change of project status",
            "導入計画の変更なし",
        ),
        (
            Feature("clock", choice="hour"),
            0.0,
            "time of the last activity: 0:00",
            "最後の行動の時刻：0:00",
        ),
        (
            Feature("clock", choice="night"),
            0.001,
            "share of activity at night: less than 1%",
            "夜間の行動の割合：1%未満",
        ),
    ],
)
def test_absence_by_example(feature: Feature, value: float | None, en: str, ja: str) -> None:
    for lang, expected in (("en", en), ("ja", ja)):
        facts = {"feature": feature.name, "value": value}
        assert Phrases(Playbook.load(), WHOLE, lang).reason("kind", feature.kind, facts) == expected


def responses(touch: str, answer: str, touches: int, answers: int) -> dict[str, Any]:
    return {"touch": touch, "answer": answer, "touches": touches, "answers": answers}


@pytest.mark.parametrize(
    ("touches", "answers", "en", "ja"),
    [
        (
            5,
            0,
            "direct mail sent 5 times, no reply to direct mail",
            "ダイレクトメールを5回送付、ダイレクトメールへの返信なし",
        ),
        (
            5,
            2,
            "direct mail sent 5 times, direct mail replied to 2 times",
            "ダイレクトメールを5回送付、ダイレクトメールに2回返信",
        ),
        (
            0,
            1,
            "no direct mail sent, direct mail replied to once",
            "ダイレクトメールの送付なし、ダイレクトメールに1回返信",
        ),
        (0, 0, "no direct mail sent", "ダイレクトメールの送付なし"),
    ],
)
def test_a_response_is_the_touches_and_the_answers(
    touches: int, answers: int, en: str, ja: str
) -> None:
    facts = responses("direct_mail_sent", "mail_reply", touches, answers)
    for lang, expected in (("en", en), ("ja", ja)):
        words = Phrases(Playbook.load(), WHOLE, lang)
        assert words.reason("response", "mail_reply/direct_mail_sent", facts) == expected


@pytest.mark.parametrize(
    ("role", "facts", "en", "ja"),
    [
        (
            "bigram",
            {"first": "catalogue_download", "then": "price_page_view", "count": 3},
            "catalogue download, then price page view: 3 times",
            "カタログのダウンロードの直後に料金ページの閲覧：3回",
        ),
        (
            "bigram",
            {"first": "fax", "then": "price_page_view", "count": 0},
            "no price page view right after “fax”",
            "「fax」の直後の料金ページの閲覧なし",
        ),
        (
            "step",
            {"step": "comparison", "reached": True},
            "step reached: comparison",
            "比較の段階に到達",
        ),
        ("step", {"step": "x", "reached": False}, "step not reached: “x”", "「x」の段階に未到達"),
    ],
)
def test_pairs_of_events_and_steps(role: str, facts: dict[str, Any], en: str, ja: str) -> None:
    for lang, expected in (("en", en), ("ja", ja)):
        assert Phrases(Playbook.load(), WHOLE, lang).reason(role, "", facts) == expected


@pytest.mark.parametrize(
    ("feature", "value", "en", "ja"),
    [
        (
            Feature("count", "price_page_view", 14 * DAY),
            "3 times",
            "price page view in the last 14 days: 3 times",
            "直近14日の料金ページの閲覧：3 times",
        ),
        (
            Feature("recency", "*by_lead"),
            "…",
            "last activity of the lead: … ago",
            "リードの行動：最終…前",
        ),
        (
            Feature("response", "price_page_view/newsletter_sent", choice="rate"),
            "40%",
            "answer rate (price page view after newsletter sent): 40%",
            "反応率（ニュースレターの配信に対する料金ページの閲覧）：40%",
        ),
    ],
)
def test_features_by_example(feature: Feature, value: str, en: str, ja: str) -> None:
    for lang, expected in (("en", en), ("ja", ja)):
        words = Phrases(Playbook.load(), WHOLE, lang)
        assert words.feature(feature, value) == expected


@pytest.mark.parametrize(("lang", "quoted"), [("en", "“plan”"), ("ja", "「plan」")])
def test_what_the_playbook_does_not_name_is_quoted_as_it_came(lang: str, quoted: str) -> None:
    words = Phrases(Playbook.load(), WHOLE, lang)
    assert quoted in words.reason("events", "plan", {"count": 0})
    assert quoted in words.reason("attribute", "plan", {"value": "basic"})
    assert words.attribute("plan").startswith(quoted)
    pair = words.reason("pair", "plan x industry", {"values": {"plan": "a", "industry": "b"}})
    assert quoted in pair


@pytest.mark.parametrize(
    ("name", "count", "en", "ja"),
    [
        ("price_page_view", 4, "price page seen 4 times, last", "料金ページを4回閲覧（最終"),
        ("newsletter_sent", 1, "newsletter sent once, ", "ニュースレターを1回配信（"),
        ("price_page_view", 0, "no price page view", "料金ページの閲覧なし"),
        ("fax", 2, "“fax”: 2 times, last", "「fax」：2回（最終"),
        (BY_LEAD, 47, "lead active 47 times, last", "リードの行動47回（最終"),
        (BY_US, 1, "contacted by us once, ", "当社からの接触1回（"),
        (ANY, 0, "no activity of any kind", "行動・接触なし"),
    ],
)
def test_events_are_said_as_the_playbook_says_them(name: str, count: int, en: str, ja: str) -> None:
    facts = {"count": count, "hours_since_last": 28.0}
    for lang, begin in (("en", en), ("ja", ja)):
        said = Phrases(Playbook.load(), WHOLE, lang).reason("events", name, facts)
        assert said.startswith(begin)
        assert wording.ago(28.0, lang) in said or not count


def test_what_is_said_in_one_language_only_is_not_mixed_into_the_other() -> None:
    one = Playbook.parse(
        'schema = 1\n[events.visit]\nsaid.en = "visited {count}"\nlabel.ja = "訪問"'
    )
    facts = {"count": 2, "hours_since_last": 28.0}
    said = {lang: Phrases(one, WHOLE, lang).reason("events", "visit", facts) for lang in LANGUAGES}
    assert said == {"en": "visited 2 times, last 28 hours ago", "ja": "訪問：2回（最終28時間前）"}


def test_channels_and_values_of_categories_have_the_playbook_s_names() -> None:
    playbook = Playbook.parse(
        'schema = 1\n[names.en]\n"製造" = "manufacturing"\n[names.ja]\nmail = "メール"\n'
        '[attributes.industry]\nlabel = { en = "industry", ja = "業種" }'
    )
    last = Feature("channel", choice="last")
    plan = PLAN.with_features(["channel last"])
    said = {}
    for lang in LANGUAGES:
        words = Phrases(playbook, plan, lang)
        mail = {"feature": last.name, "value": plain_value(words.plan, last, 2.0)}
        assert mail["value"] == "mail"
        said[lang] = [
            words.reason("kind", "channel", mail),
            words.reason("attribute", "industry", {"value": "製造"}),
            words.reason("pair", "industry x plan", {"values": {"industry": "製造", "plan": "a"}}),
            words.reason("attribute", "industry", {"value": 3.0}),
        ]
    assert said == {
        "en": [
            "last channel: mail",
            "industry: manufacturing",
            "industry: manufacturing × “plan”: a",
            "industry: 3",
        ],
        "ja": ["最後のチャネル：メール", "業種：製造", "業種：製造 × 「plan」：a", "業種：3"],
    }


def test_codes_are_facts_by_the_names_they_stand_for() -> None:
    facts = [plain_value(WHOLE, f, value) for f in WHOLE.features for value in (1.0, 2.0, 9.0)]
    assert {"*other", "price_page_view", "web"} <= {f for f in facts if isinstance(f, str)}
