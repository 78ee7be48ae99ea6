"""Outcomes by channel, content, pair, target, definition and rejection: by their definitions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from features.instants import DAY, FOREVER
from models.evidence import wilson
from models.playbook import Playbook
from models.rates import newcombe
from training.breakdown.by_channel import by_channel, by_content, everybody
from training.breakdown.definitions import side_by_side
from training.breakdown.exposed import History, median
from training.breakdown.pairs import pair, pairs
from training.breakdown.rejections import rejections
from training.breakdown.targets import coverage
from training.sources import Sources, gather

PLAYBOOK = """schema = 1
timezone = "UTC"
[events]
visit = { channel = "web", flow = "inbound" }
mail = { by = "us", channel = "mail", flow = "inbound" }
fair = { channel = "event", flow = "outbound" }
judged = { channel = "sales" }
won = { channel = "sales", outcome = "won" }
lost = { channel = "sales", outcome = "lost" }
[tasks.qualification]
label = "won"
closes = ["won", "lost"]
horizon = "30d"
[stages]
back = "lost"
[stages.enter]
MQL = { event = ["fair", "judged"] }
[[exclude.rules]]
name = "rivals"
attribute = "industry"
equals = "rival"
[[points.rules]]
name = "visit"
event = "visit"
points = 30
[definitions.one]
points = 30
[definitions.other]
event = "fair"
[target.who]
makers = { attribute = "industry", equals = "maker" }
[target.how]
fair = { event = "fair" }
nobody = { content = "never*" }
"""
START = 20_000 * DAY
Event = tuple[str, float, str | None]
NOBODY_SAYS = lambda lead, at: None  # noqa: E731


def history(
    tmp_path: Path, leads: Sequence[Sequence[Event]], until: float = 120, **columns: Sequence[str]
) -> History:
    """Leads created at day 0 with events at days, observed until a day."""
    import pandas as pd

    def at(day: float) -> str:
        return pd.Timestamp(START + round(day * DAY), unit="us", tz="UTC").isoformat()

    ids = [f"L{i}" for i in range(len(leads))]
    attributes = {name: list(values) for name, values in columns.items()}
    table = pd.DataFrame({"lead_id": ids, "created_at": at(0), "industry": "maker", **attributes})
    table.to_csv(tmp_path / "leads.csv", index=False)
    rows = [
        {"lead_id": lead, "event_type": kind, "occurred_at": at(day), "content": content}
        for lead, events in zip(ids, leads, strict=True)
        for kind, day, content in events
    ]
    frame = pd.DataFrame(rows, columns=["lead_id", "event_type", "occurred_at", "content"])
    frame.sample(frac=1, random_state=1).to_csv(tmp_path / "events.csv", index=False)
    playbook = Playbook.parse(PLAYBOOK)
    sources = Sources(tmp_path / "leads.csv", tmp_path / "events.csv", until=at(until))
    return History(gather(sources, playbook, "qualification", with_rows=False), playbook)


def event(kind: str, day: float, content: str | None = None) -> Event:
    return kind, day, content


def rows_of(found: History) -> dict[str, Any]:
    return {row.name: row for row in [everybody(found), *by_channel(found)]}


def test_conversion_is_counted_from_the_first_event_on_and_within_the_horizon(
    tmp_path: Path,
) -> None:
    found = history(
        tmp_path,
        [
            [event("visit", 10), event("won", 40)],  # 30 days after: just in time
            [event("visit", 10), event("won", 40.1)],  # too late
            [event("visit", 10), event("won", 10)],  # at once: not after
            [event("fair", 5), event("visit", 20), event("visit", 50), event("won", 25)],
            [event("lost", 5), event("visit", 10)],  # not asked about
            [event("visit", 100), event("won", 101)],  # the horizon has not ended
            [event("mail", 3)],
        ],
    )
    rows = rows_of(found)
    web = rows["web"]
    assert (web.acts, web.touches, web.leads) == (7, 0, 6)
    assert web.outcome.basis == wilson(3, 2)
    assert web.outcome.median is not None
    assert web.outcome.median.days == 17.5
    assert web.outcome.left_out == {"not_asked": 2, "immature": 1}
    assert rows["mail"].touches == 1
    assert rows["mail"].outcome.basis == wilson(1, 0)
    assert rows["outbound"].leads == 1
    assert "sales" not in rows  # outcomes are no channel that reached anybody
    base = rows[""]
    assert base.leads == 7
    assert base.outcome.basis == wilson(7, 2)


def test_what_comes_after_the_horizon_changes_nothing(tmp_path: Path) -> None:
    leads = [[event("visit", 10)], [event("visit", 12), event("won", 20)]]
    later = [[*events, event("won", 90), event("visit", 95)] for events in leads]
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    one = rows_of(history(tmp_path / "a", leads))["web"]
    other = rows_of(history(tmp_path / "b", later))["web"]
    assert one.outcome == other.outcome


def test_what_is_recorded_after_the_end_of_the_data_is_not_there(tmp_path: Path) -> None:
    leads = [[event("visit", 10), event("won", 20)], [event("mail", 30), event("lost", 50)]]
    later = [[*leads[0], event("visit", 95)], [*leads[1], event("visit", 91), event("lost", 99)]]
    (tmp_path / "b").mkdir()
    one, other = history(tmp_path, leads, 90), history(tmp_path / "b", later, 90)
    assert rows_of(one) == rows_of(other)
    assert rejections(one, "industry") == rejections(other, "industry")


def test_what_sales_records_of_a_stage_reached_nobody(tmp_path: Path) -> None:
    found = history(tmp_path, [[event("visit", 1), event("judged", 2), event("fair", 3)]])
    base = rows_of(found)[""]
    assert base.acts + base.touches == 3
    assert [row.name for row in by_channel(found)] == ["inbound", "outbound", "event", "web"]


def test_whom_the_playbook_excludes_is_not_asked_about(tmp_path: Path) -> None:
    leads = [[event("visit", 10), event("won", 20)], [event("visit", 10)]]
    web = rows_of(history(tmp_path, leads, industry=["rival", "maker"]))["web"]
    assert web.outcome.basis == wilson(1, 0)
    assert web.outcome.left_out == {"not_asked": 1, "immature": 0}


def test_a_channel_that_all_have_at_creation_is_the_base(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    leads = [
        [event("visit", 0), *([event("won", float(day))] if day < 60 else [])]
        for day in rng.integers(1, 120, 50)
    ]
    rows = rows_of(history(tmp_path, leads))
    assert rows["web"].outcome == rows[""].outcome


def test_contents_are_those_of_most_leads(tmp_path: Path) -> None:
    leads = [
        [event("visit", 1, "a"), event("visit", 2, "b")],
        [event("visit", 3, "b")],
        [event("visit", 1)],
    ]
    found = history(tmp_path, leads)
    rows, more = by_content(found, 1)
    assert [(row.name, row.leads) for row in rows] == [("b", 2)]
    assert more == 1
    assert by_content(found, 9)[1] == 0


def test_pairs_are_settled_at_their_landmark(tmp_path: Path) -> None:
    found = history(
        tmp_path,
        [
            [
                event("visit", 1),
                event("fair", 31),
                event("won", 50),
            ],  # both, converted after day 31
            [event("visit", 1), event("fair", 31.1), event("won", 50)],  # visit alone
            [event("fair", 1), event("won", 20)],  # closed before its landmark
            [event("fair", 1), event("won", 61)],  # fair alone, in time
            [event("visit", 1), event("fair", 5), event("won", 62)],  # too late
        ],
    )
    told = pairs(found)
    assert told == ([], 1)  # too few leads to be shown
    first = {
        name: np.array(moments) * DAY + np.where(np.array(moments) < 999, START, 0)
        for name, moments in {"web": [1, 1, 999, 999, 1], "event": [31, 31.1, 1, 1, 5]}.items()
    }
    first = {
        name: np.where(m > START + 500 * DAY, FOREVER, m).astype(np.int64)
        for name, m in first.items()
    }
    first["web"][2:4] = FOREVER
    one = pair(found, "web", "event", first)
    assert one.both.basis == wilson(2, 1)
    assert one.one_alone.basis == wilson(1, 1)
    assert one.other_alone.basis == wilson(1, 1)
    assert one.other_alone.left_out["not_asked"] == 1


def test_where_channels_tell_nothing_intervals_hold_no_difference(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    held = 0
    for _ in range(400):
        n = rng.integers(30, 200, 2)
        one, other = (wilson(int(k), int(rng.binomial(k, 0.15))) for k in n)
        found = newcombe(one, other)
        held += found.low <= 0 <= found.high
    low, high = binom.ppf([0.0005, 0.9995], 400, 0.95)
    assert low <= held <= min(high, 400)


def test_the_median_s_interval_holds_the_median() -> None:
    rng = np.random.default_rng(4)
    held = [
        (found.low <= np.log(2) <= found.high)
        for found in (median(np.sort(rng.exponential(size=25))) for _ in range(400))
        if found and found.low is not None and found.high is not None
    ]
    assert len(held) == 400
    assert 0.92 <= np.mean(held) <= 0.99
    assert median(np.array([])) is None
    few = median(np.array([1.0, 2.0, 3.0]))
    assert few is not None
    assert (few.days, few.low, few.high) == (2.0, None, None)


def test_targets_count_now_and_at_the_latest_moment_that_has_ended(tmp_path: Path) -> None:
    found = coverage(
        history(
            tmp_path,
            [
                [event("fair", 10), event("won", 100)],
                [event("fair", 95)],
                [event("visit", 10)],
                [event("fair", 10), event("lost", 20)],
            ],
            industry=["maker", "maker", "maker", "maker"],
        )
    )
    by_name = {(c.who, c.how): c for c in found.combinations}
    assert (found.leads_now, found.leads_then) == (2, 3)
    fair = by_name["makers", "fair"]
    assert fair.leads == 1  # the second; the first has converted since
    assert fair.basis == wilson(1, 1)
    assert [(c.who, c.what, c.how) for c in found.empty] == [("makers", None, "nobody")]


def test_definitions_side_by_side_count_every_lead_once(tmp_path: Path) -> None:
    found = side_by_side(
        history(
            tmp_path,
            [
                [event("visit", 10), event("fair", 11), event("won", 100)],
                [event("visit", 10)],
                [event("fair", 10), event("won", 95)],
                [event("mail", 10)],
                [event("visit", 10), event("lost", 20)],
            ],
        ),
        NOBODY_SAYS,
        3,
    )
    (overlap,) = found.overlaps
    bases = [group.basis for group in overlap.groups]
    assert bases == [wilson(1, 1), wilson(1, 0), wilson(1, 1), wilson(1, 0)]
    assert [group.now for group in overlap.groups] == [0, 1, 0, 1]
    assert overlap.groups[1].examples == ["L1"]
    assert overlap.difference == newcombe(wilson(1, 0), wilson(1, 1))


def test_rejections_are_by_source_reason_and_cycle(tmp_path: Path) -> None:
    found = history(
        tmp_path,
        [
            [event("lost", 5, "price"), event("fair", 9), event("lost", 12, "price")],
            [event("lost", 5)],
            [event("visit", 5)],
        ],
        source=["web", "fair", "web"],
    )
    by, told = rejections(found, None)
    assert by == "source"
    assert [(r.source, r.reason, r.times, r.cycles, r.taken_up) for r in told] == [
        ("web", "price", 2, {1: 1, 2: 1}, 1),
        ("fair", None, 1, {1: 1}, 0),
    ]
    assert told[0].share == wilson(2, 1)


@pytest.mark.parametrize(
    "verb", ["channels", "contents", "pairs", "targets", "definitions", "rejections"]
)
def test_every_table_is_printed_written_and_said_to_be_an_association(
    run: Any, world: Any, tmp_path: Path, verb: str
) -> None:
    files = ["--leads", world.leads, "--events", world.events, "--changes", world.changes]
    asked = ["outcomes", verb, *files, "--timezone", "Asia/Tokyo"]
    out = tmp_path / "表.csv"
    for lang, word in (("en", "association"), ("ja", "関連")):
        ran = run(*asked, "--lang", lang, "--out", out)
        assert ran.code == 0, ran.err
        assert word in ran.out
    rows = len(out.read_text(encoding="utf-8").splitlines()) - 1
    assert len(run(*asked, "--json").said[verb]) == rows > 0


def test_a_playbook_without_targets_or_definitions_says_what_to_add(
    run: Any, world: Any, tmp_path: Path
) -> None:
    bare = tmp_path / "bare.toml"
    text = PLAYBOOK[: PLAYBOOK.index("[definitions.one]")]
    for name in ('label = "won"', '["won"', "won = {"):
        text = text.replace(name, name.replace("won", "deal_opened"))
    bare.write_text(text, encoding="utf-8")
    files = ["--leads", world.leads, "--events", world.events, "--playbook", bare]
    for verb, message in (
        ("targets", "[target.who]"),
        ("definitions", "[definitions.marketing]"),
    ):
        ran = run("outcomes", verb, *files)
        assert ran.code == 2
        assert message in ran.err
    ran = run("outcomes", "rejections", *files, "--by", "sorce")
    assert ran.code == 2
    assert "Did you mean 'source'?" in ran.err
