"""A report's figures: against plain arithmetic, and what must hold whatever the data."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from features.instants import DAY
from models.calibration import log_loss
from training.evaluate import metrics, tenths
from training.report.answered import Answered
from training.report.best_possible import distances
from training.report.calls import Pools, calls
from training.report.figures import figures
from training.report.moved import Rate, base_rate_moved, too_old
from training.report.parts import OTHER, coded
from training.report.report import Report, report_of
from training.resampling import Resamples

TOKYO = ZoneInfo("Asia/Tokyo")


def answered(n: int = 3000, seed: int = 0, leads: int = 900, weeks: int = 8) -> Answered:
    """Rows of leads at weekly cutoffs whose labels are drawn from the model's probabilities."""
    rng = np.random.default_rng(seed)
    spots = rng.choice(leads * weeks, size=n, replace=False)
    spots.sort()
    lead, week = spots // weeks, spots % weeks
    p = rng.beta(0.7, 6, n)
    label = (rng.random(n) < p).astype(np.int8)
    points = np.round(p * 20 + rng.normal(0, 1, n))
    probability = {
        "model": p,
        "scorecard": np.clip(points / 25, 0.01, 0.9),
        "base rate": np.full(n, 0.1),
    }
    cutoff = (20_454 + 7 * week) * DAY - 9 * 3_600_000_000  # midnights in Tokyo
    return Answered(label, lead, lead, cutoff, TOKYO, probability, {"scorecard": points})


@pytest.fixture(scope="module")
def rows() -> Answered:
    return answered()


@pytest.fixture(scope="module")
def made(rows: Answered) -> Report:
    segment = pa.array(["東京" if i % 2 else None for i in range(len(rows))], pa.string())
    return report_of(
        rows, title="t", segments={"都道府県": segment}, best=rows.probability["model"]
    )


def test_the_middle_of_each_interval_is_the_plain_figure(rows: Answered, made: Report) -> None:
    for name, p in rows.probability.items():
        plain, found = metrics(rows.label, p), made.figures[name]
        for figure in ("auc", "average_precision", "log_loss", "brier", "ece", "calibration_slope"):
            value, interval = getattr(plain, figure), getattr(found, figure)
            if value is None:
                assert interval is None
            else:
                assert interval.mean == pytest.approx(value, abs=1e-9)
                if figure != "ece":
                    assert interval.low - 1e-9 <= value <= interval.high + 1e-9


def test_each_resample_is_the_figure_of_the_rows_it_drew() -> None:
    """Repeating each row as often as its lead was drawn gives the same figures."""
    rows = answered(400, seed=3, leads=120)
    p = rows.probability["scorecard"]  # with ties
    drawn = Resamples.of(rows.group, 20, seed=1)
    for times in drawn.times[1:]:
        repeated = np.repeat(np.arange(len(rows)), times[drawn.group])
        one = Resamples(np.vstack([times, times]), drawn.group)
        found, plain = figures(one, rows.label, p), metrics(rows.label[repeated], p[repeated])
        assert found.auc is not None
        assert found.average_precision is not None
        assert found.log_loss is not None
        assert found.auc.mean == pytest.approx(plain.auc)
        assert found.average_precision.mean == pytest.approx(plain.average_precision)
        assert found.log_loss.mean == pytest.approx(plain.log_loss)


def test_one_newton_step_is_nearly_the_slope_of_each_resample() -> None:
    rows = answered(6000, seed=4, leads=2000)
    p = rows.probability["model"]
    resamples = Resamples.of(rows.group, 60, seed=2)
    found = figures(resamples, rows.label, p).calibration_slope
    fitted = []
    for times in resamples.times[1:]:
        repeated = np.repeat(np.arange(len(rows)), times[resamples.group])
        fitted.append(metrics(rows.label[repeated], p[repeated]).calibration_slope)
    low, high = np.quantile(np.array(fitted, dtype=float), (0.025, 0.975))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.15 * (high - low))


def test_intervals_of_copied_rows_do_not_shrink() -> None:
    """Ten rows of each lead, all alike, know no more than one."""
    rows = answered(500, leads=500, weeks=1)
    p, copies = rows.probability["model"], np.repeat(np.arange(500), 10)
    one = figures(Resamples.of(rows.group, 300), rows.label, p).auc
    ten = figures(Resamples.of(rows.group[copies], 300), rows.label[copies], p[copies]).auc
    assert one is not None
    assert ten == pytest.approx(one)


def test_tenths_never_divide_equal_probabilities(rows: Answered) -> None:
    p = rows.probability["scorecard"]
    code = tenths(p)
    assert all(len(set(code[p == value])) == 1 for value in np.unique(p))
    assert (np.diff(code[np.argsort(p, kind="stable")]) >= 0).all()
    even = np.bincount(tenths(rows.probability["model"]))
    assert even.max() - even.min() <= 1


def pools_by_hand(
    rows: Answered, order: npt.NDArray[np.float64], top: int
) -> tuple[int, int, float, int]:
    """Calls, conversions, blind conversions and conversions there, called one date after the other."""
    called: set[int] = set()
    made = converted = there = 0
    blind = 0.0
    for cutoff in np.unique(rows.cutoff):
        pool = [i for i in np.flatnonzero(rows.cutoff == cutoff) if rows.lead[i] not in called]
        best = sorted(pool, key=lambda i: -order[i])[:top]
        made, there = made + len(best), there + sum(int(rows.label[i]) for i in pool)
        converted += sum(int(rows.label[i]) for i in best)
        blind += len(best) * float(np.mean([rows.label[i] for i in pool])) if pool else 0.0
        called |= {int(rows.lead[i]) for i in best}
    return made, converted, blind, there


def test_calling_the_top_of_each_date_by_hand(rows: Answered) -> None:
    resamples = Resamples.of(rows.group, 10)
    pools = Pools.of(rows, "model", resamples)
    for top in (10, 100):
        found = pools.call(resamples.times[:1], top=top)[0]
        assert tuple(found) == pytest.approx(pools_by_hand(rows, rows.probability["model"], top))


def test_a_lead_is_called_once_and_all_are_called_in_the_end(rows: Answered) -> None:
    resamples = Resamples.of(rows.group, 10)
    everyone = Pools.of(rows, "model", resamples).call(resamples.times[:1], share=1.0)[0]
    assert everyone[0] == len(np.unique(rows.lead))
    assert everyone[1] == everyone[3] == pytest.approx(everyone[2])


def test_lift_of_chance_is_one_and_of_foresight_is_the_most_there_can_be() -> None:
    rows = answered(6000, seed=8, leads=6000, weeks=1)
    rng = np.random.default_rng(1)
    rows.probability.update({"chance": rng.random(6000), "foresight": rows.label * 0.9 + 0.05})
    resamples = Resamples.of(rows.group)
    chance = calls(rows, "chance", resamples)[0]
    foresight = calls(rows, "foresight", resamples)[0]
    for call in chance:
        if call.calls < 300:
            continue  # of some ten conversions no resample knows the spread
        assert call.lift is not None
        assert call.lift.low <= 1 <= call.lift.high
    assert foresight[0].precision == (1.0, 1.0, 1.0)
    assert foresight[0].lift is not None
    assert foresight[0].lift.mean == pytest.approx(1 / rows.label.mean())


def test_dates_and_months_are_those_of_the_zone(rows: Answered) -> None:
    assert len(np.unique(rows.pools())) == 8
    place, names = rows.months()
    assert names == ["2026-01", "2026-02"]
    local = rows.cutoff + 9 * 3_600_000_000
    february = local >= np.datetime64("2026-02-01", "us").astype(np.int64)
    assert (place == february).all()


def test_parts_add_up(rows: Answered, made: Report) -> None:
    for found in (*made.segments.values(), made.months, *made.tenths.values()):
        assert sum(part.rows for part in found) == len(rows)
        assert sum(part.positives for part in found) == rows.label.sum()
    assert {part.name for part in made.segments["都道府県"]} == {"東京", "(missing)"}
    observed = [part.observed for part in made.tenths["model"] if part.observed]
    held = sum(not part.missed for part in made.tenths["model"])
    assert len(observed) == 10
    assert held >= 8  # its labels were drawn from these probabilities


def test_values_of_few_leads_are_shown_together() -> None:
    values = pa.array(["a"] * 40 + ["b"] * 30 + ["secret"] * 100)
    lead = np.r_[np.arange(40), np.arange(30), np.zeros(100, dtype=np.int64)]
    names, code = coded(values, lead)
    assert names == ["a", "b", OTHER]
    assert np.bincount(code).tolist() == [40, 30, 100]


def test_the_best_possible_answers_are_at_no_distance_from_themselves(
    rows: Answered, made: Report
) -> None:
    by_name = {distance.name: distance for distance in made.distances}
    assert by_name["model"].less == pytest.approx((0, 0, 0))
    assert by_name["model"].gain == pytest.approx((1, 1, 1))
    assert by_name["base rate"].gain == pytest.approx((0, 0, 0))
    scorecard = by_name["scorecard"].less
    assert scorecard is not None
    assert scorecard.mean == pytest.approx(
        log_loss(rows.label, rows.probability["scorecard"])
        - log_loss(rows.label, rows.probability["model"])
    )
    nothing = np.full(len(rows), np.nan)
    assert distances(rows, nothing, Resamples.of(rows.group, 10)) == []


def test_chance_seldom_moves_the_base_rate_and_a_doubling_does() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(600), 5)
    said = 0
    for _ in range(40):
        # Every row of a lead alike: with rows as units, a third of these would be called moved.
        rates = [Rate.of(np.repeat(rng.random(600) < 0.1, 5).astype(np.int8), group) for _ in "12"]
        said += base_rate_moved(*rates) is not None
    assert said <= 2
    doubled = Rate.of(np.repeat(rng.random(600) < 0.3, 5).astype(np.int8), group)
    message = base_rate_moved(rates[0], doubled)
    assert message is not None
    assert "too low" in message
    told = Rate.told(300, 3000, beside=doubled)
    assert told.error == pytest.approx(rates[0].error, rel=0.3)


def test_a_model_is_old_after_its_horizon() -> None:
    assert too_old(90 * DAY, 90 * DAY) is None
    assert "1 days later" in str(too_old(90 * DAY, 91 * DAY))
    assert too_old(None, 91 * DAY) is None


def test_a_report_is_plain_data(made: Report) -> None:
    plain = json.loads(json.dumps(made.to_json(), allow_nan=False))
    assert plain["rows"] == 3000
    assert plain["figures"]["model"]["auc"][0] == pytest.approx(made.figures["model"].auc.mean)  # type: ignore[union-attr]
    assert plain["figures"]["base rate"]["calibration_slope"] is None


def test_a_flat_export_is_one_pool_without_months() -> None:
    timed = answered(500, leads=500, weeks=1)
    flat = Answered(**{**vars(timed), "tz": None})
    made = report_of(flat, title="t")
    assert made.months == []
    assert (flat.pools() == 0).all()
    assert made.calls["model"][2].calls == 50
