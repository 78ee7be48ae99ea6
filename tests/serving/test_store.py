"""What is told is added and never lost; what was known at a moment can be had again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from features.errors import UsageError
from features.known import Known
from models.settings import Settings
from serving.live import Live
from serving.rescoring import Rescoring
from serving.store.engine import open_engine
from serving.store.erasure import digest, erase, lift
from serving.store.events import EventRow, add_events
from serving.store.leads import LeadRow, add_leads
from serving.store.leases import LASTS, hold, release
from serving.store.merging import MergeRefused, merge, undo
from serving.store.ranking import Cursor, page
from serving.store.reading import known
from serving.store.store import Store, last_commit
from serving.store.upgrade import newest, upgrade
from serving.store.writer import Commit, StoreDown
from serving.stored import look, rows_of
from tests.serving.stores import DAY, HOUR, NOW, live_by_rules, postgres, settings, store

__all__ = ["live_by_rules", "postgres", "settings", "store"]


def event(lead: str = "a", **said: object) -> EventRow:
    row = EventRow(lead, "demo_request", NOW)
    return row._replace(**said)  # type: ignore[arg-type]


def told(store: Store, *rows: EventRow, backfill: bool = False) -> list[str]:
    return store.write(lambda commit: add_events(commit, rows, store.secret, backfill=backfill))


def lead(store: Store, *rows: LeadRow) -> list[str]:
    return store.write(lambda commit: add_leads(commit, rows, store.secret))


def seen(store: Store, *ids: str, known_at: int | None = None) -> Known:
    with store.reading() as connection:
        return known(connection, ids, known_at=known_at)


def now(store: Store) -> int:
    with store.reading() as connection:
        return last_commit(connection)[0]


def test_a_repeat_is_told_by_its_id_within_a_lead_and_never_by_content(store: Store) -> None:
    first = event(event_id="1", value=2.5, content="価格表")
    assert told(store, first, event(), event()) == ["accepted"] * 3
    assert told(store, first, first._replace(value=3.0), first._replace(lead_id="b")) == [
        "duplicate",
        "conflict",
        "accepted",
    ]
    assert told(
        store, event("c", event_id="x"), event("c", event_id="x"), event("c", event_id="y")
    ) == [
        "accepted",
        "duplicate",
        "accepted",
    ]
    assert seen(store, "a").log.n_events == 3
    assert seen(store, "c").log.n_events == 2


def test_a_job_that_fails_takes_nothing_of_the_others_with_it(store: Store) -> None:
    def fail(commit: Commit) -> None:
        add_events(commit, [event("lost")], store.secret)
        raise ZeroDivisionError

    futures = [
        store.submit(lambda commit: add_events(commit, [event("kept")], store.secret)),
        store.submit(fail),
        store.submit(lambda commit: add_events(commit, [event("kept")], store.secret)),
    ]
    assert futures[0].result() == futures[2].result() == ["accepted"]
    with pytest.raises(ZeroDivisionError):
        futures[1].result()
    assert seen(store, "kept").log.n_events == 2
    assert len(seen(store, "lost").leads) == 0


def test_after_closing_nothing_is_taken(settings: Settings) -> None:
    opened = Store.open(settings)
    opened.close()
    with pytest.raises(StoreDown):
        opened.submit(lambda commit: None)


def test_an_attribute_update_is_a_change_and_never_an_overwrite(store: Store) -> None:
    assert lead(store, LeadRow("a", NOW, {"stage": "new", "n": 1, "x": None})) == ["accepted"]
    before = now(store)
    assert lead(store, LeadRow("a", NOW, {"stage": "new", "n": 1})) == ["duplicate"]
    assert lead(store, LeadRow("a", None, {"n": 1.0})) == ["accepted"]
    assert lead(store, LeadRow("a", None, {"stage": "won"}, NOW + 2 * DAY)) == ["accepted"]
    # Told of only now, it happened before: what it was then is known, what it is now stays.
    assert lead(store, LeadRow("a", None, {"stage": "called"}, NOW + DAY)) == ["accepted"]
    assert lead(store, LeadRow("a", NOW + 1, {})) == ["conflict"]
    after = seen(store, "a")
    assert after.leads.attributes["stage"].to_pylist() == ["won"]
    assert after.changes is not None
    rows = after.changes.of("stage")
    assert [after.changes.old_value[row] for row in rows] == ["new", "called"]
    then = seen(store, "a", known_at=before)
    assert then.leads.attributes.to_pylist() == [{"stage": "new", "n": 1}]
    assert then.changes is None


def test_a_creation_that_comes_later_was_not_known_before(store: Store) -> None:
    told(store, event("a"))
    before = now(store)
    lead(store, LeadRow("a", NOW - DAY, {"x": "1"}))
    assert seen(store, "a").leads.created_at.tolist() == [NOW - DAY]
    assert seen(store, "a", known_at=before).leads.created_at.tolist() == [NOW]


def test_what_is_brought_in_as_history_counts_as_received_when_it_happened(store: Store) -> None:
    told(store, event("a", occurred_at=NOW - 9 * DAY), backfill=True)
    lead(store, LeadRow("b", NOW))
    with store.reading() as connection:
        row = connection.exec_driver_sql("SELECT received_at, backfill FROM events").one()
    assert (row[0], bool(row[1])) == (NOW - 9 * DAY, True)


def test_merges_chain_are_undone_and_never_go_round(store: Store) -> None:
    told(store, event("a", event_id="1"), event("b", event_id="2"), event("c", event_id="3"))
    before = now(store)
    store.write(lambda commit: merge(commit, "a", "b"))
    store.write(lambda commit: merge(commit, "b", "c"))
    whole = seen(store, "c")
    assert whole.leads.lead_id.to_pylist() == ["c"]
    assert whole.log.n_events == 3
    assert len(seen(store, "a").leads) == 0
    for one, other in (("c", "a"), ("d", "d"), ("a", "c")):
        with pytest.raises(MergeRefused):
            store.write(lambda commit, one=one, other=other: merge(commit, one, other))
    assert seen(store, "c", known_at=before).log.n_events == 1
    assert store.write(lambda commit: undo(commit, "b")) == "c"
    assert seen(store, "c").log.n_events == 1
    assert seen(store, "b").log.n_events == 2
    with pytest.raises(MergeRefused):
        store.write(lambda commit: undo(commit, "b"))


def test_an_erased_lead_leaves_nothing_behind_and_does_not_come_back(
    store: Store, settings: Settings
) -> None:
    secret_words = "山田太郎-7f3a"
    lead(store, LeadRow("L-erase-9c1", NOW, {"name": secret_words}))
    told(store, event("L-erase-9c1", content=secret_words), event("other", event_id="1"))
    gone = store.write(lambda commit: erase(commit, ["L-erase-9c1"], store.secret))
    assert gone == ["L-erase-9c1"]
    store.wipe()
    if settings.database_url is None:
        for file in settings.home.glob("store.db*"):
            assert b"L-erase-9c1" not in file.read_bytes()
            assert secret_words.encode() not in file.read_bytes()
    assert told(store, event("L-erase-9c1"), event("other", event_id="2")) == ["erased", "accepted"]
    assert lead(store, LeadRow("L-erase-9c1")) == ["erased"]
    assert store.write(lambda commit: lift(commit, "L-erase-9c1", store.secret))
    assert told(store, event("L-erase-9c1")) == ["accepted"]
    assert digest(b"one", "a") != digest(b"other", "a")


def test_the_audit_is_only_added_to(store: Store) -> None:
    from serving.store.audit import entries, record

    store.write(lambda commit: record(commit, "anyone", "tried", "x"))
    for statement in ("UPDATE audit SET actor = 'b'", "DELETE FROM audit"):
        with pytest.raises(DBAPIError, match="only added to"):
            store.write(lambda commit, s=statement: commit.connection.exec_driver_sql(s))
    with store.reading() as connection:
        assert [one["actor"] for one in entries(connection, 10)] == ["anyone"]


def test_a_lease_is_held_by_one_and_taken_over_when_it_ends(store: Store) -> None:
    assert store.write(lambda commit: hold(commit, "work", "one"))
    assert not store.write(lambda commit: hold(commit, "work", "two"))
    assert store.write(lambda commit: hold(commit, "work", "one"))

    def later(commit: Commit) -> bool:
        return hold(Commit(commit.connection, commit.at + LASTS + 1), "work", "two")

    assert store.write(later)
    store.write(lambda commit: release(commit, "work", "two"))
    assert store.write(lambda commit: hold(commit, "work", "three"))


def test_a_schema_is_made_once_and_a_newer_one_is_refused(settings: Settings) -> None:
    Store.open(settings).close()
    engine = open_engine(settings)
    try:
        assert upgrade(engine) == (newest(), newest())
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        with pytest.raises(UsageError, match="newer version"):
            upgrade(engine)
        with pytest.raises(UsageError, match="newer version"):
            Store.open(settings)
    finally:
        engine.dispose()


def rescored(store: Store, live: Live) -> None:
    work = Rescoring(store, lambda: live)
    while work.step():
        pass


def test_every_row_of_the_list_is_the_score_of_now(store: Store, live_by_rules: Live) -> None:
    lead(store, *(LeadRow(f"L{n}", NOW - 30 * DAY, {"employees": 50 * n}) for n in range(5)))
    told(
        store, *(event(f"L{n % 5}", occurred_at=NOW - n * HOUR, event_id=str(n)) for n in range(40))
    )
    told(store, event("L1", event_type="deal_won"), event("L2", event_type="lost"))
    rescored(store, live_by_rules)
    store.write(lambda commit: merge(commit, "L3", "L4"))
    rescored(store, live_by_rules)
    with store.reading() as connection:
        rows, after = page(connection, {}, sort="-points", limit=10)
        assert after is None
        assert [row["lead_id"] for row in rows if row["lead_id"] == "L3"] == []
        for row in rows:
            fresh = rows_of(
                live_by_rules, look(connection, live_by_rules, [row["lead_id"]], row["as_of"]), 0
            )[0]
            for name in ("task", "state", "points", "temperature", "stage", "probability"):
                assert row[name] == getattr(fresh, name)
    assert {row["state"] for row in rows} >= {"open", "customer", "lost"}


def test_another_scorer_lets_every_row_be_scored_again(
    store: Store, live_by_rules: Live, tmp_path: Path
) -> None:
    from models.playbook import Playbook
    from serving.registry import load_all

    told(store, *(event(f"L{n}") for n in range(7)))
    rescored(store, live_by_rules)
    file = tmp_path / "playbook.toml"
    file.write_text(Playbook.load().text.replace("hot = 50", "hot = 60"), "utf-8")
    playbook = Playbook.load(file)
    other = Live(playbook, load_all(Settings(home=tmp_path), playbook, playbook.tasks))
    assert other.signature != live_by_rules.signature
    rescored(store, other)
    with store.reading() as connection:
        rows, _ = page(connection, {}, sort="-probability", limit=50)
        kept = connection.exec_driver_sql("SELECT count(*) FROM scores").scalar()
    assert {row["signature"] for row in rows} == {other.signature}
    assert kept == 14


@pytest.mark.parametrize("sort", ["-probability", "probability", "-points", "scored_at"])
def test_every_row_is_on_one_page_while_ties_abound(
    store: Store, live_by_rules: Live, sort: str
) -> None:
    told(
        store,
        *(event(f"L{n:02}", event_type=("demo_request", "blog_view")[n % 2]) for n in range(23)),
    )
    rescored(store, live_by_rules)
    ids: list[str] = []
    with store.reading() as connection:
        cursor = None
        while True:
            rows, cursor = page(
                connection,
                {"temperature": None, "stage": None},
                sort=sort,  # type: ignore[arg-type]
                limit=4,
                cursor=cursor,
            )
            ids += [row["lead_id"] for row in rows]
            if cursor is None:
                break
            cursor = Cursor.of(cursor.text(), sort)
        hot, _ = page(connection, {"stage": "none of these"}, sort="-points", limit=4)
    assert sorted(ids) == sorted(f"L{n:02}" for n in range(23))
    assert hot == []


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(
            st.just("event"),
            st.sampled_from("abc"),
            st.sampled_from(["demo_request", "blog_view", "lost"]),
            st.integers(0, 40),
            st.one_of(st.none(), st.sampled_from("xyz")),
        ),
        st.tuples(
            st.just("lead"),
            st.sampled_from("abc"),
            st.sampled_from(["size", "industry"]),
            st.sampled_from([None, "it", 5, 5.0, True]),
            st.one_of(st.none(), st.integers(0, 40)),
        ),
        st.tuples(st.just("merge"), st.sampled_from("abc"), st.sampled_from("abc")),
        st.tuples(st.just("undo"), st.sampled_from("abc")),
    ),
    max_size=14,
)


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(operations=OPERATIONS)
def test_what_was_known_at_every_commit_can_be_had_again(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[object, ...]]
) -> None:
    opened = Store.open(Settings(home=tmp_path_factory.mktemp("home")))
    try:
        snapshots = []
        for operation in operations:
            try:
                _carry_out(opened, operation)
            except MergeRefused:
                continue
            snapshots.append((now(opened), _flat(seen(opened, "a", "b", "c"))))
        for moment, expected in snapshots:
            assert _flat(seen(opened, "a", "b", "c", known_at=moment)) == expected
    finally:
        opened.close()


def _carry_out(store: Store, operation: tuple[object, ...]) -> None:
    kind, *said = operation
    if kind == "event":
        who, event_type, days, name = said
        told(store, EventRow(str(who), str(event_type), NOW + int(str(days)) * DAY, event_id=name))  # type: ignore[arg-type]
    elif kind == "lead":
        who, attribute, value, days = said
        at = None if days is None else NOW + int(str(days)) * DAY
        lead(store, LeadRow(str(who), None, {str(attribute): value}, at))
    elif kind == "merge":
        told(store, *(EventRow(str(who), "blog_view", NOW, event_id="there") for who in said))
        store.write(lambda commit: merge(commit, str(said[0]), str(said[1])))
    else:
        store.write(lambda commit: undo(commit, str(said[0])))


def _flat(what: Known) -> str:
    """What is known, in a form to be compared."""
    log, changes = what.log, what.changes
    columns = sorted(what.leads.attributes.column_names)
    told = {
        "ids": what.leads.lead_id.to_pylist(),
        "created": what.leads.created_at.tolist(),
        "attributes": [
            {name: str(value) for name, value in row.items() if value is not None}
            for row in what.leads.attributes.select(columns).to_pylist()
        ],
        "events": [
            [log.types[code], int(at)]
            for code, at in zip(log.event_type, log.occurred_at, strict=True)
        ],
        "offsets": log.offsets.tolist(),
        "changes": sorted(
            [int(changes.lead[n]), changes.attribute[n], str(changes.old_value[n]), int(at)]
            for n, at in enumerate(changes.changed_at)
        )
        if changes
        else [],
    }
    assert np.all(np.diff(log.offsets) >= 0)
    return json.dumps(told)
