"""Dates and changes of columns that lie at or after the outcome."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.instants import MISSING, Instants
from features.leakage.bounds import wilson, z_of
from features.leakage.columns import accused
from features.leakage.finding import Finding, Severity
from features.leakage.outcome import AT_ONCE, FEWEST, Outcome

MOSTLY, ALL_BUT_ONLY = 0.5, 0.8
"""Lower bounds of the share of leads that converted in which it lies at or after the outcome."""


def dated_after(name: str, moments: Instants, outcome: Outcome) -> list[Finding]:
    """A column of dates that for leads that converted lie at or after the outcome: a note.

    Dates are not learnt, so they do no harm until someone makes an event or a number of them.

    Parameters
    ----------
    moments : ndarray of shape (n,), int64
        The column for each lead of `outcome`; of a day its end.
    """
    both = outcome.converted & (outcome.at != MISSING) & (moments != MISSING)
    after = int((moments[both] >= outcome.at[both] - AT_ONCE).sum())
    if both.sum() < FEWEST or wilson(after, int(both.sum()), z_of(1))[0] < MOSTLY:
        return []
    evidence = (
        f"Of {int(both.sum()):,} leads that converted and have it, {after:,} have it at or after "
        "the outcome."
    )
    advice = "Dates are not learnt; make no number and no event of it."
    return [Finding("note", "column", name, "date after the outcome", evidence, advice)]


def changed_after(
    name: str,
    lead: npt.NDArray[np.int64],
    changed_at: Instants,
    label_at: Instants,
    *,
    tracked: bool,
    learnt: frozenset[str],
) -> list[Finding]:
    """An attribute whose changes, among leads that convert, fall at or after the outcome.

    Tracked, it is rolled back to each cutoff and shows nothing of them: a note. Learnt as it was
    photographed, it tells the outcome.

    Parameters
    ----------
    lead, changed_at : ndarray of shape (n_changes,)
    label_at : ndarray of shape (n_leads,), int64, `MISSING` for leads that did not convert
    """
    first = np.full(len(label_at), np.iinfo(np.int64).max)
    np.minimum.at(first, lead, changed_at)
    both = (label_at != MISSING) & (first < np.iinfo(np.int64).max)
    n, after = int(both.sum()), int((first[both] >= label_at[both] - AT_ONCE).sum())
    low = float(wilson(after, n, z_of(1))[0])
    harmless = tracked or name not in learnt
    if n < FEWEST or low < (ALL_BUT_ONLY if harmless else MOSTLY):
        return []
    evidence = (
        f"of {n:,} leads that converted and in which it changed, {after:,} first changed at or "
        "after the outcome"
    )
    if harmless:
        known = "It is learnt as it was at each cutoff" if name in learnt else "It is not learnt"
        said = f"{evidence[0].upper()}{evidence[1:]}."
        return [
            Finding(
                "note", "column", name, "changed after the outcome", said, f"{known}; keep it so."
            )
        ]
    severity: Severity = "certain" if low >= ALL_BUT_ONLY else "likely"
    return [accused(severity, name, "changed after the outcome", evidence, learnt)]
