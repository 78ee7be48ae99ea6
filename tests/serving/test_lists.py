"""``tegakari list``: whom to call and why not the others, who rises, who waits, whom to take up again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.playbook import Playbook
from tests.conftest import Ran, Run, World, WriteCsv

DEFAULT = Path(Playbook.load().source)
AS_OF = "2026-04-14T00:00:00+09:00"  # a Tuesday
REST = ("--timezone", "Asia/Tokyo", "--as-of", AS_OF)


def of_world(world: World) -> list[object]:
    files = ("--leads", world.leads, "--events", world.events, "--changes", world.changes)
    when = ("--as-of", world.ends, "--timezone", "Asia/Tokyo")
    return [*files, *when, "--model", world.artefact]


@pytest.fixture
def playbook(tmp_path: Path) -> Any:
    """The default playbook with some texts replaced."""

    def playbook(*replaced: tuple[str, str]) -> Path:
        text = DEFAULT.read_text(encoding="utf-8")
        for old, new in replaced:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path = tmp_path / "playbook.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return playbook


SUPPRESS = (
    'quiet = "7d"\n',
    'quiet = "7d"\nphone = "tel"\ndo_not_call = ["dnc"]\n'
    'rules = [{ name = "partner", attribute = "source", equals = "partner" }]\n',
)
OWNER = ("per_week = 40\n", 'per_week = 40\nowner = "rep"\n')

LEADS = [
    {"lead_id": "ok", "tel": "03-1", "rep": "Sato", "company": "甲社", "dnc": "no"},
    {"lead_id": "ok2", "tel": "03-2", "rep": "Sato", "dnc": ""},
    {"lead_id": "other", "tel": "03-3", "rep": "Suzuki"},
    {"lead_id": "test", "tel": "03-4", "rep": "Sato", "email": "a@test.example", "dnc": "yes"},
    {"lead_id": "deal", "tel": "03-5", "rep": "Sato"},
    {"lead_id": "lost", "tel": "03-6", "rep": "Sato"},
    {"lead_id": "dnc", "tel": "03-7", "rep": "Sato", "dnc": "はい", "source": "partner"},
    {"lead_id": "partner", "tel": "03-8", "rep": "Sato", "source": "partner"},
    {"lead_id": "quiet", "tel": "", "rep": "Sato"},
    {"lead_id": "mailed", "tel": "03-9", "rep": "Sato"},
    {"lead_id": "phoneless", "tel": " ", "rep": "Sato"},
]
EVENTS = [
    {"lead_id": "ok", "event_type": "demo_request", "occurred_at": "2026-04-10 10:00"},
    {"lead_id": "deal", "event_type": "deal_opened", "occurred_at": "2026-04-10 10:00"},
    {"lead_id": "lost", "event_type": "lost", "occurred_at": "2026-04-10 10:00"},
    {"lead_id": "quiet", "event_type": "call_made", "occurred_at": "2026-04-08 10:00"},
    {"lead_id": "ok2", "event_type": "call_made", "occurred_at": "2026-04-02 10:00"},
    {"lead_id": "ok2", "event_type": "call_made", "occurred_at": "2026-04-20 10:00"},
    {"lead_id": "mailed", "event_type": "newsletter_sent", "occurred_at": "2026-04-13 10:00"},
]
COLUMNS = ("lead_id", "created_at", "tel", "rep", "company", "dnc", "email", "source")


@pytest.fixture
def small(write_csv: WriteCsv) -> list[object]:
    """Eleven leads, one for each reason to be left out."""
    rows = [{"created_at": "2026-03-01 09:00", **lead} for lead in LEADS]
    leads = write_csv("leads.csv", rows, header=COLUMNS)
    return ["--leads", leads, "--events", write_csv("events.csv", EVENTS), *REST]


def ids(ran: Ran) -> list[str]:
    return [lead["lead_id"] for lead in ran.said["leads"]]


def test_each_lead_is_on_the_call_list_or_left_out_for_one_reason(
    run: Run, small: list[object], playbook: Any
) -> None:
    book = playbook(SUPPRESS, OWNER)
    ran = run("list", "call", *small, "--playbook", book, "--owner", "Sato", "--json")
    assert ran.code == 0, ran.err
    assert ids(ran) == ["ok", "mailed", "ok2"]  # points, then lead_id
    left = {reason["reason"]: reason["leads"] for reason in ran.said["left_out"]}
    names = ("owner", "excluded", "in_deal", "not_asked: lost", "no_consent", "suppressed: partner")
    assert left == dict.fromkeys((*names, "quiet", "no_phone"), 1)
    assert sum(left.values()) + ran.said["listed"] == ran.said["leads_in"] == len(LEADS)
    assert ran.said["expected"] is None
    first = ran.said["leads"][0]
    assert (first["phone"], first["display"]["company"]) == ("03-1", "甲社")
    assert first["last_act"]["event"] == "demo_request"
    assert ran.said["leads"][2]["last_touch"]["at"] == "2026-04-02T01:00:00Z"


def test_reasons_are_tried_in_the_documented_order(
    run: Run, small: list[object], playbook: Any
) -> None:
    told = run("list", "call", *small, "--playbook", playbook(SUPPRESS, OWNER), "--json").said
    order = [reason["reason"] for reason in told["left_out"]]
    names = ["excluded", "in_deal", "not_asked: lost", "no_consent", "suppressed: partner", "quiet"]
    assert order == [*names, "no_phone"]  # no owner asked for


def test_what_is_neither_yes_nor_no_forbids_a_call_and_is_named(
    run: Run, write_csv: WriteCsv, playbook: Any
) -> None:
    rows = [
        {"lead_id": name, "created_at": "2026-03-01", "tel": "1", "dnc": name}
        for name in ("maybe", "0", "いいえ")
    ]
    leads = write_csv("leads.csv", rows)
    ran = run("list", "call", "--leads", leads, *REST, "--playbook", playbook(SUPPRESS), "--json")
    assert ids(ran) == ["0", "いいえ"]
    assert any("maybe" in warning for warning in ran.said["warnings"])


@pytest.mark.parametrize(
    ("owner", "replaced", "said"),
    [
        ("Satou", [OWNER], "Did you mean 'Sato'?"),
        ("Sato", [], 'Write owner = "<that column>" under [actions.calls]'),
        ("Sato", [("per_week = 40\n", 'owner = "repp"\n')], "Did you mean 'rep'?"),
    ],
)
def test_an_owner_that_is_not_there_is_refused_with_a_remedy(
    run: Run, small: list[object], playbook: Any, owner: str, replaced: Any, said: str
) -> None:
    ran = run("list", "call", *small, "--playbook", playbook(*replaced), "--owner", owner)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_a_column_of_numbers_that_is_not_there_is_refused(
    run: Run, small: list[object], playbook: Any
) -> None:
    book = playbook(('quiet = "7d"\n', 'quiet = "7d"\nphone = "tell"\n'))
    ran = run("list", "call", *small, "--playbook", book)
    assert ran.code == 2
    assert "Did you mean 'tel'?" in ran.err


def test_the_call_list_of_a_model_is_most_likely_first_with_some_drawn(
    run: Run, world: World, tmp_path: Path, read_csv: Any, checked: None
) -> None:
    out = tmp_path / "calls.csv"
    ask = ["list", "call", *of_world(world), "--per-week", 20, "--explore", 0.1, "--json"]
    ran = run(*ask, "--out", out)
    assert ran.code == 0, ran.err
    told, leads = ran.said, ran.said["leads"]
    assert told["explore"]["drawn"] == 2 == sum(lead["drawn"] for lead in leads)
    chosen = [lead["probability"] for lead in leads if not lead["drawn"]]
    assert chosen == sorted(chosen, reverse=True)
    assert max(lead["probability"] for lead in leads if lead["drawn"]) <= chosen[-1]
    assert told["expected"]["mean"] == pytest.approx(sum(lead["probability"] for lead in leads))
    assert told["expected"]["low"] <= told["expected"]["mean"] <= told["expected"]["high"]
    assert sum(r["leads"] for r in told["left_out"]) + 20 == told["leads_in"]
    assert all(lead["reasons"] for lead in leads)
    rows = read_csv(out)
    assert [row["lead_id"] for row in rows] == ids(ran)
    assert [row["tegakari_drawn"] for row in rows].count("true") == 2
    assert [float(row["tegakari_probability"]) for row in rows] == pytest.approx(
        [lead["probability"] for lead in leads]
    )
    seed = told["explore"]["seed"]
    assert ids(run(*ask, "--seed", seed)) == ids(ran)
    other = run(*ask, "--seed", seed + 1)
    assert ids(other)[:18] == ids(ran)[:18]
    assert ids(other) != ids(ran)


def test_with_more_places_than_leads_everybody_is_called_and_nobody_drawn(
    run: Run, small: list[object]
) -> None:
    told = run("list", "call", *small, "--per-week", 1000, "--json").said
    assert told["listed"] == told["may_be_called"]
    assert told["explore"]["drawn"] == 0
    assert "behind" not in [reason["reason"] for reason in told["left_out"]]


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("name", ["call", "rising", "untouched", "recycle", "dormant"])
def test_a_list_of_nobody_says_so(
    run: Run, write_csv: WriteCsv, tmp_path: Path, name: str, lang: str
) -> None:
    leads = write_csv("none.csv", [], header=("lead_id", "created_at"))
    out = tmp_path / "out.parquet"
    ran = run("list", name, "--leads", leads, *REST, "--lang", lang, "--out", out)
    assert ran.code == 0, ran.err
    assert {"en": "Nobody", "ja": "該当するリードはありません"}[lang] in ran.out
    assert out.exists()


def test_more_hot_leads_than_calls_are_warned_of(run: Run, write_csv: WriteCsv) -> None:
    leads, events = hot_leads(write_csv, ["a", "b", "c"])
    files = ("--leads", leads, "--events", events, *REST, "--json")
    warned = run("list", "call", *files, "--per-week", 2).said["warnings"]
    assert any("3 leads over the hot line" in warning for warning in warned)
    assert not any("hot line" in w for w in run("list", "call", *files).said["warnings"])


def hot_leads(
    write_csv: WriteCsv, names: list[str], more: list[dict[str, str]] | None = None
) -> tuple[Path, Path]:
    """Leads that come over the line on Friday 2026-04-10 at 15:00, by two requests."""
    leads = write_csv("hot.csv", [{"lead_id": n, "created_at": "2026-03-01 09:00"} for n in names])
    requests = [
        {"lead_id": name, "event_type": "demo_request", "occurred_at": f"2026-04-10 {at}"}
        for name in names
        for at in ("14:00", "15:00")
    ]
    return leads, write_csv("hot_events.csv", requests + (more or []))


def test_untouched_is_who_had_no_touch_since_it_came_over_the_line(
    run: Run, write_csv: WriteCsv
) -> None:
    def did(name: str, event: str, at: str) -> dict[str, str]:
        return {"lead_id": name, "event_type": event, "occurred_at": at}

    more = [
        did("before", "call_made", "2026-04-10 14:30"),
        did("after", "call_made", "2026-04-10 15:30"),
        did("mailed", "newsletter_sent", "2026-04-11 10:00"),
        did("later", "call_made", "2026-04-15 10:00"),
    ]
    leads, events = hot_leads(write_csv, ["before", "after", "mailed", "later"], more)
    ask = ["list", "untouched", "--leads", leads, "--events", events, "--json"]
    zone = ("--timezone", "Asia/Tokyo", "--as-of")
    early = run(*ask, *zone, "2026-04-14 14:59")
    assert (ids(early), early.said["fresh"], early.said["touched"]) == ([], 3, 1)
    ran = run(*ask, *zone, "2026-04-14 15:00")
    assert ids(ran) == ["before", "later", "mailed"]
    first = ran.said["leads"][0]
    assert (first["hot_since"], first["hot_since_by"]) == ("2026-04-10T06:00:00Z", "line")
    assert first["working_days"] == 2


def test_rising_leads_are_in_order_of_the_change_hot_ones_last(
    run: Run, world: World, checked: None
) -> None:
    ran = run("list", "rising", *of_world(world), "--most", 0, "--json")
    leads = ran.said["leads"]
    assert leads
    assert len(leads) == ran.said["rising"] == ran.said["directions"]["rising"]
    assert {lead["trend"] for lead in leads} == {"rising"}
    keys = [(lead["temperature"] == "hot", -lead["change"]) for lead in leads]
    assert keys == sorted(keys)
    for lead in leads:
        ends = np.array([lead["probability_then"], lead["probability"]])
        before, now = np.log(ends / (1 - ends))
        assert now - before == pytest.approx(lead["change"], abs=1e-6)
        assert lead["change"] >= ran.said["threshold"]


def test_without_a_probability_there_is_no_trend_and_that_is_said(
    run: Run, small: list[object]
) -> None:
    ran = run("list", "rising", *small, "--json")
    assert (ran.code, ran.said["leads"]) == (0, [])
    assert any("no trend" in warning for warning in ran.said["warnings"])


def test_lost_leads_past_the_cool_off_say_what_changed_since(
    run: Run, write_csv: WriteCsv, playbook: Any
) -> None:
    rows = [
        {"lead_id": name, "created_at": "2025-06-01", "project": "budgeted"}
        for name in ("long", "late", "open")
    ]
    events = [
        {"lead_id": "long", "event_type": "lost", "occurred_at": "2025-12-01", "content": "price"},
        {"lead_id": "late", "event_type": "lost", "occurred_at": "2026-03-01"},
        {"lead_id": "long", "event_type": "demo_request", "occurred_at": "2025-11-01"},
        {"lead_id": "long", "event_type": "price_page_view", "occurred_at": "2026-04-01"},
        {"lead_id": "long", "event_type": "call_made", "occurred_at": "2026-04-02"},
    ]
    changes = [
        {
            "lead_id": "long",
            "attribute": "project",
            "old_value": old,
            "new_value": new,
            "changed_at": at,
        }
        for old, new, at in (
            ("planned", "no_plan", "2025-07-01"),
            ("no_plan", "budgeted", "2026-03-01"),
        )
    ]
    files = (
        *("--leads", write_csv("leads.csv", rows), "--changes", write_csv("c.csv", changes)),
        *("--events", write_csv("e.csv", events, header=(*events[1], "content")), *REST),
    )
    # The task is found by what it comes after, whatever its name.
    book = playbook(
        ("[tasks.recycling]", "[tasks.again]"),
        ('task = "recycling"\ntemperature', 'task = "again"\ntemperature'),
        ('task = "recycling"\ntouch', 'task = "again"\ntouch'),
    )
    ran = run("list", "recycle", *files, "--playbook", book, "--json")
    assert ran.code == 0, ran.err
    assert (ran.said["task"], ids(ran)) == ("again", ["long"])
    left = {reason["reason"]: reason["leads"] for reason in ran.said["left_out"]}
    assert left == {"not_asked": 1, "cool_off": 1}
    lead = ran.said["leads"][0]
    assert (lead["reason"], lead["closed"]["event"], lead["scored_by"]) == (
        "price",
        "lost",
        "rules",
    )
    assert [(act["event"], act["count"]) for act in lead["acts_since"]] == [("price_page_view", 1)]
    changed = [(c["attribute"], c["before"], c["after"]) for c in lead["changes_since"]]
    assert changed == [("project", "no_plan", "budgeted")]
    printed = run("list", "recycle", *files, "--lang", "ja").out
    assert "導入計画：計画なし → 予算化済み" in printed
    assert "ルールによる回答" in printed


def test_dormant_customers_are_those_who_bought_long_ago(run: Run, write_csv: WriteCsv) -> None:
    rows = [{"lead_id": name, "created_at": "2025-01-01"} for name in ("long", "late", "never")]
    bought = [("long", "2025-03-01"), ("long", "2025-09-01"), ("late", "2026-03-01")]
    events = [{"lead_id": name, "event_type": "purchase", "occurred_at": at} for name, at in bought]
    files = ("--leads", write_csv("l.csv", rows), "--events", write_csv("e.csv", events), *REST)
    ran = run("list", "dormant", *files, "--json")
    assert ids(ran) == ["long"]
    lead = ran.said["leads"][0]
    assert (lead["closings"], lead["days_since"]) == (2, 225)
    assert lead["closed"]["at"] == "2025-08-31T15:00:00Z"


@pytest.mark.parametrize(("name", "outcome"), [("recycle", "lost"), ("dormant", "won")])
def test_without_a_task_of_closed_leads_it_is_said_what_to_write(
    run: Run, small: list[object], tmp_path: Path, name: str, outcome: str
) -> None:
    book = tmp_path / "bare.toml"
    book.write_text("schema = 1\n", encoding="utf-8")
    ran = run("list", name, *small, "--playbook", book)
    assert ran.code == 2
    assert f'outcome = "{outcome}"' in ran.err
    assert "[tasks.<name>]" in ran.err
    wrong = run("list", name, *small, "--task", "qualification")
    assert (wrong.code, "expected a task whose after" in wrong.err) == (2, True)
    unknown = run("list", name, *small, "--task", "recyclin")
    assert (unknown.code, "Did you mean 'recycling'?" in unknown.err) == (2, True)


def test_names_cannot_steer_the_terminal(run: Run, write_csv: WriteCsv) -> None:
    evil = "a\x1b[2Jb\u202ec"
    leads = write_csv("l.csv", [{"lead_id": evil, "created_at": "2026-03-01", "company": evil}])
    printed = run("list", "call", "--leads", leads, *REST).out
    assert "a [2Jb c" in printed
    assert not {"\x1b", "\u202e"} & set(printed)


def test_refused_rows_are_counted_and_written_beside_the_list(
    run: Run, write_csv: WriteCsv, tmp_path: Path
) -> None:
    rows = [{"lead_id": "a", "created_at": "2026-03-01"}, {"lead_id": "b", "created_at": "soon"}]
    out = tmp_path / "calls.csv"
    ran = run("list", "call", "--leads", write_csv("l.csv", rows), *REST, "--out", out)
    assert ran.code == 3
    assert "soon" in (tmp_path / "calls.csv.refused.csv").read_text(encoding="utf-8")
    leads = tmp_path / "l.csv"
    same = run("list", "call", "--leads", leads, *REST, "--out", leads)
    assert (same.code, "would overwrite" in same.err) == (2, True)


@pytest.mark.parametrize("name", ["call", "rising", "untouched", "recycle", "dormant"])
def test_a_table_fits_120_columns(run: Run, world: World, checked: None, name: str) -> None:
    from rich.cells import cell_len

    ran = run("list", name, *of_world(world), "--lang", "ja")
    assert ran.code == 0, ran.err
    table = ran.out.split("\n\n")[1]
    assert "L0" in table
    assert max(map(cell_len, table.splitlines())) <= 120
