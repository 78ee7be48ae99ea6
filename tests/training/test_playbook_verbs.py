"""`tegakari playbook check`, `diff` and `publish`, as one types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.playbook import Playbook
from models.playbook.difference import differences, points_differ
from models.playbook.writing import rewritten

DEFAULT = Playbook.load()
CHANGED = {
    "nothing": ({}, set()),
    "points": (
        {("points", "rules", "demo request", "points"): 25},
        {'changed points.rules["demo request"].points 30 25 at once'},
    ),
    "a length of time, and a label": (
        {
            ("points", "rules", "price page", "half_life"): "336h",
            ("points", "rules", "student", "label", "en"): "pupil",
        },
        {'changed points.rules.student.label.en "student" "pupil" at once'},
    ),
    "what is not said has its default": (
        {("suppress", "quiet"): None, ("trend", "threshold"): None},
        {'changed suppress.quiet "7d" "14d" at once'},
    ),
    "a rule more, a definition less": (
        {
            ("points", "rules", "referral"): {
                "event": "referral",
                "points": 3,
                "score": "engagement",
            },
            ("definitions", "marketing"): None,
        },
        {
            'added points.rules.referral None { name = "referral", event = "referral", points = 3, '
            'score = "engagement" } at once',
            'removed definitions.marketing { label = { en = "marketing", ja = '
            '"マーケティング" }, points = 50 } None at once',
        },
    ),
    "what shapes features": (
        {("tasks", "qualification", "horizon"): "60d", ("features", "catalogue"): ["age"]},
        {
            'changed tasks.qualification.horizon "90d" "60d" both',
            f"changed features.catalogue {json.dumps(list(DEFAULT.catalogue))} "
            '["age"] next training',
        },
    ),
}


@pytest.mark.parametrize(("values", "said"), CHANGED.values(), ids=CHANGED.keys())
def test_a_difference_is_told_with_old_new_and_when_it_takes_effect(
    values: dict[Any, Any], said: set[str]
) -> None:
    new = Playbook.parse(rewritten(DEFAULT.text, values))
    found = differences(DEFAULT, new)
    assert {f"{d.kind} {d.key} {d.old} {d.new} {d.effect}" for d in found} == said
    # The version is another one exactly where something is meant otherwise.
    assert (new.version != DEFAULT.version) == bool(found)
    assert points_differ(found) == any("points.rules" in one and "label" not in one for one in said)
    back = differences(new, DEFAULT)
    assert {(d.key, d.old, d.new) for d in back} == {(d.key, d.new, d.old) for d in found}


def test_the_order_of_actions_is_a_difference_and_that_of_rules_is_none() -> None:
    head, *rules = DEFAULT.text.split("[[points.rules]]\n")
    *rules, last = rules
    assert not differences(
        DEFAULT,
        Playbook.parse("[[points.rules]]\n".join([head, *reversed(rules), last])),
    )
    head, *actions = DEFAULT.text.split("[[actions.rules]]\n")
    turned = "[[actions.rules]]\n".join([head, *(f"{a.rstrip()}\n\n" for a in reversed(actions))])
    (found,) = differences(DEFAULT, Playbook.parse(turned))
    assert (found.kind, found.key) == ("order", "actions.rules")


def test_diff_says_what_changed_in_both_languages(run: Any, tmp_path: Path) -> None:
    old, new, same = (tmp_path / name for name in ("old.toml", "new.toml", "same.toml"))
    old.write_text(DEFAULT.text, encoding="utf-8")
    new.write_text(rewritten(DEFAULT.text, {("temperature", "hot"): 60}), encoding="utf-8")
    same.write_text("# ours\n" + DEFAULT.text, encoding="utf-8")
    ran = run("playbook", "diff", old, new)
    assert ran.code == 0
    assert "changed temperature.hot (at once)\n      50 → 60\n" in ran.out
    assert f"(version {DEFAULT.version}) → {new} (version " in ran.out
    assert (
        "変更 temperature.hot（ただちに反映）"
        in run("playbook", "diff", old, new, "--lang", "ja").out
    )
    assert "mean the same" in run("playbook", "diff", old, same).out
    assert run("playbook", "diff", old, same, "--json").said["same"] is True
    assert run("playbook", "diff", old, tmp_path / "none.toml").code == 1


def test_check_holds_the_default_against_the_world_and_finds_no_mistake(
    run: Any, world: Any
) -> None:
    data = ("--leads", world.leads, "--events", world.events, "--changes", world.changes)
    ran = run("playbook", "check", *data, "--json", home=world.home)
    assert ran.code == 0
    assert ran.said["counts"] == {
        "wrong": 0,
        "likely a mistake": 0,
        "note": ran.said["counts"]["note"],
    }
    assert ran.said["data"]["leads"] == 3000
    assert {found["level"] for found in ran.said["findings"]} <= {"note"}


def test_check_names_what_is_wrong_and_what_waits(run: Any, tmp_path: Path) -> None:
    old, new, bad = (tmp_path / name for name in ("old.toml", "new.toml", "bad.toml"))
    old.write_text(DEFAULT.text, encoding="utf-8")
    values = {("tasks", "qualification", "horizon"): "60d", ("temperature", "hot"): 60}
    new.write_text(rewritten(DEFAULT.text, values), encoding="utf-8")
    bad.write_text(DEFAULT.text.replace("hot = 50", "hot = 5"), encoding="utf-8")
    ran = run("playbook", "check", bad)
    assert ran.code == 1
    assert f"{bad}, line 418, temperature\n  wrong: expected hot above warm" in ran.out
    ran = run("playbook", "check", new, "--against", old, "--json")
    assert [entry["key"] for entry in ran.said["waiting"]] == ["tasks.qualification.horizon"]
    assert (
        "次回の学習を待つもの"
        in run("playbook", "check", new, "--against", old, "--lang", "ja").out
    )
    assert run("playbook", "check", new, "--events", old).code == 2


def test_publishing_observes_first_replaces_whole_and_keeps_the_old_scores(
    run: Any, world: Any, tmp_path: Path
) -> None:
    data = ("--leads", world.leads, "--events", world.events, "--changes", world.changes)
    home, ours, first, new = (tmp_path / n for n in ("home", "ours.toml", "1.toml", "2.toml"))
    first.write_text(DEFAULT.text, encoding="utf-8")
    new.write_text(
        rewritten(DEFAULT.text, {("points", "rules", "demo request", "points"): 20}),
        encoding="utf-8",
    )

    def scored(playbook: Path) -> bytes:
        out = tmp_path / "scores.csv"
        words = ("--out", out, "--as-of", world.ends, "--playbook", playbook)
        ran = run("score", *data, *words, home=home)
        assert ran.code == 0, ran.err
        return out.read_bytes()

    assert run("playbook", "publish", first, *data, "--to", ours, home=home).code == 0
    before = scored(ours)
    ran = run("playbook", "publish", new, *data, "--to", ours, "--json", home=home)
    assert ran.code == 0, ran.err
    assert ours.read_bytes() == new.read_bytes()
    version = Playbook.load(new).version
    assert (home / "points" / f"qualification-{version}.json").is_file()
    observed = {entry["task"]: entry for entry in ran.said["observed"]}
    assert observed["qualification"]["points_map"]
    assert observed["qualification"]["immature"] > 0
    assert [entry["key"] for entry in ran.said["differences"]] == [
        'points.rules["demo request"].points'
    ]
    kept = home / "playbooks" / f"{DEFAULT.version}.toml"
    assert kept.read_text(encoding="utf-8") == DEFAULT.text
    assert scored(kept) == before
    assert scored(ours) != before


def test_training_keeps_the_playbook_it_trained_with(world: Any) -> None:
    (kept,) = (world.home / "playbooks").iterdir()
    assert kept.name == f"{DEFAULT.version}.toml"
    assert Playbook.load(kept).version == DEFAULT.version


def test_what_was_published_answers_by_rules_with_a_probability(
    run: Any, world: Any, tmp_path: Path, read_csv: Any
) -> None:
    data = ("--leads", world.leads, "--events", world.events, "--changes", world.changes)
    home, ours, new = (tmp_path / name for name in ("empty", "ours.toml", "new.toml"))
    new.write_text(DEFAULT.text, encoding="utf-8")

    def probabilities() -> set[bool]:
        words = ("--as-of", world.ends, "--playbook", new, "--out", tmp_path / "s.csv", "--json")
        run("score", *data, *words, home=home)
        return {bool(row["tegakari_probability"]) for row in read_csv(tmp_path / "s.csv")}

    ran = run("playbook", "publish", new, "--to", ours, "--without-data", home=home)
    assert ran.code == 0
    assert "rules give no probability" in ran.out
    assert probabilities() == {False}
    assert run("playbook", "publish", new, *data, "--to", ours, home=home).code == 0
    assert True in probabilities()


def test_a_wrong_playbook_never_replaces_a_working_one(
    run: Any, world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, new = tmp_path / "ours.toml", tmp_path / "new.toml"
    ours.write_text(DEFAULT.text, encoding="utf-8")
    before = ours.read_bytes()
    publish = ("playbook", "publish", new, "--to", ours)
    for text in ("schema = 1\n[temperature", "schema = 2\n", ""):
        new.write_text(text, encoding="utf-8")
        ran = run(*publish, "--without-data")
        assert ran.code == 1
        assert str(new) in ran.err
        assert ours.read_bytes() == before
    new.write_text(rewritten(DEFAULT.text, {("temperature", "hot"): 5000}), encoding="utf-8")
    for lang in ("en", "ja"):
        ran = run(*publish, "--without-data", "--lang", lang)
        assert ran.code == 1
        assert "--anyway" in ran.err
        assert ours.read_bytes() == before
    new.write_text("# other\n" + DEFAULT.text, encoding="utf-8")
    assert run(*publish).code == 2
    assert run(*publish, "--without-data", "--leads", world.leads).code == 2
    assert run("playbook", "publish", new, "--without-data").code == 2
    nowhere = tmp_path / "no" / "p.toml"
    assert "Make it first" in run("playbook", "publish", new, "--without-data", "--to", nowhere).err
    folder = tmp_path / "folder"
    folder.mkdir()
    assert run("playbook", "publish", new, "--without-data", "--to", folder).code == 1
    data = ("--leads", world.leads, "--events", world.events)

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for place in ("training.publish.observe", "training.publish.keep", "os.replace"):
        with monkeypatch.context() as patch:
            patch.setattr(place, interrupted)
            assert run(*publish, *data).code == 130
        assert ours.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".toml") == [
        "new.toml",
        "ours.toml",
    ]
    new.write_text(rewritten(DEFAULT.text, {("temperature", "hot"): 5000}), encoding="utf-8")
    assert run(*publish, "--without-data", "--anyway").code == 0
    assert ours.read_bytes() == new.read_bytes()
