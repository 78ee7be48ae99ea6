"""Limits: which answers lie beyond what training saw, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from features.instants import DAY
from features.times import parse_one
from models.artefact import Artefact
from models.limits import AGE, Limits
from models.playbook import Playbook
from models.scorer import Scorer
from models.scores import Scores

Score = Callable[..., Scores]
RECORD: Mapping[str, Any] = {
    "trained_on": {"numbers": {"employees": [10, 500], AGE: [0.0, 30.0]}},
    "observed_until": "2026-01-01T00:00:00Z",
    "base_rate_moved": [0.06, 0.31],
}


def lead(created: str = "2026-02-01", **attributes: Any) -> dict[str, Any]:
    whole = {"lead_id": "a", "created_at": f"{created}T00:00:00Z", "attributes": attributes}
    return {"lead": whole, "events": [], "as_of": "2026-02-20T00:00:00Z"}


@pytest.fixture
def limited(artefact: Artefact, playbook: Playbook) -> Callable[..., Scorer]:
    """A scorer whose model has a record, and no evidence to warn of."""

    def made(**record: Any) -> Scorer:
        return Scorer(playbook, replace(artefact, record=record, evidence=None))

    return made


def test_a_number_or_an_age_beyond_those_of_training_is_named(
    limited: Callable[..., Scorer], score: Score
) -> None:
    asked = [
        lead(employees=10),
        lead(employees=500, industry="software"),
        lead(employees=501),
        lead(employees=9.5),
        lead("2025-12-01", employees=None),
    ]
    found = score(limited(**RECORD), asked)
    assert found.outside_training == [[], [], ["employees"], ["employees"], [AGE]]
    assert score(limited(), asked).outside_training == [[]] * 5


@pytest.mark.parametrize(("lang", "words"), [("en", "train again"), ("ja", "再学習")])
def test_a_model_older_than_its_horizon_says_so(
    limited: Callable[..., Scorer], score: Score, artefact: Artefact, lang: str, words: str
) -> None:
    horizon = artefact.task.horizon
    assert horizon is not None
    scorer = limited(observed_until=RECORD["observed_until"])
    end = parse_one("2026-01-01T00:00:00Z", None, "") + horizon
    for moment, told in ((end, 0), (end + DAY, 1)):
        asked = {**lead(), "as_of": str(np.datetime64(moment, "us")) + "Z"}
        (warnings,) = score(scorer, [asked], lang=lang).warnings
        assert len(warnings) == told
        assert all(words in warning for warning in warnings)


def test_a_base_rate_that_moved_is_said_with_every_answer_of_the_model(
    limited: Callable[..., Scorer], score: Score
) -> None:
    gone = lead()
    gone["events"] = [{"event_type": "lost", "occurred_at": "2026-02-10T00:00:00Z"}]
    scorer = limited(base_rate_moved=RECORD["base_rate_moved"])
    model, rules = score(scorer, [lead(), gone]).warnings
    assert model == ["the base rate moved: 6.0% of training rows converted, 31.0% of test rows"]
    assert not any("base rate" in warning for warning in rules)


def test_a_record_that_tells_nothing_limits_nothing() -> None:
    assert Limits.of_record({}, 90 * DAY) == Limits({})
    assert Limits.of_record({"observed_until": "2026-01-01T00:00:00Z"}, None) == Limits({})
