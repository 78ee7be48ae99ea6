"""Which lead a row is about: by id, by e-mail or phone as they are compared, or by another key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.identities import NOBODY, Identities
from features.instants import MISSING
from features.people import email, phone
from features.reading import Table
from training.gather.files import texts

_PLAIN: Mapping[str, Callable[[str | None], str | None]] = {"email": email, "phone": phone}


def plain(kind: str, column: pa.Array, ids: str | None = None) -> pa.Array:
    """Keys as they are compared; null for what is none.

    Ids of Salesforce are compared by their first 15 letters, which is all that its reports show; of
    ``first``, the first of several between semicolons is meant.
    """
    if kind in _PLAIN:
        coded = column.dictionary_encode()
        read = [_PLAIN[kind](text) for text in coded.dictionary.to_pylist()]
        return pa.array(read, pa.string()).take(coded.indices)
    if ids == "salesforce":
        long = pc.match_substring_regex(column, "^[A-Za-z0-9]{18}$")
        return pc.if_else(long, pc.utf8_slice_codeunits(column, 0, 15), column)
    if ids == "first":
        return pc.replace_substring_regex(column, r"\s*;.*$", "")
    return column


class Keyring:
    """Keys of leads; a key of several leads is that of the one created first."""

    def __init__(self) -> None:
        self._keys: dict[str, list[tuple[pa.Array, pa.Array, npt.NDArray[np.int64]]]] = {}
        self._found: dict[str, tuple[pa.Array, pa.Array]] = {}
        self._identities = NOBODY

    def add(
        self, kind: str, keys: pa.Array, lead_id: pa.Array, created_at: npt.NDArray[np.int64]
    ) -> None:
        """Take in the keys of leads, null for none."""
        there = pc.and_(keys.is_valid(), lead_id.is_valid())
        mask = there.to_numpy(zero_copy_only=False)
        self._keys.setdefault(kind, []).append(
            (keys.filter(there), lead_id.filter(there), created_at[mask])
        )
        self._found.pop(kind, None)

    def identify(self, identities: Identities) -> None:
        """From now on leads are named by the ids that they have now."""
        self._identities = identities
        self._found = {}

    def find(self, table: Table, lead: Sequence[Mapping[str, str]], ids: str | None) -> pa.Array:
        """The lead of each row, null where nobody is found: the keys are tried in their order."""
        found = pa.nulls(len(table.lines), pa.string())
        for entry in lead:
            for kind, name in entry.items():
                keys = plain(kind, texts(table, name), ids)
                found = pc.coalesce(found, self._of(kind, keys))
        return found

    def _of(self, kind: str, keys: pa.Array) -> pa.Array:
        if kind not in self._found:
            self._found[kind] = self._first(kind)
        known, lead = self._found[kind]
        return lead.take(pc.index_in(keys, value_set=known))

    def _first(self, kind: str) -> tuple[pa.Array, pa.Array]:
        """The keys of a kind, each once, and whose they are."""
        parts = self._keys.get(kind, [])
        none = pa.array([], pa.string())
        if kind == "id":
            former = pa.array(list(self._identities.last), pa.string())
            parts = [*parts, (former, former, np.full(len(former), MISSING))]
        if not parts:
            return none, none
        keys, lead = (pa.concat_arrays([part[place] for part in parts]) for place in (0, 1))
        created = np.concatenate([part[2] for part in parts])
        created = np.where(created == MISSING, np.iinfo(np.int64).max, created)
        codes = keys.dictionary_encode().indices.to_numpy(zero_copy_only=False)
        order = np.lexsort((np.arange(len(codes)), created, codes))
        first = pa.array(order[np.diff(codes[order], prepend=-1) > 0])
        return keys.take(first), self._identities.resolved(lead.take(first))


def new_ids(kind: str, keys: pa.Array) -> pa.Array:
    """Ids for people whom only an e-mail address or a phone number names; they tell neither."""
    named = [
        None if key is None else f"{kind}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        for key in keys.to_pylist()
    ]
    return pa.array(named, pa.string())
