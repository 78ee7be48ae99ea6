"""Formats beside plain CSV: workbooks, JSON Lines, archives, folders, and what is declared of them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

import tegakari
from features.errors import InputError, UsageError
from features.reading import Declared, Table, read
from features.reading.json_lines import parsed
from features.reading.layout import footers_of, header_of
from tests.features.histories import CHECKED

CORPORA = Path(tegakari.__file__).parent.parent / "shared" / "corpora"
ROWS = [{"lead_id": "0012", "会社": "㈱髙橋①"}, {"lead_id": "NA", "会社": None}]
TEXT = "lead_id,会社\n0012,㈱髙橋①\nNA,\n"


def rows_of(table: Table) -> list[dict[str, Any]]:
    return list(table.data.to_pylist())


def workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        day = book.add_format({"num_format": "yyyy/m/d"})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for row, cells in enumerate(rows):
                for column, cell in enumerate(cells):
                    if isinstance(cell, str):
                        sheet.write_string(row, column, cell)
                    elif cell is not None:
                        sheet.write(row, column, cell, day if hasattr(cell, "year") else None)
    return path


def test_a_sheet_is_read_below_its_title_and_above_its_footer(tmp_path: Path) -> None:
    from datetime import date

    cells = [
        ["参加者一覧"],
        [],
        ["lead_id", "人数", "登録日", "備考"],
        ["0012", 12, date(2026, 4, 1), "1E5"],
        [123456789012, 1.5, None, None],
        [],
        ["合計", 2],
    ]
    table = read(workbook(tmp_path / "名簿.xlsx", {"名簿": cells, "空": []}))
    assert rows_of(table) == [
        {"lead_id": "0012", "人数": "12", "登録日": "2026-04-01", "備考": "1E5"},
        {"lead_id": "123456789012", "人数": "1.5", "登録日": None, "備考": None},
    ]
    assert table.lines.tolist() == [4, 5]
    assert [(row.kind, row.line) for row in table.aside] == [("title", 1), ("footer", 7)]
    assert table.understood == "workbook, sheet '名簿'; line 1 title; line 7 footer"


def test_one_of_several_sheets_has_to_be_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "b.xlsx", {"a": [["lead_id"], ["1"]], "b": [["lead_id"], ["2"]]})
    with pytest.raises(InputError, match=r"several sheets hold rows.*--sheet: 'a', 'b'"):
        read(path)
    assert rows_of(read(path, "lead", Declared(sheet="b"))) == [{"lead_id": "2"}]
    with pytest.raises(InputError, match="no sheet is called 'c'"):
        read(path, "lead", Declared(sheet="c"))


def test_a_cell_beside_the_last_named_column_is_not_lost(tmp_path: Path) -> None:
    path = workbook(tmp_path / "b.xlsx", {"a": [["lead_id", "x"], ["1", "2", "3"]]})
    with pytest.raises(InputError, match=r"row 2: a cell stands to the right .* 'x'"):
        read(path)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "csv.zst", "tsv", "jsonl", "parquet", "xlsx"])
def test_every_format_holds_the_same_rows(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"leads.{ending}"
    raw = TEXT.encode()
    if ending == "csv.gz":
        raw = gzip.compress(raw)
    elif ending == "csv.zst":
        raw = pa.Codec("zstd").compress(raw, asbytes=True)
    elif ending == "tsv":
        raw = raw.replace(b",", b"\t")
    elif ending == "jsonl":
        raw = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS).encode()
    path.write_bytes(raw)
    if ending == "parquet":
        pa.parquet.write_table(pa.Table.from_pylist(ROWS), path)
    elif ending == "xlsx":
        workbook(path, {"a": [list(ROWS[0]), *(list(row.values()) for row in ROWS)]})
    assert rows_of(read(path)) == ROWS


def test_a_folder_is_one_table_whose_rows_say_their_file(tmp_path: Path) -> None:
    folder = tmp_path / "名簿"
    folder.mkdir()
    (folder / "2.csv").write_text("会社,lead_id\nx,3\ny\n", encoding="cp932")
    (folder / "1.csv").write_text(TEXT, encoding="utf-8")
    (folder / ".hidden").write_text("no")
    table = read(folder)
    assert [row["lead_id"] for row in rows_of(table)] == ["0012", "NA", "3"]
    assert table.rows_in == 4
    assert table.place(2) == f"{folder / '2.csv'}, line 2"
    assert table.refused[0].file == str(folder / "2.csv")
    assert table.understood.endswith("; 2 files")
    (folder / "3.csv").write_text("lead_id,other\n1,2\n")
    with pytest.raises(InputError, match=r"1\.csv and .*3\.csv differ in other, 会社"):
        read(folder)
    (folder / "3.csv").unlink()
    (folder / "notes.pdf").write_text("x")
    with pytest.raises(InputError, match=r"notes\.pdf: expected a folder of files"):
        read(folder)


def test_what_is_declared_goes_before_what_would_be_found(tmp_path: Path) -> None:
    path = tmp_path / "l.txt"
    path.write_bytes("lead_id|名\n1|'山田|様'\n".encode("euc_jp"))
    declared = Declared(encoding="euc_jp", delimiter="|", quote="'")
    assert rows_of(read(path, "lead", declared)) == [{"lead_id": "1", "名": "山田|様"}]
    path.write_text('lead_id\tx\n1\t"open\n2\ty"\n')
    plain = Declared(quote="none", delimiter="tab")
    assert [row["x"] for row in rows_of(read(path, "lead", plain))] == ['"open', 'y"']
    path.write_text("made today\nlead_id,x\n1,2\n")
    assert rows_of(read(path, "lead", Declared(header=2))) == [{"lead_id": "1", "x": "2"}]
    path.write_text("lead_id\n漢\n", encoding="utf-8")
    with pytest.raises(InputError, match="not the ascii text"):
        read(path, "lead", Declared(encoding="ascii"))


@pytest.mark.parametrize(
    "wrong", [{"encoding": "cp9999"}, {"delimiter": "::"}, {"quote": "«"}, {"header": 0}]
)
def test_what_cannot_be_declared_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(wrong))}: expected"):
        Declared(**wrong)


def test_a_quoted_cell_of_whole_rows_is_taken_where_its_quote_is_declared(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_text('a,b,c\n1,"x\n2,y,z\n3",w\n')
    with pytest.raises(InputError, match="line 2: the quoted cell"):
        read(path)
    assert rows_of(read(path, "lead", Declared(quote='"')))[0]["b"] == "x\n2,y,z\n3"


@pytest.mark.parametrize(
    "row",
    [
        ["Total Systems Ltd", "", ""],
        ["計良 太郎", "", ""],
        ["合計", "山田", ""],
        ["Confidential Ltd", "x@example.com", ""],
        ["L9", "", ""],
        ["注文 花子", "", ""],
    ],
)
def test_rows_that_only_sound_like_footers_are_rows(row: list[str]) -> None:
    assert footers_of([["1", "a", "b"], row], 3) == 0


@pytest.mark.parametrize(
    "row",
    [
        ["Grand Totals (12 records)"],
        ["Total", "", "1,200"],
        ["合計：", "¥12,000", ""],
        ["12 records", "", ""],
        ["Copyright (c) 2000-2026 salesforce.com, inc. All rights reserved."],
        ["Confidential Information - Do Not Distribute"],
        ["Generated By: Taro 4/1/2026", "", ""],
        ["以上", "", ""],
        ["※ 退会者を含む", "", ""],
        ["出力日 2026/4/1", "", ""],
    ],
)
def test_totals_and_remarks_are_footers(row: list[str]) -> None:
    assert footers_of([["1", "a", "b"], row], 3) == 1
    assert footers_of([["1", "a", "b"], [""], row, ["Example Co"]], 3) in (1, 3)


words = st.lists(st.text("ab12 @/", max_size=4), max_size=4)


@CHECKED
@given(st.lists(words, max_size=8), st.integers(1, 4))
def test_layouts_stay_inside_the_rows(rows: list[list[str]], width: int) -> None:
    assert 0 <= header_of(rows) < max(len(rows), 1)
    footers = footers_of(rows, width)
    assert 0 <= footers <= len(rows)
    full = ["x"] * width
    assert footers_of([*rows, full], width) == 0  # a row as wide as the header is no footer
    assert header_of([["a", "b"], *rows]) == 0  # nor are names a title


@pytest.mark.skipif(not CORPORA.is_dir(), reason="hostile input is not part of the project")
def test_json_that_must_be_refused_is_and_other_json_ends_in_a_row_or_a_refusal() -> None:
    seen = 0
    for path in sorted((CORPORA / "json_parsing").iterdir()):
        raw = path.read_bytes()
        if b"\n" in raw.strip() or path.name.startswith("i_"):
            continue
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            continue
        seen += 1
        wrapped = f'{{"x": {text}}}'
        if path.name.startswith("n_"):
            with pytest.raises((ValueError, RecursionError)):
                parsed(wrapped)
        elif "duplicated" not in path.name and "lone" not in path.name:
            assert parsed(wrapped) is not None
    assert seen > 150


@pytest.mark.skipif(not CORPORA.is_dir(), reason="hostile input is not part of the project")
def test_naughty_strings_keep_their_letters(tmp_path: Path) -> None:
    from features.writing import Spreadsheet, write

    strings = json.loads((CORPORA / "naughty_strings.json").read_text("utf-8"))
    strings = [text for text in strings if text.strip() and "\0" not in text]
    data = pa.table({"lead_id": [str(n) for n in range(len(strings))], "x": strings})
    marked = data.append_column("tegakari_points", pa.array([1] * len(strings)))
    for ending in ("csv", "tsv", "parquet", "xlsx"):
        for table, how in ((data, Spreadsheet(raw=True)), (marked, Spreadsheet(bom=True))):
            path = tmp_path / f"naughty.{ending}"
            write(table, path, how)
            back = read(path, "lead", Declared(quote='"'))
            assert back.refused == []
            assert back.data["x"].to_pylist() == strings
