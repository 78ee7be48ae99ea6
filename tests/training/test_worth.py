"""What families add: the arithmetic, what the folds choose, and that the README says what was seen."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from models.families import BASE, DEFAULT, FAMILIES
from training.worth.choosing import chosen
from training.worth.measured import Gain, Interval, Measured, Record
from training.worth.measuring import ALL, BESIDE, CHOSEN, measure
from training.worth.resampled import Resampled, error, interval
from training.worth.table import BEGIN, END, README, tables, written
from training.worth.worlds import BANK_LOG, PLANTED, SIMULATED, simulated

RNG = np.random.default_rng(5)


def test_auc_is_that_of_scikit_learn_ties_included() -> None:
    label = (RNG.random(400) < 0.3).astype(np.int8)
    said = np.round(0.4 * label + RNG.random(400), 1)
    drawn = Resampled(np.arange(400))
    assert drawn.auc(label, said)[0] == pytest.approx(roc_auc_score(label, said))


def test_a_resample_draws_whole_units_and_the_same_ones_for_every_figure() -> None:
    unit = np.repeat(np.arange(50), 4)
    label, said = (np.arange(200) % 2).astype(np.int8), np.repeat(RNG.random(50), 4)
    drawn = Resampled(unit)
    # Two rows of each class in every unit, of one probability: no draw of whole units moves this.
    assert drawn.auc(label, said) == pytest.approx(0.5)
    assert drawn.mean(label) == pytest.approx(0.5)
    assert error(drawn.mean(said)) == pytest.approx(said.std() / np.sqrt(50), rel=0.15)
    assert drawn.mean(said) == pytest.approx(Resampled(unit).mean(said))


def test_an_interval_holds_the_middle_of_the_resamples() -> None:
    figures = np.concatenate([[0.5], np.linspace(0, 1, 1001)])
    assert interval(figures) == pytest.approx((0.5, 0.025, 0.975))


def _world(name: str, **folds: tuple[float, float]) -> Measured:
    nothing = Interval(0.0, 0.0, 0.0)
    gains = {
        family: Gain(features=1, auc=nothing, log_loss=nothing, folds=gain, folds_error=err)
        for family, (gain, err) in folds.items()
    }
    return Measured(
        world=name, seeds=[1], leads=1, train_rows=1, test_rows=1, positives=1, auc=0.5,
        log_loss=0.1, best_auc=None, best_log_loss=None, gains=gains,
    )  # fmt: skip


def test_the_folds_choose_what_gains_more_than_it_costs_beyond_noise() -> None:
    worlds = [
        _world(BANK_LOG, clock=(0.02, 0.01), sessions=(0.02, 0.01), journey=(0.005, 0.01)),
        _world(SIMULATED, clock=(-0.005, 0.01), sessions=(-0.02, 0.01)),
    ]
    record = Record(command="", versions={}, seconds=1, worlds=worlds)
    assert chosen(record) == (BASE, "clock")


def test_the_default_catalogue_is_what_the_folds_chose() -> None:
    assert chosen(Record.read()) == DEFAULT


def test_every_family_and_every_signal_was_measured() -> None:
    record = Record.read()
    assert set(BESIDE) == set(FAMILIES) - {BASE}
    assert set(record.of(BANK_LOG).gains) | set(record.of(SIMULATED).gains) >= {CHOSEN, ALL}
    for signal, family in PLANTED.items():
        world = record.of(signal)
        assert world.planted == family
        assert world.recovered is not None


def test_the_readme_has_the_tables_of_the_kept_record() -> None:
    text = README.read_text(encoding="utf-8")
    assert written(text, Record.read()) == text
    assert tables(Record.read()) in text


def test_a_readme_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match=f"{BEGIN}.*{END}"):
        written("# Tegakari", Record.read())


def test_a_planted_signal_is_found_by_its_family_and_by_no_other() -> None:
    world = simulated(3000, seed=21, signal="hours")
    found = measure([world], ("clock", "value"), lambda _: None)
    assert found.recovered is not None
    assert found.recovered.mean >= 0.5
    assert found.gains["clock"].folds > 3 * found.gains["clock"].folds_error
    assert "value" not in found.gains or abs(found.gains["value"].log_loss.mean) < 0.1 * (
        found.gains["clock"].log_loss.mean
    )
