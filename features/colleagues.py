"""Accounts, and what colleagues of a lead did: an input of its own, from a list or a request."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.cells import text_column
from features.instants import MISSING, Instants
from features.log import EventLog, Leads

NO_ACCOUNT, NOT_TOLD = -1, -2
"""A lead known to belong to no account, so to have no colleagues; one of which nobody said."""

EVENTS = "*events"
"""As the source of accounts: the ``account_id`` of events."""

MOST_PEOPLE = 200
"""More leads than this are not people who know of each other: they are taken for no account."""

_E_MAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
_SAMPLE, _MOSTLY = 1000, 0.9
"""A column holds e-mail addresses if most of its first cells are such."""
_NOBODY = frozenset(
    (
        "-",
        "--",
        "n/a",
        "na",
        "none",
        "null",
        "unknown",
        "other",
        "test",
        "不明",
        "なし",
        "無し",
        "その他",
    )
)
"""What people write where there is no account."""
_FREE_MAIL = re.compile(
    r"(gmail|googlemail|icloud|me|mac|aol|msn|passport|ymail|rocketmail|qq|163|126|139|sina|foxmail"
    r"|naver|hanmail|nate|proton|protonmail|tutanota|zoho|fastmail|hey|inbox|mail|rediffmail"
    r"|comcast|sbcglobal|bellsouth|cox|charter|btinternet|bigpond)\.(com|net)"
    r"|(yahoo|hotmail|live|outlook|gmx|yandex|windowslive)\.[a-z]{2,4}(\.[a-z]{2})?"
    r"|([a-z-]+\.)?(docomo|ezweb|softbank|vodafone|auone-net|ybb|biglobe|so-net|ocn|plala|dion"
    r"|asahi-net|eonet|jcom|nifty|dti|willcom|emobile)\.(ne\.jp|com)"
    r"|(au|i\.softbank|y-mobile|ymobile|disneymobile|excite|goo|infoseek|livedoor|mineo|uqmobile)"
    r"\.(com|jp|co\.jp|ne\.jp)"
    r"|(web|t-online|freenet)\.de|(orange|wanadoo|free|laposte|sfr)\.fr|(libero|virgilio|tiscali)\.it"
    r"|(mail|inbox|list|bk|rambler|ya)\.ru|(seznam|centrum)\.cz|(wp|o2|onet|interia)\.pl"
    r"|(uol|bol|terra)\.com\.br|daum\.net|pm\.me|proton\.me"
)
"""Domains of which everybody may have an address: they make nobody a colleague."""


@dataclass(frozen=True)
class Colleagues:
    """Events of accounts, oldest first in each.

    Attributes
    ----------
    account : ndarray of shape (n_leads,), int64
        The account of each lead of the list, `NO_ACCOUNT` or `NOT_TOLD`.
    offsets : ndarray of shape (n_accounts + 1,), int64
        The events of account a are ``offsets[a]:offsets[a + 1]``.
    occurred_at, visible_at : ndarray of shape (n_events,), int64
    event_type : ndarray of shape (n_events,), int32, codes into `types`
    who : ndarray of shape (n_events,), int32
        Whose event it is: a row of the lead list, or a number beyond it.
    types : tuple of str
    since : ndarray of shape (n_leads,), int64
        From when on it is known to which account a lead belongs; `MISSING` for always.
    """

    account: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]
    occurred_at: Instants
    visible_at: Instants
    event_type: npt.NDArray[np.int32]
    who: npt.NDArray[np.int32]
    types: tuple[str, ...]
    since: Instants

    @property
    def anyone(self) -> bool:
        """Whether any lead of the list has a colleague in it."""
        known = self.account[self.account >= 0]
        return len(np.unique(known)) < len(known)

    def keep(self, mask: npt.NDArray[np.bool_]) -> Colleagues:
        """What the leads marked in `mask` have for colleagues, whether these are marked or not."""
        place = np.where(mask, np.cumsum(mask) - 1, len(mask) + np.arange(len(mask)))
        known = np.minimum(self.who, len(mask) - 1)
        who = np.where(self.who < len(mask), place[known], self.who.astype(np.int64) + len(mask))
        return Colleagues(
            self.account[mask],
            self.offsets,
            self.occurred_at,
            self.visible_at,
            self.event_type,
            who.astype(np.int32),
            self.types,
            self.since[mask],
        )


def colleagues_of(
    leads: Leads, log: EventLog, source: str, others: EventLog | None = None
) -> Colleagues | None:
    """Who are colleagues in a lead list, and what they did.

    Parameters
    ----------
    source : str
        What tells accounts, see `account_source`.
    others : EventLog, optional
        Events of people who are not in the list; the ``account_id`` of these tells their accounts.

    Returns
    -------
    Colleagues or None
        None when the list does not have the source.
    """
    names = account_names(leads, log, source)
    if names is None:
        return None
    since = _named_since(log) if source == EVENTS else np.full(len(leads), MISSING)
    logs, known = [log], since
    if others is not None:
        names = pa.concat_arrays([names, _named_by_events(others)])
        logs, known = [log, others], np.concatenate([since, _named_since(others)])
    encoded = names.dictionary_encode()
    account = pc.fill_null(encoded.indices, NO_ACCOUNT).to_numpy(zero_copy_only=False)
    people = np.bincount(account[account >= 0], minlength=len(encoded.dictionary) or 1)
    account = np.where((account >= 0) & (people[account] > MOST_PEOPLE), NO_ACCOUNT, account)
    types = tuple(dict.fromkeys(name for some in logs for name in some.types))
    first = np.cumsum([0, *(some.n_leads for some in logs)])
    who = np.concatenate([n + some.lead_of_event() for n, some in zip(first, logs, strict=False)])
    rows = np.flatnonzero(account[who] >= 0)
    who = who[rows]
    return grouped(
        account[: len(leads)].astype(np.int64),
        len(encoded.dictionary),
        account[who].astype(np.int64),
        np.concatenate([some.occurred_at for some in logs])[rows],
        np.maximum(np.concatenate([some.visible_at for some in logs])[rows], known[who]),
        np.concatenate([_coded(some, types) for some in logs])[rows],
        who.astype(np.int32),
        types,
        since,
    )


def _coded(log: EventLog, types: Sequence[str]) -> npt.NDArray[np.int32]:
    """The event types of a log as places in other types, which have them all."""
    place = {name: code for code, name in enumerate(types)}
    return np.array([place[name] for name in log.types] or [0], dtype=np.int32)[log.event_type]


def grouped(
    account: npt.NDArray[np.int64],
    n_accounts: int,
    of_event: npt.NDArray[np.int64],
    occurred_at: Instants,
    visible_at: Instants,
    event_type: npt.NDArray[np.int32],
    who: npt.NDArray[np.int32],
    types: Sequence[str],
    since: Instants | None = None,
) -> Colleagues:
    """Colleagues from events in any order, `of_event` being the account of each."""
    order = np.lexsort((occurred_at, of_event))
    return Colleagues(
        account,
        np.searchsorted(of_event[order], np.arange(n_accounts + 1)).astype(np.int64),
        occurred_at[order],
        visible_at[order],
        event_type[order],
        who[order],
        tuple(types),
        np.full(len(account), MISSING) if since is None else since,
    )


def account_source(leads: Leads, log: EventLog, banned: Container[str]) -> str | None:
    """What tells accounts: ``account_id`` of the lead list, else of its events, else a column of e-mail
    addresses (the one with most companies), free-mail services excepted; None when nothing does.

    Parameters
    ----------
    banned : container of str
        Columns that must not.
    """
    columns = leads.attributes
    if (
        "account_id" in columns.column_names
        and "account_id" not in banned
        and columns["account_id"].null_count < len(leads)
    ):
        return "account_id"
    if log.accounts:
        return EVENTS
    companies = {
        name: len(_companies(columns[name]).drop_null().unique())
        for name in columns.column_names
        if name not in banned and _holds_e_mails(columns[name])
    }
    return max(companies, key=lambda name: companies[name], default=None)


def account_names(leads: Leads, log: EventLog, source: str) -> pa.Array | None:
    """The account of each lead by name, null for none; None when the list does not have the source."""
    if source == EVENTS:
        # Where events have the column, one that names no account says that there is none.
        return _named_by_events(log) if len(log.account) or log.accounts else None
    if source not in leads.attributes.column_names:
        return None
    return _companies(leads.attributes[source])


def _companies(column: pa.ChunkedArray) -> pa.Array:
    """The account that each cell of a column names, null for none."""
    encoded = text_column(column).dictionary_encode()
    names = [_company(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(names, pa.string()).take(encoded.indices)


def _company(text: str) -> str | None:
    """The account that a cell names: its text in one spelling, of an e-mail address the domain."""
    name = unicodedata.normalize("NFKC", text).strip().casefold()
    if re.match(_E_MAIL, name):
        name = name.rpartition("@")[2]
        return None if _FREE_MAIL.fullmatch(name) else name
    return None if name in _NOBODY or not name else name


def _holds_e_mails(column: pa.ChunkedArray) -> bool:
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return False
    some = text_column(column).drop_null()[:_SAMPLE]
    return bool(len(some)) and pc.mean(pc.match_substring_regex(some, _E_MAIL)).as_py() > _MOSTLY


def _first_named(log: EventLog) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The leads of which an event names an account, and for each the event first known to."""
    named = np.flatnonzero(log.account >= 0)
    lead = log.lead_of_event()[named]
    order = np.lexsort((named, log.visible_at[named], lead))
    leads, first = np.unique(lead[order], return_index=True)
    return leads, named[order[first]]


def _named_by_events(log: EventLog) -> pa.Array:
    """The account of each lead that the first event known to name one names."""
    leads, first = _first_named(log)
    code = np.full(log.n_leads, -1, dtype=np.int64)
    code[leads] = log.account[first]
    names = pa.array([_company(name) for name in log.accounts], pa.string())
    return names.take(pa.array(code, mask=code < 0))


def _named_since(log: EventLog) -> Instants:
    """When that event was known, for each lead; `MISSING` where there is none."""
    leads, first = _first_named(log)
    since = np.full(log.n_leads, MISSING)
    since[leads] = log.visible_at[first]
    return since
