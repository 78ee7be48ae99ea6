"""Cells as text and as numbers: what every table, attribute and rule means by them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

FEW = 256
"""Up to so many cells Python is through before Arrow has begun."""


def as_text(value: object) -> str | None:
    """A cell as text: ``True`` is ``true``, a whole number has no point, times are ISO 8601."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value)


def one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as one array; nothing is copied where it is one."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def as_strings(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as text, by the rules of `as_text`; text stays as it is, empty or not."""
    column = one_array(column)
    if pa.types.is_string(column.type):
        return column
    if pa.types.is_dictionary(column.type):
        return as_strings(column.cast(column.type.value_type))
    if (
        pa.types.is_large_string(column.type)
        or pa.types.is_string_view(column.type)
        or pa.types.is_boolean(column.type)
        or pa.types.is_integer(column.type)
    ):
        return column.cast(pa.string())
    return pa.array([as_text(value) for value in column.to_pylist()], pa.string())


def text_column(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column as text, by the rules of `as_text`; empty text becomes null."""
    text = as_strings(column)
    if len(text) <= FEW and "" not in text.to_pylist():
        return text
    empty = pc.equal(pc.binary_length(text), 0)
    if not pc.any(empty).as_py():
        return text
    return pc.if_else(empty, pa.scalar(None, pa.string()), text)


_THOUSANDS = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
# In cp932 the backslash is where the yen sign is, and is shown as one.
_YEN = r"^([+-]?)\s*[¥\\]?\s*([+-]?)(\d[\d,]*(?:\.\d+)?)\s*円?$"
_MINUS = r"^[−‐–△▲]\s*(?P<rest>[¥\\]?\s*\d)"


def digits(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Text as it is where no person wrote numbers: no spaces around, no thousands, ASCII digits, no yen.

    ``" 1,200 "`` becomes ``"1200"``, ``"１２０"`` becomes ``"120"``, ``"¥1,200"``, ``"1,200円"`` and
    ``"△1,200"`` become ``"1200"`` and ``"-1200"``; a text that is no number stays one.
    """
    text = pc.utf8_trim_whitespace(text_column(column))
    if not pc.all(pc.string_is_ascii(text), min_count=0).as_py():
        text = pc.utf8_normalize(text, form="NFKC")
        text = pc.replace_substring_regex(text, _MINUS, r"-\1")
    money = pc.match_substring_regex(text, r"^[+-]?\s*[¥\\]|\d\s*円$")
    if pc.any(money, min_count=0).as_py():
        text = pc.if_else(money, pc.replace_substring_regex(text, _YEN, r"\1\2\3"), text)
    grouped = pc.fill_null(pc.match_substring_regex(text, _THOUSANDS), False)
    if not pc.any(grouped, min_count=0).as_py():
        return text
    return pc.if_else(grouped, pc.replace_substring(text, ",", ""), text)


def numbers(
    column: pa.Array | pa.ChunkedArray,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """A column as float64, NaN for missing, and which cells are something else than a finite number.

    Texts may be written with thousands, ``1,200``, and in full-width digits, see `digits`.
    """
    column = one_array(column)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        value = np.asarray(
            pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False), np.float64
        )
        missing = column.is_null().to_numpy(zero_copy_only=False)
        return value, ~missing & ~np.isfinite(value)
    if pa.types.is_boolean(column.type):
        return numbers(column.cast(pa.int8()))
    text = digits(column)
    missing = text.is_null().to_numpy(zero_copy_only=False)
    literal = pc.match_substring_regex(text, r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
    readable = pc.fill_null(literal, False)
    plain = pc.replace_substring_regex(
        pc.if_else(readable, text, pa.scalar(None, pa.string())), r"^\+", ""
    )
    value = np.asarray(plain.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    return value, ~missing & ~np.isfinite(value)
