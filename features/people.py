"""Probable duplicates: leads with one e-mail address or phone number, named and never merged."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from features.cells import text_column
from features.log import Leads

_EMAIL_NAME = re.compile(r"(?i)(?<![a-z])(e ?-?mail|mail)(?![a-z])|メール")
_PHONE_NAME = re.compile(r"(?i)(?<![a-z])(phone|tel|telephone|mobile|cell)(?![a-z])|電話|携帯")
_NOT_ONE = re.compile(r"(?i)opt|do ?not|consent|status|bounce|count|配信|停止|可否|希望")
_ADDRESS = re.compile(r"[^\s<>\"(),:;@]+@[^\s<>\"(),:;@]+\.[^\s<>\"(),:;@]+")
_MOST = 20
"""A number or address of more leads than this is a switchboard or a shared inbox, of no one person."""


def email(text: str | None) -> str | None:
    """An e-mail address as it is compared: ``"Yamada <Taro@Example.CO.JP>"`` is ``taro@example.co.jp``.

    Examples
    --------
    >>> email("ｔａｒｏ＠example.com ")
    'taro@example.com'
    >>> email("none") is None
    True
    """
    if text is None:
        return None
    found = _ADDRESS.search(unicodedata.normalize("NFKC", text))
    return found[0].lower().rstrip(".") if found else None


def phone(text: str | None) -> str | None:
    """A phone number as it is compared: its digits, ``+81 90-...`` being ``090...``; None under 9.

    Examples
    --------
    >>> phone("+81 (0)90-1234-5678") == phone("０９０－１２３４－５６７８") == "09012345678"
    True
    """
    if text is None:
        return None
    plain = unicodedata.normalize("NFKC", text).strip()
    plain = re.split(r"(?i)ext|内線|x\d", plain)[0]
    digits = re.sub(r"\D", "", re.sub(r"^(\+|00)81[\s-]*(\(0\)|0)?", "0", plain))
    return digits if len(digits) >= 9 and len(set(digits)) > 2 else None


def contact_columns(names: Sequence[str]) -> dict[str, list[str]]:
    """The columns named like an e-mail address and like a phone number."""
    plain = {name: re.sub(r"(?<=[a-z])(?=[A-Z])|[_\-./]+", " ", name) for name in names}
    return {
        kind: [
            name
            for name, words in plain.items()
            if pattern.search(words) and not _NOT_ONE.search(words)
        ]
        for kind, pattern in (("email", _EMAIL_NAME), ("phone", _PHONE_NAME))
    }


def people(leads: Leads) -> npt.NDArray[np.int64]:
    """A number for each lead, shape (n_leads,): leads that are probably one person share it.

    They have an e-mail address or a phone number in common, directly or through others; what more
    than 20 leads have in common tells no person.
    """
    n = len(leads)
    edges: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = []
    for kind, names in contact_columns(leads.attributes.column_names).items():
        read = email if kind == "email" else phone
        keys: list[npt.NDArray[np.int64]] = []
        texts: list[pa.Array] = []
        for name in names:
            coded = text_column(leads.attributes[name]).dictionary_encode()
            plain = pa.array([read(text) for text in coded.dictionary.to_pylist()], pa.string())
            texts.append(plain.take(coded.indices))
            keys.append(np.arange(n))
        if not texts:
            continue
        key = pa.concat_arrays(texts).dictionary_encode().indices
        lead = np.concatenate(keys)[key.is_valid().to_numpy(zero_copy_only=False)]
        code = key.drop_null().to_numpy(zero_copy_only=False)
        if not len(code):
            continue
        pairs = np.unique(np.column_stack([code, lead]), axis=0)
        starts = np.flatnonzero(np.diff(pairs[:, 0], prepend=-1))
        sizes = np.diff(np.append(starts, len(pairs)))
        first = np.repeat(pairs[starts, 1], sizes)
        few = np.repeat(sizes <= _MOST, sizes)
        edges.append((first[few], pairs[few, 1]))
    if not edges:
        return np.arange(n)
    one, other = (np.concatenate(side) for side in zip(*edges, strict=True))
    graph = coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def named_duplicates(leads: Leads, person: npt.NDArray[np.int64], most: int) -> list[list[str]]:
    """The ids of leads that are probably one person, those of the first `most` people."""
    ids, sizes = np.unique(person, return_counts=True)
    several = ids[sizes > 1][:most]
    return [
        leads.lead_id.take(pa.array(np.flatnonzero(person == one))).to_pylist() for one in several
    ]
