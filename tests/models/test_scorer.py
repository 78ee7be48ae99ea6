"""The one answerer: it always answers, says who did and on what basis, and with the same bits anywhere."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.artefact import Artefact
from models.calibration import Calibrator
from models.conversion import ConversionModel, Trees
from models.evidence import Basis, Bin, Evidence, unlike_observed
from models.playbook import Playbook
from models.points_map import PointsMap
from models.scorer import Scorer, code_version
from models.scores import Scores

Request = dict[str, Any]
Score = Callable[..., Scores]

NAMES = [
    "lead_id",
    "as_of",
    "known_at",
    "task",
    "state",
    "horizon",
    "probability",
    "basis",
    "points",
    "points_by_score",
    "grade",
    "ledger",
    "temperature",
    "temperature_by",
    "temperature_otherwise",
    "stage",
    "standing",
    "psychological_stage",
    "journey_step",
    "journey",
    "excluded",
    "trend",
    "scored_by",
    "fallback_reason",
    "starting_point",
    "reasons",
    "next_action",
    "warnings",
    "ignored",
    "outside_training",
    "missing_inputs",
    "versions",
]

AFTER = {
    "deal_opened": "in_deal",
    "deal_won": "customer",
    "purchase": "customer",
    "lost": "lost",
}


def lead(name: str, *events: tuple[str, int], **attributes: Any) -> Request:
    """A lead created on the first of January, and (event type, day of January)."""
    return {
        "lead": {
            "lead_id": name,
            "created_at": "2026-01-01T00:00:00Z",
            "attributes": attributes,
        },
        "events": [
            {"event_type": kind, "occurred_at": f"2026-01-{day:02}T00:00:00Z"}
            for kind, day in events
        ],
        "as_of": "2026-01-20T00:00:00Z",
    }


@pytest.fixture(scope="module")
def points_map(playbook: Playbook) -> PointsMap:
    rng = np.random.default_rng(0)
    points = rng.integers(-20, 80, 2000)
    label = (rng.random(2000) < 0.02 + 0.004 * np.clip(points, 0, None)).astype(np.int8)
    return PointsMap.fit(
        points,
        label,
        np.arange(2000),
        task="qualification",
        playbook_version=playbook.version,
        observed_until=0,
    )


@pytest.fixture(scope="module")
def scorer(playbook: Playbook, artefact: Artefact, points_map: PointsMap) -> Scorer:
    return Scorer(playbook, artefact, points_map)


def records(scores: Scores) -> list[dict[str, Any]]:
    return [scores.record(row) for row in range(len(scores))]


def test_one_lead_alone_is_answered_as_in_a_list_whatever_the_others_are(
    scorer: Scorer, score: Score, invent: Callable[[int, int], list[Request]]
) -> None:
    requests = invent(700, 3)
    requests[5]["lead"]["attributes"]["employees"] = 1e300
    requests[6]["lead"]["attributes"]["employees"] = "many"
    requests[7]["events"].append({**requests[7]["events"][0], "event_type": "lost"})
    together = score(scorer, requests, reasons=3, lang="ja")
    for row in (0, 5, 6, 7, *range(20, 60)):
        alone = score(scorer, [requests[row]], reasons=3, lang="ja")
        assert json.dumps(alone.record(0)) == json.dumps(together.record(row))
        assert alone.raw.tobytes() == together.raw[row : row + 1].tobytes()


def test_a_record_has_the_names_of_the_contract_and_plain_values(
    scorer: Scorer, score: Score, invent: Callable[[int, int], list[Request]]
) -> None:
    for record in records(score(scorer, invent(50, 1), reasons=3)):
        assert list(record) == NAMES
        assert json.loads(json.dumps(record, allow_nan=False)) == record
        assert 0 <= record["probability"] <= 1
        assert set(record["basis"]) == {"n", "converted", "low", "high"}
        assert set(record["ignored"]) == {"future", "duplicate", "unknown_type"}
        assert record["as_of"] == "2026-02-01T00:00:00Z"
        assert (record["task"], record["horizon"]) == ("qualification", "90d")
        assert (record["scored_by"], record["fallback_reason"]) == ("model", None)
        assert len(record["reasons"]) <= 3
        for reason in record["reasons"]:
            assert list(reason) == ["group", "facts", "effect", "text"]
            assert reason["effect"] != 0


def test_a_model_s_answer_is_its_probability(
    scorer: Scorer, score: Score, invent: Callable[[int, int], list[Request]]
) -> None:
    assert scorer.artefact is not None
    requests = invent(300, 4)
    scores = score(scorer, requests)
    assert scores.probability.tobytes() == scorer.artefact.answers(requests).tobytes()


def test_versions_say_what_answered(scorer: Scorer, playbook: Playbook, score: Score) -> None:
    assert scorer.artefact is not None
    assert score(scorer, [lead("a")]).versions == {
        "model": scorer.artefact.version,
        "playbook": playbook.version,
        "features": scorer.artefact.plan.version,
        "code": code_version(),
    }
    by_rules = score(Scorer(playbook), [lead("a")]).versions
    assert (by_rules["model"], by_rules["features"]) == (None, None)


@pytest.mark.parametrize(("event", "state"), AFTER.items())
def test_a_lead_that_is_not_open_has_its_state_and_no_probability(
    scorer: Scorer, score: Score, event: str, state: str
) -> None:
    shut, open_still = records(
        score(
            scorer,
            [lead("a", ("demo_request", 3), (event, 9)), lead("b", ("demo_request", 3))],
            reasons=3,
        )
    )
    assert (shut["state"], shut["task"], shut["horizon"]) == (state, None, None)
    assert (shut["probability"], shut["basis"]) == (None, None)
    assert (shut["scored_by"], shut["fallback_reason"]) == ("rules", "task_without_model")
    assert shut["warnings"] == [f"not open: {event} at 2026-01-09T00:00:00Z"]
    assert (shut["temperature"] is None) == (state == "customer")
    assert shut["points"] == open_still["points"]
    assert (open_still["state"], open_still["scored_by"]) == ("open", "model")


def test_an_outcome_after_as_of_has_not_happened_yet(scorer: Scorer, score: Score) -> None:
    later, never = records(
        score(
            scorer,
            [lead("a", ("price_page_view", 2), ("lost", 21)), lead("a", ("price_page_view", 2))],
        )
    )
    assert later.pop("ignored") == {"future": 1, "duplicate": 0, "unknown_type": 0}
    assert never.pop("ignored") == {"future": 0, "duplicate": 0, "unknown_type": 0}
    assert later == never


def test_a_closing_event_of_no_known_meaning_leaves_a_lead_closed(
    take_in: Callable[[list[Request]], Any],
) -> None:
    playbook = Playbook.parse(
        'schema = 1\n[tasks.qualification]\nlabel = "won"\ncloses = ["won", "parked"]\n'
        'horizon = "30d"\ncutoffs = { every = "7d" }\nreopens = ["unparked"]\n'
    )
    requests = [
        lead("a", ("parked", 3)),
        lead("b", ("parked", 3), ("unparked", 4)),
        {**lead("c"), "as_of": "2025-12-31T00:00:00Z"},
    ]
    scores = Scorer(playbook).score(*take_in(requests))
    assert scores.state == ["closed", "open", "not_created"]
    assert scores.warnings[2] == ["the lead was created after as_of"]
    assert scores.task == [None, "qualification", None]


@pytest.mark.parametrize("without", ["no_model", "model_unavailable", "model_damaged"])
def test_without_a_model_rules_answer_and_say_why(
    playbook: Playbook, points_map: PointsMap, score: Score, without: Any
) -> None:
    asked = [lead("a", ("demo_request", 19)), lead("b")]
    bare = records(score(Scorer(playbook, without=without), asked, reasons=2))
    for record in bare:
        assert (record["scored_by"], record["fallback_reason"]) == ("rules", without)
        assert (record["probability"], record["basis"]) == (None, None)  # nothing is invented
    assert bare[0]["points"] == 29
    assert bare[0]["reasons"][0]["text"] == "demo request: +29.3 points"
    assert bare[0]["reasons"][0]["effect"] is None
    observed = records(score(Scorer(playbook, None, points_map, without), asked))
    for record in observed:
        place = points_map.lookup(np.array([record["points"]]))
        assert record["probability"] == place[0][0]
        assert record["basis"] == points_map.basis(int(place[1][0]))


def test_a_model_of_another_task_does_not_answer(
    playbook: Playbook, artefact: Artefact, points_map: PointsMap, score: Score
) -> None:
    recycling = replace(artefact, task=replace(artefact.task, name="recycling"))
    (record,) = records(score(Scorer(playbook, recycling, points_map), [lead("a")]))
    assert (record["scored_by"], record["fallback_reason"]) == ("rules", "task_without_model")
    assert record["task"] == "qualification"
    assert record["probability"] is not None  # the points map is of this task


def test_the_points_map_of_another_task_says_nothing(
    playbook: Playbook, points_map: PointsMap, score: Score
) -> None:
    other = replace(points_map, task="recycling")
    (record,) = records(score(Scorer(playbook, None, other), [lead("a")]))
    assert (record["probability"], record["basis"]) == (None, None)


@pytest.mark.parametrize("how", ["raises", "not a number"])
def test_when_prediction_fails_rules_answer_and_no_lead_is_logged(
    playbook: Playbook,
    artefact: Artefact,
    points_map: PointsMap,
    score: Score,
    caplog: pytest.LogCaptureFixture,
    how: str,
) -> None:
    class Broken(Trees):
        def raw(self, X: Any) -> Any:
            if how == "raises":
                raise RuntimeError("secret of lead a")
            return np.full(len(X), np.nan)

    model = ConversionModel(Broken(""), Calibrator())
    broken = Scorer(playbook, replace(artefact, model=model), points_map)
    asked = [lead("a", ("demo_request", 19)), lead("b", ("deal_won", 3))]
    with caplog.at_level(logging.DEBUG):
        found = records(score(broken, asked, reasons=2))
    by_rules = records(score(Scorer(playbook, None, points_map), asked, reasons=2))
    assert [r["fallback_reason"] for r in found] == ["prediction_failed", "task_without_model"]
    assert found[0]["probability"] == by_rules[0]["probability"]
    assert found[0]["reasons"] == by_rules[0]["reasons"]
    assert "prediction failed" in caplog.text
    assert "secret" not in caplog.text


def test_a_model_that_fails_on_the_past_still_answers_now(
    playbook: Playbook, artefact: Artefact, score: Score, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = '[temperature]\nby = "probability"\nhot = 1.0\nwarm = 1e-9\nhysteresis = 0.99\n'
    sensitive = Playbook.parse(
        playbook.text.replace(
            playbook.text[
                playbook.text.index("[temperature]") : playbook.text.index("# A lead is rising")
            ],
            text,
        )
    )
    asked = [lead("a", ("demo_request", 19), ("price_page_view", 2))]
    sound = score(Scorer(sensitive, artefact), asked)
    assert sound.trend.records()[0] is not None
    matrix_of, calls = Artefact.matrix, iter(range(100))

    def failing(self: Artefact, *args: Any) -> Any:
        if next(calls):
            raise RuntimeError("the past is gone")
        return matrix_of(self, *args)

    monkeypatch.setattr(Artefact, "matrix", failing)
    found = score(Scorer(sensitive, artefact), asked)
    assert found.by_model.all()
    assert found.probability.tolist() == sound.probability.tolist()
    assert found.trend.records()[0] is None
    assert found.temperature[0] == "warm"


def test_events_that_were_not_used_are_counted_by_lead(scorer: Scorer, score: Score) -> None:
    asked = lead("a", ("price_page_view", 3), ("price_page_view", 25), ("ufo_sighting", 4))
    asked["events"] += [
        {"event_type": "blog_view", "occurred_at": "2026-01-05T00:00:00Z", "event_id": "x"},
        {"event_type": "blog_view", "occurred_at": "2026-01-06T00:00:00Z", "event_id": "x"},
        {"event_type": "ufo_sighting", "occurred_at": "2026-01-26T00:00:00Z"},
    ]
    used, clean = records(
        score(scorer, [asked, lead("a", ("price_page_view", 3), ("blog_view", 5))], reasons=2)
    )
    assert used.pop("ignored") == {"future": 2, "duplicate": 1, "unknown_type": 1}
    assert clean.pop("ignored") == {"future": 0, "duplicate": 0, "unknown_type": 0}
    assert used == clean


def test_what_training_never_saw_and_what_is_missing_are_named(
    playbook: Playbook, artefact: Artefact, score: Score
) -> None:
    scorer = Scorer(playbook, replace(artefact, evidence=None))
    strange = lead("a", industry="astrology", employees=3)
    bare = {"lead": {"lead_id": "b"}, "as_of": "2026-01-20T00:00:00Z"}
    old = {**lead("c", industry="software"), "as_of": "2027-06-01T00:00:00Z"}
    found = score(scorer, [strange, bare, old], reasons=5)
    assert found.outside_training == [["industry"], [], []]
    assert found.missing_inputs == [[], ["created_at"], []]
    assert found.warnings == [[], [], ["no act of its own for 365 days"]]
    ages = [r["text"] for r in found.reasons[1] if r["group"] == "age"]
    assert ages in ([], ["it is not known when the lead was created"])
    assert all(math.isfinite(p) for p in found.probability)


def test_temperature_goes_by_points_and_only_customers_have_none(
    scorer: Scorer, score: Score
) -> None:
    days = [("demo_request", 19), ("demo_request", 19), ("contact_form", 19)]
    found = score(scorer, [lead("hot", *days), lead("warm", *days[:1]), lead("cold")])
    assert found.points.total.tolist() == [83, 29, 0]
    assert found.temperature == ["hot", "warm", "cold"]
    assert found.temperature_by == "points"


def test_the_ledger_stands_beside_a_model_s_answer_too(
    playbook: Playbook, scorer: Scorer, score: Score
) -> None:
    asked = [lead("a", ("blog_view", 10), ("social_click", 18), ("demo_request", 19))]
    (by_model,), (by_rules,) = (records(score(s, asked)) for s in (scorer, Scorer(playbook)))
    assert (by_model["scored_by"], by_rules["scored_by"]) == ("model", "rules")
    assert by_model["ledger"] == by_rules["ledger"]
    said = {entry["rule"]: (entry["event"], entry["at"]) for entry in by_model["ledger"]}
    assert said["blog and social"] == ("social_click", "2026-01-18T00:00:00Z")
    assert round(sum(entry["points"] for entry in by_model["ledger"])) == by_model["points"]


def test_the_order_is_by_probability_then_raw_then_lead_id(
    playbook: Playbook,
    artefact: Artefact,
    score: Score,
    invent: Callable[[int, int], list[Request]],
) -> None:
    flat = Calibrator("sigmoid", values=(1e-16, -1.0))  # which no double tells from a constant
    model = replace(artefact.model, calibrator=flat)
    requests = [*invent(300, 2), lead("zz", ("lost", 3)), lead("aa", ("lost", 3))]
    twins = [{**request, "lead": {**request["lead"]}} for request in requests[:20]]
    for place, twin in enumerate(twins):
        twin["lead"]["lead_id"] = f"a-twin-{place}"
    scores = score(Scorer(playbook, replace(artefact, model=model)), requests + twins)
    order = scores.order()
    assert sorted(order) == list(range(len(scores)))
    keys = [
        (
            -(scores.probability[row] if scores.by_model[row] else -1),
            -scores.raw[row],
            scores.lead_id[row],
        )
        for row in order
    ]
    assert keys == sorted(keys)
    assert len({p for p, _, _ in keys}) < len({(p, raw) for p, raw, _ in keys}) < len(keys)
    assert [scores.lead_id[row] for row in order[-2:]] == ["aa", "zz"]


def test_without_probabilities_the_order_is_by_points(playbook: Playbook, score: Score) -> None:
    asked = [lead("b"), lead("a"), lead("c", ("demo_request", 19)), lead("d", ("lost", 3))]
    scores = score(Scorer(playbook), asked)
    assert [scores.lead_id[row] for row in scores.order()] == ["c", "a", "b", "d"]


def test_appending_what_the_cutoff_cannot_see_changes_nothing(
    scorer: Scorer, score: Score, invent: Callable[[int, int], list[Request]]
) -> None:
    requests = invent(200, 6)
    longer = json.loads(json.dumps(requests))
    for request in longer:
        request["events"] += [
            {"event_type": kind, "occurred_at": "2026-02-01T00:00:01Z"}
            for kind in ("demo_request", "deal_won", "blog_view")
        ]
        request["events"].append(
            {
                "event_type": "demo_request",
                "occurred_at": "2026-01-10T00:00:00Z",
                "recorded_at": "2026-02-03T00:00:00Z",
            }
        )
    before, after = (records(score(scorer, each, reasons=3)) for each in (requests, longer))
    for one, other in zip(before, after, strict=True):
        assert other.pop("ignored")["future"] == 4 + one.pop("ignored")["future"]
        assert one == other


@pytest.mark.parametrize("asked", [0, 1, 5])
def test_as_many_reasons_as_asked_for_whoever_answers(
    playbook: Playbook, scorer: Scorer, score: Score, asked: int
) -> None:
    busy = lead(
        "a",
        *((kind, 19) for kind in ("demo_request", "contact_form", "price_page_view")),
        *((kind, 18) for kind in ("case_study_view", "webinar_attend", "seminar_attend")),
        *((kind, 17) for kind in ("newsletter_sent", "blog_view", "catalogue_download")),
        employees=40,
        industry="machinery",
    )
    for each in (scorer, Scorer(playbook)):
        (record,) = records(score(each, [busy], reasons=asked))
        assert len(record["reasons"]) == asked


def test_reasons_are_the_lead_s_own_facts_in_both_languages(scorer: Scorer, score: Score) -> None:
    asked = [lead("a", ("demo_request", 10), ("demo_request", 18), industry="machinery")]
    en, ja = (records(score(scorer, asked, reasons=5, lang=lang))[0] for lang in ("en", "ja"))
    assert [r["effect"] for r in en["reasons"]] == [r["effect"] for r in ja["reasons"]]
    said = {r["group"]: (r["text"], r["facts"]) for r in en["reasons"]}
    assert said["demo_request"] == (
        "demo requested 2 times, last 2 days ago",
        {"count": 2, "hours_since_last": 48.0},
    )
    assert "デモを2回申し込み（最終2日前）" in [r["text"] for r in ja["reasons"]]
    effects = [abs(r["effect"]) for r in en["reasons"]]
    assert effects == sorted(effects, reverse=True)


def test_nobody_asked_nobody_answered(scorer: Scorer, score: Score) -> None:
    nobody = score(scorer, [], reasons=3)
    assert (len(nobody), nobody.order().tolist()) == (0, [])


BASIS: Basis = {"n": 1196, "converted": 409, "low": 0.316, "high": 0.3697}


@pytest.mark.parametrize(
    ("probability", "lang", "told"),
    [
        (0.316, "en", []),
        (0.3697, "en", []),
        (
            0.8,
            "en",
            [
                "the probability 80.0% lies outside what was observed for comparable leads "
                "(predicted 30.0% to 72.5%): 34.2% (409 of 1,196, 95% interval 31.6% to 37.0%)"
            ],
        ),
        (
            0.3156,
            "ja",
            [
                "予測確率31.56%は類似リード（予測30.0%～72.5%）の実績の範囲外：34.2%（1,196件中409件、"
                "95%信頼区間31.60%～36.97%）"
            ],
        ),
    ],
)
def test_a_probability_outside_what_was_observed_is_told_with_figures(
    probability: float, lang: str, told: list[str]
) -> None:
    observed = Bin(0.3, 0.725, BASIS["n"], BASIS["converted"])
    assert unlike_observed(probability, observed, BASIS, lang) == told
    assert Evidence(()).unlike(np.array([probability]), lang) == [[]]


def test_only_answers_of_a_model_outside_their_evidence_are_told_so(
    playbook: Playbook,
    artefact: Artefact,
    points_map: PointsMap,
    score: Score,
    invent: Callable[[int, int], list[Request]],
) -> None:
    asked = [*invent(200, 8), lead("shut", ("deal_won", 3))]
    seen = set()
    for rate in (0.02, 0.3):
        label = np.random.default_rng(2).random(600) < rate
        evidence = Evidence.of(np.linspace(0.02, 0.9, 600), label)
        scorer = Scorer(playbook, replace(artefact, evidence=evidence), points_map)
        for record in records(score(scorer, asked)):
            told = [w for w in record["warnings"] if "comparable leads" in w]
            basis, p = record["basis"], record["probability"]
            outside = basis is not None and not basis["low"] <= p <= basis["high"]
            assert len(told) == outside
            seen.add(outside)
    assert seen == {True, False}
    by_rules = records(score(Scorer(playbook, None, points_map), asked))
    assert not any("comparable leads" in w for record in by_rules for w in record["warnings"])


def test_evidence_is_the_bin_of_the_probability(scorer: Scorer, score: Score) -> None:
    assert scorer.artefact is not None
    evidence = scorer.artefact.evidence
    assert isinstance(evidence, Evidence)
    scores = score(scorer, [lead("a", ("demo_request", 19)), lead("b")])
    assert scores.basis == evidence.basis(scores.probability)
