"""Stored answers come out the same when they are computed again, whatever has been told since."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from features.instants import HOUR, iso, now
from models.artefact import Artefact
from models.playbook import Playbook
from models.settings import Settings
from serving.app import create_app
from serving.live import Live
from serving.replay import Audited, audit
from serving.rescoring import Rescoring
from serving.store.changes import ChangeRow, add_changes
from serving.store.erasure import erase
from serving.store.events import EventRow, add_events
from serving.store.leads import LeadRow, add_leads
from serving.store.merging import merge, undo
from serving.store.reading import people
from serving.store.store import Store
from serving.store.writer import Commit
from tests.serving.stores import DAY, NOW, live_by_rules, postgres, settings, store

__all__ = ["live_by_rules", "postgres", "settings", "store"]

LEADS = "abcd"


def do(store: Store, step: Callable[[Commit], Any]) -> None:
    store.write(step)


def answered(store: Store, live: Live) -> None:
    """Every lead is answered, and the answers are kept, be they the same as before."""
    old = "UPDATE ranked SET due_at = 0, stored_at = 0"
    do(store, lambda commit: commit.connection.exec_driver_sql(old).close())
    work = Rescoring(store, lambda: live)
    while work.step():
        pass


def audited(store: Store, settings: Settings) -> Audited:
    return audit(store, settings, 10_000, 1)


@pytest.fixture
def told(store: Store, live_by_rules: Live) -> Store:
    """A store with leads that have a history, and were answered."""
    rows = [LeadRow(one, NOW - 9 * DAY, {"industry": "it", "size": 5}) for one in LEADS]
    do(store, lambda commit: add_leads(commit, rows, store.secret, backfill=True))
    events = [EventRow(one, "demo_request", NOW - 8 * DAY, event_id="1") for one in LEADS]
    do(store, lambda commit: add_events(commit, events, store.secret, backfill=True))
    answered(store, live_by_rules)
    return store


SINCE: dict[str, Callable[[Commit, bytes], Any]] = {
    "an event": lambda c, s: add_events(c, [EventRow("a", "demo_request", NOW)], s),
    "an event that came late": lambda c, s: add_events(
        c, [EventRow("a", "pricing_view", NOW - 7 * DAY)], s
    ),
    "a change": lambda c, s: add_leads(c, [LeadRow("a", None, {"industry": None})], s),
    "a change that came late": lambda c, s: add_leads(
        c, [LeadRow("a", None, {"industry": "food"}, NOW - 5 * DAY)], s
    ),
    "a merge": lambda c, s: merge(c, "a", "b"),
    "a merge and its undo": lambda c, s: (merge(c, "a", "b"), undo(c, "a")),
    "another lead": lambda c, s: add_leads(c, [LeadRow("z")], s),
}
HISTORY: dict[str, Callable[[Commit, bytes], Any]] = {
    "events": lambda c, s: add_events(
        c, [EventRow("a", "demo_request", NOW - 6 * DAY)], s, backfill=True
    ),
    "changes": lambda c, s: add_changes(
        c, [ChangeRow("a", "industry", "food", "it", NOW - 6 * DAY)], set()
    ),
    "changes over HTTP": lambda c, s: add_leads(
        c, [LeadRow("a", None, {"industry": "food"}, NOW - 6 * DAY)], s, backfill=True
    ),
    "merges": lambda c, s: merge(c, "d", "a", "merge", NOW - 6 * DAY, backfill=True),
}


@pytest.mark.parametrize("since", SINCE.values(), ids=SINCE)
def test_what_was_told_since_changes_no_earlier_answer(
    since: Callable[[Commit, bytes], Any], told: Store, settings: Settings, live_by_rules: Live
) -> None:
    do(told, lambda commit: since(commit, told.secret))
    done = audited(told, settings)
    assert (done.compared, done.mismatches, done.told_later) == (len(LEADS), [], 0)
    answered(told, live_by_rules)
    again = audited(told, settings)
    assert again.compared >= 2 * len(LEADS) - 1
    assert again.mismatches == []


@pytest.mark.parametrize("history", HISTORY.values(), ids=HISTORY)
def test_of_whom_history_came_later_is_left_out_and_nobody_else(
    history: Callable[[Commit, bytes], Any], told: Store, settings: Settings, live_by_rules: Live
) -> None:
    do(told, lambda commit: history(commit, told.secret))
    concerned = 2 if history is HISTORY["merges"] else 1
    done = audited(told, settings)
    assert (done.told_later, done.compared) == (concerned, len(LEADS) - concerned)
    assert done.mismatches == []
    answered(told, live_by_rules)
    # What was answered with the history can be computed again.
    again = audited(told, settings)
    assert (again.told_later, again.mismatches) == (concerned, [])
    assert again.compared > done.compared


def test_of_erased_leads_there_is_nothing_to_compute(
    told: Store, settings: Settings, live_by_rules: Live
) -> None:
    do(told, lambda commit: erase(commit, ["a"], told.secret))
    done = audited(told, settings)
    assert (done.compared, done.mismatches) == (len(LEADS) - 1, [])


@pytest.mark.parametrize(
    "spoilt",
    [
        "UPDATE scores SET points = points + 1 WHERE lead_id = 'a'",
        "UPDATE scores SET temperature = 'cold', stage = 'x' WHERE lead_id = 'a'",
        "DELETE FROM events WHERE lead_id = 'a'",
        "UPDATE events SET occurred_at = occurred_at - 90000000000000 WHERE lead_id = 'a'",
    ],
)
def test_an_answer_that_does_not_come_out_the_same_is_named(
    spoilt: str, told: Store, settings: Settings
) -> None:
    do(told, lambda commit: commit.connection.exec_driver_sql(spoilt).close())
    done = audited(told, settings)
    assert [one["lead_id"] for one in done.mismatches] == ["a"]
    assert done.compared == len(LEADS)


def test_a_sample_is_drawn_and_repeats_with_its_seed(told: Store, settings: Settings) -> None:
    assert audit(told, settings, 2, 5).compared == 2
    do(
        told,
        lambda commit: commit.connection.exec_driver_sql("UPDATE scores SET points = -9").close(),
    )
    drawn = [
        [one["lead_id"] for one in audit(told, settings, 2, seed).mismatches]
        for seed in (5, 5, 6, 7, 8, 9)
    ]
    assert drawn[0] == drawn[1]
    assert len({tuple(one) for one in drawn}) > 1


def test_history_over_http_stands_where_it_happened(store: Store) -> None:
    def size(commit: Commit, value: int, at: int) -> list[str]:
        row = LeadRow("a", None, {"size": value}, at)
        return add_leads(commit, [row], store.secret, backfill=True)

    do(
        store,
        lambda commit: add_leads(
            commit, [LeadRow("a", NOW, {"size": 1})], store.secret, backfill=True
        ),
    )
    for value, hours in ((4, 4), (2, 2), (3, 3)):
        do(store, lambda commit, v=value, h=hours: size(commit, v, NOW + h * HOUR))
    with store.reading() as connection:
        (found,) = people(connection, ["a"], None)
        then = [
            people(connection, ["a"], NOW + hours * HOUR)[0].attributes["size"]
            for hours in range(1, 6)
        ]
    assert found.attributes == {"size": 4}
    assert [(c.old_value, c.new_value) for c in found.changes] == [
        ("1", "2"),
        ("2", "3"),
        ("3", "4"),
    ]
    assert then == [1, 2, 3, 4, 4]


def test_a_change_is_told_against_what_answered_then(
    saved: Path, artefact: Artefact, tmp_path: Path
) -> None:
    file, text = tmp_path / "playbook.toml", Playbook.load().text
    file.write_text(text.replace("points = 30", "points = 31"), "utf-8")
    home = tmp_path / "home"
    lead = {"lead_id": "a", "event_type": "demo_request", "occurred_at": str(iso(now() - DAY))}

    def asked(model: Path | None, since: str | None) -> dict[str, Any]:
        settings = Settings(home=home, playbook=file, model=model and str(model))
        with TestClient(create_app(settings)) as client:
            client.post("/v1/events", json={"events": [{**lead, "event_id": "1"}]})
            until = time.monotonic() + 30
            while time.monotonic() < until:
                kept = client.get("/v1/leads/a/history").json()["scores"]
                if kept and kept[0]["model"] == (artefact.version if model else None):
                    break
                time.sleep(0.05)
            said: dict[str, Any] = client.get(
                "/v1/leads/a/score", params={"since": since or str(iso(now()))}
            ).json()
        return said

    first = asked(saved, None)
    moment = str(iso(now()))
    assert (first["scored_by"], first["changed"]["then"]["versions"]) == (
        "model",
        first["versions"],
    )
    file.write_text(text.replace("points = 30", "points = 45"), "utf-8")
    later = asked(saved, moment)
    assert later["versions"]["playbook"] != first["versions"]["playbook"]
    then = later["changed"]["then"]
    assert then["versions"] == first["versions"]
    assert (then["points"], then["probability"]) == (first["points"], first["probability"])
    assert "*playbook" in {reason["group"] for reason in later["changed"]["reasons"]}
    # Where what answered then is not there any more, it is compared with what answers now.
    for kept in (home / "playbooks").iterdir():
        if first["versions"]["playbook"] in kept.name:
            kept.unlink()
    assert asked(saved, moment)["changed"]["then"]["versions"] == later["versions"]
