"""What is new takes over while requests go on; what is damaged does not, and the last good one stays."""

from __future__ import annotations

import dataclasses
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from mlflow import MlflowClient

from features.errors import TegakariError
from models.artefact import Artefact
from models.playbook import Playbook
from models.settings import Settings
from serving.app import create_app
from serving.examples import LEAD
from serving.kept import kept_scorer, last_good
from serving.live import Live
from serving.registry import load_all
from serving.watch import Watch
from tests.serving.damage import digit_changed, digit_changed_and_signed, truncated

NAME = "lead-conversion"


class Service:
    """What answers, and a watch over it, without HTTP."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        playbook = Playbook.load(settings.playbook)
        self.live = Live(playbook, load_all(settings, playbook, playbook.tasks))
        self.watch = Watch(settings, lambda: self.live, self.swap)
        self.swaps: list[Live] = []

    def swap(self, live: Live) -> None:
        self.swaps.append(live)
        self.live = live

    @property
    def version(self) -> str | None:
        return self.live.main.scorer.versions["model"]

    @property
    def reason(self) -> str | None:
        loaded = self.live.main
        return None if loaded.artefact else loaded.scorer.why_rules(loaded.task)


@pytest.fixture
def other(artefact: Artefact) -> Artefact:
    """A model of the same kind that answers otherwise."""
    evidence = artefact.evidence
    assert evidence is not None
    return dataclasses.replace(artefact, evidence=None)


class Store:
    """A real MLflow store in a folder, to which versions are added."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        settings.home.mkdir(parents=True, exist_ok=True)
        self.client, self.folder = MlflowClient(settings.tracking_uri), folder
        self.client.create_registered_model(NAME)

    def promote(self, artefact: Artefact, damage: Callable[[Path], None] | None = None) -> None:
        place = self.folder / str(len(list(self.folder.glob("*"))) + 1)
        artefact.save(place / "artefact")
        if damage:
            damage(place / "artefact")
        made = self.client.create_model_version(NAME, place.as_uri())
        self.client.set_registered_model_alias(NAME, "champion", made.version)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", watch=0.05, watch_deadline=30)


@pytest.fixture
def store(settings: Settings, tmp_path: Path) -> Store:
    (tmp_path / "logged").mkdir()
    return Store(settings, tmp_path / "logged")


def test_a_new_champion_takes_over_and_a_damaged_one_does_not(
    settings: Settings, store: Store, artefact: Artefact, other: Artefact
) -> None:
    service = Service(settings)
    try:
        assert (service.version, service.reason) == (None, "no_model")
        store.promote(artefact)
        service.watch.look()
        assert service.version == artefact.version
        # Every kind of damage is caught at a start too, see test_registry.
        for damage in (truncated, digit_changed_and_signed):
            store.promote(other, damage)
            before = len(service.swaps)
            service.watch.look()
            assert service.version == artefact.version
            assert service.live.standing.refused
            # It is told once, and tried once.
            service.watch.look()
            assert len(service.swaps) <= before + 1
        store.promote(other)
        service.watch.look()
        assert service.version == other.version != artefact.version
        assert not any("version 4" in name for name in service.live.standing.refused)
    finally:
        service.watch.close()


def test_the_last_good_model_stays_across_restarts_whatever_becomes_of_the_registry(
    settings: Settings,
    store: Store,
    artefact: Artefact,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store.promote(artefact)
    first = Service(settings)
    first.watch.close()
    assert first.version == artefact.version
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        away = Service(Settings(home=settings.home, watch_deadline=1.0))
        try:
            assert away.version == artefact.version
            away.watch.look()
            assert away.live.standing.registry_away
            assert (away.version, away.reason) == (artefact.version, None)
        finally:
            away.watch.close()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    again = Service(settings)
    try:
        again.watch.look()
        assert not again.live.standing.registry_away
    finally:
        again.watch.close()


def test_a_kept_model_that_was_damaged_is_not_trusted(
    settings: Settings, store: Store, artefact: Artefact
) -> None:
    store.promote(artefact)
    Service(settings).watch.close()
    model = f"models:/{NAME}@champion"
    assert last_good(settings, "qualification", model) is not None
    digit_changed(settings.artefacts / artefact.version)
    assert last_good(settings, "qualification", model) is None


def test_a_plan_with_kinds_that_this_code_lacks_is_refused(
    settings: Settings, store: Store, artefact: Artefact
) -> None:
    import hashlib
    import json

    def strange(folder: Path) -> None:
        plan = folder / "content/plan.json"
        plan.write_text(plan.read_text().replace('"recency"', '"telepathy"'))
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["sha256"]["plan.json"] = hashlib.sha256(plan.read_bytes()).hexdigest()
        (folder / "manifest.json").write_text(json.dumps(manifest))

    store.promote(artefact)
    service = Service(settings)
    try:
        store.promote(artefact, strange)
        service.watch.look()
        assert service.version == artefact.version
        assert "version 2" in service.live.standing.refused[0]
    finally:
        service.watch.close()


def test_a_published_playbook_takes_over_and_a_broken_one_does_not(
    saved: Path, artefact: Artefact, tmp_path: Path
) -> None:
    file = tmp_path / "playbook.toml"
    text = Playbook.load().text
    file.write_text(text, "utf-8")
    service = Service(Settings(home=tmp_path / "home", playbook=file, model=str(saved)))
    before = service.live.playbook.version
    try:
        file.write_text("[points\n", "utf-8")
        service.watch.look()
        assert service.live.playbook.version == before
        assert service.live.standing.refused == (str(file),)
        file.write_text(text.replace("hot = 50", "hot = 60"), "utf-8")
        service.watch.look()
        assert service.live.playbook.version != before
        assert service.version == artefact.version
        kept = kept_scorer(
            service.settings, service.version, service.live.playbook.version, "qualification"
        )
        assert kept.versions == service.live.main.scorer.versions
        with pytest.raises(TegakariError, match="not kept"):
            kept_scorer(service.settings, None, "000000000000", "qualification")
    finally:
        service.watch.close()


def test_requests_are_answered_while_models_are_swapped(
    saved: Path, other: Artefact, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(saved, tmp_path / "model"))
    settings = Settings(home=tmp_path / "home", model=str(folder), watch=0.05)
    seen: set[Any] = set()
    with TestClient(create_app(settings)) as client:
        before = client.post("/v1/score", json=LEAD).json()["versions"]["model"]
        other.save(tmp_path / "new")
        for name in ("content", "record.json", "manifest.json"):
            source, target = tmp_path / "new" / name, folder / name
            if target.is_dir():
                shutil.rmtree(target)
                shutil.copytree(source, target)
            else:
                shutil.copyfile(source, target)
        for _ in range(3_000):
            answer = client.post("/v1/score?reasons=0", json=LEAD)
            assert answer.status_code == 200
            assert answer.json()["scored_by"] == "model"
            seen.add(answer.json()["versions"]["model"])
            if other.version in seen:
                break
    assert seen <= {before, other.version}
    assert other.version in seen


def test_invocations_answer_as_the_registered_model_would(by_model: TestClient) -> None:
    row = {
        "lead_id": "L-0042",
        "created_at": LEAD["lead"]["created_at"],
        **LEAD["lead"]["attributes"],
        "events": LEAD["events"],
        "as_of": LEAD["as_of"],
    }
    expected = by_model.post("/v1/score?reasons=2", json=LEAD).json()
    columns, data = list(row), [list(row.values())]
    for body in (
        {"dataframe_records": [row], "params": {"reasons": 2}},
        {"dataframe_split": {"columns": columns, "data": data}, "params": {"reasons": 2}},
        {"instances": [row], "params": {"reasons": 2}},
        {"inputs": [row], "params": {"reasons": 2}},
    ):
        answer = by_model.post("/invocations", json=body)
        assert answer.status_code == 200
        assert answer.json()["predictions"] == [expected]
    csv = by_model.post(
        "/invocations", content="lead_id,employees\n007,12\n", headers={"content-type": "text/csv"}
    )
    assert csv.json()["predictions"][0]["lead_id"] == "007"
    assert by_model.get("/ping").status_code == 200
    assert by_model.get("/version").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"dataframe_records": 3},
        {"dataframe_split": {"data": []}},
        {"instances": [{"employees": 3}]},
        {"instances": [{"lead_id": "a", "as_of": "taro@example.com"}]},
        {"instances": [{"lead_id": "a"}], "inputs": []},
        {"instances": [{"lead_id": "a"}], "params": 4},
    ],
)
def test_rows_that_cannot_be_scored_are_refused_without_being_repeated(
    by_model: TestClient, body: Any
) -> None:
    answer = by_model.post("/invocations", json=body)
    assert answer.status_code == 400
    assert "taro" not in answer.text
