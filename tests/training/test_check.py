"""``tegakari check`` and training say the same of the same data, and training refuses a leak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.errors import TrainingRefused
from features.leakage.finding import Finding
from features.leakage.waits import Within
from models.playbook import Playbook
from training.check import check, reached
from training.fit import MODEL_FROM, TREES_FROM
from training.leaks import find, last_rows, one_row_each, refuse_leaks
from training.simulate import simulate
from training.sources import Material, Sources, gather
from training.train import train

from .conftest import Export

pytestmark = pytest.mark.usefixtures("few_trees")


def flat_export(n: int = 600, seed: int = 0) -> dict[str, Sequence[Any]]:
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.3
    return {
        "visits": rng.poisson(2 + y).tolist(),
        "won": y.astype(int).tolist(),
        "reason": np.where(y, "paid", "").tolist(),
        "industry": rng.choice(["a", "b", "c"], n).tolist(),
    }


def severities(findings: Sequence[Finding]) -> dict[str, str]:
    return {f.what: f.severity for f in findings}


@pytest.mark.parametrize("seed", range(3))
def test_an_invented_company_leaks_nothing(
    tmp_path: Path, short_playbook: Playbook, seed: int
) -> None:
    simulate(tmp_path, leads=1500, days=360, seed=seed, end=pd.Timestamp("2025-06-01", tz="UTC"))
    names = ("leads.csv", "events.parquet", "changes.parquet")
    sources = Sources(*(tmp_path / name for name in names), timezone="Asia/Tokyo")
    material = gather(sources, short_playbook, "qualification")
    found = find(material, short_playbook)
    assert not [str(f) for f in found if f.severity != "note"]
    # The photograph of a status is learnt only by who asks for it, and then it is refused or vouched for.
    trusting = replace(sources, trust=("lead_status",))
    severe = severities(find(gather(trusting, short_playbook, "qualification"), short_playbook))
    assert severe["lead_status"] == "likely"


def test_a_leak_refuses_training_by_name_with_the_remedy(
    export: Export, playbook: Playbook
) -> None:
    sources = Sources(export(flat_export()), label="won")
    material = gather(sources, playbook, "qualification")
    assert severities(find(material, playbook))["reason"] == "note"  # one level: not learnt
    table = flat_export()
    table["reason"] = [f"{r} {i % 2}" if r else "" for i, r in enumerate(table["reason"])]
    sources = replace(sources, leads=export(table))
    with pytest.raises(TrainingRefused, match="--drop reason") as refused:
        train(gather(sources, playbook, "qualification"), playbook)
    assert "600" not in str(refused.value)  # of training rows only
    for option in ("drop", "trust"):
        better = replace(sources, **{option: ("reason",)})
        trained = train(gather(better, playbook, "qualification"), playbook)
        assert any("reason" in note for note in trained.notes) == (option == "trust")
        assert trained.record["notes"] == trained.notes


def test_training_looks_at_training_rows_only(export: Export, playbook: Playbook) -> None:
    table = flat_export()
    sources = Sources(export(table), label="won")
    material = gather(sources, playbook, "qualification")
    rows = np.arange(0, 600, 2)
    half = export({name: list(np.array(v, dtype=object)[rows]) for name, v in table.items()})
    alone = gather(replace(sources, leads=half), playbook, "qualification")
    told = [f for f in find(material, playbook, rows) if f.kind == "column"]
    assert told == [f for f in find(alone, playbook) if f.kind == "column"]


def test_an_event_of_the_outcome_refuses_training(
    large: Sources, short_playbook: Playbook, tmp_path: Path
) -> None:
    assert large.events is not None
    events = pd.read_parquet(large.events)
    opened = events[events["event_type"] == "deal_opened"].assign(event_type="contract_sent")
    opened["event_id"] = opened["event_id"] + "x"
    path = tmp_path / "events.parquet"
    pd.concat([events, opened]).to_parquet(path)
    material = gather(replace(large, events=path), short_playbook, "qualification")
    with pytest.raises(TrainingRefused, match='Add "contract_sent" to exclude_events'):
        train(material, short_playbook)


def test_events_that_match_no_lead_are_explained(
    large: Sources, short_playbook: Playbook, tmp_path: Path
) -> None:
    assert large.events is not None
    events = pd.read_parquet(large.events)
    odd = events["lead_id"].str[-1].isin(list("13579"))
    events.loc[odd, "lead_id"] = events["lead_id"].str.lower()
    path = tmp_path / "events.parquet"
    events.to_parquet(path)
    sources = replace(large, events=path)
    material = gather(sources, short_playbook, "qualification")
    found = {f.detector: f for f in check(material, sources, short_playbook).findings}
    strays = found["match no lead"]
    assert strays.severity == "likely"
    assert "upper and lower case" in strays.evidence
    assert "'l0" in strays.evidence
    assert "'L0" in strays.evidence
    # They are written otherwise, not absent.
    assert "converted leads absent" not in found
    rows = np.arange(len(material.spine))
    (brief,) = [
        f
        for f in refuse_leaks(material, short_playbook, rows, None)
        if f.detector == "match no lead"
    ]
    assert (brief.severity, "tegakari check" in brief.advice) == ("likely", True)


def test_it_works_where_training_is_refused_and_says_what_it_could_not_see(
    large: Sources, short_playbook: Playbook
) -> None:
    sources = replace(large, until="2024-06-12T00:00Z")
    with pytest.raises(TrainingRefused):
        gather(sources, short_playbook, "qualification")
    material = gather(sources, short_playbook, "qualification", with_rows=False)
    assert material.rowless is not None
    checked = check(material, sources, short_playbook)
    assert material.rowless in checked.unchecked
    assert any("20 of either are needed" in reason for reason in checked.unchecked)
    assert {w.event_type for w in checked.waits} >= {"deal_opened", "lost"}
    assert checked.waits[0].event_type == "deal_opened"


def test_rungs_are_those_of_training() -> None:
    for converted, others, rung in (
        (MODEL_FROM - 1, 9999, "rules"),
        (9999, MODEL_FROM - 1, "rules"),
        (MODEL_FROM, 9999, "logistic"),
        (TREES_FROM, 9999, "lightgbm"),
        (0, 0, "rules"),
    ):
        assert reached(Within(30, converted, others)) == rung


def test_each_lead_has_one_row(material: Material) -> None:
    spine = material.spine
    for some in (last_rows(spine), one_row_each(spine)):
        assert some.lead.tolist() == np.unique(spine.lead).tolist()
    latest = pd.Series(spine.cutoff).groupby(spine.lead).max()
    assert last_rows(spine).cutoff.tolist() == latest.tolist()


def test_the_command_prints_findings_and_writes_nothing(
    run: Any, export: Export, tmp_path: Path
) -> None:
    table = flat_export()
    table["reason"] = [f"{r} {i % 2}" if r else "" for i, r in enumerate(table["reason"])]
    leads = export(table)
    before = sorted(tmp_path.rglob("*"))
    words = ("check", "--leads", leads, "--label", "won")
    ran = run(*words)
    assert ran.code == 1
    assert "certain column 'reason'" in ran.out
    assert "--drop reason" in ran.out
    assert "not checked: A flat export has no times" in ran.out
    said = run(*words, "--json").said
    assert said["certain"] >= 1
    assert {"severity", "kind", "what", "detector", "evidence", "advice"} == set(
        said["findings"][0]
    )
    for option in ("--drop", "--trust"):
        assert run(*words, option, "reason").code == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_the_command_tells_how_long_conversion_takes(run: Any, large: Sources) -> None:
    files = ("--leads", large.leads, "--events", large.events, "--changes", large.changes)
    ran = run("check", *files, "--timezone", "Asia/Tokyo")
    assert ran.code == 0, ran.out
    assert "deal_opened" in ran.out
    (first, *_) = run("check", *files, "--timezone", "Asia/Tokyo", "--json").said["labels"]
    assert first["event_type"] == "deal_opened"
    assert first["days"] == sorted(first["days"])
    assert [within["days"] for within in first["within"]] == [30, 60, 90, 180]
    assert first["within"][-1]["rung"] == "lightgbm"
    assert [w["converted"] + w["others"] for w in first["within"]] == sorted(
        (w["converted"] + w["others"] for w in first["within"]), reverse=True
    )
