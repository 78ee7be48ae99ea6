"""Why an answer changed: the parts sum to the change, and what did not happen has no part."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from features.changes import Changes
from features.instants import DAY
from features.known import Known
from models.artefact import Artefact
from models.calibration import Calibrator
from models.evidence import Bin, Evidence
from models.playbook import Playbook
from models.points_map import PointsMap
from models.scorer import Scorer
from models.since import why_changed
from models.wording import LANGUAGES
from tests.models.conftest import Invent, TakeIn

N = 25
STEPS = {"*time", "*attributes", "*events", "*model", "*playbook"}


@pytest.fixture(scope="module")
def knowns(invent: Invent, take_in: TakeIn) -> list[Known]:
    """Leads one by one."""
    return [Known(*take_in([request])[:2]) for request in invent(N, 31)]


def why(then: Scorer, now: Scorer, known: Known, since: int, as_of: int, **more: Any) -> Any:
    return why_changed(then, now, known, since=since, as_of=as_of, task="qualification", **more)


def score(scorer: Scorer, known: Known, at: int) -> float:
    scores = scorer.score(known.leads, known.log, np.array([at]), changes=known.changes)
    return float(scores.probability[0])


@pytest.mark.parametrize("days", [0, 5, 12])
def test_parts_sum_to_the_change(
    artefact: Artefact, playbook: Playbook, knowns: list[Known], as_of: int, days: int
) -> None:
    scorer = Scorer(playbook, artefact)
    moved = set()
    for known in knowns:
        since = as_of - days * DAY
        told = why(scorer, scorer, known, since, as_of)
        before, after = score(scorer, known, since), score(scorer, known, as_of)
        assert told["then"]["probability"] == before
        assert told["effect"] == pytest.approx(100 * (after - before), abs=1e-9)
        parts = [reason["effect"] for reason in told["reasons"]]
        assert sum(parts) == pytest.approx(told["effect"], abs=1e-7)
        assert parts == sorted(parts, key=lambda part: -abs(part))
        moved |= {reason["group"] for reason in told["reasons"]}
    assert not moved if days == 0 else {"*time", "price_page_view"} <= moved


def test_without_events_since_only_time_passed(
    artefact: Artefact, playbook: Playbook, knowns: list[Known], as_of: int
) -> None:
    scorer = Scorer(playbook, artefact)
    for known in knowns:
        last = int(max(known.log.visible_at, default=int(known.leads.created_at[0])))
        told = why(scorer, scorer, known, last, last + 9 * DAY)
        assert {reason["group"] for reason in told["reasons"]} <= {"*time"}
        assert [r["facts"] for r in told["reasons"]] in ([], [{"hours": 9 * 24.0}])


def test_what_happened_since_is_counted_since(
    artefact: Artefact, playbook: Playbook, knowns: list[Known], as_of: int
) -> None:
    scorer, since = Scorer(playbook, artefact), as_of - 6 * DAY
    seen = 0
    for known in knowns:
        told = why(scorer, scorer, known, since, as_of)
        code = known.log.types.index("demo_request") if "demo_request" in known.log.types else -1
        new = int(((known.log.event_type == code) & (known.log.visible_at > since)).sum())
        for reason in told["reasons"]:
            # What did not change has no part.
            assert reason["group"] not in ("industry", "employees")
            if reason["group"] == "demo_request" and new:
                assert reason["facts"]["count"] == new
                seen += 1
    assert seen


def test_attributes_that_changed_are_reasons(
    artefact: Artefact, playbook: Playbook, knowns: list[Known], as_of: int
) -> None:
    attributes = tuple(dataclasses.replace(one, time="tracked") for one in artefact.plan.attributes)
    plan = dataclasses.replace(artefact.plan, attributes=attributes)
    scorer = Scorer(playbook, dataclasses.replace(artefact, plan=plan))
    name = attributes[1].name
    known = next(k for k in knowns if k.leads.attributes[name][0].as_py() == "machinery")
    changes = Changes(np.array([0]), [name], ["software"], np.array([as_of - 2 * DAY]))
    known = dataclasses.replace(known, changes=changes)
    told = why(scorer, scorer, known, as_of - 4 * DAY, as_of)
    by_group = {reason["group"]: reason for reason in told["reasons"]}
    assert by_group[name]["facts"] == {"before": "software", "after": "machinery"}
    assert by_group[name]["text"] == "industry: software → machinery"
    assert sum(r["effect"] for r in told["reasons"]) == pytest.approx(told["effect"], abs=1e-7)
    earlier = why(scorer, scorer, known, as_of - DAY, as_of)
    assert name not in {reason["group"] for reason in earlier["reasons"]}
    # What the model does not look at has no part.
    person = Changes(np.array([0]), ["person"], ["Ann"], changes.changed_at)
    told = why(scorer, scorer, dataclasses.replace(known, changes=person), as_of - 4 * DAY, as_of)
    assert {r["group"] for r in told["reasons"]} <= {"*time", *artefact.groups.names} - {name}


def test_another_model_and_another_playbook_are_reasons_of_their_own(
    artefact: Artefact, playbook: Playbook, knowns: list[Known], as_of: int
) -> None:
    other = dataclasses.replace(
        artefact,
        model=dataclasses.replace(
            artefact.model, calibrator=Calibrator("sigmoid", values=(0.9, 0.8))
        ),
    )
    renamed = Playbook.parse(playbook.text.replace("hot = 50", "hot = 60"))
    then, now = Scorer(playbook, artefact), Scorer(renamed, other)
    told = why(then, now, knowns[0], as_of, as_of)
    assert [reason["group"] for reason in told["reasons"]] == ["*model", "*playbook"]
    assert told["reasons"][1]["effect"] == 0  # which decides no probability of a model
    assert told["reasons"][0]["facts"] == {"before": artefact.version, "after": other.version}
    assert told["reasons"][0]["effect"] > 0
    assert told["then"]["versions"]["playbook"] == playbook.version


def points_map(playbook: Playbook, low: int, high: int) -> PointsMap:
    bins = (Bin(-100.0, 10.0, 200, low), Bin(10.0, 30.0, 200, 60), Bin(30.0, 99.0, 200, high))
    return PointsMap("qualification", playbook.version, 0, Evidence(bins))


def test_rules_are_told_apart_too(playbook: Playbook, knowns: list[Known], as_of: int) -> None:
    scorer = Scorer(playbook, points_map=points_map(playbook, 10, 120))
    rules = set()
    for known in knowns:
        told = why(scorer, scorer, known, as_of - 12 * DAY, as_of)
        parts = [reason["effect"] for reason in told["reasons"]]
        assert sum(parts) == pytest.approx(told["effect"], abs=1e-7)
        rules |= {reason["group"] for reason in told["reasons"]}
    assert "price page" in rules
    # The playbook changed, and with it what became of leads with so many points.
    renamed = Playbook.parse(playbook.text.replace("hot = 50", "hot = 60"))
    now = Scorer(renamed, points_map=points_map(renamed, 40, 120))
    told = why(scorer, now, knowns[0], as_of, as_of)
    assert {reason["group"] for reason in told["reasons"]} <= {"*playbook"}


def test_from_rules_to_a_model(
    artefact: Artefact, playbook: Playbook, knowns: list[Known], as_of: int
) -> None:
    then = Scorer(playbook, points_map=points_map(playbook, 10, 120))
    told = why(then, Scorer(playbook, artefact), knowns[0], as_of, as_of)
    assert [reason["facts"] for reason in told["reasons"]] == [
        {"before": None, "after": artefact.version}
    ]


def test_a_lead_that_was_not_there_yet_has_no_change(
    artefact: Artefact, playbook: Playbook, knowns: list[Known], as_of: int
) -> None:
    scorer = Scorer(playbook, artefact)
    told = why(scorer, scorer, knowns[0], as_of - 90 * DAY, as_of)
    assert (told["effect"], told["reasons"]) == (None, [])
    assert told["then"]["state"] == "not_created"


def test_every_language_says_every_step(
    artefact: Artefact, playbook: Playbook, knowns: list[Known], as_of: int
) -> None:
    scorer = Scorer(playbook, artefact)
    told = [
        why(scorer, scorer, knowns[0], as_of - 12 * DAY, as_of, lang=lang) for lang in LANGUAGES
    ]
    for reasons in zip(*(one["reasons"] for one in told), strict=True):
        assert len({reason["text"] for reason in reasons}) == len(LANGUAGES)
        assert len({reason["effect"] for reason in reasons}) == 1


def test_a_step_that_nobody_could_answer_is_left_to_the_next(
    artefact: Artefact, playbook: Playbook, knowns: list[Known], as_of: int
) -> None:
    """From a model to rules of another playbook: by the old one nothing was observed."""
    renamed = Playbook.parse(playbook.text.replace("hot = 50", "hot = 60"))
    now = Scorer(renamed, points_map=points_map(renamed, 10, 120))
    told = why(Scorer(playbook, artefact), now, knowns[0], as_of, as_of)
    assert [reason["group"] for reason in told["reasons"]] == ["*playbook"]
    assert told["reasons"][0]["effect"] == told["effect"]
