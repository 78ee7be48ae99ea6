"""The page of one lead: the same answer as everywhere, all of its reasons, and what changed it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from rich.console import Console

from features.errors import TegakariError
from models.playbook import Playbook
from models.settings import Settings
from models.wording import LANGUAGES, texts
from serving.batch import Job, score_file
from serving.explanation import Explained, Question, explained
from serving.page import print_page

AS_OF = "2026-02-01T00:00:00Z"
Ask = Callable[..., Explained]


@pytest.fixture
def lists(tmp_path: Path) -> dict[str, Path]:
    """Two leads, one of whom did something."""
    leads, events = tmp_path / "リード一覧.csv", tmp_path / "events.csv"
    with leads.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["lead_id", "created_at", "employees", "industry"])
        rows.writerow(["L-1", "2026-01-02T00:00:00Z", "120", "machinery"])
        rows.writerow(["L-2", "2026-01-05T00:00:00Z", "", "software"])
        rows.writerow(["L-3", "2026-01-05T00:00:00Z", "8", "software"])
    with events.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["lead_id", "event_type", "occurred_at"])
        for day in (3, 9, 20, 28, 30):
            rows.writerow(["L-1", "price_page_view", f"2026-01-{day:02}T10:00:00Z"])
        rows.writerow(["L-1", "demo_request", "2026-01-29T10:00:00Z"])
        rows.writerow(["L-3", "lost", "2026-01-20T10:00:00Z"])
    return {"leads": leads, "events": events}


@pytest.fixture
def ask(lists: dict[str, Path], home: Path, saved: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Explains a lead of the lists, by the model unless another is named."""
    monkeypatch.setattr("serving.registry.check", lambda folder: None)

    def explain(lead_id: str, **asked: Any) -> Explained:
        asked = {"model": str(saved), "as_of": AS_OF, **asked}
        question = Question(**lists, lead_id=lead_id, **asked)
        return explained(question, Settings(home=home), Playbook.load())

    return explain


def page(told: Explained) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_page(console, told)
    printed: str = console.file.getvalue()  # type: ignore[attr-defined]
    return printed


def test_the_answer_is_that_of_a_list_and_of_the_service(
    ask: Ask, lists: dict[str, Path], saved: Path, home: Path, tmp_path: Path, by_model: TestClient
) -> None:
    told = ask("L-1").to_json()
    job = Job(**lists, out=tmp_path / "o.csv", model=str(saved), as_of=AS_OF, reasons=5)
    listed = score_file(job, Settings(home=home), Playbook.load()).scores
    assert told == listed.record(0)
    events = [
        {"event_type": kind, "occurred_at": f"2026-01-{day:02}T10:00:00Z"}
        for kind, days in (("price_page_view", (3, 9, 20, 28, 30)), ("demo_request", (29,)))
        for day in days
    ]
    lead = {
        "lead_id": "L-1",
        "created_at": "2026-01-02T00:00:00Z",
        "attributes": {"employees": 120, "industry": "machinery"},
    }
    request = {"lead": lead, "events": events, "as_of": AS_OF}
    assert told == by_model.post("/v1/score?reasons=5", json=request).json()


def test_all_reasons_lead_from_the_starting_point_to_the_probability(ask: Ask) -> None:
    told = ask("L-1")
    start, probability = told.answer["starting_point"], told.answer["probability"]
    effects = [reason["effect"] for reason in told.reasons]
    assert start + sum(effects) / 100 == pytest.approx(probability, abs=1e-12)
    assert told.reasons[:5] == told.answer["reasons"]
    assert len(told.reasons) > 5


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_says_all_of_it(ask: Ask, lang: str) -> None:
    told = ask("L-1", lang=lang, since="2026-01-25T00:00:00Z")
    said, words = page(told), texts(lang)["page"]
    for reason in told.reasons[:12]:
        assert reason["text"] in said
    for entry in told.answer["ledger"]:
        assert entry["label"] in said
    assert f"{told.answer['probability']:.1%}" in said
    assert told.answer["next_action"]["label"] in said
    assert told.change is not None
    assert told.change["reasons"]
    for reason in told.change["reasons"][:12]:
        assert reason["text"] in said
    for title in ("for", "ledger", "next"):
        assert words[title] in said
    assert "{" not in said


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_page_by_rules_says_why_there_is_no_probability(ask: Ask, lang: str) -> None:
    told = ask("L-1", lang=lang, model=None, since="2026-01-25T00:00:00Z")
    said, words = page(told), texts(lang)["page"]
    assert told.answer["scored_by"] == "rules"
    assert words["nothing_observed"] in said
    assert words["no_model"] in said
    assert words["start"].split("{")[0] not in said
    assert told.change is not None
    assert (told.change["effect"], told.change["reasons"]) == (None, [])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_lead_without_history_and_one_that_was_lost_have_a_page(ask: Ask, lang: str) -> None:
    words = texts(lang)["page"]
    assert words["no_rule"] in page(ask("L-2", lang=lang, as_of="2026-01-06T00:00:00Z"))
    lost = ask("L-3", lang=lang, since="2026-01-10T00:00:00Z")
    assert words["not_asked"].format(state=words["lost"]) in page(lost)
    assert lost.change is not None
    assert lost.change["then"]["state"] == "open"
    assert lost.change["effect"] is None


def test_another_model_and_playbook_of_then_are_reasons(
    ask: Ask, saved: Path, tmp_path: Path
) -> None:
    then = tmp_path / "then.toml"
    then.write_text(Playbook.load().text.replace("hot = 50", "hot = 70"), encoding="utf-8")
    told = ask("L-1", since=AS_OF, playbook_then=then)
    assert told.change is not None
    assert told.change["then"]["versions"]["playbook"] != told.answer["versions"]["playbook"]
    (reason,) = told.change["reasons"]
    assert (reason["group"], reason["effect"]) == ("*playbook", 0)  # it decides no probability
    same = ask("L-1", since=AS_OF, model_then=str(saved))
    assert same.change is not None
    assert same.change["effect"] == 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"lead_id": "L-11"}, "has no such lead among its 3\\. Did you mean 'L-1'?"),
        ({"lead_id": "L-1", "since": "2026-03-01"}, "--since: .2026-03-01. has no zone"),
        ({"lead_id": "L-1", "since": "2026-03-01T00:00:00Z"}, "is after the moment"),
        ({"lead_id": "L-1", "model_then": "x"}, "give --since"),
        ({"lead_id": "L-1", "playbook_then": Path("x")}, "give --since"),
    ],
)
def test_what_cannot_be_explained_is_said(ask: Ask, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(TegakariError, match=said):
        ask(**asked)
