"""The measurement of a capacity: one small world from end to end, and the table it makes."""

from __future__ import annotations

import numpy as np
import pytest

from models.capacity.distributions import Interval
from training.quality.__main__ import main
from training.quality.capacity import HEADER, WAYS, Forecast, OneWeek, Worlds, one_week, seeds_of
from training.trees import PARAMETERS


def week(came: int, *, low: int, high: int) -> OneWeek:
    said = Forecast(Interval(low, high), came, Interval(2, 6))
    return OneWeek(0, (said._replace(best=None), said, said, said), (float(came), float(came)))


def test_the_table_counts_what_intervals_held_and_compares_widths() -> None:
    weeks = [week(3, low=1, high=7), week(9, low=1, high=7), week(5, low=5, high=7)]
    worlds = Worlds(weeks, 1, 100, 40)
    lines = worlds.lines()
    assert [line[0] for line in lines[: len(WAYS)]] == list(WAYS)
    assert all(len(line) == len(HEADER) for line in lines)
    calls, conversions = lines[:2]
    assert calls[1] == conversions[1] == "66.7%"
    assert conversions[3:] == [f"{14 / 3:.2f}", "4.00", f"{14 / 12:.2f}"]
    assert calls[4:] == ["-", "-"]
    truth = lines[len(WAYS)]
    assert truth[1] == "66.7%"
    assert truth[-1] == "1.00"


def test_worlds_have_seeds_of_their_own() -> None:
    seeds = seeds_of(1, 200)
    assert len(set(seeds)) == 200
    assert seeds[:50] == seeds_of(1, 50)
    assert not set(seeds) & set(seeds_of(2, 200))


def test_one_world_is_trained_solved_and_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.trees.MOST_TREES", 30)
    monkeypatch.setitem(PARAMETERS, "num_threads", 1)
    found = one_week(5, n_leads=1200, calls=8)
    calls, conversions, of_called, of_top = found.forecasts
    assert calls.best is None
    assert 7 <= found.expected[0] <= 9
    assert found.expected[1] < found.expected[0]
    assert calls.said.low <= found.expected[0] <= calls.said.high
    assert 0 <= conversions.came == of_called.came <= calls.came
    assert of_top.came <= 8
    # Who is called is known: what remains uncertain is less.
    assert of_called.said.high <= calls.came
    assert conversions.said.width > 0
    assert of_top.best is not None
    assert 0 <= of_top.best.low <= of_top.best.high <= 8


def test_only_whole_numbers_of_worlds_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--capacity", "0"])
    assert "1 or more worlds" in capsys.readouterr().err


def test_the_command_prints_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def measured(n: int, seed: int, **_: object) -> Worlds:
        asked.append((n, seed))
        return Worlds([week(3, low=1, high=7)] * n, seed, 100, 40)

    monkeypatch.setattr("training.quality.__main__.worlds", measured)
    main(["--capacity", "3", "--seed", "9"])
    printed = capsys.readouterr().out
    assert asked == [(3, 9)]
    assert "3 simulated worlds" in printed
    assert all(way in printed for way in WAYS)
    assert np.all([name in printed for name in HEADER])
