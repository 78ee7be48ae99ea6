"""The page of a playbook: everything that it defines is said, in both languages, within its width."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from models.conditions_told import ConditionsTold
from models.playbook import Playbook, in_language
from models.playbook.conditions import Condition
from models.playbook_page import WIDTH, page, print_page
from models.wording import LANGUAGES

DEFAULT = Playbook.load()


def printed(playbook: Playbook, lang: str) -> str:
    out = io.StringIO()
    console = Console(file=out, highlight=False, soft_wrap=True, markup=False, width=40)
    print_page(console, page(playbook, lang))
    return out.getvalue()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_says_every_definition_and_fits(lang: str) -> None:
    text = printed(DEFAULT, lang)
    assert max(cell_len(line) for line in text.splitlines()) <= WIDTH
    plain = "".join(text.split())
    assert DEFAULT.version in text
    for rule in DEFAULT.points.rules:
        assert f"{rule.points:+d}" in text
    for group, entry in DEFAULT.points.groups.items():
        assert group in text
        assert str(entry.cap) in text
    for action in DEFAULT.said.actions.rules:
        assert "".join((in_language(action.label, lang) or "").split()) in plain
    for step in DEFAULT.said.journey.steps:
        assert in_language(step.label, lang) in text
    for name in (*DEFAULT.said.target.who, *DEFAULT.said.target.how):
        assert name in text


def test_the_page_shows_lines_with_their_hysteresis_and_ways_into_stages() -> None:
    text = printed(DEFAULT, "en")
    for said in (
        "from 50 on; stays so down to 45",
        "from 25 on; stays so down to 20",
        "qualified by marketing or 25 points reached",
        "demo request                     the best 2 count; halves every 30 days",
        "touched by us within 7 days, lost within 60 days",
        "5. open, hot                            call today (call made)",
    ):
        assert said in text
    text = printed(DEFAULT, "ja")
    assert "50以上（45を下回るまで維持）" in text
    assert "2回分まで算入；30日ごとに半減" in text


def test_a_capacity_that_is_not_solved_is_said() -> None:
    text = 'schema = 1\n[temperature]\nby = "capacity"\ncapacity = { calls = 40, people = 6 }\n'
    assert "not solved yet: 40 calls in 7 days" in printed(Playbook.parse(text), "en")


def test_conditions_in_words() -> None:
    told = ConditionsTold(DEFAULT, "en")
    project = {"attribute": "project"}
    said = {
        "any event by webinar": {"channel": "webinar"},
        "price page view, content /price*": {"event": "price_page_view", "content": "/price*"},
        "price page view, value 3 or more, 2 times or more, within 7 days": {
            "event": "price_page_view",
            "value": {"min": 3},
            "at_least": 2,
            "within": "7d",
        },
        "project status: not planned / budgeted": {**project, "in": ["no_plan", "budgeted"]},
        "project status missing": {**project, "missing": True},
        "“seats”: 3 to 9": {"attribute": "seats", "min": 3, "max": 9},
    }
    for text, asked in said.items():
        assert told.of(Condition.model_validate(asked)) == text
    both = {"all": [{"silent_for": "30d"}], "none": [{**project, "pattern": "x*"}]}
    assert told.of(Condition.model_validate(both)) == (
        "all of (no activity for 30 days), none of (project status like x*)"
    )
