"""A small trained model, made by hand, and the service with and without it."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from fastapi.testclient import TestClient

from features.groups import groups
from features.plan import Attribute, Plan, expand
from models.artefact import Artefact, Golden
from models.calibration import Calibrator
from models.conversion import ConversionModel, Trees
from models.encode import Encoder
from models.playbook import Playbook
from models.points_map import Evidence
from models.settings import Settings
from serving.app import create_app

EVENTS = ("price_page_view", "newsletter_sent", "demo_request")


def make_artefact() -> Artefact:
    playbook = Playbook.load()
    touches = ("newsletter_sent",)
    plan = Plan(
        event_types=EVENTS,
        other_types=("blog_view",),
        touches=touches,
        features=expand(
            ["count 7d", "count ever", "decay 14d", "recency", "age"],
            {"group": groups(EVENTS, ("blog_view",), touches)},
        ),
        attributes=(Attribute("employees", "number"), Attribute("industry", "category")),
        timezone="UTC",
        columns={},
        date_events={},
    )
    rng = np.random.default_rng(1)
    X = rng.exponential(3, (400, len(plan.names)))
    X[:, -1] = rng.integers(0, 3, 400)
    demos = plan.names.index("count_ever(demo_request)")
    label = (X[:, demos] + X[:, 0] + rng.normal(0, 1, 400) > 6).astype(int)
    booster = lgb.train(
        {"objective": "binary", "verbosity": -1, "num_leaves": 7, "num_threads": 1},
        lgb.Dataset(X, label, categorical_feature=[len(plan.names) - 1]),
        num_boost_round=20,
    )
    predicted = np.linspace(0.02, 0.9, 600)
    artefact = Artefact(
        plan=plan,
        task=playbook.task("qualification"),
        encoder=Encoder({"industry": ("machinery", "software")}),
        model=ConversionModel(Trees(booster.model_to_string()), Calibrator()),
        evidence=Evidence.of(predicted, rng.random(600) < predicted),
        record={"trained_on": {"leads": 400}, "metrics": {"auc": 0.8, "ece": float("nan")}},
    )
    requests: list[dict[str, Any]] = [
        {
            "lead": {
                "lead_id": f"golden-{n}",
                "created_at": "2026-01-01T00:00:00Z",
                "attributes": {"employees": 10 * n, "industry": "software" if n % 2 else None},
            },
            "events": [
                {"event_type": EVENTS[k % 3], "occurred_at": f"2026-01-{k + 2:02}T03:04:05Z"}
                for k in range(3 * n)
            ],
            "as_of": "2026-02-01T00:00:00Z",
        }
        for n in range(6)
    ]
    golden = Golden(requests, artefact.answers(requests).tolist())
    return dataclasses.replace(artefact, golden=golden)


@pytest.fixture(scope="session")
def artefact() -> Artefact:
    return make_artefact()


@pytest.fixture(scope="session")
def saved(artefact: Artefact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sound artefact, which tests only read."""
    folder = tmp_path_factory.mktemp("model") / "artefact"
    artefact.save(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """An artefact of a test's own, to be damaged."""
    return Path(shutil.copytree(saved, tmp_path / "artefact"))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which nothing has ever been trained."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def by_rules(home: Path) -> Iterator[TestClient]:
    """The service before any model was trained."""
    with TestClient(create_app(Settings(home=home))) as client:
        yield client


@pytest.fixture(scope="session")
def by_model(home: Path, saved: Path) -> Iterator[TestClient]:
    """The service with a model."""
    with TestClient(create_app(Settings(home=home, model=str(saved)))) as client:
        yield client
