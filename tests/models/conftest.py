"""Invented leads, and small models with a planted signal that answer them."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pytest

from features.build import Matrix, build
from features.form import Form
from features.groups import groups
from features.instants import DAY
from features.log import EventLog, Leads
from features.plan import Attribute, Plan, expand
from features.program import compile_plan
from features.spine import Spine
from features.times import parse_one
from models.artefact import Artefact, Golden
from models.calibration import Calibrator
from models.conversion import ConversionModel, Trees
from models.encode import Encoder
from models.evidence import Evidence
from models.logistic import Logistic
from models.playbook import Playbook
from models.request import ScoreRequest, cutoffs, leads_and_log
from models.scorer import Scorer
from models.scores import Scores
from models.touches import Count, Pair, Touches

TYPES = ("price_page_view", "newsletter_sent", "demo_request", "blog_view")
INDUSTRIES = ("machinery", "software", "construction", None)
PAIR = Pair(Count(300, 40), Count(900, 90))
AS_OF = "2026-02-01T00:00:00Z"

Request = dict[str, Any]
Invent = Callable[[int, int], list[Request]]
Score = Callable[..., Scores]
TakeIn = Callable[[list[Request]], tuple[Leads, EventLog, npt.NDArray[np.int64]]]


def _invent(n: int, seed: int) -> list[Request]:
    rng = np.random.default_rng(seed)
    days = rng.integers(1, 28, (n, 12))
    requests = []
    for row in range(n):
        lead: Request = {
            "lead_id": f"lead-{row}",
            "created_at": f"2026-01-{rng.integers(1, 9):02}T00:00:00Z",
            "attributes": {
                "employees": None if rng.random() < 0.2 else int(rng.integers(1, 5000)),
                "industry": INDUSTRIES[int(rng.integers(4))],
            },
        }
        events = [
            {
                "event_type": TYPES[int(rng.choice(4, p=(0.3, 0.3, 0.1, 0.3)))],
                "occurred_at": f"2026-01-{day + 1:02}T{rng.integers(24):02}:30:00Z",
            }
            for day in days[row, : rng.integers(0, 12)]
        ]
        requests.append({"lead": lead, "events": events, "as_of": AS_OF})
    return requests


def _take_in(requests: list[Request]) -> tuple[Leads, EventLog, npt.NDArray[np.int64]]:
    form = Form({}, {}, None, frozenset(), 2**62)
    parsed = [ScoreRequest.model_validate(request) for request in requests]
    leads, log = leads_and_log(parsed, form)
    return leads, log, cutoffs(parsed, form, 0)


@pytest.fixture(scope="session")
def playbook() -> Playbook:
    return Playbook.load()


@pytest.fixture(scope="session")
def invent() -> Invent:
    """So many invented leads as requests, by a seed."""
    return _invent


@pytest.fixture(scope="session")
def take_in() -> TakeIn:
    """Requests as leads, their events, and the moments as of which they are seen."""
    return _take_in


@pytest.fixture(scope="session")
def as_of() -> int:
    """The moment as of which invented leads are seen."""
    return parse_one(AS_OF, None, "as_of")


@pytest.fixture(scope="session")
def plan() -> Plan:
    touches = ("newsletter_sent",)
    return Plan(
        event_types=TYPES[:3],
        other_types=TYPES[3:],
        touches=touches,
        features=expand(
            ["count 7d", "count ever", "decay 14d", "recency", "age"],
            {"group": groups(TYPES[:3], TYPES[3:], touches)},
        ),
        attributes=(Attribute("employees", "number"), Attribute("industry", "category")),
        timezone="UTC",
        columns={},
        date_events={},
    )


@pytest.fixture(scope="session")
def matrix(plan: Plan) -> Matrix:
    """The features of 1,500 invented leads."""
    leads, log, at = _take_in(_invent(1500, 5))
    rows = np.arange(len(leads))
    return build(plan, compile_plan(plan), leads, log, Spine(rows, at, None, np.zeros_like(rows)))


@pytest.fixture(scope="session")
def label(matrix: Matrix) -> npt.NDArray[np.int8]:
    """Whether they converted: more demos do it, machinery does it, missing employees prevent it."""
    demos = matrix.behaviour[:, matrix.plan.names.index("count_ever(demo_request)")]
    machinery = np.array([text == "machinery" for text in matrix.attributes[1].to_pylist()])
    known = np.isfinite(np.asarray(matrix.attributes[0], dtype=np.float64))
    chance = 1 / (1 + np.exp(-(-2.5 + 1.2 * demos + 1.0 * machinery + 1.0 * known)))
    return (np.random.default_rng(9).random(len(chance)) < chance).astype(np.int8)


@pytest.fixture(scope="session")
def encoder(matrix: Matrix) -> Encoder:
    return Encoder.fit(matrix, np.arange(len(matrix)))


@pytest.fixture(scope="session")
def trees(matrix: Matrix, label: npt.NDArray[np.int8], encoder: Encoder) -> Trees:
    booster = lgb.train(
        {"objective": "binary", "verbosity": -1, "num_leaves": 7, "num_threads": 1, "seed": 3},
        lgb.Dataset(
            encoder.encode(matrix), label, categorical_feature=[len(matrix.plan.names) - 1]
        ),
        num_boost_round=40,
    )
    return Trees(booster.model_to_string())


@pytest.fixture(scope="session")
def logistic(matrix: Matrix, label: npt.NDArray[np.int8], encoder: Encoder) -> Logistic:
    weight = np.ones(len(label))
    return Logistic.fit(encoder.encode(matrix), label, weight, encoder, matrix.plan.names, 0.1)


@pytest.fixture(scope="session", params=["trees", "logistic"])
def estimator(request: pytest.FixtureRequest) -> Trees | Logistic:
    """Each of the two estimators in turn."""
    found: Trees | Logistic = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="session")
def artefact(estimator: Trees | Logistic, encoder: Encoder, plan: Plan) -> Artefact:
    """An artefact of each estimator in turn, with golden rows, evidence and touches."""
    predicted = np.linspace(0.02, 0.9, 600)
    rng = np.random.default_rng(1)
    bare = Artefact(
        plan=plan,
        task=Playbook.load().task("qualification"),
        encoder=encoder,
        model=ConversionModel(estimator, Calibrator("sigmoid", values=(0.9, -0.1))),
        evidence=Evidence.of(predicted, rng.random(600) < predicted),
        touches=Touches(7 * DAY, (-2.0, -1.0), {"newsletter_sent": (PAIR, PAIR, PAIR)}),
        record={"figures": {"ece": float("nan")}, "note": "手がかり"},
    )
    requests = _invent(64, 77)
    return dataclasses.replace(bare, golden=Golden(requests, bare.answers(requests).tolist()))


@pytest.fixture(scope="session")
def saved(artefact: Artefact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sound artefact, which tests only read."""
    folder = tmp_path_factory.mktemp("models") / "artefact"
    artefact.save(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """An artefact of a test's own, to be damaged."""
    return Path(shutil.copytree(saved, tmp_path / "artefact"))


@pytest.fixture(scope="session")
def score(take_in: Callable[[list[Request]], Any]) -> Score:
    """Scores requests with a scorer."""

    def by(scorer: Scorer, requests: list[Request], **asked: Any) -> Scores:
        return scorer.score(*take_in(requests), **asked)

    return by
