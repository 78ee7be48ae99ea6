"""Files as they are written: whole or not at all, and fit to be read again."""

from __future__ import annotations

import csv
import stat
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError
from features.reading import Refusal, read
from features.writing import (
    Spreadsheet,
    check_output,
    put_aside,
    refused_path,
    write,
    write_refused,
    write_whole,
)
from tests.features.histories import CHECKED

ENDINGS = ("csv", "tsv", "txt", "parquet", "pq")
letters = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)


@CHECKED
@given(
    st.lists(st.tuples(letters.filter(bool), letters, letters), max_size=6),
    st.sampled_from(ENDINGS),
)
def test_a_table_of_texts_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], ending: str
) -> None:
    names = ["id", 'a "quoted",\nname', "会社"]
    data = pa.table(
        {name: pa.array([row[i] for row in rows], pa.string()) for i, name in enumerate(names)}
    )
    path = tmp_path_factory.getbasetemp() / f"back.{ending}"
    write(data, path, Spreadsheet(raw=True))
    back = read(path)
    nothing = "" if ending in ("parquet", "pq") else None
    assert back.refused == []
    assert back.data.to_pylist() == [
        dict(zip(names, (cell or nothing for cell in row), strict=True)) for row in rows
    ]


FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "-名前"]


def test_a_spreadsheet_runs_nothing_that_we_write(tmp_path: Path) -> None:
    numbers = ["-5", "+1,200.5", "-1e3", "100"]
    data = pa.table(
        {"lead_id": FORMULAS + numbers, "=name": ["x"] * 12, "tegakari_points": [-1] * 12}
    )
    path = tmp_path / "scores.csv"
    write(data, path)
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["lead_id", "'=name", "tegakari_points"]
    assert [row[0] for row in rows] == [f"'{text}" for text in FORMULAS] + numbers
    assert {row[2] for row in rows} == {"-1"}
    # What Tegakari itself marked, it reads as it was.
    back = read(path).data
    assert back.column_names == ["lead_id", "=name"]
    assert back["lead_id"].to_pylist() == FORMULAS + numbers
    write(data, path, Spreadsheet(raw=True))
    assert read(path).data["lead_id"].to_pylist() == FORMULAS + numbers
    assert b"'=" not in path.read_bytes()


def test_excel_knows_utf8_by_the_byte_order_mark(tmp_path: Path) -> None:
    write(pa.table({"会社": ["髙橋"]}), tmp_path / "a.csv", Spreadsheet(bom=True))
    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert read(tmp_path / "a.csv").data.to_pylist() == [{"会社": "髙橋"}]


def test_a_workbook_keeps_letters_numbers_and_colours(tmp_path: Path) -> None:
    path = tmp_path / "採点.xlsx"
    ids = ["0012", "=1+1", "1E5", "TRUE", "㈱髙橋①"]
    bands = ["hot", "warm", "cold", None, "hot"]
    data = pa.table(
        {
            "lead_id": ids,
            "tegakari_temperature": bands,
            "n": [1, 2, 3, None, 5],
            "p": [0.5, float("nan"), None, 1e300, -1.0],
            "yes": [True, False, None, True, True],
        }
    )
    write(data, path)
    table = read(path)
    assert table.data["lead_id"].to_pylist() == ids
    assert table.data["n"].to_pylist() == ["1", "2", "3", None, "5"]
    assert table.data["yes"].to_pylist() == ["true", "false", None, "true", "true"]
    with zipfile.ZipFile(path) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert '<pane ySplit="1"' in sheet
    assert 'state="frozen"' in sheet
    assert '<autoFilter ref="A1:E6"/>' in sheet
    assert sheet.count("<cfRule") == 3
    assert "<f>" not in sheet  # no cell is a formula


def test_a_sheet_without_room_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a cell holds 32,767 letters, and row 1 of column 'a'"):
        write(pa.table({"a": ["x" * 32_768]}), tmp_path / "a.xlsx")
    with pytest.raises(InputError, match=r"a sheet holds 1,048,575 rows"):
        write(pa.table({"a": pa.nulls(1_048_576)}), tmp_path / "a.xlsx")
    assert not list(tmp_path.iterdir())


def test_each_kind_of_refused_rows_has_a_file_that_can_be_fed_back(tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    rows = [
        Refusal(lost, "f.csv", 2, "", "", "why", {name: "-12"})
        for lost, name in (("lead", "lead_id"), ("event", "occurred_at"), ("identity", "kind"))
    ]
    names = ["refused.csv", "refused.events.csv", "refused.identities.csv"]
    assert put_aside(rows, out) == [tmp_path / f"scores.csv.{name}" for name in names]
    assert read(refused_path(out, "event")).data.to_pylist() == [{"occurred_at": "-12"}]
    assert put_aside(rows[:1], out) == [refused_path(out)]
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv.refused.csv"]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("stop", [ValueError("half way"), KeyboardInterrupt()], ids=repr)
def test_what_is_stopped_in_the_middle_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, ending: str, stop: BaseException
) -> None:
    path = tmp_path / f"scores.{ending}"
    path.write_text("old")

    def half(file: object) -> None:
        file.write(b"new")  # type: ignore[attr-defined]
        raise stop

    with pytest.raises(type(stop)):
        write_whole(path, half)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_not_at_its_place_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    seen = []
    write_whole(path, lambda file: (file.write(b"x"), seen.append(path.exists())))
    assert seen == [False]
    assert path.read_bytes() == b"x"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_can_be_read_by_those_whom_the_umask_lets(tmp_path: Path) -> None:
    plain, ours = tmp_path / "plain", tmp_path / "ours"
    plain.touch()
    write_whole(ours, lambda file: file.write(b""))
    assert stat.S_IMODE(ours.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_what_csv_has_no_form_for_becomes_text(tmp_path: Path) -> None:
    data = pa.table(
        {
            "tags": pa.array([["a", "b"], None]),
            "at": pa.array([{"x": 1}, {"x": 2}]),
            "raw": pa.array([b"\xff", b""]),
            "kind": pa.array(["web", "web"]).dictionary_encode(),
        }
    )
    write(data, tmp_path / "odd.csv")
    first, second = read(tmp_path / "odd.csv").data.to_pylist()
    assert first == {"tags": "['a', 'b']", "at": "{'x': 1}", "raw": "b'\\xff'", "kind": "web"}
    assert second["tags"] is None


def test_a_tsv_is_separated_by_tabs(tmp_path: Path) -> None:
    write(pa.table({"a": ["x"], "b": ["y"]}), tmp_path / "t.tsv")
    assert read(tmp_path / "t.tsv").understood == "CSV, UTF-8, delimiter '\\t'"


def test_an_output_that_could_not_be_written_is_refused_beforehand(tmp_path: Path) -> None:
    check_output(tmp_path / "scores.csv")
    for path, says in (
        (tmp_path / "scores.xls", "expected an output ending in"),
        (tmp_path / "absent" / "scores.csv", "absent does not exist. Make it first"),
    ):
        with pytest.raises(InputError, match=says):
            check_output(path)
    with pytest.raises(InputError, match="expected an output ending in"):
        write(pa.table({"a": [1]}), tmp_path / "scores.xls")


@CHECKED
@given(
    st.lists(
        st.builds(
            Refusal,
            lost=st.just("lead"),
            file=st.just("leads.csv"),
            line=st.integers(2, 10**6),
            column=st.sampled_from(("created_at", "会社")),
            value=letters,
            reason=letters,
            cells=st.fixed_dictionaries(
                {"lead_id": st.text("L123", min_size=1)},
                optional={"会社": letters, "n": st.integers()},
            ),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_refused_rows_can_be_fed_back(
    tmp_path_factory: pytest.TempPathFactory, refused: list[Refusal]
) -> None:
    path = refused_path(tmp_path_factory.getbasetemp() / "scores.parquet")
    assert path.name == "scores.parquet.refused.csv"
    write_refused(refused, path)
    back = read(path)
    assert set(back.data.column_names) == {name for row in refused for name in row.cells}
    for row, refusal in zip(back.data.to_pylist(), refused, strict=True):
        cells = {name: str(cell) for name, cell in refusal.cells.items() if cell != ""}
        assert {name: cell for name, cell in row.items() if cell is not None} == cells


def test_refused_rows_say_where_and_why(tmp_path: Path) -> None:
    refusal = Refusal("event", "e.csv", 7, "value", "inf", "not a finite number", {"lead_id": "L1"})
    assert str(refusal) == "e.csv, line 7, column 'value': not a finite number (came: 'inf')"
    write_refused([refusal], tmp_path / "r.csv")
    header, row = (tmp_path / "r.csv").read_text().splitlines()
    assert header.replace('"', "").split(",") == [
        "lead_id",
        *(f"tegakari_refused_{name}" for name in ("file", "line", "column", "value", "reason")),
    ]
    assert row.replace('"', "").split(",") == [
        "L1",
        "e.csv",
        "7",
        "value",
        "inf",
        "not a finite number",
    ]
