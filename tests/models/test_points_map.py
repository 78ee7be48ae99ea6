"""The points map: rising, calibrated where it is used, counting leads, and never a crash."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binomtest

from models.points_map import Evidence, PointsMap, drawn_rows

Rows = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def observed(
    points: npt.ArrayLike, label: npt.ArrayLike, lead: npt.ArrayLike | None = None
) -> PointsMap:
    points, label = np.asarray(points, dtype=np.int64), np.asarray(label, dtype=np.int8)
    rows = np.arange(len(points)) if lead is None else np.asarray(lead, dtype=np.int64)
    return PointsMap.fit(points, label, rows, task="sale", playbook_version="abc", observed_until=9)


@st.composite
def histories(draw: st.DrawFn) -> Rows:
    size = draw(st.integers(1, 900))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    points = rng.integers(-20, draw(st.integers(-19, 100)), size)
    slope = draw(st.floats(-0.1, 0.1))
    chance = 1 / (1 + np.exp(draw(st.floats(-1, 6)) - slope * points))
    return points, (rng.random(size) < chance).astype(np.int64)


@given(histories())
@settings(max_examples=80, deadline=None)
def test_bins_rise_count_every_lead_and_hold_enough_of_them(rows: Rows) -> None:
    points, label = rows
    bins = observed(points, label).evidence.bins
    assert sum(b.n for b in bins) == len(points)
    assert sum(b.converted for b in bins) == label.sum()
    assert len(bins) == 1 or min(b.n for b in bins) >= 100
    assert all(a.end == b.start for a, b in itertools.pairwise(bins))
    assert (bins[0].start, bins[-1].end) == (points.min(), points.max())
    rate = [b.converted / b.n for b in bins]
    probability = [b.probability for b in bins]
    assert rate == sorted(rate)
    assert probability == sorted(probability)
    for b in bins:
        assert 0 <= b.basis["low"] <= b.probability <= b.basis["high"] <= 1
        assert b.basis["low"] <= b.converted / b.n <= b.basis["high"]


@given(histories())
@settings(max_examples=40, deadline=None)
def test_more_points_never_mean_a_lower_probability(rows: Rows) -> None:
    found = observed(*rows)
    probability, place = found.lookup(np.arange(-60, 160))
    assert (np.diff(probability) >= 0).all()
    assert ((probability > 0) & (probability < 1)).all()
    assert [b["n"] for b in map(found.basis, place.tolist())] == [
        b["n"] for b in found.evidence.basis(np.arange(-60, 160)) if b
    ]


@given(histories())
@settings(max_examples=40, deadline=None)
def test_a_value_looks_up_the_bin_that_counted_it(rows: Rows) -> None:
    points, label = rows
    evidence = observed(points, label).evidence
    place = evidence.find(points)
    assert np.bincount(place, minlength=len(evidence.bins)).tolist() == [b.n for b in evidence.bins]
    assert np.bincount(place, weights=label).tolist() == [b.converted for b in evidence.bins]


@pytest.mark.parametrize(("k", "n"), [(0, 100), (7, 100), (50, 100), (100, 100), (1, 7)])
def test_probability_and_interval_are_those_of_jeffreys_and_wilson(k: int, n: int) -> None:
    (bin_,) = observed(np.zeros(n), np.arange(n) < k).evidence.bins
    assert bin_.probability == pytest.approx(beta(k + 0.5, n - k + 0.5).mean())
    wilson = binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert (bin_.basis["low"], bin_.basis["high"]) == pytest.approx((wilson.low, wilson.high))


def test_a_small_bin_whose_prior_would_lift_it_above_the_next_is_pooled() -> None:
    label = np.concatenate([np.zeros(100), np.arange(10_000) < 1])
    found = observed(np.repeat([1, 2], [100, 10_000]), label)
    assert [(b.n, b.converted) for b in found.evidence.bins] == [(10_100, 1)]


def test_before_anything_was_observed_nothing_is_invented() -> None:
    found = observed([], [])
    probability, place = found.lookup(np.array([3, 90]))
    assert np.isnan(probability).all()
    assert place.tolist() == [-1, -1]
    assert found.evidence.basis(np.array([3])) == [None]


def simulated(leads: int, seed: int) -> tuple[npt.NDArray[np.int64], ...]:
    """Leads seen every week until they convert or fall silent, with points that tell how soon.

    A lead's true chance to convert within a week is 2^(points / 10) / 100; the label is the next
    four weeks.
    """
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 40, leads)
    stays = rng.integers(1, 40, leads)
    converts = rng.geometric(np.minimum(1, 2 ** (points / 10) / 100))
    rows = np.minimum(stays, converts)
    lead = np.repeat(np.arange(leads), rows)
    week = np.arange(len(lead)) - np.repeat(np.cumsum(rows) - rows, rows)
    label = (converts[lead] - week <= 4).astype(np.int64)
    return points[lead], label, lead


def test_it_is_calibrated_for_a_list_scored_at_one_moment() -> None:
    found = observed(*simulated(6_000, 1))
    points, _, _ = simulated(6_000, 2)
    true = 1 - (1 - 2 ** (points / 10) / 100) ** 4
    probability = found.probability(points)
    assert probability.mean() == pytest.approx(true.mean(), rel=0.06)
    for low in range(0, 40, 10):
        mine = (points >= low) & (points < low + 10)
        assert probability[mine].mean() == pytest.approx(true[mine].mean(), rel=0.2)


def test_one_row_of_every_lead_would_not_be() -> None:
    """What `drawn_rows` is for: those that soon convert have few rows."""
    points, label, lead = simulated(6_000, 1)
    _, first, rows = np.unique(lead, return_index=True, return_counts=True)
    of_every_lead = first + (np.random.default_rng(0).random(len(first)) * rows).astype(np.int64)
    assert label[of_every_lead].mean() > 1.2 * label.mean()
    drawn = drawn_rows(lead, (label, points))
    assert label[drawn].mean() == pytest.approx(label.mean(), rel=0.12)


def test_n_counts_leads_and_the_order_of_rows_does_not_matter() -> None:
    points, label, lead = simulated(800, 3)
    drawn = drawn_rows(lead, (label, points))
    assert len(np.unique(lead[drawn])) == len(drawn)
    order = np.random.default_rng(5).permutation(len(lead))
    found, again = observed(points, label, lead), observed(points[order], label[order], lead[order])
    assert found == again
    assert sum(b.n for b in found.evidence.bins) == len(drawn)


def test_every_lead_with_one_row_is_counted() -> None:
    assert len(drawn_rows(np.arange(50), ())) == 50
    assert len(drawn_rows(np.empty(0, dtype=np.int64), ())) == 0


def test_every_row_is_as_likely() -> None:
    lead = np.array([0, 1, 1, 2, 2, 2, 2])
    taken = np.zeros(7)
    for seed in range(4_000):
        taken[drawn_rows(lead, (np.arange(7),), seed)] += 1
    assert taken / 4_000 == pytest.approx(np.full(7, 1 / 4), abs=4 * math.sqrt(0.25 * 0.75 / 4_000))


def test_evidence_of_probabilities() -> None:
    value = np.linspace(0, 1, 1_000)
    evidence = Evidence.of(value, np.random.default_rng(0).random(1_000) < value)
    assert len(evidence.bins) > 3
    assert Evidence.from_json(json.loads(json.dumps(evidence.to_json()))) == evidence
    assert evidence.find(np.array([-1.0, 2.0, np.nan])).tolist() == [0, len(evidence.bins) - 1, -1]


def test_what_was_saved_is_read_again(tmp_path: Path) -> None:
    found = observed(*simulated(500, 4))
    path = found.save(tmp_path / "points")
    assert path == tmp_path / "points" / "sale-abc.json"
    assert PointsMap.load(tmp_path / "points", "sale", "abc") == (found, "")
    (first, *_) = json.loads(path.read_text())["content"]["evidence"]
    assert set(first) == {"from", "to", "n", "converted", "low", "high"}
    empty = observed([], [])
    empty.save(tmp_path)
    assert PointsMap.load(tmp_path, "sale", "abc") == (empty, "")


def test_one_that_is_not_there_gives_none_and_why(tmp_path: Path) -> None:
    found, why = PointsMap.load(tmp_path / "points", "sale", "abc")
    assert found is None
    assert "no conversions have been observed" in why


def _rewritten(path: Path, change: dict[str, Any]) -> None:
    stored = json.loads(path.read_text())
    stored["content"].update(change)
    path.write_text(json.dumps(stored))


def test_a_damaged_or_foreign_file_gives_none_and_why(tmp_path: Path) -> None:
    found = observed(*simulated(500, 4))
    path = found.save(tmp_path)
    whole = path.read_bytes()
    for cut in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:cut])
        assert PointsMap.load(tmp_path, "sale", "abc")[0] is None
    for place in range(0, len(whole), 53):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        path.write_bytes(flipped)
        kept, why = PointsMap.load(tmp_path, "sale", "abc")
        assert kept == found if kept else why
    for text in (
        "[]",
        "null",
        '{"content": 3}',
        "[" * 100_000,
        '{"content": {}, "sha256": 1e999}',
        "\xff",
    ):
        path.write_text(text, encoding="latin-1")
        kept, why = PointsMap.load(tmp_path, "sale", "abc")
        assert kept is None
        assert str(path) in why
    path.write_bytes(whole)
    _rewritten(path, {"observed_until": 10})
    assert "damaged: its checksum differs" in PointsMap.load(tmp_path, "sale", "abc")[1]
    path.write_bytes(whole)
    path.rename(tmp_path / "sale-abd.json")
    assert "of another task or playbook" in PointsMap.load(tmp_path, "sale", "abd")[1]
    path.mkdir()
    assert "cannot be read" in PointsMap.load(tmp_path, "sale", "abc")[1]


def test_bins_that_contradict_themselves_are_no_evidence() -> None:
    bins = [
        {"from": 0, "to": 5, "n": 100, "converted": 50},
        {"from": 5, "to": 9, "n": 100, "converted": 9},
    ]
    with pytest.raises(ValueError, match="do not rise"):
        Evidence.from_json(bins)
    with pytest.raises(ValueError, match="do not rise"):
        Evidence.from_json([{"from": 0, "to": 5, "n": 0, "converted": 0}])
