"""Cells as text and as numbers."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.cells import as_text, numbers, text_column
from tests.features.histories import CHECKED

finite = st.floats(allow_nan=False, allow_infinity=False)


@CHECKED
@given(st.lists(st.one_of(st.none(), finite)))
def test_a_number_is_the_same_number_as_text(values: list[float | None]) -> None:
    expected = [math.nan if v is None else v for v in values]
    signed = [None if v is None else f" {'+' * (v >= 0)}{v!r} " for v in values]
    for column in (pa.array(values, pa.float64()), pa.array(signed, pa.string())):
        value, bad = numbers(column)
        assert not bad.any()
        np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize(
    "text", ["nan", "NaN", "inf", "-Infinity", "1e999", "0x10", "1_000", "1,5", "١", "五", "-", "."]
)
def test_what_is_no_finite_number_is_bad(text: str) -> None:
    value, bad = numbers(pa.array([text, "1", None]))
    assert bad.tolist() == [True, False, False]
    assert value[1] == 1
    assert math.isnan(value[2])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,200", 1200.0),
        ("-12,345,678.5", -12345678.5),
        ("１２０", 120.0),
        ("１，２００", 1200.0),
        ("3．5", 3.5),
        (" 7\u3000", 7.0),
    ],
)
def test_numbers_as_people_write_them_are_numbers(text: str, value: float) -> None:
    found, bad = numbers(pa.array([text, "1", None]))
    assert not bad.any()
    assert found[0] == value


@pytest.mark.parametrize("text", ["12,34", "1,2000", ",200", "1,200,", "1.200,5"])
def test_commas_anywhere_else_are_no_thousands(text: str) -> None:
    assert numbers(pa.array([text]))[1].all()


def test_nan_and_infinity_are_bad_and_null_is_missing() -> None:
    column = pa.array([math.nan, math.inf, -math.inf, None, 2.5], pa.float64())
    assert numbers(column)[1].tolist() == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1, None], pa.int8()), [1.0, math.nan]),
        (pa.array([True, False]), [1.0, 0.0]),
        (pa.array([Decimal("1.50"), None]), [1.5, math.nan]),
        (pa.array(["2", ""]).dictionary_encode(), [2.0, math.nan]),
        (pa.chunked_array([["1"], ["2"]]), [1.0, 2.0]),
        (pa.nulls(2), [math.nan, math.nan]),
        (pa.array([], pa.string()), []),
    ],
    ids=lambda x: str(getattr(x, "type", "")),
)
def test_columns_of_every_type_are_numbers(column: pa.Array, expected: list[float]) -> None:
    value, bad = numbers(column)
    np.testing.assert_array_equal(value, expected)
    assert not bad.any()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("0012", "0012"),
        (True, "true"),
        (False, "false"),
        (12, "12"),
        (12.0, "12"),
        (-0.5, "-0.5"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (Decimal("1.50"), "1.50"),
        (date(2026, 4, 1), "2026-04-01"),
        (datetime(2026, 4, 1, 9, tzinfo=UTC), "2026-04-01T09:00:00+00:00"),
    ],
)
def test_a_value_as_text(value: object, text: str | None) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(
    "column",
    [
        pa.array([True, None]),
        pa.array([1, None], pa.uint8()),
        pa.array([12.0, 0.1], pa.float64()),
        pa.array([date(2026, 4, 1), None]),
        pa.array([datetime(2026, 4, 1, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
        pa.array(["x", ""], pa.large_string()),
        pa.array(["x", "", "x"]).dictionary_encode(),
        pa.array([["a"], None]),
        pa.nulls(3),
        pa.chunked_array([["x"], [""]]),
    ],
    ids=lambda column: str(column.type),
)
def test_a_column_as_text_is_its_values_as_text_and_empty_is_missing(column: pa.Array) -> None:
    texts = text_column(column)
    assert texts.type == pa.string()
    assert texts.to_pylist() == [as_text(value) or None for value in column.to_pylist()]
