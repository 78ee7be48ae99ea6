"""Reasons of a plan with every kind of feature: facts without words, texts without codes."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any, NamedTuple

import numpy as np
import pytest

from features.build import Matrix
from features.kinds import KINDS
from features.log import EventLog
from features.plan import Plan, Response
from features.spine import Spine
from models import reasons
from models.artefact import Artefact
from models.calibration import Calibrator
from models.conversion import ConversionModel
from models.encode import Encoder
from models.families import FAMILIES, lines_of
from models.logistic import Logistic
from models.playbook import Playbook
from models.wording import LANGUAGES
from tests.models.conftest import Invent, TakeIn

LEADS = 40


class Said(NamedTuple):
    """Every reason of every lead, in each language, and what they are said of."""

    plan: Plan
    matrix: Matrix
    log: EventLog
    by_lang: dict[str, list[list[dict[str, Any]]]]


def _model(n: int) -> ConversionModel:
    """All of n columns move it."""
    coefficient = np.random.default_rng(2).normal(0, 0.05, n)
    nothing = np.zeros(n)
    levels = np.full((n, 1), np.nan)
    terms = Logistic(-1.0, nothing, np.ones(n), coefficient, coefficient, levels, nothing)
    return ConversionModel(terms, Calibrator())


@pytest.fixture(scope="module")
def said(plan: Plan, invent: Invent, take_in: TakeIn, playbook: Playbook) -> Said:
    whole = dataclasses.replace(
        plan,
        channels=("web",),
        channel_of_type=playbook.channel_of_type,
        steps=("attention", "comparison", "examination"),
        step_of_type=playbook.step_of_type,
        responses=(Response("newsletter_sent", "demo_request"),),
        bigrams=(("newsletter_sent", "demo_request"), ("demo_request", "price_page_view")),
    ).with_features(lines_of(FAMILIES))
    requests = invent(LEADS, 8)
    for request in requests[::2]:  # one session, in which a demo is asked for after a mail
        request["events"] += [
            {
                "event_type": kind,
                "occurred_at": f"2026-01-31T23:{40 + minute}:00Z",
                "content": kind,
                "value": minute,
            }
            for minute, kind in enumerate(("newsletter_sent", "demo_request", "price_page_view"))
        ]
    leads, log, at = take_in(requests)
    rows = np.arange(LEADS)
    spine = Spine(rows, at, None, np.zeros_like(rows))
    task = playbook.task("qualification")
    bare = Artefact(whole, task, Encoder({}), _model(len(whole.names)))
    matrix = bare.matrix(leads, log, spine)
    artefact = dataclasses.replace(bare, encoder=Encoder.fit(matrix, rows))
    X = artefact.encoder.encode(matrix)
    by_lang = {
        lang: reasons.reasons_of(
            artefact, playbook, matrix, X, leads, log, spine, len(whole.names), lang
        )[0]
        for lang in LANGUAGES
    }
    return Said(whole, matrix, log, by_lang)


def test_every_group_is_some_lead_s_reason(said: Said) -> None:
    groups = {reason["group"] for row in said.by_lang["en"] for reason in row}
    assert {
        "newsletter_sent > demo_request",
        "demo_request/newsletter_sent",
        "comparison",
    } <= groups
    unseen = {"changed"}  # nothing is tracked
    alone = {name for name, kind in KINDS.items() if kind.per in ("lead", "attribute")}
    assert alone - unseen <= groups


def test_facts_are_plain_and_the_same_in_every_language(said: Said) -> None:
    for en, ja in zip(said.by_lang["en"], said.by_lang["ja"], strict=True):
        assert [{**reason, "text": ""} for reason in en] == [
            {**reason, "text": ""} for reason in ja
        ]
        facts = json.dumps([reason["facts"] for reason in en], allow_nan=False)
        assert facts.isascii()


def test_texts_are_words(said: Said) -> None:
    codes = [feature.name for feature in said.plan.features]
    codes += ["None", "nan", "{", "}", "*", "_", ": not known", "：不明"]
    for lang, rows in said.by_lang.items():
        for reason in (reason for row in rows for reason in row):
            text = reason["text"]
            assert not [code for code in codes if code in text], text
            assert not re.search(r"[:：] ?0(?![\d:.])", text), text
            if lang == "ja" and reason["group"] != "industry":
                assert re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", text)


def test_a_response_counts_what_the_log_shows(said: Said) -> None:
    name = "demo_request/newsletter_sent"
    column = {n: said.matrix.behaviour[:, place] for place, n in enumerate(said.plan.names[:-2])}
    for place, row in enumerate(said.by_lang["en"]):
        for facts in (reason["facts"] for reason in row if reason["group"] == name):
            assert facts["touches"] == column["count_ever(newsletter_sent)"][place]
            assert facts["answers"] == column["count_ever(demo_request)"][place]
            since = facts.get("hours_since_touch", np.nan)
            recency = column["recency(newsletter_sent)"][place]
            np.testing.assert_allclose(since, recency, atol=0.01)


def test_pairs_of_events_and_steps_are_what_the_features_are(said: Said) -> None:
    column = {n: said.matrix.behaviour[:, place] for place, n in enumerate(said.plan.names[:-2])}
    seen = set()
    for place, row in enumerate(said.by_lang["en"]):
        for reason in row:
            facts = reason["facts"]
            if "then" in facts:
                assert facts["first"] + " > " + facts["then"] == reason["group"]
                assert facts["count"] == column[f"bigram({reason['group']})"][place]
                seen.add("bigram")
            if "reached" in facts:
                assert facts["reached"] == bool(column[f"step({facts['step']})"][place])
                seen.add("step")
    assert seen == {"bigram", "step"}
