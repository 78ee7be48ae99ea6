"""Events taken in by batches: what they are does not depend on where the batches end."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet
import pytest

from features import arrivals, batches, desk, lookup
from features.errors import InputError
from features.form import Form
from features.instants import DAY
from features.tables import Intake, take_in
from features.times import parse_one
from tests.features.histories import assert_same_log

FORM = Form({}, {}, None, frozenset({"won"}), parse_one("2026-06-01T00:00Z", None, "") + DAY)
COLUMNS = (
    *("lead_id", "event_type", "occurred_at", "event_id", "recorded_at"),
    *("channel", "content", "value", "account_id", "note"),
)
TIMES = ("2026-04-01T09:00Z", "2026-04-02T09:00Z", "2026-04-03T09:00Z", "2026-04-01T09:00:00.5Z")


def rows(n: int, *, spoilt: bool) -> list[tuple[str, ...]]:
    """Rows of a file of events; with `spoilt`, some cannot be taken, for every reason there is."""
    rng = np.random.default_rng(n)

    def one_of(*cells: str) -> str:
        return str(rng.choice(cells))

    def bad(good: str, *others: str) -> str:
        return one_of(good, *others) if spoilt else good

    return [
        (
            bad(f"L{rng.integers(0, 9)}", "L1", "L2", "L3", "L4", "nobody", ""),
            # Further down there are other types, so that no two row groups have one dictionary.
            bad(f"type {rng.integers(0, 4) + row // 50}", "visit", "visit", "won", ""),
            bad(one_of(*TIMES), *TIMES, "soon", "", "2099-01-01T00:00Z"),
            one_of("", "", "e1", "e2", *(f"event {i}" for i in range(30))),
            bad(one_of("", *TIMES), *TIMES, "late", "2099-01-01T00:00Z"),
            one_of("", "web", "電話"),
            one_of("", "/a", "/b", f"/{row}"),
            bad(one_of("", "1.5", "0", "-0"), "1", "2", "3", "lots", "nan"),
            one_of("", "A1", "A2"),
            f"note {row}",
        )
        for row in range(n)
    ]


def write(path: Path, table: list[tuple[str, ...]], columns: tuple[str, ...], **how: Any) -> Path:
    """Rows as CSV or as Parquet of texts, missing cells as null in every other row."""
    if path.suffix == ".csv":
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([columns, *table])
        return path
    cells = [
        [None if cell == "" and row % 2 else cell for row, cell in enumerate(column)]
        for column in zip(*table, strict=True)
    ]
    data = pa.table([pa.array(column, pa.string()) for column in cells], names=list(columns))
    pa.parquet.write_table(data, path, **how)
    return path


def one_hash(column: pa.Array) -> npt.NDArray[np.uint64]:
    return np.array([7 if text else 0 for text in column.to_pylist()], dtype=np.uint64)


@pytest.fixture
def leads(tmp_path: Path) -> Path:
    table = [(f"L{i}", TIMES[1]) for i in range(6)]
    return write(tmp_path / "leads.csv", table, ("lead_id", "created_at"))


@pytest.fixture(params=[1, 2])
def _threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = numba.get_num_threads()
    numba.set_num_threads(min(request.param, before))
    yield
    numba.set_num_threads(before)


def assert_same(one: Intake, other: Intake, lines: int) -> None:
    """The same was taken and refused; a line of the first is so many lines before the other's."""
    assert_same_log(one.log, other.log)
    assert one.counts == other.counts
    assert one.observed_until == other.observed_until

    def said(intake: Intake, more: int) -> list[tuple[Any, ...]]:
        return [
            (
                *(r.lost, r.line + more, r.column, r.value, r.reason),
                *(cell or "" for cell in r.cells.values()),
            )
            for r in intake.refused
        ]

    assert said(one, lines) == said(other, 0)


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize("spoilt", [False, True])
@pytest.mark.parametrize("hashing", ["their hashes", "one hash for all"])
@pytest.mark.parametrize(
    ("group", "batch", "coded"),
    [(1000, 1000, 4.0), (70, 1000, 1e9), (70, 16, 0.0), (70, 16, 1e9), (1, 1, 4.0)],
)
def test_row_groups_and_batches_make_no_difference(
    tmp_path: Path,
    leads: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoilt: bool,
    hashing: str,
    group: int,
    batch: int,
    coded: float,
) -> None:
    table = rows(300, spoilt=spoilt)
    whole = take_in(leads, write(tmp_path / "e.csv", table, COLUMNS), None, FORM)
    assert bool(whole.refused) == spoilt
    assert whole.log.n_events > 30
    monkeypatch.setattr(batches, "_ROWS", batch)
    monkeypatch.setattr(batches, "_CODED", coded)
    if hashing == "one hash for all":
        for module in (lookup, arrivals, desk):
            monkeypatch.setattr(module, "hashes", one_hash)
    parquet = write(tmp_path / "e.parquet", table, COLUMNS, row_group_size=group)
    assert_same(take_in(leads, parquet, None, FORM), whole, lines=1)


def test_every_reason_to_refuse_an_event_comes_up_in_one_order(tmp_path: Path, leads: Path) -> None:
    table = rows(400, spoilt=True)
    intake = take_in(leads, write(tmp_path / "e.csv", table, COLUMNS), None, FORM)
    reasons = list(dict.fromkeys((r.column, r.reason) for r in intake.refused))
    assert [column for column, _ in reasons] == [
        *("lead_id", "event_type", "occurred_at", "occurred_at", "occurred_at"),
        *("recorded_at", "recorded_at", "value"),
    ]
    for column, reason in reasons:
        lines = [r.line for r in intake.refused if (r.column, r.reason) == (column, reason)]
        assert lines == sorted(lines)
    counts = intake.counts
    unknown, taken = counts["events of unknown leads"], counts["events taken"]
    assert unknown + taken + len(intake.refused) == counts["events"] == 400


def test_times_of_parquet_need_no_text(tmp_path: Path, leads: Path) -> None:
    instants = np.array([parse_one(time, None, "") for time in TIMES])
    base = {"lead_id": ["L1"] * 4, "event_type": ["visit"] * 4}
    expected = take_in(leads, _parquet(tmp_path, base, pa.array(TIMES)), None, FORM).log
    for unit, scale in (("us", 1), ("ns", 1000)):
        column = pa.array(instants * scale, pa.timestamp(unit, tz="Asia/Tokyo"))
        assert_same_log(take_in(leads, _parquet(tmp_path, base, column), None, FORM).log, expected)


def test_a_lone_local_time_is_refused_by_its_line_in_whichever_batch(
    tmp_path: Path, leads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "_ROWS", 2)
    times = [TIMES[0]] * 4 + ["2026-04-01 09:00"] + [TIMES[0]] * 2 + ["2026-04-02 09:00"]
    base = {"lead_id": ["L1"] * 8, "event_type": ["visit"] * 8}
    path = _parquet(tmp_path, base, pa.array(times), row_group_size=4)
    with pytest.raises(InputError, match=r"line 5: .*'occurred_at' .*: '2026-04-01 09:00'"):
        take_in(leads, path, None, FORM)


def test_columns_keep_the_names_of_the_file_and_own_ones_are_not_read(
    tmp_path: Path, leads: Path
) -> None:
    table = {
        "when": [TIMES[0], "soon"],
        "lead_id": ["other", "other"],
        "tegakari_points": [1, 2],
        "who": ["L1", "L2"],
        "event_type": ["visit", "visit"],
    }
    path = tmp_path / "named.parquet"
    pa.parquet.write_table(pa.table(table), path)
    form = Form({"lead_id": "who", "occurred_at": "when"}, {}, None, frozenset(), FORM.latest)
    intake = take_in(leads, path, None, form)
    assert intake.log.offsets.tolist() == [0, 0, 1, 1, 1, 1, 1]
    (refused,) = intake.refused
    assert (refused.line, refused.column, refused.value) == (2, "when", "soon")
    assert refused.cells == {"when": "soon", "who": "L2", "event_type": "visit"}


def test_dates_of_the_lead_list_and_versions_in_a_file_go_together(tmp_path: Path) -> None:
    leads = write(tmp_path / "l.csv", [("L1", TIMES[0]), ("L2", "")], ("lead_id", "Won"))
    form = Form({}, {"won": "Won"}, None, frozenset({"won"}), FORM.latest)
    table = [
        ("L1", "won", TIMES[0], "e1", TIMES[1]),
        ("L1", "won", TIMES[0], "e1", TIMES[2]),
        ("L2", "visit", TIMES[0], "e1", ""),
    ]
    path = write(tmp_path / "e.parquet", table, COLUMNS[:5], row_group_size=2)
    log = take_in(leads, path, None, form).log
    assert log.offsets.tolist() == [0, 2, 3]
    assert log.duplicates.tolist() == [1, 0]
    assert log.visible_at.tolist() == [parse_one(TIMES[i], None, "") for i in (0, 1, 0)]


@pytest.mark.parametrize("name", ["missing.parquet", "damaged.parquet"])
def test_a_file_of_events_that_cannot_be_read_is_refused_by_name(
    tmp_path: Path, leads: Path, name: str
) -> None:
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match=name):
        take_in(leads, tmp_path / name, None, FORM)


def _parquet(folder: Path, base: dict[str, Any], occurred_at: pa.Array, **how: Any) -> Path:
    path = folder / "times.parquet"
    pa.parquet.write_table(pa.table({**base, "occurred_at": occurred_at}), path, **how)
    return path
