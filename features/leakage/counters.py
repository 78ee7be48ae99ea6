"""Flat counters: numbers that go on growing after creation, as of the export."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np
import numpy.typing as npt

from features.attributes import Column
from features.instants import DAY, MISSING
from features.leakage.bounds import z_of
from features.leakage.finding import Finding, Severity, to_drop
from features.leakage.outcome import AT_ONCE, FEWEST, common_types
from features.log import EventLog, Leads

CERTAIN_RANK, LIKELY_RANK = 0.95, 0.80
"""Rank correlation, by its lower bound, with what happened after the lead was created."""


def flat_counters(
    leads: Leads,
    log: EventLog,
    values: dict[str, npt.NDArray[np.float64]],
    until: int,
    learnt: frozenset[str],
    outcomes: Collection[str] = (),
) -> list[Finding]:
    """Numbers and flags of the photograph that follow what happened *after* a lead was created.

    Each column is compared, by Spearman's rank correlation (1904), with the number of events after
    creation, of all and of each type, and with the age at the export; what is known at creation
    cannot follow them. An event within `AT_ONCE` of creation may be what created the lead, and
    counts only when it is an outcome. Bounds: Fisher's z with the variance of Fieller, Hartley and Pearson (1957).
    Only events can make it certain: an age is known at every cutoff, and merely stops being true.

    Parameters
    ----------
    values : dict of str to ndarray of shape (n_leads,), float64
        Columns that are learnt as they were photographed, or not learnt.
        Flags are 0 and 1.
    until : int
        The export.
    outcomes : collection of str
        Event types that are the label, or close the task.
    """
    known = leads.created_at != MISSING
    if known.sum() < 2 * FEWEST:
        return []
    followed = _after_creation(leads, log, outcomes)
    followed["its age in days at the export"] = (until - leads.created_at) // DAY
    looked_at = {name: n[known] for name, n in followed.items() if np.ptp(n[known]) > 0}
    if not looked_at:
        return []
    z = z_of(len(values) * len(looked_at))
    of_names = list(looked_at)
    ranks = {name: _ranks(n.astype(np.float64)) for name, n in looked_at.items()}
    found = []
    for column, value in values.items():
        mine = value[known]
        rows = np.isfinite(mine)
        if rows.sum() < 2 * FEWEST or np.ptp(mine[rows]) == 0:
            continue
        own = _ranks(mine[rows])
        rho = np.array([_correlation(own, ranks[name][rows]) for name in of_names])
        best = int(np.argmax(np.abs(rho)))
        low = np.tanh(np.arctanh(min(abs(rho[best]), 1 - 1e-9)) - z * _fieller(int(rows.sum())))
        if low < LIKELY_RANK:
            continue
        is_age = of_names[best].startswith("its age")
        severity: Severity = "certain" if low >= CERTAIN_RANK and not is_age else "likely"
        evidence = (
            f"It follows {of_names[best]} with rank correlation {rho[best]:+.3f} (at least "
            f"{low:.3f} in size), which nobody knows at creation."
        )
        if column in learnt:
            advice = (
                f"Leave it out with {to_drop(column)}; the events themselves are counted as of "
                f"each cutoff. {to_drop(column).replace('--drop', '--trust')} keeps it."
            )
        else:
            severity, advice = "note", "It is not learnt; keep it so."
        found.append(
            Finding(severity, "column", column, "counter as of the export", evidence, advice)
        )
    return found


def named_counters(columns: Iterable[Column], learnt: frozenset[str]) -> list[Finding]:
    """Columns of a flat export that are named like a counter or a score, and are learnt: a note.

    Without times nothing shows whether they went on growing after the outcome.
    """
    return [
        Finding(
            "note",
            "column",
            c.name,
            "counter as of the export",
            f"It is {c.why}, and without times nothing shows what it was before the outcome.",
            f"If it goes on growing, leave it out with {to_drop(c.name)}, or train on events.",
        )
        for c in columns
        if c.name in learnt and c.time == "snapshot" and c.type == "number"
    ]


def _after_creation(
    leads: Leads, log: EventLog, outcomes: Collection[str]
) -> dict[str, npt.NDArray[np.int64]]:
    """Events after creation of each lead, of all types and of each."""
    lead = log.lead_of_event()
    is_outcome = np.array([name in outcomes for name in log.types] or [False])[log.event_type]
    begins = leads.created_at[lead] + np.where(is_outcome, 0, AT_ONCE)
    after = log.occurred_at > begins
    lead, kind = lead[after], log.event_type[after]
    n = len(leads)
    counts = {"its number of events": np.bincount(lead, minlength=n)}
    for name in common_types(log):
        code = log.types.index(name)
        counts[f"its number of {name!r}"] = np.bincount(lead[kind == code], minlength=n)
    return counts


def _ranks(value: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mid-ranks."""
    _, place, count = np.unique(value, return_inverse=True, return_counts=True)
    middle: npt.NDArray[np.float64] = np.cumsum(count) - (count - 1) / 2
    return middle[place]


def _correlation(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0


def _fieller(n: int) -> float:
    return float(np.sqrt(1.06 / (n - 3)))
