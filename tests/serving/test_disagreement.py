"""Where rules and model disagree: leads far ahead in one ranking and far behind in the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.disagreement import farthest_apart, rank_shares

LISTS = st.lists(
    st.tuples(st.sampled_from([0.01, 0.02, 0.3, 0.9]), st.integers(-3, 3)), min_size=1, max_size=40
)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=50))
def test_shares_count_those_ahead_and_half_of_those_alike(values: list[int]) -> None:
    shares = rank_shares(np.array(values))
    for mine, share in zip(values, shares, strict=True):
        ahead = sum(other > mine for other in values) + sum(v == mine for v in values) / 2
        assert share == pytest.approx(ahead / len(values))
    assert shares.mean() == pytest.approx(0.5)


@given(LISTS, st.integers(0, 12), st.randoms(use_true_random=False))
def test_each_side_is_the_farthest_ahead_whatever_the_order_of_the_list(
    leads: list[tuple[float, int]], most: int, shuffle: Any
) -> None:
    def picked(rows: list[int]) -> tuple[list[int], ...]:
        probability, points = (np.array([leads[row][side] for row in rows]) for side in (0, 1))
        ids = np.array([f"L{row:02}" for row in rows], dtype=object)
        return tuple(
            [rows[place] for place in side]
            for side in farthest_apart(probability, points, ids, most)
        )

    rows = list(range(len(leads)))
    by_model, by_rules = picked(rows)
    assert len(by_model) <= (most + 1) // 2
    assert len(by_rules) <= most // 2
    probability, points = (rank_shares(np.array([lead[side] for lead in leads])) for side in (0, 1))
    for side, ahead in ((by_model, points - probability), (by_rules, probability - points)):
        gaps = [(-round(ahead[row], 9), row) for row in side]
        assert gaps == sorted(gaps)
        assert all(gap < 0 for gap, _ in gaps)
        left = [
            (-round(ahead[row], 9), row) for row in rows if row not in side and ahead[row] > 1e-9
        ]
        room = (most + 1) // 2 if side is by_model else most // 2
        if left and room:
            assert len(side) == room
            assert max(gaps) < min(left)
    shuffle.shuffle(rows)
    assert picked(rows) == (by_model, by_rules)


def test_a_ranking_that_agrees_has_nothing_to_show_on_any_scale() -> None:
    points = np.array([0, 0, 5, 90, 12, 5])
    sides = farthest_apart(1 / (1 + np.exp(-points / 50)), points, np.arange(6).astype(str), 6)
    assert [len(side) for side in sides] == [0, 0]


def words(world: Any, out: Any) -> tuple[object, ...]:
    files = ("--leads", world.leads, "--events", world.events, "--changes", world.changes)
    return ("score", *files, "--as-of", world.ends, "--out", out, "--model", world.artefact)


@pytest.mark.usefixtures("checked")
def test_a_report_names_leads_of_both_sides_and_what_speaks_for_them(
    run: Any, world: Any, tmp_path: Any, read_csv: Any
) -> None:
    asked = words(world, tmp_path / "out.csv")
    ran = run(*asked, "--disagreements", 7, "--json", home=world.home)
    assert ran.code == 0, ran.err
    found = ran.said["disagreements"]
    assert found["compared"] == ran.said["by_model"]
    sides = found["model_says_more"], found["rules_say_more"]
    assert [len(side) for side in sides] == [4, 3]
    answered = {
        row["lead_id"]: row
        for row in read_csv(tmp_path / "out.csv")
        if row["tegakari_scored_by"] == "model"
    }
    assert len(answered) == found["compared"]
    probability, points = (
        np.array([float(row[f"tegakari_{name}"]) for row in answered.values()])
        for name in ("probability", "points")
    )
    for side, sign in zip(sides, (1, -1), strict=True):
        for line in side:
            row = answered[line["lead_id"]]
            assert float(row["tegakari_probability"]) == line["probability"]
            assert int(row["tegakari_points"]) == line["points"]
            assert (
                line["rank_by_model"]
                == rank_shares(probability)[list(answered).index(line["lead_id"])]
            )
            assert (
                line["rank_by_points"] == rank_shares(points)[list(answered).index(line["lead_id"])]
            )
            assert sign * (line["rank_by_points"] - line["rank_by_model"]) > 0
            # What is told of a lead speaks for the side that it is on.
            assert line["reason"] is None or sign * line["reason"]["effect"] > 0
            assert line["ledger"] is None or sign * line["ledger"]["points"] < 0
    assert any(line["reason"] for line in sides[0])
    assert any(line["ledger"] for line in sides[1])
    # Reasons are those of the lead in the whole list.
    again = run(*asked, "--disagreements", 7, "--reasons", 5, home=world.home)
    said = {
        r["lead_id"]: [r[f"tegakari_reason_{place}"] for place in range(1, 6)]
        for r in read_csv(tmp_path / "out.csv")
    }
    for line in sides[0]:
        assert line["reason"]["text"] in said[line["lead_id"]]
        assert line["lead_id"] in again.out[again.out.index("disagree most") :]
        assert line["reason"]["text"] in again.out
    assert again.out.index("the model says more") < again.out.index("the rules say more")


def test_where_no_model_answered_there_is_nothing_to_compare(
    run: Any, write_csv: Any, tmp_path: Any
) -> None:
    leads = write_csv("leads.csv", [{"lead_id": "a"}, {"lead_id": "b"}])
    asked = ("score", "--leads", leads, "--out", tmp_path / "out.csv", "--disagreements", 3)
    assert "no lead was answered by a model" in run(*asked).out
    nothing = {"compared": 0, "model_says_more": [], "rules_say_more": []}
    assert run(*asked, "--json").said["disagreements"] == nothing
    assert run(*asked[:-2], "--json").said["disagreements"] is None
