"""The benchmark at a tiny size: what it times side by side is the same, and it would say if not."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from features.kernel import behaviour
from features.kinds import KINDS
from features.log import EventLog
from features.plan import Feature
from features.program import compile_plan
from models.families import FAMILIES, lines_of
from training.bench import duckdb_, explaining, fresh, large, lists, logs, memory, polars_
from training.bench.__main__ import main, measure
from training.bench.company import company, whole_catalogue
from training.bench.logs import CUTOFF, TYPES, invented_log, write
from training.bench.polars_ import Form
from training.bench.seventy import plan_of, same
from training.bench.timing import HEADER, Asked, Measure, fastest, in_turns
from training.trees import PARAMETERS

N_LEADS = 40


@pytest.fixture
def _few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """What answers matters here, not how well."""
    monkeypatch.setattr("training.trees.MOST_TREES", 20)
    # Threads wait by spinning, which is slow where cores are shared.
    monkeypatch.setitem(PARAMETERS, "num_threads", 1)


@pytest.fixture(scope="module")
def log() -> EventLog:
    return invented_log(2000, N_LEADS, TYPES, seed=3)


@pytest.mark.usefixtures("_few_trees")
def test_shapley_values_are_those_of_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "DEEP", ({"num_leaves": 31, "max_depth": 6}, 3))
    monkeypatch.setattr(explaining, "DEFAULT", ({}, 3))
    monkeypatch.setattr(explaining, "_ONE_BY_ONE", 1)
    monkeypatch.setattr(explaining, "_ROWS", 50)
    measures = explaining.measures(1600, repeats=1)
    assert len(measures) >= 6
    assert all(m.agrees and m.ours > 0 and m.theirs > 0 for m in measures)


def by_kernel(log: EventLog) -> np.ndarray:
    n = log.n_leads
    program, rows = compile_plan(plan_of()), np.arange(n)
    return behaviour(program, log, np.zeros(n, np.int64), rows, np.full(n, CUTOFF))


@pytest.mark.usefixtures("_few_trees")
def test_everything_it_times_side_by_side_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "measures", lambda *_: [])
    options = argparse.Namespace(
        events=3000,
        leads=N_LEADS,
        threads=[1],
        world=1600,
        repeats=1,
        large=False,
        lists=None,
        explaining=None,
    )
    told: list[str] = []
    measures = measure(options, told.append)
    assert [m.what for m in measures if not m.agrees] == []
    assert all(m.ours > 0 and m.theirs > 0 for m in measures)
    references = [m.reference for m in measures]
    assert references[:3] == ["Polars", "DuckDB", "Polars streaming"]
    assert references[3:6] == ["70 features", "70 features", "plain Python"]
    assert {"lightgbm", "lightgbm SHAP"} <= set(references)
    asked = {str(m.asked) for m in measures if m.asked}
    assert asked == {"at least 6x", "at least 2.5x", "at most 3x the time", "at most 25 us", "-"}
    assert any("64 types" in m.what for m in measures)
    assert told


def forms(log: EventLog, folder: Path) -> dict[str, Form]:
    leads, events = folder / "leads.parquet", folder / "events.parquet"
    ids = pa.array([f"L{lead}" for lead in range(log.n_leads)])
    shuffled = np.random.default_rng(2).permutation(log.n_events)
    columns = {
        "lead_id": ids.take(log.lead_of_event()[shuffled]),
        "event_type": pa.array(log.types).take(log.event_type[shuffled]),
        "occurred_at": pa.array(log.occurred_at[shuffled], pa.timestamp("us", tz="UTC")),
    }
    pa.parquet.write_table(pa.table({"lead_id": ids}), leads)
    pa.parquet.write_table(pa.table(columns), events)
    return {
        **{f"Polars {name}": form for name, form in polars_.in_memory(log).items()},
        **{f"DuckDB {name}": form for name, form in duckdb_.in_memory(log, 1).items()},
        **{f"files {name}": form for name, form in polars_.from_files(leads, events).items()},
    }


def test_every_form_of_every_reference_gives_the_same(log: EventLog, tmp_path: Path) -> None:
    expected = by_kernel(log)
    assert expected.shape == (N_LEADS, 70)
    for name, form in forms(log, tmp_path).items():
        assert same(expected, form()), name


def test_a_lead_without_events_is_in_every_form(tmp_path: Path) -> None:
    few = invented_log(30, N_LEADS, TYPES, seed=4)
    assert (np.diff(few.offsets) == 0).any()
    expected = by_kernel(few)
    for name, form in forms(few, tmp_path).items():
        assert same(expected, form()), name


def test_a_wrong_count_or_a_wrong_decay_would_be_found(log: EventLog) -> None:
    ours = by_kernel(log)
    for kind, wrong_by in (("count", 1), ("decay", 1e-4), ("recency", 1e-3)):
        column = next(place for place, f in enumerate(plan_of().features) if f.kind == kind)
        row = np.flatnonzero(np.nan_to_num(ours[:, column]) > 0)[0]
        wrong = ours.copy()
        wrong[row, column] += wrong_by
        assert not same(ours, wrong)


def test_a_form_that_differs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_, "HALF_LIVES", duckdb_.HALF_LIVES[::-1])
    monkeypatch.setattr(duckdb_, "_SUMS", duckdb_._sums())
    by_polars, by_duckdb = memory.measures(500, N_LEADS, repeats=1)
    assert by_polars.agrees
    assert not by_duckdb.agrees


def test_the_invented_log_is_a_log(log: EventLog) -> None:
    assert log.n_events == 2000
    assert log.offsets[0] == 0
    assert log.offsets[-1] == 2000
    within = np.diff(log.lead_of_event()) == 0
    assert (np.diff(log.occurred_at)[within] >= 0).all()
    assert (log.occurred_at > CUTOFF).any(), "some events are not to be seen"
    assert set(log.event_type) == set(range(len(TYPES)))


def test_files_are_written_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_ROW_GROUP", 300)
    leads, events = write(tmp_path, 1000, N_LEADS, full=True)
    table = pa.parquet.read_table(events)
    assert pa.parquet.read_metadata(events).num_row_groups == 4
    assert table.num_rows == 1000
    ids = table["event_id"].to_pylist()
    assert len(set(ids)) == 1000
    assert ids != sorted(ids)
    known = pa.parquet.read_table(leads)["lead_id"].to_pylist()
    assert len(set(known)) == N_LEADS
    assert set(table["lead_id"].to_pylist()) <= set(known)
    assert set(table["event_type"].to_pylist()) == set(TYPES)


def test_the_whole_catalogue_has_every_kind_with_every_value_and_window() -> None:
    features = company(300, 10, TYPES, seed=0).plan.features
    assert {f.kind for f in features} == set(KINDS)
    for name, kind in KINDS.items():
        assert {f.choice for f in features if f.kind == name} == set(kind.choices)
    assert {line.split()[0] for line in whole_catalogue()} == set(KINDS)
    plan = company(300, 10, TYPES, seed=0).plan
    default = {replace_subject(f) for f in plan.with_features(lines_of(FAMILIES)).features}
    assert default <= {replace_subject(f) for f in features}


def replace_subject(feature: Feature) -> Feature:
    return replace(feature, of=None)


def test_the_company_has_all_that_the_catalogue_reads() -> None:
    whole = company(12_000, 3000, TYPES, seed=0)
    log = whole.log
    assert len(whole.plan.touches) == 3
    assert len(whole.plan.responses) == 3
    assert len(whole.plan.bigrams) == 10
    assert len(whole.plan.steps) == 5
    assert np.isfinite(log.value).mean() == pytest.approx(0.1, abs=0.02)
    named = np.array(log.channels)[log.channel]
    of_type = np.array([whole.plan.channel_of_type[name] for name in TYPES])[log.event_type]
    assert (named != of_type).mean() == pytest.approx(0.04, abs=0.02)
    sizes = np.bincount(whole.colleagues.account)
    assert sizes.mean() == pytest.approx(3, abs=0.2)
    rows, cutoff = np.arange(3000), np.full(3000, CUTOFF)
    program = compile_plan(whole.plan)
    found = behaviour(program, log, whole.created_at, rows, cutoff, whole.changes, whole.colleagues)
    constant = [
        feature.name
        for feature, column in zip(whole.plan.features, found.T, strict=True)
        if len(np.unique(column)) == 1
    ]
    # Machines answer mails only, and rarely.
    assert [name for name in constant if not name.startswith("response_automated")] == []


def test_ten_times_as_many_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    time, held = large.measures(20_000, 400, repeats=1, threads=1)
    assert time.agrees
    assert held.agrees
    assert held.theirs > 0
    assert held.measured[1] == f"{held.ours:.2f} GiB"
    assert str(held.asked) == "under 8 GiB"
    assert str(time.asked) == "at most 1.5x the time"
    assert list(tmp_path.iterdir()) == []


def test_files_of_a_break_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def interrupted(*names: object, **arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fresh, "call", interrupted)
    with pytest.raises(KeyboardInterrupt):
        large.measures(2000, 40, repeats=1, threads=1)
    assert list(tmp_path.iterdir()) == []


def test_a_process_of_its_own_has_the_threads_asked_for() -> None:
    found = fresh.measures("memory", 1, n_events=500, n_leads=N_LEADS, repeats=1)
    assert [m.what for m in found] == ["in memory, 1 thread"] * 2
    assert found[0].asked == Asked(6, "speed")
    with pytest.raises(RuntimeError, match=r"memory\.nothing failed"):
        fresh.call("memory", "nothing", 1)


def test_turns_are_taken_one_after_the_other() -> None:
    calls: list[str] = []
    in_turns(3, lambda: calls.append("ours"), lambda: calls.append("reference"))
    assert calls == ["ours", "reference"] * 3


def test_the_fastest_form_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = {"slow": [9.0], "fast at last": [3.0, 1.0], "fast at first": [2.0, 4.0]}
    queue = {name: list(times) for name, times in taken.items()}
    monkeypatch.setattr("training.bench.timing.seconds", lambda call: queue[call()].pop(0))
    name, tried = fastest({name: lambda name=name: name for name in taken})
    assert name == "fast at last"
    assert tried == {"slow": 9.0, "fast at last": 1.0, "fast at first": 2.0}


@pytest.mark.parametrize(
    ("asked", "printed", "measured", "met"),
    [
        (None, "-", "4.00x", "-"),
        (Asked(4, "speed"), "at least 4x", "4.00x", "yes"),
        (Asked(6, "speed"), "at least 6x", "4.00x", "NO"),
        (Asked(0.3, "time"), "at most 0.3x the time", "0.25x the time", "yes"),
        (Asked(None, "time"), "-", "0.25x the time", "-"),
        (Asked(25, "us"), "at most 25 us", "0.5 us", "yes"),
    ],
)
def test_a_line_has_the_figure_asked_for_beside_the_one_measured(
    asked: Asked | None, printed: str, measured: str, met: str
) -> None:
    one = Measure("x", "y", 1_000_000, "events", 0.5, 2.0, agrees=True, asked=asked)
    assert one.line() == ["x", "events/ms", "2,000", "500", "y", "yes", printed, measured, met]
    assert replace(one, agrees=False).line()[5] == "NO"
    assert len(HEADER) == len(one.line())


def test_one_answer_is_told_in_microseconds() -> None:
    one = Measure("x", "y", 1, "answer", 25e-6, 1e-3, agrees=True, asked=Asked(24, "us"))
    assert one.line()[1:4] == ["us", "25", "1,000"]
    assert one.met is False


@pytest.mark.parametrize("agrees", [True, False])
def test_a_difference_is_an_exit_code_and_a_missed_figure_is_not(
    agrees: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missed = Measure("it", "y", 1, "events", 2, 1, agrees, Asked(6, "speed"), {"z": 2.0, "a": 1.0})
    monkeypatch.setattr("training.bench.__main__.measure", lambda *given: [missed])
    assert main(["--events", "500"]) == (0 if agrees else 1)
    printed = capsys.readouterr().out
    assert "python -m training.bench" in printed
    assert "polars" in printed
    assert "at least 6x" in printed
    assert "NO" in printed
    assert "it, y: a 1.00 s; z 2.00 s" in printed


def test_without_the_references_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {"polars": None, "duckdb": duckdb.__spec__}
    monkeypatch.setattr("training.bench.__main__.find_spec", found.get)
    assert main([]) == 2
    assert "The benchmark needs polars" in capsys.readouterr().err


def test_a_list_in_cp932_is_read_as_pandas_reads_it_told_the_encoding() -> None:
    (measured,) = lists.reading(300, 1)
    assert measured.agrees
    assert measured.reference == "pandas"
    assert str(measured.asked) == "at most 1.5x the time"
