"""Files as they are written: whole or not at all, and fit to be read again."""

from __future__ import annotations

import stat
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError
from features.reading import Refusal, read
from features.writing import check_output, refused_path, write, write_refused, write_whole
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
    write(data, path)
    back = read(path)
    nothing = "" if ending in ("parquet", "pq") else None
    assert back.refused == []
    assert back.data.to_pylist() == [
        dict(zip(names, (cell or nothing for cell in row), strict=True)) for row in rows
    ]


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
        (tmp_path / "scores.xlsx", "expected an output ending in"),
        (tmp_path / "absent" / "scores.csv", "absent does not exist. Make it first"),
    ):
        with pytest.raises(InputError, match=says):
            check_output(path)
    with pytest.raises(InputError, match="expected an output ending in"):
        write(pa.table({"a": [1]}), tmp_path / "scores.xlsx")


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
