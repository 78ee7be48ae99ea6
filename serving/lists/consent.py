"""Who must not be called: attributes that say yes to "do not call"."""

from __future__ import annotations

import unicodedata

import numpy as np
import pyarrow as pa

from models.conditions import Mask

_YES = {
    *("yes", "y", "true", "t", "1", "1.0", "on", "✓", "✔", "☑"),
    *("はい", "有", "有り", "あり", "済", "○", "◯", "〇", "不可", "禁止", "拒否", "停止"),
}
_NO = {
    *("no", "n", "false", "f", "0", "0.0", "off", "none", "-", "☐"),
    *("いいえ", "無", "無し", "なし", "未"),
}


def forbids(values: pa.Array) -> tuple[Mask, list[str]]:
    """Where an attribute forbids calling, and the values that say neither yes nor no.

    A missing value forbids nothing. One that is neither a yes nor a no does: a call too few can be
    made next week, and one too many cannot be taken back.

    Returns
    -------
    ndarray of shape (n,), bool; list of distinct values, sorted

    Examples
    --------
    >>> mask, strange = forbids(pa.array(["Yes", "no", None, "はい", "after 5 pm"]))
    >>> mask.tolist(), strange
    ([True, False, False, True, True], ['after 5 pm'])
    """
    distinct = values.dictionary_encode()
    texts = distinct.dictionary.to_pylist()
    read = [unicodedata.normalize("NFKC", text).strip().casefold() for text in texts]
    forbidding = [bool(text) and text not in _NO for text in read]
    strange = {
        came for came, text in zip(texts, read, strict=True) if text and text not in _YES | _NO
    }
    place = distinct.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return np.array([*forbidding, False], dtype=bool)[place], sorted(strange)
