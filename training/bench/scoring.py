"""Answers, one lead at a time and a list at once, beside the bare estimator."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from features.changes import Changes
from features.instants import DAY, iso, zone
from features.kernel import behaviour
from features.log import EventLog, Leads
from features.spine import Spine
from models.artefact import Artefact
from models.conversion import Trees
from models.intake import form_of
from models.playbook import Playbook
from models.request import ScoreRequest, leads_and_log
from models.scorer import Scorer
from models.scores import Scores
from training.bench.logs import CUTOFF
from training.bench.plain import by_plain_python
from training.bench.timing import Measure, in_turns
from training.simulate import simulate
from training.sources import Material, Sources, gather
from training.train import train

_ZONE = "Asia/Tokyo"
_END = datetime(2026, 7, 1, tzinfo=zone(_ZONE))
REASONS = 3


@dataclass(frozen=True)
class World:
    """A simulated world with the model trained on it."""

    material: Material
    artefact: Artefact
    scorer: Scorer


def world(n_leads: int, seed: int = 7) -> World:
    """Simulate and train; ValueError where so few leads convert that there is no model."""
    playbook, material = Playbook.load(), simulated(n_leads, seed)
    trained = train(material, playbook)
    if trained.artefact is None:
        raise ValueError(f"{n_leads} simulated leads are too few for a model; try 3000")
    scorer = Scorer(playbook, trained.artefact, trained.points_map)
    return World(material, trained.artefact, scorer)


def simulated(n_leads: int, seed: int = 7) -> Material:
    """The leads of a simulated world, to be trained on."""
    with tempfile.TemporaryDirectory() as folder:
        simulate(Path(folder), leads=n_leads, seed=seed, end=_END, timezone=_ZONE)
        sources = Sources(
            Path(folder, "leads.csv"),
            Path(folder, "events.parquet"),
            Path(folder, "changes.parquet"),
            timezone=_ZONE,
        )
        return gather(sources, Playbook.load(), "qualification")


def one_lead(world: World, n_events: int, repeats: int) -> list[Measure]:
    """A lead with some events, parsed already: its features, then the whole answer.

    Features are compared to one part in a million, which float32 has.
    """
    artefact = world.artefact
    leads, log = leads_and_log([_request(artefact, n_events)], form_of(Playbook.load()))
    spine = Spine.at(1, CUTOFF)

    created_at = leads.created_at

    def kernel() -> npt.NDArray[np.float32]:
        return behaviour(artefact.program, log, created_at, spine.lead, spine.cutoff)

    def matrix() -> npt.NDArray[np.float32]:
        return artefact.matrix(leads, log, spine).behaviour

    def plain() -> npt.NDArray[np.float32]:
        return by_plain_python(artefact.plan, log, 0, int(created_at[0]), CUTOFF)

    features = [
        Measure(
            name,
            "plain Python",
            1,
            "answer",
            *in_turns(repeats, ours, plain),
            agrees=bool(np.allclose(ours()[0], plain(), rtol=1e-6, atol=0, equal_nan=True)),
        )
        for name, ours in (("behaviour, one lead", kernel), ("with attributes", matrix))
    ]
    what = "one answer"
    return [
        *features,
        _answers(what, world, leads, log, CUTOFF, None, 0, repeats),
        _answers(what, world, leads, log, CUTOFF, None, REASONS, repeats),
    ]


def whole_list(world: World, repeats: int) -> list[Measure]:
    """Every lead of the list as of the end of the data, without reasons and with them."""
    material = world.material
    what = "list"
    return [
        _answers(
            what,
            world,
            material.leads,
            material.log,
            material.observed_until,
            material.intake.changes,
            reasons,
            repeats,
        )
        for reasons in (0, REASONS)
    ]


def _answers(
    what: str,
    world: World,
    leads: Leads,
    log: EventLog,
    cutoff: int,
    changes: Changes | None,
    reasons: int,
    repeats: int,
) -> Measure:
    """The scorer's answers beside the estimator alone, which gets features ready-made.

    Raw scores are compared bit for bit.
    """
    artefact, at = world.artefact, np.full(len(leads), cutoff)

    def ours() -> Scores:
        return world.scorer.score(leads, log, at, changes=changes, reasons=reasons)

    scores = ours()
    answered = np.flatnonzero(scores.by_model)
    spine = Spine.at(len(leads), cutoff).take(answered)
    X = artefact.encoder.encode(artefact.matrix(leads, log, spine, changes))

    def reference() -> npt.NDArray[np.float64]:
        estimator = artefact.model.estimator
        if reasons and isinstance(estimator, Trees):
            told: Any = estimator.booster.predict(X, pred_contrib=True)
            return np.asarray(told)
        return estimator.contributions(X) if reasons else estimator.raw(X)

    return Measure(
        what + (", reasons" if reasons else ""),
        artefact.model.kind + (" SHAP" if reasons else ""),
        len(leads),
        "answer" if len(leads) == 1 else "leads",
        *in_turns(repeats, ours, reference),
        agrees=len(answered) > 0 and np.array_equal(scores.raw[answered], artefact.model.raw(X)),
    )


def _request(artefact: Artefact, n_events: int) -> ScoreRequest:
    """An open lead of 200 days, its events among the types that the model knows."""
    rng = np.random.default_rng(0)
    created = CUTOFF - 200 * DAY
    types = artefact.plan.known_types
    events = [
        {"event_type": types[rng.integers(len(types))], "occurred_at": iso(created + int(ago))}
        for ago in rng.integers(0, 200 * DAY, n_events)
    ]
    texts = artefact.encoder.categories.items()
    attributes = {name: known[0] for name, known in texts if known}
    lead = {"lead_id": "L1", "created_at": iso(created), "attributes": attributes}
    return ScoreRequest.model_validate({"lead": lead, "events": events})
