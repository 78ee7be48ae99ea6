"""What is said of a file before anything runs on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import tegakari

DATA = Path(tegakari.__file__).parent.parent / "shared" / "data"
X, BANK = "x_education/lead_scoring.csv", "bank_marketing/bank-additional-full.csv"
SHOP, CASES = "online_shoppers/online_shoppers_intention.csv", "bpi2012_loan_leads/cases.parquet"
EVENTS = "bpi2012_loan_leads/events.parquet"


def inspected(run: Any, file: Path, *options: str) -> Any:
    ran = run("inspect", file, *options, "--json")
    assert ran.code == 0, ran.err
    return ran.said


def findings(said: Any) -> set[tuple[str, str]]:
    return {(finding["what"], finding["detector"]) for finding in said["findings"]}


def roles(said: Any) -> dict[str, str]:
    return {column["name"]: column["role"] for column in said["columns"]}


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize(
    ("name", "understood", "outcomes", "traps"),
    [
        (
            X,
            "CSV, UTF-8, delimiter ','",
            {"Converted"},
            {
                ("Tags", "too good alone"),
                ("Lead Quality", "too good alone"),
                ("Last Activity", "name"),
                ("Specialization", "a value that means missing"),
                ("Asymmetrique Activity Score", "counter as of the export"),
                ("rows", "copies"),
                ("rows", "no times"),
            },
        ),
        (
            BANK,
            "CSV, UTF-8, delimiter ';'",
            {"y"},
            {
                ("duration", "too good alone"),
                ("leads, row number", "order predicts"),
                ("month", "months without a year"),
                ("pdays", "a number that means missing"),
                ("job", "a value that means missing"),
            },
        ),
        (
            SHOP,
            "CSV, UTF-8, delimiter ';'",
            {"Revenue"},
            {
                ("PageValues", "too good alone"),
                ("Month", "months without a year"),
                ("rows", "copies"),
            },
        ),
        (CASES, "Parquet", {"approved", "declined", "cancelled"}, {("approved", "an outcome")}),
        (
            EVENTS,
            "Parquet",
            set(),
            {("lifecycle", "points in the life of one event"), ("events", "short histories")},
        ),
    ],
)
def test_real_data_s_traps_are_named(
    run: Any, name: str, understood: str, outcomes: set[str], traps: set[tuple[str, str]]
) -> None:
    file = DATA / name
    if not file.is_file():
        pytest.skip(f"{file} is not there: real data are not part of the project")
    said = inspected(run, file)
    assert said["understood"] == understood
    assert {column for column, role in roles(said).items() if role == "outcome"} == outcomes
    assert traps <= findings(said)
    if name == EVENTS:
        assert said["event_log"]["occurred_at"] == "timestamp"
        (ends,) = (f for f in said["findings"] if f["kind"] == "event")
        assert {"A_APPROVED", "O_ACCEPTED"} <= set(ends["what"].split(", "))


def test_times_zones_roles_and_examples_are_told(run: Any, tmp_path: Path) -> None:
    text = (
        "顧客名簿\n\n番号,氏名,登録日,最終接触,更新,業種\n"
        "0012,山田,令和8年4月1日,2026-04-01T09:00Z,3/4/2026,機械\n"
        "0013,佐藤,2026/4/2,2026-04-02T09:00Z,25/4/2026,機械\n"
    )
    said = inspected(run, written(tmp_path / "名簿.csv", text, "cp932"))
    assert said["understood"] == "CSV, cp932, delimiter ','; line 1 title"
    assert [row["kind"] for row in said["aside"]] == ["title"]
    columns = {column["name"]: column for column in said["columns"]}
    assert columns["登録日"]["moments"] == {
        "zone": "days", "order": None, "first": "2026-04-01", "last": "2026-04-02", "bad": 0,
    }  # fmt: skip
    assert columns["最終接触"]["moments"]["zone"] == "with offset"
    assert columns["更新"]["moments"]["order"] == "dmy"
    assert columns["業種"]["examples"] == ["機械"]
    assert columns["氏名"]["examples"] == []  # nobody's name
    assert columns["氏名"]["role"] == "display"


def test_an_order_of_days_and_months_that_nothing_settles_is_asked_about(
    run: Any, tmp_path: Path
) -> None:
    file = written(tmp_path / "l.csv", "lead_id,created_at\na,3/4/2026\nb,5/6/2026\n")
    assert ("created_at", "day or month first") in findings(inspected(run, file))
    ran = run("score", "--leads", file, "--out", tmp_path / "o.csv", "--timezone", "UTC")
    assert ran.code == 1
    assert "line 2: column 'created_at' holds '3/4/2026'" in ran.err
    assert "--dates mdy" in ran.err
    again = ("--timezone", "UTC", "--dates", "dmy", "--out", tmp_path / "o.csv")
    assert run("score", "--leads", file, *again).code == 0
    text = (tmp_path / "o.csv").read_text("utf-8")
    assert "3/4/2026" in text  # as it came


def test_probable_duplicates_and_copies_are_counted(run: Any, tmp_path: Path) -> None:
    rows = ["lead_id,email,phone,created_at"]
    rows += [f"{n},p{n}@example.com,03-1234-{n:04d},2026-04-{n + 1:02d}" for n in range(9)]
    rows += ["90,P1@Example.com ,,2026-04-20", "91,,+81 3 1234 0001,2026-04-21"]
    said = inspected(run, written(tmp_path / "l.csv", "\n".join(rows)))
    (found,) = (f for f in said["findings"] if f["detector"] == "probable duplicates")
    assert found["evidence"].startswith("1 people have several rows")


def test_what_it_says_is_printed_for_people(run: Any, tmp_path: Path) -> None:
    file = written(
        tmp_path / "e.csv",
        "id;type;at\n" + "1;visit;2026-04-01 09:00\n" * 3 + "2;won;2026-04-02 09:00\n",
    )
    ran = run("inspect", file)
    assert ran.code == 0
    assert "This looks like an event log" in ran.out
    assert "(local)" in ran.out
    assert run("inspect", tmp_path / "absent.csv").code == 1
