"""The benchmark at a tiny size: what it times side by side is the same, and it would say if not."""

from __future__ import annotations

from dataclasses import replace

import numba
import numpy as np
import pytest

from features.kernel import behaviour, compile_plan
from features.plan import Plan, expand
from training.bench.__main__ import main, measure
from training.bench.features import CATALOGUE, TYPES, in_memory, reading, same
from training.bench.references import CUTOFF, by_pandas, invented_log
from training.bench.timing import HEADER, Measure, in_turns
from training.fit import PARAMETERS

PLAN = Plan(TYPES, (), (), expand(CATALOGUE, TYPES), (), "UTC", {}, {})
N_LEADS = 40


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """What answers matters here, not how well."""
    monkeypatch.setattr("training.fit.MOST_TREES", 20)
    # Threads wait by spinning, which is slow where cores are shared.
    monkeypatch.setitem(PARAMETERS, "num_threads", 1)


def test_everything_it_times_side_by_side_is_the_same() -> None:
    measures = measure(n_events=3000, n_leads=N_LEADS, in_world=1600, repeats=1)
    assert [m.what for m in measures if not m.agrees] == []
    assert all(m.seconds > 0 and m.reference_seconds > 0 for m in measures)
    assert {m.reference for m in measures} == {
        "pandas",
        "plain Python",
        "lightgbm",
        "lightgbm SHAP",
    }


def test_the_plan_has_70_features() -> None:
    assert len(PLAN.features) == 70


def test_a_wrong_count_or_a_wrong_decay_would_be_found() -> None:
    log = invented_log(2000, N_LEADS, TYPES, seed=3)
    by_kernel = behaviour(
        compile_plan(PLAN),
        log,
        np.zeros(N_LEADS, np.int64),
        np.arange(N_LEADS),
        np.full(N_LEADS, CUTOFF),
    )
    theirs = by_pandas(PLAN, log, CUTOFF)
    assert same(PLAN, by_kernel, theirs)
    for kind, wrong_by in (("count", 1), ("decay", 1e-4), ("recency", 1e-3)):
        column = next(place for place, f in enumerate(PLAN.features) if f.kind == kind)
        row = np.flatnonzero(np.nan_to_num(theirs[:, column]) > 0)[0]
        wrong = theirs.copy()
        wrong[row, column] += wrong_by
        assert not same(PLAN, by_kernel, wrong)
    assert not same(PLAN, by_kernel, by_pandas(PLAN, log, CUTOFF - 1_000_000))


def test_the_invented_log_is_a_log() -> None:
    log = invented_log(2000, N_LEADS, TYPES, seed=3)
    assert log.n_events == 2000
    assert log.offsets[0] == 0
    assert log.offsets[-1] == 2000
    within = np.diff(log.lead_of_event()) == 0
    assert (np.diff(log.occurred_at)[within] >= 0).all()
    assert (log.occurred_at > CUTOFF).any(), "some events are not to be seen"
    assert set(log.event_type) == set(range(len(TYPES)))


def test_the_number_of_threads_is_as_before() -> None:
    before = numba.get_num_threads()
    in_memory(500, N_LEADS, repeats=1)
    assert numba.get_num_threads() == before


def test_turns_are_taken_one_after_the_other() -> None:
    calls: list[str] = []
    in_turns(3, lambda: calls.append("ours"), lambda: calls.append("reference"))
    assert calls == ["ours", "reference"] * 3


def test_a_line_says_how_many_times_as_fast_and_whether_it_is_the_same() -> None:
    measured = Measure("x", "y", 1_000_000, "events", 0.5, 2.0, agrees=True)
    assert measured.ratio == 4
    assert measured.line() == ["x", "events/ms", "2,000", "500", "4.00", "yes", "y"]
    assert replace(measured, agrees=False).line()[5] == "NO"
    one = Measure("x", "y", 1, "answer", 25e-6, 1e-3, agrees=True)
    assert one.line()[1:4] == ["us", "25", "1,000"]
    assert len(HEADER) == len(one.line())


@pytest.mark.parametrize("agrees", [True, False])
def test_a_difference_is_an_exit_code(
    agrees: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [replace(reading(500, N_LEADS, repeats=1), agrees=agrees)]
    monkeypatch.setattr("training.bench.__main__.measure", lambda *sizes: found)
    assert main(["--events", "500"]) == (0 if agrees else 1)
    printed = capsys.readouterr().out
    assert "python -m training.bench" in printed
    assert "numba" in printed
    assert "Parquet to log" in printed
