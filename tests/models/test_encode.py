"""Codes of categories: rare ones leave no trace, unseen ones are named, missing stays missing."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.build import Matrix
from features.plan import Attribute, Plan
from models.encode import RARE, Encoder

PLAN = Plan((), (), (), (), (), "UTC", {}, {})


def one_column(texts: list[str | None], numbers: list[float] | None = None) -> Matrix:
    """A category, and a number beside it."""
    n = len(texts)
    attributes = (Attribute("industry", "category"), Attribute("employees", "number"))
    columns: list[npt.NDArray[np.float64] | pa.Array] = [
        pa.array(texts, pa.string()),
        np.full(n, np.nan) if numbers is None else np.array(numbers),
    ]
    plan = replace(PLAN, attributes=attributes)
    return Matrix(plan, np.empty((n, 0), dtype=np.float32), columns)


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "ｃ", "1", None]), st.integers(0, 60)),
        min_size=1,
        max_size=400,
    )
)
@settings(max_examples=60, deadline=None)
def test_what_is_stored_is_what_enough_leads_have(rows: list[tuple[str | None, int]]) -> None:
    texts, leads = [text for text, _ in rows], np.array([lead for _, lead in rows])
    matrix = one_column(texts)
    encoder = Encoder.fit(matrix, leads)
    expected = {
        text
        for text in {*texts} - {None}
        if len({lead for seen, lead in rows if seen == text}) >= RARE
    }
    assert set(encoder.categories["industry"]) == expected
    code = encoder.encode(matrix)[:, 0]
    for text, value in zip(texts, code.tolist(), strict=True):
        if text is None:
            assert np.isnan(value)
        elif text in expected:
            assert encoder.categories["industry"][int(value) - 1] == text
        else:
            assert value == 0
    shuffled = np.random.default_rng(0).permutation(len(rows))
    assert Encoder.fit(matrix.take(shuffled), leads[shuffled]) == encoder


def test_rows_of_one_lead_do_not_make_a_category_common() -> None:
    """Twenty leads at least, else the text might name somebody."""
    assert RARE == 20
    texts: list[str | None] = ["one lead"] * 500 + ["few"] * (RARE - 1) + ["enough"] * RARE
    leads = np.r_[np.zeros(500, int), np.arange(RARE - 1), np.arange(RARE)]
    stored = Encoder.fit(one_column(texts), leads)
    assert stored.categories == {"industry": ("enough",)}
    assert "few" not in json.dumps(stored.to_json())


def test_unseen_categories_are_named_row_by_row() -> None:
    encoder = Encoder({"industry": ("a",)})
    matrix = one_column(["a", "new", None, "", "A"])
    (name, unseen), *more = encoder.unseen(matrix.plan, encoder.encode(matrix))
    assert (name, more) == ("industry", [])
    assert unseen.tolist() == [False, True, False, True, True]


def test_a_stored_encoder_is_the_same() -> None:
    encoder = Encoder({"industry": ("製造", "b"), "source": ()})
    assert Encoder.from_json(json.loads(json.dumps(encoder.to_json()))) == encoder


def test_a_column_nobody_filled_is_missing_everywhere() -> None:
    matrix = one_column([None, None])
    encoder = Encoder.fit(matrix, np.arange(2))
    assert encoder.categories == {"industry": ()}
    assert np.isnan(encoder.encode(matrix)).all()


def test_codes_are_the_same_alone_and_in_a_list() -> None:
    encoder = Encoder({"industry": ("a", "b")})
    matrix = one_column(["b", None, "c", "a"], [1.5, np.nan, -3, 7])
    together = encoder.encode(matrix)
    assert together.dtype == np.float32
    for row in range(4):
        assert encoder.encode(matrix.take(np.array([row]))).tobytes() == together[row].tobytes()


@pytest.mark.parametrize("number", [1e300, -1e300])
def test_a_number_too_large_for_float32_stays_a_number(number: float) -> None:
    X = Encoder({"industry": ()}).encode(one_column(["a"], [number]))
    assert X[0, 1] == np.sign(number) * np.finfo(np.float32).max
