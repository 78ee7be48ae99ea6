"""The MLflow model: the Scorer's answers to the last bit, from a registered alias, without pickle."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from models.artefact import Artefact
from models.playbook import Playbook
from models.pyfunc import LeadScorer
from models.scorer import Scorer
from models.settings import Settings

Request = dict[str, Any]
Invent = Callable[[int, int], list[Request]]


def frame(requests: list[Request], events: Callable[[Any], Any] = lambda e: e) -> pd.DataFrame:
    """Requests as the DataFrame that the model takes."""
    rows = [
        {
            "lead_id": request["lead"]["lead_id"],
            "created_at": request["lead"]["created_at"],
            **request["lead"]["attributes"],
            "events": events(request["events"]),
            "as_of": request["as_of"],
        }
        for request in requests
    ]
    return pd.DataFrame(rows).astype({"employees": object})


@pytest.fixture
def lead_scorer(playbook: Playbook, artefact: Artefact) -> LeadScorer:
    return LeadScorer(Scorer(playbook, artefact))


@pytest.fixture
def expected(
    playbook: Playbook,
    artefact: Artefact,
    invent: Invent,
    take_in: Callable[[list[Request]], Any],
) -> list[dict[str, Any]]:
    scores = Scorer(playbook, artefact).score(*take_in(invent(60, 14)), reasons=2, lang="ja")
    return [scores.record(row) for row in range(len(scores))]


def as_records(answers: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            name: None if isinstance(value, float) and np.isnan(value) else value
            for name, value in row.items()
        }
        for row in answers.to_dict("records")
    ]


@pytest.mark.parametrize("events", [list, json.dumps, tuple, np.array])
def test_a_frame_is_answered_as_the_same_leads_are(
    lead_scorer: LeadScorer,
    invent: Invent,
    expected: list[dict[str, Any]],
    events: Callable[[Any], Any],
) -> None:
    asked = frame(invent(60, 14), events).set_index(np.arange(60) * 7)
    answers = lead_scorer.predict(asked, {"reasons": 2, "lang": "ja"})
    assert list(answers.index) == list(asked.index)
    assert list(answers.columns) == list(expected[0])
    assert as_records(answers) == expected


@pytest.mark.parametrize("estimator", ["trees"], indirect=True)
def test_the_registered_champion_has_the_scorer_s_bits(
    saved: Path,
    artefact: Artefact,
    invent: Invent,
    expected: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import mlflow

    from training.gate.verdict import Verdict
    from training.tracking import log_run

    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    monkeypatch.setenv("TEGAKARI_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    record = {"code": "0", "figures": {}, "by_segment": {}}
    logged = log_run(
        Settings(home=tmp_path), "qualification", saved, record, Verdict(True, "first")
    )
    assert logged.note == ""
    model = mlflow.pyfunc.load_model("models:/lead-conversion@champion")
    answers = model.predict(frame(invent(60, 14)), params={"reasons": 2, "lang": "ja"})
    bits = np.array([record["probability"] for record in expected])
    assert answers["probability"].to_numpy().tobytes() == bits.tobytes()
    assert answers["versions"][0]["model"] == artefact.version
    stored = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in stored if path.suffix in (".pkl", ".pickle", ".joblib", ".py")]


def test_nothing_but_an_id_is_needed(lead_scorer: LeadScorer) -> None:
    answers = lead_scorer.predict(pd.DataFrame({"lead_id": ["a", "b"]}))
    assert answers["lead_id"].tolist() == ["a", "b"]
    assert answers["missing_inputs"].tolist() == [["created_at"], ["created_at"]]
    for nothing in (None, float("nan"), "", "[]", [], np.array([])):
        asked = pd.DataFrame({"lead_id": ["a"], "events": pd.Series([nothing], dtype=object)})
        assert lead_scorer.predict(asked)["probability"][0] == answers["probability"][0]


def test_missing_cells_are_missing_and_timestamps_are_times(lead_scorer: LeadScorer) -> None:
    said = {"lead_id": "a", "created_at": "2026-01-01T00:00:00Z", "as_of": "2026-02-01T00:00:00Z"}
    typed = {
        **said,
        "created_at": pd.Timestamp("2026-01-01", tz="UTC"),
        "as_of": pd.Timestamp("2026-02-01 09:00", tz="Asia/Tokyo"),
        "employees": float("nan"),
        "industry": pd.NA,
    }
    one, other = (lead_scorer.predict(pd.DataFrame([row])) for row in (said, typed))
    assert as_records(one) == as_records(other)


def test_an_unknown_language_is_english(lead_scorer: LeadScorer, invent: Invent) -> None:
    asked = frame(invent(3, 1))
    one, other = (
        as_records(lead_scorer.predict(asked, {"reasons": 2, "lang": lang}))
        for lang in ("fr", "en")
    )
    assert one == other
    assert one[0]["scored_by"] == "model"


EVENT = {"event_type": "demo_request", "occurred_at": "2026-01-02T00:00:00Z"}


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        ("lead_id", 7, "Row 2, lead.lead_id: "),
        ("lead_id", None, "Row 2, lead.lead_id: "),
        ("created_at", "soon", "Row 2, lead.created_at: expected a time such as"),
        ("as_of", "2026-01-01 09:00", "Row 2, as_of: expected a time with an offset"),
        ("events", "{", "Row 2, events: not a list of events"),
        ("events", 5, "Row 2, events: not a list of events"),
        ("events", '"demo"', "Row 2, events: "),
        ("events", [{}], "Row 2, events.0.event_type: "),
        ("events", [EVENT, {**EVENT, "x": 1}], "Row 2, events.1.x: "),
        (
            "events",
            [EVENT, {**EVENT, "occurred_at": "?"}],
            "Row 2, events[1].occurred_at: expected a time",
        ),
        ("employees", "many", "Row 2, employees: expected a finite number"),
        ("industry", {"a": 1}, "Row 2, lead.attributes.industry"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_row_and_field(
    lead_scorer: LeadScorer, invent: Invent, column: str, cell: Any, says: str
) -> None:
    asked = frame(invent(4, 1)).astype(object)
    asked.at[2, column] = cell
    with pytest.raises(InputError) as refused:
        lead_scorer.predict(asked)
    assert str(refused.value).startswith(says)
