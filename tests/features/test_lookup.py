"""Texts found by their bytes: every one at its place, whatever its length and whatever its hash."""

from __future__ import annotations

import random

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from features import lookup
from features.lookup import ABSENT, MISSING_HASH, UNKNOWN, Lookup, hashes

LENGTHS = (1, 2, 7, 8, 9, 15, 16, 17, 24, 25, 33, 254, 255, 256, 300)


def texts(seed: int, n: int) -> list[str]:
    """Distinct texts of few letters, zero bytes among them, so that many share ends and lengths."""
    rng = random.Random(seed)
    made = {"".join(rng.choices("a\0é", k=rng.choice(LENGTHS))) for _ in range(n)}
    shuffled = sorted(made)
    rng.shuffle(shuffled)
    return shuffled


def one_hash(column: pa.Array) -> npt.NDArray[np.uint64]:
    """The worst hash there can be: one for all texts."""
    return np.array([7 if text else MISSING_HASH for text in column.to_pylist()], dtype=np.uint64)


@pytest.fixture(params=["their hashes", "one hash for all"])
def _hashing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "one hash for all":
        monkeypatch.setattr(lookup, "hashes", one_hash)


@pytest.mark.usefixtures("_hashing")
@pytest.mark.parametrize("n_known", [0, 1, 700])
def test_every_text_is_found_at_its_place_and_no_other_is(n_known: int) -> None:
    pool = texts(1, 2000)
    known = pool[:n_known]
    asked = [*random.Random(2).choices(pool, k=3000), None, "", *pool]
    place = {text: row for row, text in enumerate(known)}
    expected = [place.get(text, UNKNOWN) if text else ABSENT for text in asked]
    index, column = Lookup(pa.array(known, pa.string())), pa.array(asked, pa.string())
    assert index.find(column).tolist() == expected
    assert index.find(column[5:]).tolist() == expected[5:]
    assert index.find(column.cast(pa.large_string())).tolist() == expected
    assert index.find(column.dictionary_encode()).tolist() == expected


def test_ids_that_are_numbers_are_found_as_text() -> None:
    assert Lookup(pa.array(["7", "12"])).find(pa.array([12, 7, 1, None])).tolist() == [1, 0, -1, -2]


def test_equal_texts_have_equal_hashes_wherever_they_stand_and_missing_ones_that_of_none() -> None:
    pool = texts(3, 500)
    alone = [int(hashes(pa.array([text]))[0]) for text in pool]
    together = hashes(pa.array([None, "", *pool, *pool[::-1]]))[2:]
    assert together.tolist() == alone + alone[::-1]
    assert MISSING_HASH not in alone
    assert len(set(alone)) == len(pool)
    assert hashes(pa.array([None, "", "a"]))[:2].tolist() == [MISSING_HASH] * 2
