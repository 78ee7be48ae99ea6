"""The three doors: whole lists, HTTP and the MLflow model give one answer, to the last bit."""

from __future__ import annotations

import csv
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Protocol

import mlflow
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow import MlflowClient

from features.build import Matrix
from features.cells import as_text
from models.artefact import Artefact
from models.playbook import Playbook
from models.settings import Settings
from serving.app import create_app
from serving.batch import Job, Scored, score_file
from serving.registry import load_scorer
from training.gate.verdict import Verdict
from training.tracking import log_run

Request = dict[str, Any]
Record = dict[str, Any]


class Door(Protocol):
    """Answers for some leads as of one moment, each as HTTP would be asked."""

    def __call__(self, requests: list[Request]) -> list[Record]: ...


@dataclass(frozen=True)
class Doors:
    """The three ways in."""

    batch: Door
    http: Door
    pyfunc: Door

    def each(self) -> Iterator[Door]:
        """The doors, whole lists first."""
        yield from (self.batch, self.http, self.pyfunc)


@contextmanager
def features_seen(patch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What the model is given while the block runs: for each open lead, the bits of its features."""
    seen: list[dict[str, Any]] = []
    matrix_of = Artefact.matrix

    def spy(self: Artefact, leads: Any, log: Any, spine: Any, *others: Any) -> Matrix:
        matrix = matrix_of(self, leads, log, spine, *others)
        X = self.encoder.encode(matrix)
        ids = leads.lead_id.to_pylist()
        seen.extend({"lead_id": ids[r], "X": X[i].tobytes()} for i, r in enumerate(spine.lead))
        return matrix

    with patch.context() as inside:
        inside.setattr(Artefact, "matrix", spy)
        yield seen


def write_lists(requests: list[Request], folder: Path, shuffle: random.Random) -> tuple[Path, Path]:
    """Requests as a lead list and an event log, the events in any order."""
    names = list(dict.fromkeys(name for r in requests for name in r["lead"]["attributes"]))
    leads, events = folder / "leads.csv", folder / "events.csv"
    with leads.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["lead_id", "created_at", *names])
        for request in requests:
            lead = request["lead"]
            cells = [lead["lead_id"], lead.get("created_at")]
            rows.writerow([*cells, *(as_text(lead["attributes"].get(name)) for name in names)])
    optional = ("event_id", "recorded_at", "channel", "content", "value")
    happened = [(r["lead"]["lead_id"], event) for r in requests for event in r["events"]]
    shuffle.shuffle(happened)
    with events.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["lead_id", "event_type", "occurred_at", *optional])
        for lead_id, event in happened:
            cells = [lead_id, event["event_type"], event["occurred_at"]]
            rows.writerow([*cells, *(as_text(event.get(name)) for name in optional)])
    return leads, events


def as_frame(requests: list[Request]) -> pd.DataFrame:
    """Requests as the MLflow model takes them."""
    rows = [
        {
            "lead_id": r["lead"]["lead_id"],
            "created_at": r["lead"].get("created_at"),
            "events": r["events"],
            "as_of": r["as_of"],
            **r["lead"]["attributes"],
        }
        for r in requests
    ]
    return pd.DataFrame(rows, dtype=object)


@pytest.fixture(scope="module")
def doors(
    world: Any,
    service: TestClient,
    environment: Callable[[Path], AbstractContextManager[pytest.MonkeyPatch]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Doors:
    """The three doors of the world's champion."""
    folder = tmp_path_factory.mktemp("lists")
    chosen, playbook = world.settings, Playbook.load()
    shuffle = random.Random(0)
    with pytest.MonkeyPatch.context() as patch:
        # The service has just checked this model, which takes seconds.
        patch.setattr("serving.registry.check", lambda folder: None)
        scorer = load_scorer(chosen, playbook, "qualification", str(world.artefact))
    with environment(world.home) as patch:
        patch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
        mlflow.set_tracking_uri(chosen.tracking_uri)
        loaded = mlflow.pyfunc.load_model("models:/lead-conversion@champion")

    def batch(requests: list[Request]) -> list[Record]:
        leads, events = write_lists(requests, folder, shuffle)
        out = folder / "out.parquet"
        (as_of,) = {r["as_of"] for r in requests}
        job = Job(leads=leads, events=events, out=out, as_of=as_of, reasons=5)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("serving.asked.load_scorer", lambda *_: scorer)
            scored = score_file(job, chosen, playbook)
        assert scored.refused == []
        records = [scored.scores.record(row) for row in range(len(scored.scores))]
        assert_file_says(out, records)
        return records

    def http(requests: list[Request]) -> list[Record]:
        answers = [service.post("/v1/score?reasons=5", json=r) for r in requests]
        assert [a.status_code for a in answers] == [200] * len(answers), answers[0].text
        return [answer.json() for answer in answers]

    def pyfunc(requests: list[Request]) -> list[Record]:
        frame = loaded.predict(as_frame(requests), params={"reasons": 5})
        return [
            {**row, "probability": None if pd.isna(row["probability"]) else row["probability"]}
            for row in frame.to_dict("records")
        ]

    return Doors(batch, http, pyfunc)


def assert_file_says(path: Path, records: list[Record]) -> None:
    """The columns of the output are the answers, to the last bit."""
    rows = pq.read_table(path).to_pylist()
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        assert row["lead_id"] == record["lead_id"]
        same = ("points", "temperature", "temperature_by", "temperature_otherwise", "task", "state")
        same += ("scored_by", "stage", "psychological_stage", "journey_step", "grade", "excluded")
        for name in same:
            assert row[f"tegakari_{name}"] == record[name], name
        assert row["tegakari_next_action"] == (record["next_action"] or {}).get("label")
        for name, points in record["points_by_score"].items():
            assert row[f"tegakari_points_{name}"] == points
        assert row["tegakari_origin"] == record["standing"]["origin"]
        assert row["tegakari_cycle"] == record["standing"]["cycle"]
        trend = record["trend"] or {"direction": None, "past": []}
        assert row["tegakari_trend"] == trend["direction"]
        for then in trend["past"]:
            assert bits(row[f"tegakari_change_{then['days']}d"]) == bits(then["change"])
        assert bits(row["tegakari_probability"]) == bits(record["probability"])
        assert bits(row["tegakari_starting_point"]) == bits(record["starting_point"])
        for name, value in (record["basis"] or {}).items():
            assert bits(row[f"tegakari_basis_{name}"]) == bits(value)
        for name, count in record["ignored"].items():
            assert row[f"tegakari_ignored_{name}"] == count
        for place in range(1, 6):
            said = record["reasons"][place - 1] if place <= len(record["reasons"]) else {}
            assert row[f"tegakari_reason_{place}"] == said.get("text")
            assert bits(row[f"tegakari_effect_{place}"]) == bits(said.get("effect"))
        for name, version in record["versions"].items():
            assert row[f"tegakari_version_{name}"] == version


def bits(value: Any) -> Any:
    """A value with every number in it written out exactly."""
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, dict):
        return {name: bits(inner) for name, inner in value.items()}
    return [bits(inner) for inner in value] if isinstance(value, list) else value


def assert_one_answer(doors: Doors, requests: list[Request]) -> list[Record]:
    """Every door answers each lead alike, whether it comes alone or in a list."""
    with features_seen(pytest.MonkeyPatch()) as seen:
        answers, features = [], []
        for door in doors.each():
            seen.clear()
            answers.append(door(requests))
            # The MLflow model and lists answer together, HTTP one lead after the other, and each
            # lead is seen at earlier moments too.
            features.append(sorted(seen, key=lambda row: (row["lead_id"], row["X"])))
    batch, http, pyfunc = answers
    for mine, over_http, by_mlflow in zip(batch, http, pyfunc, strict=True):
        assert bits(over_http) == bits(mine)
        assert bits(by_mlflow) == bits(mine)
    assert features[1] == features[0]
    assert features[2] == features[0]
    return batch


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


Draw = Callable[[random.Random, int], list[Request]]


@pytest.fixture(scope="module")
def draw(world: Any) -> Draw:
    """Draws leads of the world, as of a moment of its last half year."""
    listed = pd.read_csv(world.leads, dtype=str, keep_default_na=False)
    happened = pd.read_parquet(world.events)
    happened["lead_id"] = happened["lead_id"].astype(str)
    by_lead = dict(list(happened.groupby("lead_id")))
    optional = [n for n in ("event_id", "channel", "content", "value") if n in happened]

    def draw(rng: random.Random, n: int) -> list[Request]:
        back = timedelta(days=rng.uniform(0, 180))
        as_of = (utc(world.ends) - back).isoformat()
        requests = []
        for row in rng.sample(range(len(listed)), n):
            lead = listed.iloc[row].to_dict()
            lead_id, created_at = lead.pop("lead_id"), lead.pop("created_at")
            lead["employees"] = int(lead["employees"]) if lead["employees"] else None
            mine = by_lead.get(lead_id, happened.iloc[:0])
            events = [
                {
                    "event_type": str(event["event_type"]),
                    "occurred_at": event["occurred_at"].isoformat(),
                    **{n: event[n] for n in optional if not pd.isna(event[n])},
                }
                for event in mine.to_dict("records")
            ]
            rng.shuffle(events)
            told = {"lead_id": lead_id, "created_at": created_at, "attributes": lead}
            requests.append({"lead": told, "events": events, "as_of": as_of})
        return requests

    return draw


def test_the_world_reaches_trees(world: Any) -> None:
    assert world.said["rung"] == "lightgbm"
    assert world.said["champion"]


@pytest.mark.parametrize("seed", range(4))
def test_random_leads_get_one_answer_at_every_door(doors: Doors, draw: Draw, seed: int) -> None:
    answers = assert_one_answer(doors, draw(random.Random(seed), 40))
    by_model = [a for a in answers if a["scored_by"] == "model"]
    assert len(by_model) > 5
    assert len({a["probability"] for a in by_model}) > 1
    assert all(a["reasons"] for a in by_model)
    assert any(a["next_action"] and a["next_action"]["association"] for a in by_model)


def test_one_lead_alone_is_answered_as_in_a_list(doors: Doors, draw: Draw) -> None:
    requests = draw(random.Random(99), 12)
    for door in doors.each():
        together = door(requests)
        assert [bits(door([request])[0]) for request in requests] == bits(together)


MOMENT = datetime(2025, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
TYPES = ("demo_request", "price_page_view", "blog_view", "newsletter_sent", "call_made")
CLOSING = ("deal_opened", "lost", "deal_won", "purchase")
HOSTILE = st.text("aZ 0,;\"'\n\t\\é漢ｶ🗾", min_size=1, max_size=6).map(lambda text: f"x{text}")

moments = st.builds(
    lambda away, zone: (MOMENT + timedelta(seconds=away)).astimezone(zone).isoformat(),
    # A few seconds to coincide on, the cutoff itself among them; and years to be lost in.
    st.sampled_from([-3600.5, -1e-6, 0, 1e-6]) | st.floats(-4e8, 3e6, allow_nan=False),
    st.sampled_from([UTC, timezone(timedelta(hours=9)), timezone(timedelta(hours=-3.5))]),
)
numbers = (
    st.none() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
)
events = st.fixed_dictionaries(
    {
        "event_type": st.sampled_from(TYPES) | st.sampled_from(CLOSING) | HOSTILE,
        "occurred_at": moments,
    },
    optional={
        "recorded_at": moments,
        "channel": st.sampled_from(["web", "mail"]) | HOSTILE,
        "content": HOSTILE,
        "value": numbers,
        "event_id": st.sampled_from(["1", "2", "3"]),
    },
)
leads = st.fixed_dictionaries(
    {"lead_id": HOSTILE},
    optional={
        "created_at": moments,
        "attributes": st.fixed_dictionaries(
            {},
            optional={
                "employees": numbers,
                "cad_seats": numbers,
                "industry": st.sampled_from(["機械", "プラスチック"]) | HOSTILE,
                "prefecture": st.integers(0, 9),
                "do_not_mail": st.booleans(),
                "role": st.sampled_from(["経営者", "学生"]) | st.none(),
                "unheard of": HOSTILE,
            },
        ),
    },
)


def request_of(lead: dict[str, Any], happened: list[dict[str, Any]]) -> Request:
    return {"lead": {"attributes": {}, **lead}, "events": happened, "as_of": MOMENT.isoformat()}


requests = st.builds(request_of, leads, st.lists(events, max_size=8))


@settings(max_examples=40, deadline=None)
@given(st.lists(requests, min_size=1, max_size=5, unique_by=lambda r: r["lead"]["lead_id"]))
def test_hostile_leads_get_one_answer_at_every_door(doors: Doors, asked: list[Request]) -> None:
    for answer, request in zip(assert_one_answer(doors, asked), asked, strict=True):
        known = (*TYPES, *CLOSING)
        strange = [e for e in request["events"] if e["event_type"] not in known]
        assert answer["ignored"]["unknown_type"] <= len(strange)
        assert sum(answer["ignored"].values()) <= len(request["events"])
        assert answer["probability"] is None or 0 <= answer["probability"] <= 1


def test_what_is_not_used_is_counted_at_every_door(doors: Doors) -> None:
    def event(kind: str, days: float, **more: object) -> dict[str, object]:
        return {
            "event_type": kind,
            "occurred_at": (MOMENT + timedelta(days=days)).isoformat(),
            **more,
        }

    lead: dict[str, object] = {
        "lead_id": "one",
        "created_at": (MOMENT - timedelta(days=9)).isoformat(),
        "attributes": {"industry": "never seen before"},
    }
    happened = [
        event("price_page_view", 1),
        event("price_page_view", 2),
        event("demo_request", -1, event_id="same"),
        event("demo_request", -1, event_id="same"),
        event("never heard of", -2),
        event("blog_view", -20),
    ]
    request = {"lead": lead, "events": happened, "as_of": MOMENT.isoformat()}
    (answer,) = assert_one_answer(doors, [request])
    assert answer["ignored"] == {"future": 2, "duplicate": 1, "unknown_type": 1}
    assert answer["outside_training"] == ["industry"]


def test_events_after_the_cutoff_change_no_answer(doors: Doors, draw: Draw) -> None:
    def before(request: Request) -> Request:
        cutoff = datetime.fromisoformat(request["as_of"])
        kept = [e for e in request["events"] if datetime.fromisoformat(e["occurred_at"]) <= cutoff]
        return {**request, "events": kept}

    asked = draw(random.Random(5), 30)
    for whole, cut in zip(doors.http(asked), doors.http([before(r) for r in asked]), strict=True):
        assert cut["ignored"]["future"] == 0
        assert {**whole, "ignored": None} == {**cut, "ignored": None}


def test_losing_the_model_step_by_step_loses_no_answer(
    world: Any,
    service: TestClient,
    draw: Draw,
    environment: Callable[[Path], AbstractContextManager[pytest.MonkeyPatch]],
    tmp_path: Path,
) -> None:
    home, playbook = tmp_path / "home", Playbook.load()
    chosen = Settings(home=home)
    asked = draw(random.Random(11), 20)
    shutil.copytree(world.settings.points_maps, chosen.points_maps)
    with environment(home):
        record = {"code": "0", "figures": {}, "by_segment": {}}
        assert log_run(
            chosen, "qualification", world.artefact, record, Verdict(True, "first")
        ).champion
    before = [service.post("/v1/score", json=request).json() for request in asked]
    assert {a["scored_by"] for a in before if a["state"] == "open"} == {"model"}

    def over_http() -> list[Record]:
        with TestClient(create_app(chosen)) as client:
            assert client.get("/readyz").json()["scored_by"] == "rules"
            answers = [client.post("/v1/score", json=request) for request in asked]
        assert {answer.status_code for answer in answers} == {200}
        return [answer.json() for answer in answers]

    def in_a_list() -> Scored:
        leads, events = write_lists(asked, tmp_path, random.Random(0))
        at, out = asked[0]["as_of"], tmp_path / "out.csv"
        job = Job(leads=leads, events=events, out=out, as_of=at, reasons=3)
        return score_file(job, chosen, playbook)

    shutil.rmtree(home / "mlartifacts")
    files_gone = over_http()
    MlflowClient(chosen.tracking_uri).delete_registered_model("lead-conversion")
    name_gone, listed = over_http(), in_a_list()
    (home / "mlflow.db").unlink()
    store_gone = over_http()
    for answers, reason in (
        (files_gone, "model_unavailable"),
        (name_gone, "no_model"),
        (store_gone, "no_model"),
        ([listed.scores.record(row) for row in range(len(asked))], "no_model"),
    ):
        for was, answer in zip(before, answers, strict=True):
            assert answer["scored_by"] == "rules"
            for name in ("lead_id", "as_of", "state", "points", "ledger", "temperature"):
                assert answer[name] == was[name]
            if was["scored_by"] == "model":
                assert answer["fallback_reason"] == reason
                # The points map is kept apart: losing the model does not lose it.
                assert 0 < answer["probability"] < 1
                assert answer["basis"]["n"] > 0
    shutil.rmtree(chosen.points_maps)
    assert {answer["probability"] for answer in over_http()} == {None}
    assert np.isnan(in_a_list().scores.probability).all()
