"""The next action, and what is said beside it of leads with the touch and without."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.instants import DAY
from models.artefact import Artefact, load
from models.evidence import wilson
from models.next_action import CONDITIONS, conditions
from models.playbook import Playbook
from models.playbook.actions import ActionsSection
from models.scorer import Scorer
from models.scores import Scores
from models.touches import TERCILES, Count, Pair, Touches

Request = dict[str, Any]
Score = Callable[..., Scores]
Invent = Callable[[int, int], list[Request]]

PAIRS = tuple(Pair(Count(256 + n, 31 + n), Count(1500 + n, 120 + n)) for n in range(3))


def touches(**pairs: Any) -> Touches:
    return Touches(7 * DAY, (-2.0, -1.0), pairs)


def with_touches(playbook: Playbook, artefact: Artefact, **pairs: Any) -> Scorer:
    return Scorer(playbook, replace(artefact, touches=touches(**pairs)))


@pytest.mark.parametrize(
    ("raw", "tercile"), [(-9, 0), (-2.0000001, 0), (-2, 1), (-1.1, 1), (-1, 2), (5, 2)]
)
def test_a_bound_belongs_to_the_tercile_above_it(raw: float, tercile: int) -> None:
    assert touches().tercile(raw) == tercile


def test_what_is_said_is_an_association_with_its_counts_and_intervals() -> None:
    said = touches(call_made=PAIRS)
    en = said.association("call_made", "call made", 0, "en")
    ja = said.association("call_made", "架電", 0, "ja")
    assert en is not None
    assert ja is not None
    assert (en["tercile"], en["window"]) == ("low", "7d")
    assert en["with"] == ja["with"] == wilson(256, 31)
    assert en["without"] == ja["without"] == wilson(1500, 120)
    assert en["text"] == (
        "call made within 7 days: of similar leads (same third by score), "
        "12.1% (31 of 256, 95% interval 8.7% to 16.7%) converted afterwards with it, "
        "8.0% (120 of 1,500, 95% interval 6.7% to 9.5%) without; "
        "an association, not an effect of the touch"
    )
    assert ja["text"] == (
        "7日以内の架電と類似リード（スコアの同じ三分位）のその後のコンバージョン率："
        "あり12.1%（256件中31件、95%信頼区間8.7%～16.7%）、"
        "なし8.0%（1,500件中120件、95%信頼区間6.7%～9.5%）。関連であり、効果を示すものではない"
    )


@pytest.mark.parametrize(("n", "said"), [(99, False), (100, True)])
def test_under_a_hundred_leads_with_the_touch_nothing_is_said(n: int, said: bool) -> None:
    pairs = (Pair(Count(n, 9), Count(9, 1)), Pair(Count(500, 9), Count(0, 0)), PAIRS[2])
    found = touches(call_made=pairs)
    assert (found.association("call_made", "", 0, "en") is not None) == said
    assert found.association("call_made", "", 1, "en") is None
    assert found.association("mail_sent", "", 2, "en") is None


def test_a_lead_gets_the_association_of_its_own_tercile_in_its_language(
    playbook: Playbook, artefact: Artefact, score: Score, invent: Invent
) -> None:
    scorer = with_touches(playbook, artefact, newsletter_sent=PAIRS, call_made=PAIRS[::-1])
    en, ja = (score(scorer, invent(300, 2), lang=lang) for lang in ("en", "ja"))
    seen = set()
    for row, (action, lead) in enumerate(zip(en.next_action, conditions(en), strict=True)):
        assert en.by_model[row]
        rule = playbook.next_action(**dict(zip(CONDITIONS, lead, strict=True)))
        assert rule is not None
        assert action is not None
        assert (action["label"], action["touch"]) == (rule.label.en, rule.touch)
        other = ja.next_action[row]
        assert other is not None
        assert other["label"] == rule.label.ja
        if rule.touch == "webinar_invite":
            assert action["association"] is None
            continue
        assert action["association"] is not None
        place = int((en.raw[row] >= -2) + 0) + int(en.raw[row] >= -1)
        pair = (PAIRS if rule.touch == "newsletter_sent" else PAIRS[::-1])[place]
        assert action["association"]["tercile"] == TERCILES[place]
        assert action["association"]["with"] == wilson(*pair.touched)
        seen.add((rule.touch, place))
    assert len(seen) > 3


def test_by_rules_there_is_an_action_and_no_association(
    playbook: Playbook, artefact: Artefact, score: Score, invent: Invent
) -> None:
    asked = invent(60, 2)
    # Rules know no trend before anything was observed, so that an action for one is another.
    rules = tuple(rule for rule in playbook.said.actions.rules if rule.trend is None)
    playbook = playbook.altered(actions=ActionsSection(rules=rules))
    by_model = score(with_touches(playbook, artefact, newsletter_sent=PAIRS), asked)
    by_rules = score(Scorer(playbook), asked)
    for one, other in zip(by_model.next_action, by_rules.next_action, strict=True):
        assert one is not None
        assert other == {**one, "association": None}
    assert any(action and action["association"] for action in by_model.next_action)


def test_an_action_may_be_missing_or_have_no_touch(
    artefact: Artefact, score: Score, invent: Invent
) -> None:
    text = Path("models/playbook.toml").read_text(encoding="utf-8")
    text = text[: text.index("[[actions.rules]]")]
    none = with_touches(Playbook.parse(text), artefact, newsletter_sent=PAIRS)
    assert set(score(none, invent(20, 1)).next_action) == {None}
    one = Playbook.parse(f'{text}[[actions.rules]]\nlabel.ja = "様子を見る"\n')
    found = score(with_touches(one, artefact, newsletter_sent=PAIRS), invent(20, 1)).next_action
    assert all(
        action == {"label": "様子を見る", "touch": None, "association": None} for action in found
    )


def test_later_touches_of_a_lead_never_enter_its_answer(
    playbook: Playbook, artefact: Artefact, score: Score, invent: Invent
) -> None:
    scorer = with_touches(playbook, artefact, newsletter_sent=PAIRS, call_made=PAIRS)
    requests = invent(80, 6)
    longer = json.loads(json.dumps(requests))
    for request in longer:
        request["events"] += [
            {"event_type": kind, "occurred_at": f"2026-02-0{day}T00:00:01Z"}
            for kind in ("newsletter_sent", "call_made", "deal_opened")
            for day in (1, 2, 3)
        ]
    before, after = score(scorer, requests), score(scorer, longer)
    assert after.ignored["future"].tolist() == [9] * 80
    assert before.next_action == after.next_action
    assert any(action and action["association"] for action in before.next_action)


def test_touches_are_kept_with_the_artefact_and_one_without_them_keeps_its_version(
    artefact: Artefact, tmp_path: Path
) -> None:
    old = replace(artefact, touches=None)
    old.save(tmp_path / "old")
    assert not (tmp_path / "old/content/touches.json").exists()
    assert load(tmp_path / "old").touches is None
    assert load(tmp_path / "old").version == old.version
    measured = replace(artefact, touches=touches(call_made=PAIRS, mail_sent=PAIRS[::-1]))
    measured.save(tmp_path / "measured")
    again = load(tmp_path / "measured")
    assert again.touches == measured.touches
    assert again.version == measured.version != old.version


@pytest.mark.parametrize(
    "change",
    [
        {"bounds": [1.0, 0.0]},
        {"bounds": [1.0]},
        {"window": 0},
        {"window": 61},
        {"pairs": {"call_made": []}},
        {"pairs": {"call_made": [{"with": [3, 4], "without": [1, 1]}] * 3}},
    ],
)
def test_touches_that_contradict_themselves_are_refused(change: dict[str, Any]) -> None:
    stored = touches(call_made=PAIRS).to_json()
    assert Touches.from_json(json.loads(json.dumps(stored))) == touches(call_made=PAIRS)
    with pytest.raises(ValueError):  # noqa: PT011 - any of them will do
        Touches.from_json({**stored, **change})


def test_the_answer_is_plain_values(
    playbook: Playbook, artefact: Artefact, score: Score, invent: Invent
) -> None:
    scorer = with_touches(playbook, artefact, newsletter_sent=PAIRS)
    scores = score(scorer, invent(40, 3))
    for row in range(len(scores)):
        record = scores.record(row)
        assert json.loads(json.dumps(record["next_action"])) == record["next_action"]
    assert np.isfinite(scores.raw).all()
