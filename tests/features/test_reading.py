"""Files as they are read: nothing is lost without a word, and nothing is made of what is not there."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError
from features.reading import Table, read
from tests.features.histories import CHECKED

ENCODINGS = {"UTF-8": "utf-8", "UTF-8 with BOM": "utf-8-sig", "cp932": "cp932"}
HOSTILE = [
    ("0012", "NA"),
    ("1E5", "TRUE"),
    ("null", "NaN"),
    ("2026-04-01", "1,5"),
    ("㈱髙橋①", "見積;書"),
    ("a\tb", 'say "hi"'),
    ("line\nbreak", " padded "),
]

# What cp932 can write. A backslash or a tilde of its own it has not, and no cell may be blank.
letters = st.text(
    st.sampled_from("ab09 ,;\t\"'\r\n漢字かな髙①㈱é-_.").filter(lambda letter: letter != "é"),
    max_size=6,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "leads.csv"


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def csv_text(rows: list[list[str]], delimiter: str = ",", end: str = "\r\n") -> str:
    out = io.StringIO()
    # Left to itself, Python quotes only the line ends that it writes.
    quoting = csv.QUOTE_MINIMAL if end == "\r\n" else csv.QUOTE_ALL
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    return out.getvalue()


def cells(table: Table) -> list[dict[str, str | None]]:
    return table.data.to_pylist()


def lines_of_refusals(table: Table) -> list[int]:
    return [refusal.line for refusal in table.refused]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_cell_keeps_its_letters(file: Path, encoding: str, delimiter: str, end: str) -> None:
    text = csv_text([["lead_id", "会社"], *map(list, HOSTILE)], delimiter, end)
    table = read(written(file, text, ENCODINGS[encoding]))
    assert cells(table) == [{"lead_id": a, "会社": b} for a, b in HOSTILE]
    assert table.understood == f"CSV, {encoding}, delimiter {delimiter!r}"
    assert table.lines.tolist() == [2, 3, 4, 5, 6, 7, 8]


@CHECKED
@given(
    rows=st.lists(st.lists(letters, min_size=3, max_size=3), max_size=8),
    encoding=st.sampled_from(list(ENCODINGS.values())),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(("\n", "\r\n")),
)
def test_what_python_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[str]],
    encoding: str,
    delimiter: str,
    end: str,
) -> None:
    header = ["lead_id", "会社", "c"]
    text = csv_text([header, *rows], delimiter, end)
    path = written(tmp_path_factory.getbasetemp() / "back.csv", text, encoding)
    table = read(path)
    kept = [[cell or None for cell in row] for row in rows if any(row)]
    assert [list(row.values()) for row in cells(table)] == kept
    assert table.refused == []
    assert table.rows_in == len(kept)


def test_a_kanji_name_of_a_file_is_read_and_shown(tmp_path: Path) -> None:
    path = written(tmp_path / "見込み客リスト①.CSV", "lead_id,a\nL1\n", "cp932")
    assert str(path) in str(read(path).refused[0])


def test_ragged_rows_are_refused_with_their_line_and_the_rest_is_read(file: Path) -> None:
    text = (
        "lead_id,note\n"  # 1
        "L1,ok\n"
        "L2\n"  # 3
        "\n"
        'L3,"a\n'  # 5
        'b"\n'
        "L4,x,y\n"  # 7
        'L5,"p\r\n'  # 8
        'q",r\n'
        "L6,ok\n"  # 10
        ",\n"
        "L7,\n"  # 12
    )
    table = read(written(file, text), "event")
    assert [row["lead_id"] for row in cells(table)] == ["L1", "L3", "L6", "L7"]
    assert table.lines.tolist() == [2, 5, 10, 12]
    assert lines_of_refusals(table) == [3, 7, 8]
    assert [r.reason for r in table.refused] == [
        "expected 2 cells, got 1",
        "expected 2 cells, got 3",
        "expected 2 cells, got 3",
    ]
    assert table.refused[1].value == "L4,x,y"
    assert {r.lost for r in table.refused} == {"event"}
    assert table.rows_in == 7


@CHECKED
@given(
    st.lists(
        st.sampled_from(("L,x", "L", "L,x,y", "", 'L,"a\nb"', 'L,"a\n\nb",c', '"L\n1",x', ",")),
        max_size=12,
    ),
    st.sampled_from(('lead_id,"a"', '"lead\nid",a')),
    st.booleans(),
)
def test_every_row_stands_on_the_line_where_it_begins(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], header: str, ends: bool
) -> None:
    text = "\n".join([header, *rows]) + "\n" * ends
    table = read(written(tmp_path_factory.getbasetemp() / "lines.csv", text))
    line, good, ragged = 1 + header.count("\n") + 1, [], []
    for row in rows:
        commas = row.count(",")
        if commas != 1 and row:
            ragged.append(line)
        elif row.strip(","):
            good.append(line)
        line += row.count("\n") + 1
    assert table.lines.tolist() == good
    assert lines_of_refusals(table) == ragged


def test_lines_are_right_in_a_file_of_many_blocks(file: Path) -> None:
    n = 1_400_000  # over 16 MiB, the size of a block
    text = "lead_id,x\n" + 'L1,"\nTegak"\n' * n + "L2\nL3,end\n"
    table = read(written(file, text))
    assert lines_of_refusals(table) == [2 * n + 2]
    assert table.lines[[0, 1, -1]].tolist() == [2, 4, 2 * n + 3]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ""])
def test_a_header_alone_is_a_table_without_rows(file: Path, end: str) -> None:
    table = read(written(file, f"lead_id,a{end}"))
    assert table.data.column_names == ["lead_id", "a"]
    assert table.rows_in == 0


def test_the_delimiter_is_not_looked_for_between_quotation_marks(file: Path) -> None:
    table = read(written(file, '"Name, first";"Sum, EUR, net";id\na;b;c\n'))
    assert table.data.column_names == ["Name, first", "Sum, EUR, net", "id"]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "the file is empty; expected a header line"),
        (b" \n\n", "the file is empty; expected a header line"),
        ("lead_id,a\n".encode("utf-16") + b"x", "not the UTF-16 text that it should be.*cut off"),
        ("lead_id,漢\nx,".encode() + b"\xff\n", "neither UTF-8 .*line 2: 0xff.* nor cp932"),
        (b"lead_id,a,a\n1,2,3\n", "line 1: column 'a' stands twice.*Rename"),
        (b"lead_id,,a\n1,2,3\n", "line 1: column 2 has no name"),
        (b"lead_id,a,\n1,2,\n", "line 1: column 3 has no name"),
        (b",\n1,2\n", "line 1: expected a header"),
        (b"tegakari_points\n1\n", "expected a header"),
        (b'lead_id,a\nL1,"x\nL2,y\nL3,z\n', "line 2: a quotation mark .* never closed"),
        (b'lead_id,a\nL1,"x\nL2,y', "line 2: a quotation mark .* never closed"),
        (b'lead_id,a\nL1,x\n"L2,y\nL3,z\n', "line 3: a quotation mark .* never closed"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(file: Path, raw: bytes, says: str) -> None:
    file.write_bytes(raw)
    with pytest.raises(InputError, match=f"(?s)leads.csv.*{says}"):
        read(file)


@pytest.mark.parametrize("text", ['lead_id,a\nL1,"x\n"\n', 'lead_id,a\nL1,5" disk\n', 'a\n"x\ny"'])
def test_quotation_marks_that_are_closed_or_stand_in_a_cell_are_no_error(
    file: Path, text: str
) -> None:
    assert read(written(file, text)).rows_in == 1


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("missing.csv", "no such file"),
        ("missing.parquet", "no such file"),
        ("folder.csv", "the folder holds no file"),
        ("leads.xlsx", "cannot be read as a workbook"),
        ("leads.pdf", r"ending in \.csv, \.tsv, \.txt, \.jsonl, \.xlsx or \.parquet"),
    ],
)
def test_a_file_that_is_not_there_or_of_another_kind_is_refused(
    tmp_path: Path, name: str, says: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    for wrong in ("leads.xlsx", "leads.pdf"):
        (tmp_path / wrong).write_bytes(b"PK")
    with pytest.raises(InputError, match=f"{name}: .*{says}"):
        read(tmp_path / name)


@pytest.mark.parametrize("raw", [b"", b"PAR1", b"lead_id,a\n"])
def test_a_parquet_file_that_is_none_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "leads.parquet"
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"leads\.parquet: cannot be read as PARQUET"):
        read(path)


def test_parquet_keeps_its_types_and_counts_its_rows_from_one(tmp_path: Path) -> None:
    data = pa.table({"lead_id": ["0012", "NA"], "employees": [3, None]})
    path = tmp_path / "leads.parquet"
    pa.parquet.write_table(data, path)
    table = read(path)
    assert table.data.equals(data)
    assert table.lines.tolist() == [1, 2]
    assert table.understood == "Parquet"


def test_a_parquet_header_is_held_to_the_same(tmp_path: Path) -> None:
    path = tmp_path / "leads.parquet"
    pa.parquet.write_table(pa.table([["x"], ["y"]], names=["a", "a"]), path)
    with pytest.raises(InputError, match="column 'a' stands twice"):
        read(path)


def test_columns_that_tegakari_wrote_are_dropped(file: Path) -> None:
    table = read(written(file, "lead_id,tegakari_points,a,tegakari_refused_line\nL1,50,x,3\n"))
    assert table.data.column_names == ["lead_id", "a"]
