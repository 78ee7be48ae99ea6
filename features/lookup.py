"""Texts by their bytes: a hash of each, and the place of each among others that are unique."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.cells import as_strings

MISSING_HASH = 0
"""The hash of a missing text, and of no other."""

UNKNOWN, ABSENT = -1, -2
"""Places: a text that is not among the known ones, and no text at all."""

_BLOCK = 512
"""Texts looked up at a time: in steps without branches, so that reads of memory overlap."""

_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_WORD, _HALF, _LAST = np.uint64(8), np.uint64(32), np.uint64(29)
_WHOLE = np.uint64(16)
"""Up to so many bytes a text is known by its length, its first and its last eight bytes."""


def hashes(texts: pa.Array) -> npt.NDArray[np.uint64]:
    """A hash of every text, shape (n,); `MISSING_HASH` for null and for empty text.

    Equal texts have equal hashes. Whoever concludes the reverse has to compare the texts.
    """
    offsets, data, valid = _parts(texts)
    out = np.empty(len(texts), dtype=np.uint64)
    _hash(offsets, data, out)
    if valid is not None:
        out[~valid] = MISSING_HASH
    return out


class Lookup:
    """The place of texts among unique ones: hashed once, asked as often as there are batches.

    Parameters
    ----------
    texts : pyarrow.StringArray of shape (n_texts,), unique, none missing or empty
    places : ndarray of shape (n_texts,), int32, optional
        What is answered for each, instead of its place.
    """

    def __init__(self, texts: pa.Array, places: npt.NDArray[np.int32] | None = None) -> None:
        self.texts = as_strings(texts)
        self._places = places
        offsets, data, _ = _parts(self.texts)
        # At most half full: most texts are found at the first place asked.
        bits = max(4, int(2 * len(texts)).bit_length())
        self._shift = np.uint64(64 - bits)
        self._slots = np.empty((1 << bits, 4), dtype=np.uint64)
        self._slots[:] = 0
        self._offsets, self._data = offsets, data
        _fill(hashes(self.texts), offsets, data, self._slots, self._shift)

    def find(self, texts: pa.Array) -> npt.NDArray[np.int32]:
        """The place of every text, shape (n,); `UNKNOWN`, or `ABSENT` where there is no text."""
        if pa.types.is_dictionary(texts.type):
            places = np.append(self.find(texts.dictionary), np.int32(ABSENT))
            return np.asarray(places[indices(texts)])
        texts = as_strings(texts)
        offsets, data, _ = _parts(texts)
        out = np.empty(len(texts), dtype=np.int32)
        _find(
            hashes(texts),
            offsets,
            data,
            self._slots,
            self._shift,
            self._offsets,
            self._data,
            out,
        )
        if self._places is not None:
            known = out >= 0
            out[known] = self._places[out[known]]
        return out


def indices(coded: pa.DictionaryArray) -> npt.NDArray[Any]:
    """The place of each row in the dictionary, and the dictionary's length where it is null."""
    places = coded.indices
    if places.null_count:
        places = places.cast(pa.int64()).fill_null(len(coded.dictionary))
    return np.asarray(places.to_numpy(zero_copy_only=False))


def _parts(
    texts: pa.Array,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8], npt.NDArray[np.bool_] | None]:
    """Offsets of shape (n + 1,), bytes, and which are given (None for all)."""
    _, starts, bytes_ = texts.buffers()
    n = len(texts)
    if n == 0:
        return np.zeros(1, dtype=np.int32), np.zeros(8, dtype=np.uint8), None
    offsets = np.frombuffer(starts, dtype=np.int32)[texts.offset : texts.offset + n + 1]
    empty = bytes_ is None or not bytes_.size
    data = np.zeros(8, np.uint8) if empty else np.frombuffer(bytes_, dtype=np.uint8)
    valid = texts.is_valid().to_numpy(zero_copy_only=False) if texts.null_count else None
    return offsets, data, valid


@numba.njit(nogil=True, inline="always")
def _word(data: Any, at: Any) -> Any:
    """Eight bytes as a number; written out so, one load."""
    return (
        np.uint64(data[at])
        | np.uint64(data[at + np.uint64(1)]) << np.uint64(8)
        | np.uint64(data[at + np.uint64(2)]) << np.uint64(16)
        | np.uint64(data[at + np.uint64(3)]) << np.uint64(24)
        | np.uint64(data[at + np.uint64(4)]) << np.uint64(32)
        | np.uint64(data[at + np.uint64(5)]) << np.uint64(40)
        | np.uint64(data[at + np.uint64(6)]) << np.uint64(48)
        | np.uint64(data[at + np.uint64(7)]) << np.uint64(56)
    )


@numba.njit(nogil=True, inline="always")
def _ends_of(offsets: Any, data: Any, row: Any) -> Any:
    """The first and the last eight bytes; up to 16 bytes, these and the length are the text."""
    start, stop = np.uint64(offsets[row]), np.uint64(offsets[row + 1])
    if stop - start >= _WORD:
        return _word(data, start), _word(data, stop - _WORD)
    short = np.uint64(0)
    for at in range(start, stop):
        short = short << _WORD | np.uint64(data[at])
    return short, short


@numba.njit(cache=True, nogil=True)
def _hash(offsets: Any, data: Any, out: Any) -> None:
    for row in range(len(out)):
        start, stop = np.uint64(offsets[row]), np.uint64(offsets[row + 1])
        mixed = (stop - start) * _FIRST
        at = start
        while at + _WORD < stop:
            mixed = (mixed ^ _word(data, at)) * _SECOND
            mixed ^= mixed >> _HALF
            at += _WORD
        _, last = _ends_of(offsets, data, row)
        mixed = (mixed ^ last) * _SECOND
        mixed ^= mixed >> _HALF
        mixed *= _FIRST
        mixed ^= mixed >> _LAST
        if start == stop:
            out[row] = MISSING_HASH
        else:
            out[row] = mixed if mixed != MISSING_HASH else np.uint64(1)


@numba.njit(cache=True, nogil=True)
def _fill(hashed: Any, offsets: Any, data: Any, slots: Any, shift: Any) -> None:
    """Put every text into the first free slot from that of its hash on.

    A slot holds the first and the last eight bytes, the length (0 for a free slot) and the place,
    side by side: one read of memory tells whether it is the text that is asked for.
    """
    around = np.uint64(len(slots) - 1)
    for row in range(len(hashed)):
        slot = hashed[row] >> shift
        while slots[slot, 2] != 0:
            slot = (slot + np.uint64(1)) & around
        slots[slot, 0], slots[slot, 1] = _ends_of(offsets, data, row)
        slots[slot, 2] = offsets[row + 1] - offsets[row]
        slots[slot, 3] = row


@numba.njit(cache=True, nogil=True)
def _find(
    hashed: Any,
    offsets: Any,
    data: Any,
    slots: Any,
    shift: Any,
    known_offsets: Any,
    known_data: Any,
    out: Any,
) -> None:
    found = np.empty((4, _BLOCK), dtype=np.uint64)
    others = np.empty(_BLOCK + 1, dtype=np.int64)
    for start in range(0, len(out), _BLOCK):
        m = min(_BLOCK, len(out) - start)
        for j in range(m):
            slot = hashed[start + j] >> shift
            found[0, j], found[1, j] = slots[slot, 0], slots[slot, 1]
            found[2, j], found[3, j] = slots[slot, 2], slots[slot, 3]
        left = 0
        for j in range(m):
            row = start + j
            first, last = _ends_of(offsets, data, row)
            same = (found[0, j] == first) & (found[1, j] == last) & (found[2, j] <= _WHOLE)
            same &= found[2, j] == np.uint64(offsets[row + 1] - offsets[row])
            same &= hashed[row] != MISSING_HASH
            out[row] = found[3, j]
            others[left] = row
            left += 1 - same
        for j in range(left):
            row = others[j]
            out[row] = ABSENT
            if hashed[row] != MISSING_HASH:
                slot = hashed[row] >> shift
                out[row] = _probe(slot, row, offsets, data, slots, known_offsets, known_data)


@numba.njit(nogil=True)
def _probe(
    slot: Any,
    row: Any,
    offsets: Any,
    data: Any,
    slots: Any,
    known_offsets: Any,
    known_data: Any,
) -> Any:
    """The place of one text, compared by its bytes with all that may be equal."""
    around = np.uint64(len(slots) - 1)
    first, last = _ends_of(offsets, data, row)
    length = offsets[row + 1] - offsets[row]
    while slots[slot, 2] != 0:
        if slots[slot, 0] == first and slots[slot, 1] == last and slots[slot, 2] == length:
            place, at = np.int64(slots[slot, 3]), 8
            while at < length - 8 and (
                data[offsets[row] + at] == known_data[known_offsets[place] + at]
            ):
                at += 1
            if at >= length - 8:
                return place
        slot = (slot + np.uint64(1)) & around
    return UNKNOWN
