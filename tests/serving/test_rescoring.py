"""The list is kept fresh without a lead being scored twice for the same news, or waiting for ever."""

from __future__ import annotations

import pytest

from serving.live import Live
from serving.rescoring import _TURNS, Rescoring
from serving.store.events import EventRow, add_events
from serving.store.store import Store
from serving.store.writer import Commit
from tests.serving.stores import NOW, live_by_rules, postgres, settings, store

__all__ = ["live_by_rules", "postgres", "settings", "store"]


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """Why leads were scored again, and which: one entry for each time."""
    said: list[tuple[str, list[str]]] = []
    score = Rescoring._score

    def spy(self: Rescoring, live: Live, ids: list[str], why: str, place: int | None) -> None:
        said.append((why, sorted(ids)))
        score(self, live, ids, why, place)

    monkeypatch.setattr(Rescoring, "_score", spy)
    return said


def tell(store: Store, *leads: str) -> None:
    rows = [EventRow(lead, "demo_request", NOW) for lead in leads]
    store.write(lambda commit: add_events(commit, rows, store.secret))


def make_due(store: Store, lead: str) -> None:
    def job(commit: Commit) -> None:
        commit.connection.exec_driver_sql(f"UPDATE ranked SET due_at = 0 WHERE lead_id = '{lead}'")

    store.write(job)


def test_a_lead_of_many_commits_is_scored_once(
    store: Store, live_by_rules: Live, scored: list[tuple[str, list[str]]]
) -> None:
    work = Rescoring(store, lambda: live_by_rules)
    for _ in range(3):
        tell(store, "a", "b")
    tell(store, "c")
    while work.step():
        pass
    assert scored == [("news", ["a", "b", "c"])]


def test_what_was_scored_after_a_commit_is_not_scored_for_it_again(
    store: Store,
    live_by_rules: Live,
    scored: list[tuple[str, list[str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # One commit at a time is read, so that the second is behind when its lead has been scored.
    monkeypatch.setattr("serving.rescoring._MOST_NEWS", 1)
    work = Rescoring(store, lambda: live_by_rules)
    tell(store, "a")
    tell(store, "a", "b")
    tell(store, "b")
    while work.step():
        pass
    assert scored == [("news", ["a"]), ("news", ["b"])]
    tell(store, "a")
    while work.step():
        pass
    assert scored[2:] == [("news", ["a"])]


def test_a_stream_of_news_does_not_keep_waiting_what_is_due(
    store: Store, live_by_rules: Live, scored: list[tuple[str, list[str]]]
) -> None:
    work = Rescoring(store, lambda: live_by_rules)
    tell(store, "a")
    while work.step():
        pass
    make_due(store, "a")
    scored.clear()
    for _ in range(_TURNS):
        tell(store, "b")
        work.step()
    assert ("time", ["a"]) in scored
    assert ("news", ["b"]) in scored


def test_what_was_committed_last_does_not_wait_for_all_that_came_before(
    store: Store,
    live_by_rules: Live,
    scored: list[tuple[str, list[str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("serving.rescoring._MOST_NEWS", 1)
    monkeypatch.setattr("serving.rescoring.CHUNK", 1)
    monkeypatch.setattr("serving.rescoring._BEHIND", -1)
    work = Rescoring(store, lambda: live_by_rules)
    leads = [f"old {n}" for n in range(9)]
    for lead in leads:
        tell(store, lead)
    work.step()
    tell(store, "new")
    work.step()
    work.step()
    assert ("news", ["new"]) in scored[:3]
    while work.step():
        pass
    assert sorted(lead for _, ids in scored for lead in ids) == sorted([*leads, "new"])
