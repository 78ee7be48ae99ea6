"""Golden rows: invented, varied, and answered."""

from __future__ import annotations

from models.artefact import Artefact
from models.request import ScoreRequest
from training.golden import golden
from training.sources import Material
from training.train import Trained


def artefact_of(trained: Trained) -> Artefact:
    assert trained.artefact is not None
    return trained.artefact


def test_golden_rows_are_requests_with_the_artefact_s_own_answers(trained: Trained) -> None:
    artefact = artefact_of(trained)
    rows = artefact.golden
    assert len(rows.requests) == len(rows.probabilities) >= 20
    for request in rows.requests:
        ScoreRequest.model_validate(request)
    answers = artefact.answers(rows.requests)
    assert answers.tolist() == rows.probabilities
    assert len(set(rows.probabilities)) > len(rows.probabilities) / 2
    assert all(0 < p < 1 for p in rows.probabilities)


def test_golden_rows_are_of_nobody(trained: Trained, material: Material) -> None:
    """Invented ids, no attribute that is only shown, no text that fewer than 20 leads share."""
    rows = artefact_of(trained).golden
    ids = {request["lead"]["lead_id"] for request in rows.requests}
    assert not ids & set(material.leads.lead_id.to_pylist())
    learnt = {a.name: a.type for a in artefact_of(trained).plan.attributes}
    for request in rows.requests:
        for name, value in request["lead"].get("attributes", {}).items():
            if learnt[name] == "category" and value is not None:
                holders = material.leads.attributes[name].to_pylist().count(value)
                assert holders >= 20


def test_golden_rows_speak_of_every_event_type_and_attribute(trained: Trained) -> None:
    artefact = artefact_of(trained)
    said = {e["event_type"] for r in artefact.golden.requests for e in r["events"]}
    assert said == set(artefact.plan.known_types)
    first = artefact.golden.requests[0]
    assert (first["events"], first["lead"].get("attributes")) == ([], None)
    given = artefact.golden.requests[1]["lead"]["attributes"]
    assert set(given) == {a.name for a in artefact.plan.attributes}


def test_golden_rows_follow_from_the_seed(trained: Trained) -> None:
    artefact = artefact_of(trained)
    assert golden(artefact, 3).golden == artefact.golden
    assert golden(artefact, 4).golden != artefact.golden
