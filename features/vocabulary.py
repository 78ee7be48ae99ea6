"""Texts as codes: given out as they come, and in the order of the texts once all have come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.cells import as_strings, one_array
from features.lookup import indices
from features.threads import in_threads, shares

Codes = npt.NDArray[np.int32]

_SHARE = 1 << 20
"""Fewer codes than this are not worth another thread."""


class Vocabulary:
    """Texts of a column in the order in which they first came, each with a code.

    Several threads may add to one; which of their texts comes first is then left to chance.
    """

    def __init__(self) -> None:
        self._code: dict[str, int] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._code)

    def add(self, texts: Iterable[str | None]) -> Codes:
        """The code of every text; -1 where it is missing or empty."""
        code, texts = self._code, texts if isinstance(texts, Sequence) else list(texts)
        # Each text is looked at once; whatever else is done for every cell is done without Python.
        with self._lock:
            found = {
                text: code.setdefault(text, len(code)) if text else -1
                for text in dict.fromkeys(texts)
            }
        return np.fromiter(map(found.__getitem__, texts), np.int32, len(texts))

    def codes(self, column: pa.Array | pa.ChunkedArray) -> Codes:
        """The code of every cell as text, shape (n,); -1 where it is missing or empty."""
        column = one_array(column)
        if not pa.types.is_dictionary(column.type):
            column = as_strings(column).dictionary_encode()
        places = self.add(as_strings(column.dictionary).to_pylist())
        return np.asarray(np.append(places, np.int32(-1))[indices(column)])

    def among(self, codes: Codes, texts: Iterable[str]) -> npt.NDArray[np.bool_]:
        """Which of the codes stand for one of `texts`."""
        wanted = [self._code[text] for text in texts if text in self._code]
        return np.isin(codes, wanted)

    def sorted(self, used: npt.NDArray[np.bool_]) -> tuple[tuple[str, ...], Codes]:
        """The texts whose codes are marked in `used`, in order, and the place of each code there.

        The places have one entry more, -1: what a code of -1 finds from the end.
        """
        texts = list(self._code)
        order = sorted(np.flatnonzero(used[: len(texts)]).tolist(), key=texts.__getitem__)
        place = np.full(len(texts) + 1, -1, dtype=np.int32)
        place[order] = np.arange(len(order), dtype=np.int32)
        return tuple(texts[code] for code in order), place


@dataclass
class Coded:
    """A column of texts as codes of a vocabulary, shape (n,), int32; -1 for missing."""

    codes: Codes
    vocabulary: Vocabulary = field(default_factory=Vocabulary)


def sort_codes(codes: Codes, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Put codes into the order of their texts, in place; the texts that occur, sorted."""
    used = np.zeros(len(vocabulary) + 1, dtype=np.bool_)
    parts = shares(len(codes), _SHARE)
    in_threads(lambda part: _mark(codes[part[0] : part[1]], used), parts)
    texts, place = vocabulary.sorted(used)
    in_threads(lambda part: _replace(codes[part[0] : part[1]], place), parts)
    return texts


@numba.njit(cache=True, nogil=True)
def _mark(codes: Any, used: Any) -> None:
    # Threads only ever write the same: True. The last entry stands for -1.
    for row in range(len(codes)):
        used[codes[row]] = True


@numba.njit(cache=True, nogil=True)
def _replace(codes: Any, place: Any) -> None:
    for row in range(len(codes)):
        codes[row] = place[codes[row]]
