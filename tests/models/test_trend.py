"""Trends: the change of the log-odds, and what it is called."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.trend import Trends, log_odds

P = st.floats(0.001, 0.999)


def trend(now: float, week: float, month: float, threshold: float = 0.5) -> str | None:
    found = Trends.of(np.array([now]), np.array([[week], [month]]), threshold).records()[0]
    return found and found["direction"]


def shifted(p: float, by: float) -> float:
    return 1 / (1 + math.exp(-(math.log(p / (1 - p)) + by)))


@pytest.mark.parametrize(
    ("week", "month", "expected"),
    [
        (-0.6, 0.0, "rising"),
        (0.6, 0.0, "cooling"),
        (-0.4, -0.4, "steady"),
        (-0.4, -0.6, "rising"),
        (-0.6, 0.9, "rising"),  # what came last decides
        (0.4, 0.6, "cooling"),
    ],
)
def test_what_moved_last_decides(week: float, month: float, expected: str) -> None:
    assert trend(0.1, shifted(0.1, week), shifted(0.1, month)) == expected


def test_who_was_not_there_is_new_and_who_has_no_probability_has_no_trend() -> None:
    assert trend(0.1, np.nan, np.nan) == "new"
    assert trend(0.1, np.nan, 0.01) == "new"
    assert trend(0.1, 0.1, np.nan) == "steady"
    assert trend(np.nan, 0.1, 0.1) is None


@given(now=P, week=P, month=P, threshold=st.floats(0.01, 3))
def test_turning_time_around_turns_the_trend_around(
    now: float, week: float, month: float, threshold: float
) -> None:
    forward = trend(now, week, week, threshold)
    backward = trend(week, now, now, threshold)
    assert (forward, backward) in {
        ("rising", "cooling"),
        ("cooling", "rising"),
        ("steady", "steady"),
    }
    found = Trends.of(np.array([now]), np.array([[week], [month]]), threshold).records()[0]
    assert found is not None
    change = found["past"][0]["change"]
    assert change is not None
    assert math.isclose(
        change, math.log(now / (1 - now)) - math.log(week / (1 - week)), abs_tol=1e-9
    )
    assert [then["days"] for then in found["past"]] == [7, 28]


def test_certain_probabilities_have_log_odds_too() -> None:
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()
    assert trend(1.0, 0.5, 0.5) == "rising"
