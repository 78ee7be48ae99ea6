"""The contract's tables: what is taken, what is refused and why, and that every row is one of them."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from features.errors import InputError
from features.form import Form, latest_plausible
from features.instants import DAY, MISSING, iso
from features.reading import read
from features.tables import Intake, take_in
from features.times import parse_one
from features.writing import write_refused
from tests.features.cases import CASES, READERS, Case, short, told
from tests.features.histories import CHECKED, assert_same_log

TOKYO = ZoneInfo("Asia/Tokyo")
TODAY = parse_one("2026-06-01T00:00Z", None, "today")
T = "2026-04-01T09:00Z"


def form(**said: Any) -> Form:
    return Form(
        **{
            "columns": {},
            "date_events": {},
            "tz": None,
            "outcomes": frozenset({"won"}),
            "latest": latest_plausible(TODAY),
            **said,
        }
    )


def at(text: str) -> int:
    return parse_one(text, None, "a time of the test")


class Files:
    """Tables written into one folder, and taken in from there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, table: list[list[str]] | dict[str, Any]) -> Path:
        """Rows as CSV, the header first; or columns as Parquet."""
        if isinstance(table, dict):
            path = self.folder / f"{name}.parquet"
            pa.parquet.write_table(pa.table(table), path)
            return path
        path = self.folder / f"{name}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(table)
        return path

    def take_in(self, leads: Any, events: Any = None, changes: Any = None, **said: Any) -> Intake:
        return take_in(
            self.write("leads", leads),
            None if events is None else self.write("events", events),
            None if changes is None else self.write("changes", changes),
            form(**said),
        )


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def reasons(intake: Intake) -> list[tuple[str, int, str, str]]:
    return [(r.lost, r.line, r.column, r.value) for r in intake.refused]


def ids(intake: Intake) -> list[str]:
    return list(intake.leads.lead_id.to_pylist())


def times_of(intake: Intake) -> list[str | None]:
    return [iso(int(t)) for t in intake.log.occurred_at]


LEADS = [["lead_id", "created_at", "x"], ["L1", T, "a"], ["L2", T, "b"]]
EVENT = ["lead_id", "event_type", "occurred_at"]


# Every row is one of the leads, refused, or a duplicate.

CREATED = ("", T, "2026-04-02", "2026-04-02 09:00", "2026-02-30", "2099-01-01T00:00Z")


@CHECKED
@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from(("", "L1", "L2", "L3")), st.sampled_from(CREATED)),
            st.just(("L4",)),
            st.just(("L1", T, "too", "much")),
        ).flatmap(
            lambda row: (
                st.tuples(*map(st.just, row), st.sampled_from(("", "a")))
                if len(row) == 2
                else st.just(row)
            )
        ),
        max_size=10,
    )
)
def test_every_row_of_the_lead_list_is_answered_refused_or_a_duplicate(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]]
) -> None:
    files = Files(tmp_path_factory.getbasetemp())
    intake = files.take_in([["lead_id", "created_at", "x"], *map(list, rows)], tz=TOKYO)
    blank = sum(not any(row) for row in rows)
    assert intake.table.rows_in == len(rows) - blank
    assert len(intake.leads) + len(intake.refused) + intake.duplicates == len(rows) - blank
    assert len({r.line for r in intake.refused}) == len(intake.refused)
    assert len(set(ids(intake))) == len(intake.leads) == len(intake.rows)
    assert [str(i) for i in intake.table.data["lead_id"].take(intake.rows)] == ids(intake)
    for refusal in intake.refused:
        row = rows[refusal.line - 2]
        assert len(row) != 3 or refusal.value in row


EVENT_ROW = st.tuples(
    st.sampled_from(("", "L1", "L2", "nobody")),
    st.sampled_from(("", "visit", "won")),
    st.sampled_from(CREATED),
    st.sampled_from(("", T, "soon", "2099-01-01T00:00Z")),
    st.sampled_from(("", "1.5", "nan", "lots")),
    st.sampled_from(("", "e1", "e2")),
)


@CHECKED
@given(st.lists(st.one_of(EVENT_ROW, EVENT_ROW, st.just(("L1", "ragged"))), max_size=10))
def test_every_row_of_the_event_log_is_taken_refused_or_counted(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]]
) -> None:
    files = Files(tmp_path_factory.getbasetemp())
    header = [*EVENT, "recorded_at", "value", "event_id"]
    intake = files.take_in(LEADS, [header, *map(list, rows)], tz=TOKYO)
    blank = sum(not any(row) for row in rows)
    counts = intake.counts
    assert counts["events"] == len(rows) - blank
    assert (
        counts["events taken"] + counts["events of unknown leads"] + len(intake.refused)
        == counts["events"]
    )
    assert intake.log.n_events + counts["duplicate events"] == counts["events taken"]
    assert len({r.line for r in intake.refused}) == len(intake.refused)
    assert {r.lost for r in intake.refused} <= {"event"}
    assert ids(intake) == ["L1", "L2"]


CHANGE = ["lead_id", "attribute", "old_value", "new_value", "changed_at"]


@CHECKED
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("", "L1", "nobody")),
            st.sampled_from(("", "x")),
            st.sampled_from(("", "a")),
            st.just("b"),
            st.sampled_from(CREATED),
        ),
        max_size=8,
    )
)
def test_every_row_of_the_changes_is_taken_refused_or_counted(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]]
) -> None:
    files = Files(tmp_path_factory.getbasetemp())
    intake = files.take_in(LEADS, None, [CHANGE, *map(list, rows)], tz=TOKYO)
    assert intake.changes is not None
    taken = len(intake.changes.lead)
    assert taken + len(intake.refused) + intake.counts["changes of unknown leads"] == len(rows)
    assert len({r.line for r in intake.refused}) == len(intake.refused)
    assert {r.lost for r in intake.refused} <= {"change"}
    good = Counter(
        (row[2] or None) for row in rows if row[0] == "L1" and row[1] and row[4] in CREATED[1:4]
    )
    assert Counter(intake.changes.old_value) == good


# Leads.


@pytest.mark.parametrize("missing", ["leads", "events", "changes"])
def test_a_missing_column_is_named_with_those_there_are_and_what_to_do(
    files: Files, missing: str
) -> None:
    tables = {"leads": LEADS, "events": [EVENT], "changes": [CHANGE]}
    header = ["Prospect ID", *tables[missing][0][1:]]
    with pytest.raises(InputError) as refused:
        files.take_in(**{**tables, missing: [header]})
    for part in (
        f"{missing}.csv, line 1",
        "'lead_id'",
        ", ".join(header),
        '--columns lead_id="..."',
    ):
        assert part in str(refused.value)
    with pytest.raises(InputError, match=r"column 'Kunde' \(for lead_id\); the columns are"):
        files.take_in(**{**tables, missing: [header]}, columns={"lead_id": "Kunde"})


def test_an_identical_row_is_a_duplicate_and_a_different_one_is_refused(files: Files) -> None:
    intake = files.take_in([*LEADS, ["L1", T, "a"], ["L1", T, "other"], ["L2", T, ""], LEADS[2]])
    assert ids(intake) == ["L1", "L2"]
    assert intake.leads.attributes["x"].to_pylist() == ["a", "b"]
    assert intake.duplicates == 2
    assert reasons(intake) == [("lead", 5, "lead_id", "L1"), ("lead", 6, "lead_id", "L2")]


def test_identical_is_by_letters_also_where_numbers_are_not_equal_to_themselves(
    files: Files,
) -> None:
    columns = {"lead_id": ["L1"] * 4, "x": [np.nan, np.nan, None, 1.0], "y": ["", None, "", ""]}
    intake = files.take_in(columns)
    assert intake.duplicates == 1
    assert [r.line for r in intake.refused] == [3, 4]


def test_ids_and_categories_keep_their_letters(files: Files) -> None:
    rows = [["0012", "NA"], ["12", "TRUE"], ["1E5", "null"], ["100000", "0"], ["株式会社", "NaN"]]
    intake = files.take_in([["lead_id", "x"], *rows])
    assert ids(intake) == [row[0] for row in rows]
    assert intake.leads.attributes["x"].to_pylist() == [row[1] for row in rows]
    assert intake.refused == []


def test_ids_that_are_numbers_in_one_file_and_text_in_another_meet(files: Files) -> None:
    for column in (pa.array([7, 12]), pa.array([7.0, 12.0]), pa.array(["7", "12"])):
        intake = files.take_in({"lead_id": column}, [EVENT, ["12", "visit", T]])
        assert intake.log.offsets.tolist() == [0, 0, 1]


def test_empty_null_and_absent_are_the_same_missing(files: Files) -> None:
    columns = {"lead_id": ["L1", "L2"], "created_at": ["", None]}
    event = {"event_type": ["visit"], "occurred_at": [T], "lead_id": ["L1"]}
    full = {**event, "channel": [""], "content": pa.nulls(1), "recorded_at": [""], "value": [""]}
    bare = files.take_in(columns, event)
    assert_same_log(files.take_in(columns, full).log, bare.log)
    assert_same_log(files.take_in({"lead_id": ["L1", "L2"]}, event).log, bare.log)
    assert bare.refused == []


def test_a_lead_list_without_ids_is_numbered_only_where_that_is_asked_for(files: Files) -> None:
    rows = [["x"], ["a"], ["b"]]
    assert ids(files.take_in(rows, numbered=True)) == ["line 2", "line 3"]
    with pytest.raises(InputError, match="expected column 'lead_id'"):
        files.take_in(rows)
    named = files.take_in(LEADS, numbered=True)
    assert (ids(named), named.numbered) == (["L1", "L2"], False)


def test_columns_are_mapped_and_a_mapped_one_takes_the_place_of_its_namesake(files: Files) -> None:
    header = ["Prospect ID", "lead_id", "reg_date", "event_type"]
    columns = {"lead_id": "Prospect ID", "created_at": "reg_date", "event_type": "activity"}
    intake = files.take_in(
        [header, ["P1", "other", T, "kept"]],
        [["Prospect ID", "activity", "occurred_at"], ["P1", "visit", T]],
        columns=columns,
    )
    assert ids(intake) == ["P1"]
    assert intake.leads.created_at.tolist() == [at(T)]
    assert intake.leads.attributes.to_pydict() == {"event_type": ["kept"]}
    assert intake.table.data.column_names == header
    assert intake.log.types == ("visit",)


def test_refused_leads_are_written_and_taken_once_mended(files: Files, tmp_path: Path) -> None:
    intake = files.take_in(
        [["Kunde", "created_at", "x"], ["L1", "2026-02-30", "a"]], columns={"lead_id": "Kunde"}
    )
    assert ids(intake) == []
    write_refused(intake.refused, tmp_path / "r.csv")
    mended = (tmp_path / "r.csv").read_text().replace("2026-02-30", "2026-02-28T00:00Z", 1)
    (tmp_path / "r.csv").write_text(mended)
    again = take_in(tmp_path / "r.csv", None, None, form(columns={"lead_id": "Kunde"}))
    assert ids(again) == ["L1"]
    assert again.leads.attributes.to_pydict() == {"x": ["a"]}


# Times.


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("leads", "created_at"),
        ("events", "occurred_at"),
        ("events", "recorded_at"),
        ("changes", "changed_at"),
    ],
)
def test_local_times_without_a_zone_are_refused_with_what_to_do(
    files: Files, table: str, column: str
) -> None:
    local = "2026-04-01 09:00"
    rows: dict[str, list[list[str]]] = {
        "leads": [LEADS[0], LEADS[1], ["L2", local if table == "leads" else T, "b"]],
        "events": [
            [*EVENT, "recorded_at"],
            ["L1", "visit", T, T],
            [
                "L1",
                "visit",
                local if column == "occurred_at" else T,
                local if column == "recorded_at" else T,
            ],
        ],
        "changes": [CHANGE, ["L1", "x", "a", "b", T], ["L1", "x", "a", "b", local]],
    }
    if table != "changes":
        del rows["changes"]
    with pytest.raises(InputError) as refused:
        files.take_in(**rows)
    assert str(refused.value) == (
        f"{files.folder / table}.csv, line 3: column '{column}' holds local times without a zone: "
        f"'{local}'. Pass --timezone Asia/Tokyo or write them with an offset."
    )
    assert files.take_in(**rows, tz=TOKYO).refused == []


def test_local_times_of_rows_that_are_not_used_need_no_zone(files: Files) -> None:
    intake = files.take_in(LEADS, [EVENT, ["nobody", "visit", "2026-04-01 09:00"]])
    assert intake.counts["events of unknown leads"] == 1


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_an_outcome_is_at_the_start_of_its_day_and_any_other_event_at_its_end(
    files: Files, zone: str
) -> None:
    tz = ZoneInfo(zone)
    log = files.take_in(
        LEADS,
        [[*EVENT], ["L1", "visit", "2026-03-08"], ["L1", "won", "2026-03-08"]],
        tz=tz,
    ).log
    start = parse_one("2026-03-08", tz, "")
    end = parse_one("2026-03-09", tz, "")
    assert dict(zip([log.types[t] for t in log.event_type], log.occurred_at, strict=True)) == {
        "won": start,
        "visit": end,
    }


def test_a_day_of_creation_is_its_start_and_one_of_recording_or_change_its_end(
    files: Files,
) -> None:
    intake = files.take_in(
        [["lead_id", "created_at"], ["L1", "2026-04-01"]],
        [[*EVENT, "recorded_at"], ["L1", "won", "2026-04-01", "2026-04-02"]],
        [CHANGE, ["L1", "x", "", "", "2026-04-01"]],
        tz=TOKYO,
    )
    assert intake.leads.created_at.tolist() == [at("2026-04-01T00:00+09:00")]
    assert intake.log.visible_at.tolist() == [at("2026-04-03T00:00+09:00")]
    assert intake.changes is not None
    assert intake.changes.changed_at.tolist() == [at("2026-04-02T00:00+09:00")]


def test_times_beyond_now_and_a_day_are_refused_and_up_to_then_taken(files: Files) -> None:
    just, beyond = iso(TODAY + DAY), iso(TODAY + DAY + 1)
    assert just is not None
    assert beyond is not None
    intake = files.take_in(
        [["lead_id", "created_at"], ["L1", just], ["L2", beyond]],
        [
            [*EVENT, "recorded_at"],
            ["L1", "visit", just, just],
            ["L1", "visit", beyond, ""],
            ["L1", "visit", T, beyond],
        ],
        [CHANGE, ["L1", "x", "", "", just], ["L1", "x", "", "", beyond]],
    )
    assert reasons(intake) == [
        ("lead", 3, "created_at", beyond),
        ("event", 3, "occurred_at", beyond),
        ("event", 4, "recorded_at", beyond),
        ("change", 3, "changed_at", beyond),
    ]
    assert {r.reason for r in intake.refused} == {"the time lies more than a day in the future"}
    assert intake.observed_until == TODAY + DAY


def test_observed_until_is_the_latest_event_that_was_taken(files: Files) -> None:
    events = [EVENT, ["L1", "visit", T], ["L1", "visit", "2099-01-01T00:00Z"]]
    assert files.take_in(LEADS, events).observed_until == at(T)
    assert files.take_in(LEADS).observed_until == MISSING


def test_a_missing_creation_is_the_first_event_known_and_counted(files: Files) -> None:
    intake = files.take_in(
        [["lead_id", "created_at"], ["L1", ""], ["L2", T], ["L3", ""]],
        [
            [*EVENT, "recorded_at"],
            ["L1", "b", "2026-03-02T00:00Z", ""],
            ["L1", "a", "2026-03-01T00:00Z", T],
        ],
    )
    assert intake.leads.created_at.tolist() == [at("2026-03-02T00:00Z"), at(T), MISSING]
    assert intake.counts["created_at from the first event"] == 1
    assert intake.counts["created_at unknown"] == 1
    assert ids(intake) == ["L1", "L2", "L3"]


def test_an_event_before_the_creation_is_visible_from_the_creation_on(files: Files) -> None:
    intake = files.take_in(LEADS, [EVENT, ["L1", "visit", "2026-03-01T00:00Z"]])
    assert intake.log.occurred_at.tolist() == [at("2026-03-01T00:00Z")]
    assert intake.log.visible_at.tolist() == [at(T)]


def test_bad_times_are_refused_where_they_stand(files: Files) -> None:
    intake = files.take_in(
        [*LEADS, ["L3", "2026-02-30", "c"]],
        [
            [*EVENT, "recorded_at"],
            ["L1", "visit", "", ""],
            ["L1", "visit", "soon", ""],
            ["L1", "visit", T, "?"],
        ],
        [CHANGE, ["L1", "x", "", "", ""], ["L1", "", "", "", T], ["L1", "x", "", "", "31.13.2025"]],
    )
    assert sorted(reasons(intake)) == sorted(
        [
            ("lead", 4, "created_at", "2026-02-30"),
            ("event", 2, "occurred_at", ""),
            ("event", 3, "occurred_at", "soon"),
            ("event", 4, "recorded_at", "?"),
            ("change", 2, "changed_at", ""),
            ("change", 3, "attribute", ""),
            ("change", 4, "changed_at", "31.13.2025"),
        ]
    )


# Events.


def test_events_of_unknown_and_of_refused_leads_are_counted(files: Files) -> None:
    intake = files.take_in(
        [*LEADS, ["L3", "2026-02-30", "c"]],
        [EVENT, ["L1", "visit", T], ["nobody", "visit", T], ["L3", "visit", T], ["l1", "visit", T]],
    )
    assert intake.counts["events of unknown leads"] == 3
    assert intake.counts["events taken"] == intake.log.n_events == 1


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "lots"])
def test_a_value_that_is_no_finite_number_is_refused(files: Files, value: str) -> None:
    rows = [[*EVENT, "value"], ["L1", "visit", T, "2.5"], ["L1", "visit", T, value]]
    intake = files.take_in(LEADS, rows)
    assert reasons(intake) == [("event", 3, "value", value)]
    assert intake.log.value.tolist() == [2.5]


def test_a_value_that_is_nan_in_parquet_is_refused_and_null_is_missing(files: Files) -> None:
    intake = files.take_in(
        LEADS,
        {
            "lead_id": ["L1"] * 3,
            "event_type": ["visit"] * 3,
            "occurred_at": [T] * 3,
            "value": pa.array([np.nan, np.inf, None]),
        },
    )
    assert [r.line for r in intake.refused] == [1, 2]
    assert np.isnan(intake.log.value).tolist() == [True]


def test_dates_of_the_lead_list_become_events(files: Files) -> None:
    intake = files.take_in(
        [
            ["lead_id", "created_at", "MQL", "Won"],
            ["L1", "2026-03-01", "2026-04-01", "2026-04-01"],
            ["L2", "2026-03-01", "soon", ""],
            ["L3", "2026-02-30", "2026-04-01", ""],
            ["L4", "2026-03-01", "2026-04-05 10:00", "2099-01-01"],
        ],
        tz=TOKYO,
        date_events={"mql": "MQL", "won": "Won"},
    )
    assert ids(intake) == ["L1", "L2", "L4"]
    assert reasons(intake) == [
        ("lead", 4, "created_at", "2026-02-30"),
        ("event", 3, "MQL", "soon"),
        ("event", 5, "Won", "2099-01-01"),
    ]
    assert intake.log.offsets.tolist() == [0, 2, 2, 3]
    assert [intake.log.types[t] for t in intake.log.event_type] == ["won", "mql", "mql"]
    assert times_of(intake) == [
        "2026-03-31T15:00:00Z",
        "2026-04-01T15:00:00Z",
        "2026-04-05T01:00:00Z",
    ]


def test_dates_and_a_log_go_together_and_an_absent_date_column_is_named(files: Files) -> None:
    leads = [["lead_id", "Won"], ["L1", T]]
    intake = files.take_in(leads, [EVENT, ["L1", "visit", T]], date_events={"won": "Won"})
    assert intake.log.types == ("visit", "won")
    assert intake.leads.created_at.tolist() == [at(T)]
    with pytest.raises(
        InputError, match=r"expected column 'Lost' for the event 'lost'.*lead_id, Won"
    ):
        files.take_in(leads, date_events={"lost": "Lost"})


# Changes.


def test_changes_are_ordered_by_lead_and_time_whatever_the_order_of_rows(files: Files) -> None:
    days = [f"2026-04-{day:02}T00:00Z" for day in (3, 1, 2)]
    rows = [[lead, "x", day, "", day] for lead in ("L2", "nobody", "L1") for day in days]
    changes = files.take_in(LEADS, None, [CHANGE, *rows]).changes
    assert changes is not None
    assert changes.lead.tolist() == [0, 0, 0, 1, 1, 1]
    assert changes.old_value == sorted(days) * 2
    assert changes.changed_at.tolist() == [at(day) for day in sorted(days)] * 2


def test_keeping_some_leads_keeps_what_is_theirs(files: Files) -> None:
    leads = [["lead_id", "created_at", "x"], *[[f"L{i}", T, str(i)] for i in range(5)]]
    events = [[*EVENT], *[[f"L{i % 5}", "visit", T] for i in range(12)], ["L3", "call", T]]
    changes = [CHANGE, *[[f"L{i}", "x", f"was {i}", "", T] for i in (3, 0, 4)]]
    whole = files.take_in(leads, events, changes)
    mask = np.array([False, True, False, True, True])
    kept = whole.keep(mask)
    few = [row for row in leads if row[0] not in ("L0", "L2")]
    alone = files.take_in(few, events, changes)
    assert ids(kept) == ids(alone) == ["L1", "L3", "L4"]
    assert_same_log(kept.log, alone.log)
    assert kept.changes is not None
    assert alone.changes is not None
    assert kept.changes.lead.tolist() == alone.changes.lead.tolist() == [1, 2]
    assert kept.changes.old_value == alone.changes.old_value == ["was 3", "was 4"]
    assert [leads[1 + row][0] for row in kept.rows] == ids(kept)


# Files that readers get wrong.


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)
def test_a_hard_file_is_read_or_refused_as_the_package_says(tmp_path: Path, case: Case) -> None:
    path = tmp_path / case.name
    path.write_bytes(case.raw)
    if case.rows is None:
        with pytest.raises(InputError) as refused:
            read(path)
        assert case.says in str(refused.value)
        assert str(path) in str(refused.value)
        return
    table = read(path)
    assert [list(row.values()) for row in table.data.to_pylist()] == case.rows
    assert [refusal.line for refusal in table.refused] == list(case.refused)
    assert table.rows_in == len(case.rows) + len(case.refused)


def test_the_table_of_cases_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("duckdb")
    pytest.importorskip("polars")
    table = Table(title="hard files, and what readers make of them", box=None)
    for name in ("file", *READERS):
        table.add_column(name, overflow="fold")
    mine = set()
    for place, case in enumerate(CASES):
        path = tmp_path / str(place) / case.name
        path.parent.mkdir()
        path.write_bytes(case.raw)
        said = {reader: told(reader, path) for reader in READERS}
        mine.add(said["Tegakari"])
        assert not said["Tegakari"].startswith("error")
        table.add_row(case.kind, *(short(text) for text in said.values()))
    assert len(mine) > 20
    with capsys.disabled():
        print()
        Console(width=220, markup=False, highlight=False).print(table)
