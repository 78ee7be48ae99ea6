"""The check of a playbook: ten that are refused and what is said, and what is odd about others."""

from __future__ import annotations

import dataclasses
import math
import re
import string

import numpy as np
import pytest

from models.checking import checked, in_words
from models.firing import Data
from models.holding import on_data
from models.playbook import Playbook
from models.playbook.finding import Finding
from models.playbook.lines import Lines
from models.playbook.reach import reach
from models.playbook.sense import odd
from models.wording import LANGUAGES, texts

HEAD = """schema = 1

[events]
visit = { channel = "web" }
order = { outcome = "won" }
call = { by = "us" }
"""

BROKEN = {
    "cut off": (
        "schema = 1\n[points.groups]\nreading = { cap = 20\n",
        "p.toml, line 3, column 21: this is not TOML: Unclosed inline table.",
    ),
    "unknown event in a nested condition": (
        HEAD + '[definitions.sales]\nany = [\n  { event = "visit" },\n'
        '  { all = [{ event = "oder" }, { event = "visit" }] },\n]\n',
        "p.toml, line 10, definitions.sales.any[1].all[0].event: 'oder' is not an event of this "
        "playbook. Did you mean 'order'? Correct it or declare [events.oder].",
    ),
    "small letters of a stage": (
        HEAD + "[[actions.rules]]\nlabel.en = 'call'\nstage = ['mql']\n",
        "p.toml, line 9, actions.rules[0].stage[0]: expected one of lead, MQL, TQL, SAL, SQL, "
        "got 'mql'. Did you mean 'MQL'?",
    ),
    "small letters of a way": (
        HEAD + "[stages.enter]\nmql = { points = 20 }\n",
        "p.toml, line 8, stages.enter.mql: unknown key; expected one of MQL, TQL, SAL, SQL. "
        "Did you mean 'MQL'?",
    ),
    "SQL by points": (
        HEAD + "[stages.enter]\nSQL = { points = 80 }\n",
        "p.toml, line 7, stages.enter: SQL is never reached by points: sales formally accepts a "
        "lead, by an event.",
    ),
    "what decides": (
        HEAD + "[temperature]\nby = 'Point'\n",
        "p.toml, line 8, temperature.by: expected one of points, probability, capacity, got 'Point'. "
        "Did you mean 'points'?",
    ),
    "capacity of nobody": (
        HEAD + "[temperature]\nby = 'capacity'\n",
        'p.toml, line 7, temperature: by = "capacity" needs [temperature.capacity] with calls, how '
        "many can be made in a week.",
    ),
    "a score that is none": (
        HEAD + "[points.scores.fit]\n[[points.rules]]\nname = 'visit'\nevent = 'visit'\n"
        "points = 3\nscore = 'fti'\n",
        "p.toml, line 12, points.rules[\"visit\"].score: expected one of fit, got 'fti'. "
        "Did you mean 'fit'?",
    ),
    "a group of two scores": (
        HEAD + "[points.scores]\nfit = {}\nacts = {}\n[points.groups]\nweb = { cap = 5 }\n"
        "[points]\nrules = [\n"
        "  { name = 'a', event = 'visit', points = 3, group = 'web', score = 'acts' },\n"
        "  { name = 'b', event = 'visit', points = 3, group = 'web', score = 'fit' },\n]\n",
        "p.toml, line 15, points.rules[\"b\"].score: expected 'acts', as of the other rules of the "
        "group 'web': a cap holds within one score; got 'fit'.",
    ),
    "a step that is none": (
        HEAD + "[journey]\nsteps = [{ name = 'look' }]\n[psychological_stages]\n"
        "steps = { loook = 'awareness' }\n",
        "p.toml, line 10, psychological_stages.steps.loook: expected one of look, got 'loook'. "
        "Did you mean 'look'?",
    ),
    "a psychological stage that is none": (
        HEAD + "[journey]\nsteps = [{ name = 'look' }]\n[psychological_stages]\n"
        "steps = { look = 'Awarenes' }\n",
        "p.toml, line 10, psychological_stages.steps.look: expected one of awareness, familiarity, "
        "consideration, purchase, loyalty, got 'Awarenes'. Did you mean 'awareness'?",
    ),
    "a touch that is none": (
        HEAD + "[[actions.rules]]\nlabel.en = 'call'\ntouch = 'visit'\n",
        "p.toml, line 9, actions.rules[0].touch: expected one of call, or [events.visit] with "
        "by = \"us\", got 'visit'.",
    ),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_playbook_is_told_file_line_key_and_remedy(text: str, message: str) -> None:
    found = checked(text, "p.toml", "en")
    assert found.playbook is None
    (told,) = found.told
    assert told.level == "wrong"
    place = f"p.toml, line {told.line}" + (f", {told.key}" if told.key else "")
    assert f"{place}: {told.text}" == message


ODD = {
    "line_unreachable": (
        "[temperature]\nhot = 50\nwarm = 25\n"
        "[[points.rules]]\nname = 'v'\nevent = 'visit'\npoints = 10\nat_most = 3\n",
        "temperature.hot",
        "nobody can reach 50 points: rules, counts and caps allow 30 at most. Lower the line, or "
        "raise points, at_most or a cap.",
    ),
    "bands_overlap": (
        "[temperature]\nhot = 50\nwarm = 45\nhysteresis = 6\n",
        "temperature.hysteresis",
        "a hot lead stays hot down to 44, below the line of warm at 45: the bands overlap. Take a "
        "hysteresis of 5 or less.",
    ),
    "nobody_cold": (
        "[temperature]\nhot = 50\nwarm = 0\n",
        "temperature.warm",
        "everybody is warm: no lead has fewer than 0 points, and warm begins at 0. Raise the line.",
    ),
    "never_leaves_warm": (
        "[temperature]\nhot = 50\nwarm = 5\n",
        "temperature.hysteresis",
        "who is warm once stays so for ever: it would take less than 0 points, and no lead has fewer "
        "than 0. Take a smaller hysteresis, or raise warm.",
    ),
    "grade_unreachable": (
        "[points.scores.fit]\nbands = [4, 40]\n[[points.rules]]\nname = 'v'\nattribute = 'a'\n"
        "equals = 1\npoints = 9\nscore = 'fit'\n",
        "points.scores.fit.bands",
        "nobody can reach the grade from 40 points on: the rules of this score allow 9 at most. "
        "Lower the lines, or raise the points of its rules.",
    ),
    "least_unreachable": (
        "[points.scores.fit]\nhot = 10\n[[points.rules]]\nname = 'v'\nattribute = 'a'\n"
        "equals = 1\npoints = 9\nscore = 'fit'\n",
        "points.scores.fit.hot",
        "nobody can have 10 points of this score: its rules allow 9 at most, so nobody would be hot. "
        "Lower it, or raise the points of its rules.",
    ),
    "capacity_unsolved": (
        "[temperature]\nby = 'capacity'\n[temperature.capacity]\ncalls = 40\n",
        "temperature.capacity",
        "the capacity is not solved into lines yet, so no lead has a temperature. Run tegakari "
        "playbook capacity.",
    ),
    "stage_below": (
        "[stages.enter]\nMQL = { points = 40 }\nTQL.before_call = { points = 30 }\n"
        "SQL = { event = 'order' }\n",
        "stages.enter.TQL.before_call.points",
        "'TQL' begins at 30 points, below 'MQL' at 40: leads would be 'TQL' before they are 'MQL'. "
        "Raise the one or lower the other.",
    ),
    "no_way_in": (
        "[stages]\nsal = 'stage'\n[stages.enter]\nMQL = { event = 'visit' }\n"
        "TQL.before_call = { event = 'visit' }\nSQL = { event = 'order' }\n",
        "stages.enter.SAL",
        "no lead can become 'SAL': nothing leads into it. Say under 'stages.enter.SAL' which event "
        "does.",
    ),
    "hidden_action": (
        "[[actions.rules]]\nlabel.en = 'call'\ntemperature = ['hot', 'warm']\n"
        "[[actions.rules]]\nlabel.en = 'wait'\ntemperature = 'hot'\nstate = 'open'\n",
        "actions.rules[1]",
        "no lead is left for 'wait (2)': 'call (1)' take all of them. Put it before them, or narrow "
        "them.",
    ),
    "no_such_value": (
        "[target.who]\nmid = { all = [{ attribute = 'n', min = 9 }, { attribute = 'n', max = 8 }] }\n",
        "target.who.mid.all",
        "no value of 'n' meets all of these conditions at once, so this holds of nobody. Put "
        "conditions of which one is enough under any.",
    ),
    "silent_and_active": (
        "[definitions.d]\nall = [{ silent_for = '9d' }, { event = 'visit', within = '9d' }]\n",
        "definitions.d.all",
        "asks for silence and, within that time, for acts of the lead ('visit'), so this holds of "
        "nobody. Take a longer within, or a shorter silent_for.",
    ),
    "step_without_mind": (
        "[journey]\nsteps = [{ name = 'look' }]\n[psychological_stages]\nsteps = {}\n",
        "psychological_stages.steps",
        "nothing says which psychological stage 'look' stands for. Add it.",
    ),
}


@pytest.mark.parametrize(("text", "key", "message"), ODD.values(), ids=ODD.keys())
def test_what_makes_no_sense_is_told_with_what_to_do(text: str, key: str, message: str) -> None:
    found = checked(HEAD + text, "p.toml", "en")
    said = {told.key: told for told in found.told if told.level == "likely a mistake"}
    assert said[key].text == message
    line = (HEAD + text).splitlines()[said[key].line - 1]
    assert any(step in line for step in re.split(r"\W", key)), line


def test_the_default_is_neither_wrong_nor_odd() -> None:
    assert checked(Playbook.load().text, "default", "en").told == []


def test_every_finding_has_words_in_every_language() -> None:
    """With the same facts: what one language says the other does."""
    names = [name for name in texts("en")["playbook"] if name.startswith("findings.")]
    for name in names:
        asked = [
            {part[1] for part in string.Formatter().parse(texts(lang)["playbook"][name]) if part[1]}
            for lang in LANGUAGES
        ]
        assert asked[0] - {"step"} == asked[1] - {"step"}, name


def test_an_action_is_hidden_by_several_together_and_by_no_fewer() -> None:
    rules = [
        ("hot", "temperature = 'hot'"),
        ("warm", "temperature = ['warm']"),
        ("any", "state = 'open'\ntemperature = ['hot', 'warm']"),
    ]
    text = HEAD + "".join(f"[[actions.rules]]\nlabel.en = '{n}'\n{c}\n" for n, c in rules)
    assert [f.what for f in odd(Playbook.parse(text).said) if f.path[0] == "actions"] == [
        "hidden_action"
    ]
    narrower = text.replace("temperature = ['warm']", "temperature = ['warm']\nstate = 'lost'")
    assert not [f for f in odd(Playbook.parse(narrower).said) if f.path[0] == "actions"]


def test_nobody_has_more_points_than_the_bound() -> None:
    playbook = Playbook.load()
    bound = reach(playbook.points)
    assert (bound.fewest, bound.most) == (-40, 256)
    assert sum(reach(playbook.points, score=s).most for s in playbook.points.scores) == bound.most
    assert reach(playbook.points, without={"demo request"}).most == bound.most - 60
    endless = Playbook.parse(HEAD + "[[points.rules]]\nname='v'\nevent='visit'\npoints=1\n")
    assert reach(endless.points).most == math.inf


def test_a_line_is_that_of_the_entry_even_in_inline_tables() -> None:
    text = (
        'a = [ # [b]\n  "x]", # }\n  { c = """\n]\n""", d = 1 },\n]\n[["b\\" c".d]]\n'
        "e.f = 1979-05-27 07:32:00\ng = 1\n"
    )
    lines = Lines(text)
    where = {("a", 0): 2, ("a", 1, "d"): 5, ('b" c', "d", 0, "e", "f"): 8}
    where |= {('b" c', "d", 0, "g"): 9, ("nowhere",): 1}
    assert {path: lines.of(path) for path in where} == where


def found_on(world_of: Data, text: str) -> dict[str, Finding]:
    playbook = Playbook.parse(text)
    data = dataclasses.replace(world_of, playbook=playbook)
    return {finding.what: finding for finding in on_data(data)}


@pytest.fixture(scope="module")
def small(invent, take_in, as_of) -> Data:  # type: ignore[no-untyped-def]
    leads, log, _ = take_in(invent(60, 3))
    return Data(Playbook.load(), leads, log, None, as_of)


DECLARED = """schema = 1
[events]
price_page_view = { channel = "web" }
newsletter_sent = { by = "us" }
demo_request = {}
blog_view = {}
"""

UNHEARD = {
    "event_absent": "event = 'referal'",
    "channel_absent": "event = 'price_page_view'\nchannel = 'wbe'",
    "content_absent": "event = 'price_page_view'\ncontent = '/price*'",
    "value_absent": "event = 'price_page_view'\nvalue = { min = 3 }",
    "column_absent": "attribute = 'employes'\nmin = 3",
    "values_absent": "attribute = 'industry'\nequals = 'machinry'",
    "no_numbers": "attribute = 'industry'\nmin = 3",
    "range_absent": "attribute = 'employees'\nmin = 5001",
    "pattern_absent": "attribute = 'industry'\npattern = 'x*'",
}


@pytest.mark.parametrize(("what", "rule"), UNHEARD.items(), ids=UNHEARD.keys())
def test_a_rule_that_never_fires_on_the_data_is_told(small: Data, what: str, rule: str) -> None:
    declared = DECLARED + "referal = {}\n"
    found = found_on(small, f"{declared}[[points.rules]]\nname = 'r'\npoints = 50\n{rule}\n")
    assert what in found
    assert found[what].path[:3] == ("points", "rules", 0)
    assert found[what].level == "likely a mistake"
    # So the lines of the temperature are out of reach, which the rules alone do not say.
    assert "line_unreachable_here" in found
    for lang in LANGUAGES:
        assert in_words(found[what], lang)


def test_names_that_are_near_are_told(small: Data) -> None:
    rule = "[[points.rules]]\nname = 'r'\npoints = 50\n"
    found = found_on(small, f"{DECLARED}{rule}attribute = 'industry'\nequals = 'machinry'\n")
    text = in_words(found["values_absent"], "en")
    assert "Did you mean 'machinery'?" in text
    found = found_on(small, f"{DECLARED}{rule}attribute = 'employes'\nmin = 3\n")
    assert in_words(found["column_absent"], "en") == (
        "the lead list has no column 'employes'. Did you mean 'employees'? Correct the name, or add "
        "the column."
    )


def test_rules_that_fire_are_not_told(small: Data) -> None:
    good = (
        "event = 'demo_request'",
        "channel = 'web'",
        "attribute = 'employees'\nmin = 5",
        "attribute = 'industry'\nequals = 'software'",
        "attribute = 'industry'\nmissing = true",
        "silent_for = '1d'",
        "any = [{ event = 'demo_request' }, { attribute = 'industry', pattern = 'SOFT*' }]",
    )
    rules = "".join(
        f"[[points.rules]]\nname = 'r{n}'\npoints = 50\n{rule}\n" for n, rule in enumerate(good)
    )
    found = on_data(dataclasses.replace(small, playbook=Playbook.parse(DECLARED + rules)))
    assert not [finding for finding in found if finding.path[0] == "points"]


def test_definitions_and_targets_of_nobody_and_unknown_events_are_told(small: Data) -> None:
    text = DECLARED.replace("blog_view", "blog_views") + (
        "[definitions.d]\nall = [{ attribute = 'industry', missing = true },"
        " { attribute = 'industry', equals = 'software' }]\n"
        "[target.who]\nsmall = { attribute = 'employees', max = 0 }\n"
    )
    found = found_on(small, text)
    assert found["holds_of_nobody"].path == ("definitions", "d")
    assert found["range_absent"].path == ("target", "who", "small", "max")
    assert found["event_unknown"].facts["near"] == ["blog_views"]
    assert found["event_unknown"].level == "likely a mistake"
    assert found["event_unknown"].facts["n"] == int(
        np.sum(small.log.event_type == small.log.types.index("blog_view"))
    )


def test_a_dead_branch_of_nested_conditions_is_told_with_its_path(small: Data) -> None:
    text = DECLARED + (
        "[[points.rules]]\nname = 'r'\npoints = 50\n"
        "any = [{ event = 'demo_request' },"
        " { all = [{ event = 'blog_view' }, { attribute = 'nowhere', equals = 1 }] }]\n"
    )
    found = found_on(small, text)
    assert found["column_absent"].path == ("points", "rules", 0, "any", 1, "all", 1, "attribute")
    assert "line_unreachable_here" not in found


def test_who_somebody_is_is_not_shown(small: Data) -> None:
    text = DECLARED + (
        "[attributes]\nindustry = { role = 'display' }\n"
        "[exclude]\nrules = [{ name = 'x', attribute = 'industry', pattern = 'zzz*' }]\n"
    )
    found = found_on(small, text)["pattern_absent"]
    assert found.facts["there"] == []
    assert found.level == "note"


def test_silence_of_nobody_is_a_note(small: Data) -> None:
    text = f"{DECLARED}[[points.rules]]\nname = 'r'\npoints = -5\nsilent_for = '9999d'\n"
    assert found_on(small, text)["nobody_silent"].level == "note"
