"""Suggestions: points and lines by the data, chosen on training rows alone, and what they keep."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from features.errors import TrainingRefused, UsageError
from features.instants import DAY
from features.spine import labels_of
from models.conditions import View
from models.playbook import Playbook
from models.qualification import Qualification
from training.sources import Material, Sources, gather
from training.split import split_by_time
from training.suggestion.points import Suggested, suggest_points


@pytest.fixture(scope="module")
def company(large: Sources, short_playbook: Playbook) -> Material:
    return gather(large, short_playbook, "qualification")


@pytest.fixture(scope="module")
def suggested(company: Material, short_playbook: Playbook) -> Suggested:
    return suggest_points(company, short_playbook)


def comments(text: str) -> list[str]:
    return re.findall(r"(?m)#[^\n]*", text)


def test_the_suggestion_is_another_playbook_with_its_comments(
    suggested: Suggested, short_playbook: Playbook
) -> None:
    new = Playbook.parse(suggested.text)
    assert new.version != short_playbook.version
    left_out = {rule.name for rule in suggested.rules if not rule.new}
    assert {rule.name for rule in new.points.rules} == {
        rule.name for rule in short_playbook.points.rules
    } - left_out
    assert {rule.name: rule.points for rule in new.points.rules} == {
        rule.name: rule.new for rule in suggested.rules if rule.new
    }
    kept = set(comments(suggested.text))
    assert kept == set(comments(short_playbook.text))
    assert new.said.temperature == short_playbook.said.temperature


def test_the_auc_said_is_that_of_scoring_with_what_was_written(
    suggested: Suggested, company: Material
) -> None:
    split = split_by_time(company.spine, 30 * DAY)
    test = company.spine.take(split.test)
    label = labels_of(company.spine)[split.test]
    view = View(company.leads, company.log, test.lead, test.cutoff, company.intake.changes)
    points = Qualification(Playbook.parse(suggested.text)).points(view).total
    assert suggested.auc["new"].mean == pytest.approx(roc_auc_score(label, points), abs=1e-12)
    for figure in suggested.auc.values():
        assert figure.low <= figure.mean <= figure.high
    # Rounding costs little.
    assert suggested.auc["new"].mean > suggested.auc["logistic"].mean - 0.03
    assert abs(suggested.hot[1] - suggested.hot[0]) < 0.02


def test_later_rows_choose_nothing(
    suggested: Suggested, company: Material, short_playbook: Playbook
) -> None:
    split = split_by_time(company.spine, 30 * DAY)
    label = labels_of(company.spine).copy()
    rng = np.random.default_rng(3)
    label[split.test] = rng.permutation(label[split.test])
    other = suggest_points(
        replace(company, spine=replace(company.spine, label=label)), short_playbook
    )
    assert other.rules == suggested.rules
    assert other.text == suggested.text
    assert other.auc["new"] != suggested.auc["new"]


def test_the_order_of_rules_does_not_matter(
    suggested: Suggested, company: Material, short_playbook: Playbook
) -> None:
    head, *rules = re.split(r"(?m)(?=^\[\[points\.rules\]\]$)", short_playbook.text)
    last, tail = re.split(r"(?m)(?=^# Hot from)", rules[-1])
    turned = Playbook.parse(head + "\n".join(reversed([*rules[:-1], last])) + tail)
    assert turned.version == short_playbook.version
    found = suggest_points(company, turned)
    assert {r.name: r.new for r in found.rules} == {r.name: r.new for r in suggested.rules}


def test_the_one_rule_that_tells_gets_the_most_points(
    company: Material, short_playbook: Playbook
) -> None:
    view = View(
        company.leads,
        company.log,
        company.spine.lead,
        company.spine.cutoff,
        company.intake.changes,
    )
    points = Qualification(short_playbook).points(view)
    names = [rule.name for rule in points.scorecard.rules]
    telling = names.index("price page")
    fired = points.contribution[:, telling] > 5
    rng = np.random.default_rng(7)
    label = (rng.random(len(fired)) < np.where(fired, 0.6, 0.02)).astype(np.int8)
    found = suggest_points(
        replace(company, spine=replace(company.spine, label=label)), short_playbook
    )
    assert found.rules[0].name == "price page"


def test_too_few_conversions_are_refused(company: Material, short_playbook: Playbook) -> None:
    label = np.zeros(len(company.spine), dtype=np.int8)
    nobody = replace(company, spine=replace(company.spine, label=label))
    with pytest.raises(TrainingRefused, match="0 leads converted"):
        suggest_points(nobody, short_playbook)


def test_without_rules_there_is_nothing_to_weigh(
    company: Material, short_playbook: Playbook
) -> None:
    bare = short_playbook.altered(points=short_playbook.points.model_copy(update={"rules": ()}))
    with pytest.raises(UsageError, match="Write rules first"):
        suggest_points(company, bare)


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_lines_keep_the_volume(run: Any, world: Any, tmp_path: Path, lang: str) -> None:
    files = ["--leads", world.leads, "--events", world.events, "--changes", world.changes]
    out = tmp_path / "案.toml"
    asked = ["playbook", "suggest", *files, "--timezone", "Asia/Tokyo", "--what", "lines"]
    ran = run(*asked, "--out", out, "--lang", lang, home=world.home)
    assert ran.code == 0, ran.err
    new = Playbook.load(out).said.temperature
    assert (new.by, new.hysteresis) == ("probability", None)
    said = run(*asked, "--out", out, "--json", home=world.home).said
    for line in said["lines"]:
        assert line["by_points"] <= line["by_probability"] <= line["by_points"] + 3
        assert line["probability"] == (new.hot if line["name"] == "hot" else new.warm)
        assert line["of_probability"]["converted"] <= line["of_probability"]["n"]


def test_the_playbook_that_is_read_is_never_written_and_lines_need_a_model(
    run: Any, world: Any, tmp_path: Path
) -> None:
    files = ["--leads", world.leads, "--events", world.events, "--timezone", "Asia/Tokyo"]
    ours = tmp_path / "ours.toml"
    ours.write_bytes(Path("models/playbook.toml").read_bytes())
    asked = ["playbook", "suggest", *files, "--playbook", ours]
    refused = run(*asked, "--out", ours)
    assert refused.code == 2
    assert "is the playbook that is read" in refused.err
    unlearnt = run(*asked, "--out", tmp_path / "new.toml", "--what", "lines")
    assert unlearnt.code == 2
    assert "none is registered" in unlearnt.err
    assert not (tmp_path / "new.toml").exists()
    assert ours.read_bytes() == Path("models/playbook.toml").read_bytes()
