"""The default world is neither trivial nor hopeless, and its truth is calibrated.

Measured on 8000 leads and 360 days, about 95 000 weekly rows of 5900 leads, from the files alone.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from training.simulate import simulate
from training.simulation.difficulty import (
    Difficulty,
    Rows,
    calibration_slope,
    difficulty,
    weekly_rows,
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Rows:
    directory = tmp_path_factory.mktemp("world")
    simulate(directory, leads=8000, days=360, seed=1, end=datetime(2026, 4, 1, tzinfo=UTC))
    return weekly_rows(directory)


@pytest.fixture(scope="module")
def measured(rows: Rows) -> Difficulty:
    return difficulty(rows)


def test_the_best_answer_ranks_well_but_not_perfectly(measured: Difficulty) -> None:
    """About .84 with a spread of .008 over seeds at this size: the bounds are 5 spreads away."""
    assert 0.80 <= measured.auc <= 0.90


def test_deals_are_rare_but_not_too_rare(measured: Difficulty) -> None:
    assert 0.02 <= measured.positives <= 0.08


def test_counting_gets_at_most_seventy_per_cent_of_the_gain(measured: Difficulty) -> None:
    """About a quarter: when something happened matters, and total counts forget it."""
    assert measured.gain > 0
    assert 0.05 < measured.counts_share <= 0.70


def test_the_best_answer_is_calibrated(measured: Difficulty) -> None:
    """Slope 1, up to sampling.

    The promise is 1 +- .05 at the default size, where the standard error is .014. Here it is .028,
    so that a right world may be off by .05; 3.5 standard errors are passed once in 2000 worlds.
    """
    assert measured.slope_error < 0.035
    assert abs(measured.slope - 1) < 3.5 * measured.slope_error


def test_as_many_deals_happen_as_are_expected(rows: Rows) -> None:
    """Sum of label less p_bayes; its standard error is over leads, whose rows go together."""
    surplus = np.bincount(rows.lead, rows.label - rows.p_bayes)
    assert abs(surplus.sum()) < 3.5 * np.sqrt((surplus**2).sum())


def test_the_measure_notices_an_overconfident_answer(rows: Rows) -> None:
    """Doubling the log odds halves the slope: the calibration test can fail."""
    odds = (rows.p_bayes / (1 - rows.p_bayes)) ** 2
    slope, error = calibration_slope(Rows(rows.lead, odds / (1 + odds), rows.label, rows.counts))
    assert abs(slope - 0.5) < 4 * error
