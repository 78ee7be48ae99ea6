"""The playbook: what it means, and what it refuses with which words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from features.errors import PlaybookError, UsageError
from features.groups import ANY
from features.instants import DAY, HOUR
from features.plan import expand
from models.playbook import Playbook, in_language
from training.simulation.contents import CHANNELS, TYPES
from training.simulation.population import SEATS, populate
from training.simulation.world import PROJECTS

ROOT = Path(__file__).parents[2]
SMALL = """
schema = 1
timezone = "Asia/Tokyo"

[events]
visit = { label = { en = "visit", ja = "訪問" } }
call = { by = "us" }
order = { outcome = "won" }

[tasks.sale]
label = "order"  # a comment
closes = ["order"]
horizon = "90d"

[[points.rules]]
name = "visit"
event = "visit"
points = 5

[[points.rules]]
name = "quiet"
silent_for = "30d"
points = -5
"""


@pytest.fixture(scope="module")
def default() -> Playbook:
    return Playbook.load()


def test_the_default_declares_no_zone_and_the_task_of_the_contract(default: Playbook) -> None:
    task = default.task("qualification")
    assert default.timezone is None
    assert (task.label, task.horizon, task.every) == (("deal_opened",), 90 * DAY, 7 * DAY)
    assert task.closes == ("deal_opened", "deal_won", "lost", "purchase")
    assert task.until == 365 * DAY


def test_the_default_knows_every_event_of_the_simulated_world(default: Playbook) -> None:
    assert set(TYPES) <= set(default.events)
    for name in TYPES:
        label = default.events[name].label
        assert label.en, name
        assert label.ja, name
        assert default.event_said(name, "en"), name
        assert default.event_said(name, "ja"), name
        assert default.events[name].channel == next(c for c, of in CHANNELS.items() if name in of)


def test_the_default_names_the_channels_and_categories_of_the_simulated_world(
    default: Playbook,
) -> None:
    people = populate(2000, 30, np.random.SeedSequence(1)).columns
    words = {*CHANNELS, *PROJECTS, *SEATS}
    for column in ("industry", "role", "prefecture", "source"):
        words |= set(people[column])
    for word in words:
        assert not default.word(word, "ja").isascii() or word == "social", word
        assert default.word(word, "en").isascii(), word
        assert "_" not in default.word(word, "en"), word


def test_a_word_that_the_playbook_does_not_name_stays_as_it_came(default: Playbook) -> None:
    assert default.word("budgeted", "ja") == "予算化済み"
    assert default.word("budgeted", "en") == "budgeted"
    assert default.word("{count} 製造", "en") == "{count} 製造"
    only_english = Playbook.parse('schema = 1\n[names.en]\n"製造" = "manufacturing"')
    assert only_english.word("製造", "en") == "manufacturing"
    assert only_english.word("製造", "ja") == "製造"


def test_every_rule_of_the_default_has_words_in_both_languages(default: Playbook) -> None:
    for rule in default.points.rules:
        if rule.event is None or len(rule.event) > 1:
            assert rule.label.en, rule.name
            assert rule.label.ja, rule.name


def test_the_default_catalogue_is_the_schema_s_own(default: Playbook) -> None:
    assert default.catalogue == Playbook.parse("schema = 1").catalogue
    assert expand(default.catalogue, {"group": [ANY]})


def test_touches_outcomes_and_states(default: Playbook) -> None:
    assert set(default.touches) == {
        "newsletter_sent",
        "direct_mail_sent",
        "call_made",
        "webinar_invite",
        "seminar_invite",
    }
    assert default.outcomes == {"deal_opened", "deal_won", "lost", "purchase"}
    assert default.state_after("deal_opened") == "in_deal"
    assert default.state_after("deal_won") == default.state_after("purchase") == "customer"
    assert default.state_after("lost") == "lost"
    assert default.state_after("blog_view") == default.state_after("unheard_of") == "closed"


def test_labels_fall_back_on_the_other_language_then_on_nothing(default: Playbook) -> None:
    assert default.event_label("price_page_view", "en") == "price page view"
    assert default.event_label("price_page_view", "ja") == "料金ページの閲覧"
    assert default.attribute_label("role", "ja") == "役職"
    assert default.event_label("unheard_of", "en") is None
    assert default.attribute_label("unheard_of", "en") is None
    only_english = Playbook.parse('schema = 1\n[events.visit]\nlabel.en = "visit"')
    assert only_english.event_label("visit", "ja") == "visit"


def test_the_loan_leads_are_asked_as_the_issue_says() -> None:
    playbook = Playbook.load(ROOT / "notebooks" / "bpi2012.toml")
    task = playbook.task("qualification")
    ends = ("A_APPROVED", "A_DECLINED", "A_CANCELLED")
    assert (task.label, task.closes, task.horizon) == (("A_APPROVED",), ends, 14 * DAY)
    assert task.ages == (1 * DAY, 7 * DAY, 14 * DAY)
    assert task.every is None
    assert set(task.exclude_events) == {*ends, "A_REGISTERED", "A_ACTIVATED", "O_ACCEPTED"}
    assert playbook.exclude_columns(task) == ("approved", "declined", "cancelled")
    assert [playbook.state_after(name) for name in ends] == ["customer", "lost", "lost"]
    counted = {name for rule in playbook.points.rules for name in rule.event or ()}
    assert not counted & set(task.exclude_events)


def test_the_version_is_that_of_the_meaning() -> None:
    version = Playbook.parse(SMALL).version
    head, visit, quiet = SMALL.split("[[points.rules]]\n")
    same = [
        SMALL.replace("  # a comment", ""),
        SMALL.replace('"90d"', '"2160h"'),
        SMALL + '\n[temperature]\nby = "points"\nhot = 50\nwarm = 25\n',
        SMALL + '\n[x-marketing]\nowner = "ours"\n',
        f"{head}[[points.rules]]\n{quiet}\n[[points.rules]]\n{visit}",
    ]
    other = [
        SMALL.replace("points = 5", "points = 6"),
        SMALL.replace('"90d"', '"89d"'),
        SMALL.replace("Asia/Tokyo", "UTC"),
        SMALL + "\n[temperature]\nhot = 51\n",
    ]
    assert {Playbook.parse(text).version for text in same} == {version}
    assert len({version, *(Playbook.parse(text).version for text in other)}) == 1 + len(other)
    assert len(version) == 12


def test_own_tables_are_left_alone_and_only_they() -> None:
    playbook = Playbook.parse(SMALL + "\n[tasks.sale.x-note]\nwhy = 3\n[x-ray.deep]\ny = 1\n")
    assert playbook.version == Playbook.parse(SMALL).version
    assert "x-ray" in Playbook.parse("schema = 1\n[events.x-ray]").events


def test_names_that_files_have() -> None:
    playbook = Playbook.parse('schema = 1\n[columns]\nlead_id = "Prospect ID"')
    assert playbook.columns == {"lead_id": "Prospect ID"}
    assert playbook.timezone is None


def test_a_task_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(
        UsageError, match=r"no task is called 'sales'; its tasks are sale\. Did you"
    ):
        Playbook.parse(SMALL).task("sales")
    with pytest.raises(UsageError, match=r"it has no \[tasks\.<name>\]"):
        Playbook.parse("schema = 1").task("sale")
    assert Playbook.parse("schema = 1").exclude_columns("sale") == ()


def test_a_catalogue_may_go_down_to_hours() -> None:
    playbook = Playbook.parse('schema = 1\n[features]\ncatalogue = ["count 36h", "age"]')
    assert expand(playbook.catalogue, {"group": ["visit"]})[0].parameter == 36 * HOUR


def test_the_next_action_is_that_of_the_first_rule_that_holds() -> None:
    playbook = Playbook.parse(
        SMALL
        + """
[[actions.rules]]
label.en = "ask again"
task = "sale"
state = ["lost", "open"]
temperature = ["hot", "warm"]
[[actions.rules]]
label.ja = "待つ"
temperature = "cold"
[[actions.rules]]
label.en = "greet"
state = "customer"
"""
    )

    def done(temperature: str | None, task: str | None, state: str) -> str | None:
        rule = playbook.next_action(temperature=temperature, task=task, state=state)
        return rule and in_language(rule.label, "en")

    assert done("hot", "sale", "open") == done("warm", "sale", "lost") == "ask again"
    assert done("hot", None, "open") is None
    assert done("hot", "sale", "in_deal") is None
    assert done("cold", "sale", "open") == done("cold", None, "customer") == "待つ"
    assert done(None, None, "customer") == "greet"
    assert done(None, "sale", "open") is None
    assert Playbook.parse(SMALL).next_action(temperature="hot", task="sale", state="open") is None


def test_actions_are_of_the_meaning_and_so_is_their_order() -> None:
    one, other = (
        f"[[actions.rules]]\nlabel.en = '{what}'\ntemperature = 'hot'\n"
        for what in ("call", "wait")
    )
    versions = {
        Playbook.parse(f"{SMALL}\n{text}").version for text in ("", one + other, other + one)
    }
    assert len(versions) == 3
    listed = one.replace("'hot'", "['hot']")
    assert Playbook.parse(f"{SMALL}\n{listed}").version == Playbook.parse(f"{SMALL}\n{one}").version


def test_the_default_has_an_action_for_every_lead_that_a_task_asks_about(default: Playbook) -> None:
    asked = {"qualification": "open", "recycling": "lost", "reactivation": "customer"}
    said = {
        (task, temperature, trend): default.next_action(
            temperature=temperature, task=task, state=state, trend=trend
        )
        for task, state in asked.items()
        for temperature in ("hot", "warm", "cold")
        for trend in ("rising", "steady", None)
    }
    for rule in said.values():
        assert rule is not None
        assert rule.label.en
        assert rule.label.ja
        assert rule.touch in default.touches
    assert {rule.touch for rule in said.values() if rule} >= {"call_made", "newsletter_sent"}
    assert set(map(id, said.values())) == set(map(id, default.said.actions.rules))
    assert default.next_action(temperature=None, task=None, state="customer") is None
    assert default.next_action(temperature="hot", task=None, state="in_deal") is None


RULE = 'schema = 1\n[[points.rules]]\nname = "r"\n'

TOUCH = """schema = 1
events = { visit = {}, call_made = { by = "us" }, call_planned = { by = "us" } }
"""

BROKEN = {
    "not TOML": ("schema = 1\n[events\n", "line 2, column 8: this is not TOML: Expected ']'"),
    "no schema": ("[events.a]\n", "line 1, schema: expected this key, and it is missing."),
    "another schema": (
        "schema = 2\n",
        "line 1, schema: expected 1, the form this version reads, got 2.",
    ),
    "unknown table": (
        "schema = 1\n[task.sale]\n",
        "line 2, task: unknown key; expected one of schema, timezone, columns, attributes, events, "
        "tasks, names, features, journey, psychological_stages, points, temperature, trend, stages, "
        "exclude, suppress, definitions, target, actions. Did you mean 'tasks'?",
    ),
    "unknown key": (
        SMALL.replace('horizon = "90d"', 'horizont = "90d"'),
        "line 13, tasks.sale.horizont: unknown key; expected one of label, closes, reopens, horizon, "
        "cutoffs, until, exclude_events, exclude_columns, after, dormant, features. "
        "Did you mean 'horizon'?",
    ),
    "own table that is none": ("schema = 1\nx-note = 3\n", "line 2, x-note: unknown key"),
    "missing key": (
        "schema = 1\n[events.a]\n[tasks.t]\nlabel = 'a'\n",
        "line 3, tasks.t.horizon: expected this key, and it is missing.",
    ),
    "wrong type": (
        RULE + "event = 'a'\npoints = '5'\n",
        "points: expected a whole number, got '5'.",
    ),
    "not a whole number": (
        RULE + "event = 'a'\npoints = 5.5\n",
        "expected a whole number, got 5.5.",
    ),
    "worth nothing": (RULE + "event = 'a'\npoints = 0\n", "expected points above or below 0"),
    "choice": (
        'schema = 1\n[events.a]\nby = "sales"\n',
        "line 3, events.a.by: expected one of lead, us, got 'sales'.",
    ),
    "near choice": (
        'schema = 1\n[attributes]\nrole = { time = "snapshots" }\n',
        "line 3, attributes.role.time: expected one of fixed, tracked, snapshot, got 'snapshots'. "
        "Did you mean 'snapshot'?",
    ),
    "length of time": (
        SMALL.replace('"90d"', '"3 months"'),
        "line 13, tasks.sale.horizon: expected a length of time such as '90d', '36h' or '2w', "
        "got '3 months'.",
    ),
    "bare length of time": (SMALL.replace('"90d"', "90"), "in quotes, such as '90d'."),
    "endless length of time": (SMALL.replace('"90d"', '"99999999d"'), "of at most '36500d'"),
    "zone": (
        'schema = 1\ntimezone = "Tokio"\n',
        "line 2, timezone: No time zone is called 'Tokio'.",
    ),
    "column": (
        'schema = 1\n[columns]\nlead = "id"\n',
        "line 3, columns.lead: expected one of lead_id, created_at,",
    ),
    "column twice": (
        'schema = 1\n[columns]\nlead_id = "id"\ncreated_at = "id"\n',
        "line 4, columns.created_at: expected a column of its own; lead_id has it.",
    ),
    "both cutoffs": (
        SMALL.replace('"90d"', '"90d"\ncutoffs = { every = "7d", ages = ["1d"] }'),
        'line 14, tasks.sale.cutoffs: expected exactly one of every = "7d" and ages = ["1d", "7d"].',
    ),
    "catalogue": (
        'schema = 1\n[features]\ncatalogue = [\n    "age",\n    "count",\n]\n',
        "line 5, features.catalogue[1]: Catalogue line 'count': count takes a window.",
    ),
    "event of a rule": (
        SMALL.replace('event = "visit"', 'event = "visits"'),
        "line 17, points.rules[\"visit\"].event: 'visits' is not an event of this playbook. "
        "Did you mean 'visit'? Correct it or declare [events.visits].",
    ),
    "event of a task": (
        SMALL.replace('["order"]', '["ordr"]'),
        "line 12, tasks.sale.closes: 'ordr'",
    ),
    "two forms": (
        RULE + "points = 5\nevent = 'a'\nsilent_for = '3d'\n",
        "got event and silent_for.",
    ),
    "no form": (
        RULE + "points = 5\n",
        'line 2, points.rules["r"]: expected exactly one of event (or channel, content, value), '
        "attribute, silent_for, and all, any, none together, got none of them.",
    ),
    "option of another form": (
        RULE + "points = 5\nattribute = 'a'\nequals = 1\nat_most = 2\n",
        'line 2, points.rules["r"]: at_most belongs to a rule with event, and this one has attribute.',
    ),
    "two conditions": (
        RULE + "points = 5\nattribute = 'a'\nequals = 1\nmin = 2\n",
        "needs exactly one of equals, in, pattern, missing, and min with or without max",
    ),
    "empty range": (
        RULE + "points = 5\nattribute = 'a'\nmin = 3\nmax = 2\n",
        "expected min not above max, got min 3 and max 2.",
    ),
    "numbers and texts": (
        RULE + "points = 5\nattribute = 'a'\nin = [1, 'b']\n",
        "expected values that are all numbers or all texts.",
    ),
    "half-life and end": (
        RULE + "points = 5\nevent = 'a'\nhalf_life = '3d'\nexpires = '9d'\n",
        "expected half_life or expires, got both.",
    ),
    "group": (
        RULE + "points = 5\nevent = 'a'\ngroup = 'wbe'\n[points.groups.web]\ncap = 9\n",
        "line 6, points.rules[\"r\"].group: expected one of web, got 'wbe'. Did you mean 'web'?",
    ),
    "no group": (
        RULE + "points = 5\nevent = 'a'\ngroup = 'web'\n",
        "expected a table [points.groups.web], got 'web'.",
    ),
    "cap": (
        "schema = 1\n[points.groups.web]\ncap = 0\n",
        "line 3, points.groups.web.cap: expected a number above 0, got 0.",
    ),
    "name twice": (
        SMALL.replace('"quiet"', '"visit"'),
        "line 21, points.rules[\"visit\"].name: expected a name of its own; 'visit' came before.",
    ),
    "bands": (
        "schema = 1\n[temperature]\nhot = 20\n",
        "line 2, temperature: expected hot above warm, got hot 20 and warm 25.",
    ),
    "parts of points": (
        "schema = 1\n[temperature]\nhot = 50.5\n",
        "expected whole points, got hot 50.5",
    ),
    "no probabilities": (
        'schema = 1\n[temperature]\nby = "probability"\n',
        "line 2, temperature: expected the line hot = ... as a probability, and it is missing.",
    ),
    "percent": (
        'schema = 1\n[temperature]\nby = "probability"\nhot = 30\nwarm = 10\n',
        "expected probabilities in (0, 1], got hot 30 and warm 10.",
    ),
    "not a number": (
        "schema = 1\n[temperature]\nhot = nan\n",
        "expected a finite number, got nan.",
    ),
    "name of a task": (
        'schema = 1\n[tasks."../x"]\nlabel = "a"\nhorizon = "9d"\n',
        "expected letters, digits, - and _, got '../x'.",
    ),
    "how often, without the count": (
        'schema = 1\n[events.visit]\nsaid = { en = "price page seen" }\n',
        "line 3, events.visit.said.en: expected a text with {count} in it once and no other braces, "
        "such as 'price page seen {count}', got 'price page seen'.",
    ),
    "how often, twice": (
        'schema = 1\n[events.visit]\nsaid.ja = "{count}と{count}"\n',
        "line 3, events.visit.said.ja: expected a text with {count} in it once",
    ),
    "how often, other braces": (
        'schema = 1\n[events.visit]\nsaid.en = "{label} seen {count}"\n',
        "events.visit.said.en: expected a text with {count} in it once and no other braces",
    ),
    "how often, in an unknown language": (
        'schema = 1\n[events.visit]\nsaid.fr = "vu {count}"\n',
        "line 3, events.visit.said.fr: unknown key; expected one of en, ja.",
    ),
    "name that is no text": (
        "schema = 1\n[names.ja]\nmail = 3\n",
        "line 3, names.ja.mail: expected text, got 3.",
    ),
    "names in an unknown language": (
        'schema = 1\n[names.fr]\nmail = "courriel"\n',
        "line 2, names.fr: unknown key; expected one of en, ja.",
    ),
    "touch that is no event": (
        TOUCH + "[[actions.rules]]\nlabel.en = 'call'\ntouch = 'call_mad'\n",
        "line 5, actions.rules[0].touch: expected one of call_made, call_planned, or [events.call_mad] "
        "with by = \"us\", got 'call_mad'. Did you mean 'call_made'?",
    ),
    "touch by the lead": (
        TOUCH + "[[actions.rules]]\nlabel.en = 'call'\ntouch = 'visit'\n",
        "line 5, actions.rules[0].touch: expected one of call_made",
    ),
    "touch without events": (
        "schema = 1\n[[actions.rules]]\nlabel.en = 'call'\ntouch = 'call'\n",
        "line 4, actions.rules[0].touch: expected an event of ours: [events.call]",
    ),
    "action without words": (
        "schema = 1\n[[actions.rules]]\nlabel = {}\n",
        "line 3, actions.rules[0].label: expected what to do, in at least one language: en, ja.",
    ),
    "action without label": (
        "schema = 1\n[[actions.rules]]\nstate = 'open'\n",
        "line 2, actions.rules[0].label: expected this key, and it is missing.",
    ),
    "unknown condition": (
        "schema = 1\n[[actions.rules]]\nlabel.en = 'call'\ntemperatur = 'hot'\n",
        "line 4, actions.rules[0].temperatur: unknown key; expected one of label, temperature, task, "
        "state, stage, psychological_stage, journey_step, trend, touch. Did you mean 'temperature'?",
    ),
    "stage of an action": (
        "schema = 1\n[[actions.rules]]\nlabel.en = 'call'\nstage = 'sql'\n",
        "line 4, actions.rules[0].stage[0]: expected one of lead, MQL, TQL, SAL, SQL, got 'sql'. "
        "Did you mean 'SQL'?",
    ),
    "temperature of an action": (
        "schema = 1\n[[actions.rules]]\nlabel.en = 'call'\ntemperature = ['hot', 'wram']\n",
        "line 4, actions.rules[0].temperature[1]: expected one of hot, warm, cold, got 'wram'. "
        "Did you mean 'warm'?",
    ),
    "no temperature of an action": (
        "schema = 1\n[[actions.rules]]\nlabel.en = 'call'\ntemperature = []\n",
        "line 4, actions.rules[0].temperature: expected at least one entry",
    ),
    "state of an action": (
        "schema = 1\n[[actions.rules]]\nlabel.en = 'call'\nstate = 'opened'\n",
        "expected one of open, in_deal, customer, lost, closed, not_created, got 'opened'. "
        "Did you mean 'open'?",
    ),
    "task of an action": (
        SMALL + "\n[[actions.rules]]\nlabel.en = 'call'\ntask = ['sale', 'sales']\n",
        "line 27, actions.rules[0].task: expected one of sale, got 'sales'. Did you mean 'sale'?",
    ),
    "raw rows": (
        "schema = 1\n[events.a]\nfrom = { tipe = 'x' }\n",
        "unknown key; expected one of type, content, channel. Did you mean 'type'?",
    ),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_playbook_is_refused_naming_file_line_key_and_remedy(
    text: str, message: str
) -> None:
    with pytest.raises(PlaybookError) as refusal:
        Playbook.parse(text, "ours.toml")
    assert str(refusal.value).startswith("ours.toml, line ")
    assert message in str(refusal.value)


def test_every_problem_is_named_in_the_order_of_lines() -> None:
    text = 'schema = 1\n[events.a]\nby = 3\ncolour = "red"\n[stages]\ntql = "later"\n'
    with pytest.raises(PlaybookError) as refusal:
        Playbook.parse(text, "ours.toml")
    lines = str(refusal.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "ours.toml, line 3, events.a.by",
        "ours.toml, line 4, events.a.colour",
        "ours.toml, line 6, stages.tql",
    ]


def test_text_of_several_lines_does_not_confuse_the_lines() -> None:
    text = 'schema = 1\n[events.a]\nlabel.en = """\nby = 1\n[events.b]\n"""\nby = "you"\n'
    with pytest.raises(PlaybookError, match=r"line 7, events\.a\.by"):
        Playbook.parse(text)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(
        PlaybookError, match=r"none\.toml: the playbook cannot be read: No such file"
    ):
        Playbook.load(tmp_path / "none.toml")
    path = tmp_path / "p.toml"
    path.write_bytes("schema = 1\n# 料金\n".encode("cp932"))
    with pytest.raises(PlaybookError, match=r"line 2: expected UTF-8, got byte 0x97"):
        Playbook.load(path)
    path.write_bytes(SMALL.encode("utf-8-sig"))
    assert Playbook.load(path).version == Playbook.parse(SMALL).version
    assert Playbook.load(path).text == SMALL
