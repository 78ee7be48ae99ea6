"""What became of leads: one row each, which every detector compares with."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.instants import HOUR, MISSING, Instants
from features.log import EventLog, Leads

AT_ONCE = HOUR
"""What happens within this of another event happens with it: systems write the rows of one step
in any order, some seconds or minutes apart."""

FEWEST = 20
"""Leads of either class below which nothing is said: the bounds would hold no information."""


@dataclass(frozen=True)
class Outcome:
    """Leads, and whether and when they converted.

    Attributes
    ----------
    lead : ndarray of shape (n,), int64, rows of the lead list, ascending, each once
    converted : ndarray of shape (n,), bool
    at : ndarray of shape (n,), int64
        The first label event; `MISSING` for leads that did not convert, or without times.
    """

    lead: npt.NDArray[np.int64]
    converted: npt.NDArray[np.bool_]
    at: Instants

    @property
    def enough(self) -> bool:
        """Whether there are `FEWEST` leads of either class."""
        return self.missing_leads is None

    @property
    def missing_leads(self) -> str | None:
        """Why there are not enough leads to compare; None when there are."""
        yes = int(self.converted.sum())
        no = len(self.converted) - yes
        if min(yes, no) >= FEWEST:
            return None
        return f"{yes:,} leads converted and {no:,} did not; {FEWEST} of either are needed"

    @classmethod
    def of_rows(cls, lead: npt.NDArray[np.int64], label: npt.NDArray[np.int8]) -> Outcome:
        """From labels without times, one for each lead."""
        return cls(lead, label == 1, np.full(len(lead), MISSING))

    @classmethod
    def of_events(
        cls,
        leads: Leads,
        log: EventLog,
        label: Collection[str],
        *,
        horizon: int,
        until: int,
        among: npt.NDArray[np.bool_] | None = None,
    ) -> Outcome:
        """From an event log observed until `until`.

        Lead lists are photographs, so a lead has converted when it did at any time by then. Left
        out are leads that had not yet a whole horizon to convert in, and those that converted
        after `until`: they are neither.

        Parameters
        ----------
        among : ndarray of shape (n_leads,), bool, or None
            The leads to consider, by default all.
        """
        at = first_at(log, label)
        known = leads.created_at != MISSING
        mature = known & (np.where(known, leads.created_at, until) <= until - horizon)
        converted = (at != MISSING) & (at <= until)
        kept = (converted | mature) & ~(at > until)
        if among is not None:
            kept &= among
        lead = np.flatnonzero(kept)
        at = np.where(converted, at, MISSING)
        return cls(lead, converted[lead], at[lead])


def first_at(log: EventLog, types: Collection[str]) -> Instants:
    """When an event of `types` first occurred to each lead, shape (n_leads,); `MISSING` for never."""
    wanted = np.array([name in types for name in log.types], dtype=bool)
    first = np.full(log.n_leads, MISSING)
    rows = np.flatnonzero(wanted[log.event_type]) if wanted.any() else np.empty(0, dtype=np.int64)
    if len(rows):
        lead = np.searchsorted(log.offsets, rows, side="right") - 1
        begins = np.r_[True, lead[1:] != lead[:-1]]
        first[lead[begins]] = log.occurred_at[rows[begins]]
    return first


def common_types(log: EventLog) -> list[str]:
    """Event types with events enough to say anything of, sorted."""
    count = np.bincount(log.event_type, minlength=len(log.types))
    return [name for name, n in zip(log.types, count, strict=True) if n >= FEWEST]
