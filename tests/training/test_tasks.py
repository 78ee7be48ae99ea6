"""Lost leads and dormant customers: one pipeline trains, stores and answers for every task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import PlaybookError, TrainingRefused
from features.instants import DAY
from models.artefact import load
from models.playbook import Playbook
from models.scorer import Scorer
from models.scores import Scores
from training.sources import Material, Sources, gather
from training.train import Trained, train

CLOSES = ("deal_opened", "purchase", "lost")
PLAYBOOK = """
schema = 1
[events]
page = { label = { en = "page" } }
deal_opened = { outcome = "deal" }
purchase = { outcome = "won" }
lost = { outcome = "lost" }
reopened = { label = { en = "reopened" } }
[tasks.qualification]
label = "deal_opened"
closes = ["deal_opened", "purchase", "lost"]
reopens = "reopened"
horizon = "30d"
[tasks.recycling]
label = ["reopened", "deal_opened"]
closes = ["deal_opened", "purchase", "lost"]
reopens = "reopened"
after = "lost"
horizon = "30d"
cutoffs = { every = "14d" }
features = ["changed"]
[tasks.reactivation]
label = "purchase"
closes = ["deal_opened", "purchase", "lost"]
reopens = "reopened"
after = "purchase"
dormant = "20d"
horizon = "30d"
cutoffs = { every = "14d" }
[features]
catalogue = ["count 30d ever", "recency", "age"]
"""
BEGINS = pd.Timestamp("2024-01-01", tz="UTC")
TASKS = ("recycling", "reactivation")


def _history(lead: int, created: int, rng: np.random.Generator) -> Iterator[tuple[str, float]]:
    """Half are lost and come back if they look around again; half buy, and buy again if they do."""
    ends = created + rng.uniform(3, 15)
    yield "page", created + 1.0
    returns, again = rng.random(2) < 0.3, "reopened" if lead % 4 else "deal_opened"
    yield ("lost" if lead % 2 else "purchase"), ends
    for looks in returns:
        ends += rng.uniform(25, 60)
        if looks:
            yield "page", ends
            yield ("lost" if lead % 2 else "purchase"), ends + 25.0
            if lead % 2:
                yield again, ends + rng.uniform(3, 20)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """400 leads, and what became of them and became of them again."""
    folder, rng = tmp_path_factory.mktemp("company"), np.random.default_rng(0)
    created = rng.integers(0, 250, 400)
    events = [
        (f"l{lead}", name, BEGINS + pd.Timedelta(days=at))
        for lead, day in enumerate(created.tolist())
        for name, at in _history(lead, day, rng)
    ]
    at = BEGINS + pd.to_timedelta(created, unit="D")
    leads = pd.DataFrame({"lead_id": [f"l{lead}" for lead in range(400)], "created_at": at})
    leads.to_csv(folder / "leads.csv", index=False)
    columns = ["lead_id", "event_type", "occurred_at"]
    pd.DataFrame(events, columns=columns).to_csv(folder / "events.csv", index=False)
    return Sources(folder / "leads.csv", folder / "events.csv")


@pytest.fixture(scope="module")
def ours() -> Playbook:
    return Playbook.parse(PLAYBOOK)


@pytest.fixture(scope="module", params=TASKS)
def of_task(request: pytest.FixtureRequest, company: Sources, ours: Playbook) -> Material:
    return gather(company, ours, request.param)


@pytest.fixture(scope="module")
def learnt(of_task: Material, ours: Playbook) -> Trained:
    return train(of_task, ours, seed=1)


def happened(material: Material, lead: int, by: int) -> list[tuple[int, str]]:
    """What happened to a lead by then, oldest first."""
    log = material.log
    mine = range(log.offsets[lead], log.offsets[lead + 1])
    events = [(int(log.occurred_at[i]), log.types[log.event_type[i]]) for i in mine]
    return [(at, name) for at, name in events if at <= by]


def task_at(material: Material, lead: int, moment: int) -> str | None:
    """The task that a lead belongs to at a moment: the definition in plain words."""
    endings = [e for e in happened(material, lead, moment) if e[1] in (*CLOSES, "reopened")]
    at, name = endings[-1] if endings else (0, "reopened")
    if name == "reopened":
        return "qualification"
    if name == "lost":
        return "recycling"
    return "reactivation" if name == "purchase" and moment - at >= 20 * DAY else None


def test_rows_and_labels_are_what_the_definition_says(of_task: Material, ours: Playbook) -> None:
    name, spine = of_task.task.name, of_task.spine
    wanted = ours.task(name).label
    assert spine.label is not None
    expected = {}
    cutoffs = sorted(set(spine.cutoff.tolist()))
    assert set(np.diff(cutoffs).tolist()) == {14 * DAY}
    for lead in range(len(of_task.leads)):
        for cutoff in cutoffs:
            if cutoff < of_task.leads.created_at[lead] or task_at(of_task, lead, cutoff) != name:
                continue
            known, end = happened(of_task, lead, cutoff), cutoff + 30 * DAY
            if cutoff - max(at for at, _ in known) >= 365 * DAY or end > of_task.observed_until:
                continue
            after = [what for at, what in happened(of_task, lead, end) if at > cutoff]
            expected[lead, cutoff] = int(any(what in wanted for what in after))
    rows = zip(spine.lead.tolist(), spine.cutoff.tolist(), strict=True)
    assert dict(zip(rows, spine.label.tolist(), strict=True)) == expected
    assert 0.05 < spine.label.mean() < 0.95


def test_a_model_is_trained_and_knows_what_happened_since(learnt: Trained) -> None:
    assert learnt.artefact is not None
    names = learnt.artefact.plan.names
    # Hours since the loss, and what was bought before, are features like any other.
    of = "lost" if learnt.artefact.task.name == "recycling" else "purchase"
    assert {f"recency({of})", f"count_ever({of})", "recency(page)"} <= set(names)
    assert learnt.figures["model"].log_loss < learnt.figures["base rate"].log_loss


def test_counts_of_the_spine_are_all_there(learnt: Trained, of_task: Material) -> None:
    counts = learnt.record["counts"]
    assert {"leads", "rows", "positives", "immature", "open", "closed by another event"} <= set(
        counts
    )
    assert ("not yet dormant" in counts) == (of_task.task.name == "reactivation")
    assert counts["positives"] == int(np.sum(of_task.spine.label))
    assert counts["immature"] > 0 < counts["closed by another event"]


def test_what_is_stored_answers_for_the_leads_of_its_task_alone(
    learnt: Trained, of_task: Material, ours: Playbook, tmp_path: Path
) -> None:
    assert learnt.artefact is not None
    learnt.artefact.save(tmp_path / "artefact")
    scorer = Scorer(ours, load(tmp_path / "artefact"))
    name = of_task.task.name
    as_of = np.full(len(of_task.leads), of_task.observed_until - 60 * DAY)

    def scored(task: str) -> Scores:
        return scorer.score(of_task.leads, of_task.log, as_of, task=task)

    member = [task_at(of_task, lead, int(as_of[0])) for lead in range(len(of_task.leads))]
    created = of_task.leads.created_at <= as_of
    on_it = np.array([task == name for task in member]) & created
    answers = scored(name)
    assert 20 < on_it.sum() < len(on_it) - 20
    assert answers.by_model.tolist() == on_it.tolist()
    assert np.isfinite(answers.probability).tolist() == on_it.tolist()
    assert answers.task == [name if yes else None for yes in on_it]
    assert answers.horizon == ["30d" if yes else None for yes in on_it]
    assert [t is not None for t in answers.temperature] == [
        yes or state != "customer" for yes, state in zip(on_it, answers.state, strict=True)
    ]
    of_model = learnt.artefact.limits.warnings(as_of, "en")
    assert all({*of_model[row]} <= {*answers.warnings[row]} for row in np.flatnonzero(on_it))

    qualified = scored("qualification")
    open_leads = np.array([task == "qualification" for task in member]) & created
    assert qualified.task == ["qualification" if yes else None for yes in open_leads]
    assert not qualified.by_model.any()
    assert {t for t, s in zip(qualified.temperature, qualified.state, strict=True)} >= {None}
    assert qualified.state == answers.state


def test_rows_of_training_are_answered_as_they_were_learnt(
    learnt: Trained, of_task: Material, ours: Playbook
) -> None:
    """States, features and probability of a row are those that the service would give."""
    assert learnt.artefact is not None
    spine = of_task.spine
    scorer = Scorer(ours, learnt.artefact)
    cutoff = int(np.median(spine.cutoff))
    rows = np.flatnonzero(spine.cutoff == cutoff)
    as_of = np.full(len(of_task.leads), cutoff)
    answers = scorer.score(of_task.leads, of_task.log, as_of, task=of_task.task.name)
    X = learnt.artefact.encoder.encode(
        learnt.artefact.matrix(of_task.leads, of_task.log, spine.take(rows))
    )
    assert answers.by_model[spine.lead[rows]].all()
    assert (answers.probability[spine.lead[rows]] == learnt.artefact.model.probability(X)).all()


@pytest.mark.usefixtures("few_trees")
@pytest.mark.parametrize("task", TASKS)
def test_the_simulated_world_has_rows_of_every_task(
    large: Sources, short_playbook: Playbook, task: str
) -> None:
    """The default playbook, with a shorter dormancy for a short world."""
    text = short_playbook.text.replace('dormant = "180d"', 'dormant = "30d"')
    playbook = Playbook.parse(text)
    material = gather(large, playbook, task)
    trained = train(material, playbook)
    assert trained.record["task"] == task
    assert trained.record["counts"]["positives"] > 0
    assert trained.record["counts"]["test rows"] > 0


def test_nobody_on_a_task_is_refused(company: Sources, ours: Playbook) -> None:
    early = replace(company, until=datetime(2024, 2, 10, tzinfo=UTC).isoformat())
    with pytest.raises(TrainingRefused, match=r"is closed by purchase and mature \(.*left out: "):
        gather(early, ours, "reactivation")
    never = Playbook.parse(
        PLAYBOOK.replace('"purchase", "lost"]', '"purchase", "lost", "gone"]').replace(
            'after = "lost"', 'after = "gone"'
        )
        + "[events.gone]\n"
    )
    with pytest.raises(TrainingRefused, match="has after gone, which never occurs"):
        gather(company, never, "recycling")


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('after = "lost"', 'after = "page"', "tasks.recycling: after: expected events of closes"),
        ('after = "purchase"\n', "", "dormant goes with after"),
        ('label = "purchase"', 'label = "deal_opened"', "'deal_opened' is not"),
        ('dormant = "20d"', 'dormant = "365d"', "expected dormant shorter than until"),
        ('after = "purchase"', 'after = ["purchase", "lost"]', "a lead is on one task"),
        ('reopens = "reopened"\nhorizon', "horizon", "need the same reopens"),
        ('features = ["changed"]', 'features = ["chanced"]', "features: Catalogue line 'chanced'"),
    ],
)
def test_a_playbook_in_which_a_lead_could_be_on_two_tasks_is_refused(
    before: str, after: str, says: str
) -> None:
    assert before in PLAYBOOK
    with pytest.raises(PlaybookError, match=says):
        Playbook.parse(PLAYBOOK.replace(before, after, 1))


def test_a_task_may_have_features_of_its_own(ours: Playbook, playbook: Playbook) -> None:
    assert ours.catalogue_of("recycling") == (*ours.catalogue, "changed")
    assert ours.catalogue_of("qualification") == ours.catalogue == ours.catalogue_of("flat")
    assert playbook.catalogue_of("recycling") == (*playbook.catalogue, "changed")


def test_the_default_playbook_has_the_three_tasks_of_the_design(playbook: Playbook) -> None:
    assert playbook.tasks == ("qualification", *TASKS)
    lost, dormant = playbook.task("recycling"), playbook.task("reactivation")
    assert (lost.after, lost.label) == (("lost",), ("deal_opened",))
    assert (dormant.label, dormant.dormant) == (("purchase",), 180 * DAY)
    assert {playbook.state_after(name) for name in dormant.after} == {"customer"}
    assert "purchase" not in dormant.exclude_events
