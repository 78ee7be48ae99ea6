"""Event types that are the outcome under another name, and ends that no task knows of.

What is a leak. Features see events at or before a cutoff at which the lead is still open, and the
label lies after it. So a type that occurs before the outcome, however strongly it predicts, is
honest. A type that occurs only with the outcome or after it never tells an open lead apart when
all times are right; where the label is recorded late, or its time is rounded, it tells everything.
It can only do harm, which is why it belongs into the task's ``exclude_events``.

Types that close or reopen a task, its label, and the types it excludes are not looked at: no row
of an open lead shows them, or a playbook has spoken.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from features.instants import DAY, MISSING, Instants
from features.leakage.bounds import wilson, z_of
from features.leakage.finding import Finding, Severity
from features.leakage.outcome import AT_ONCE, FEWEST, Outcome, common_types, first_at
from features.log import EventLog

CERTAIN_AFTER, LIKELY_AFTER = 0.90, 0.75
"""The share of leads with the type that converted, and had it no earlier than the outcome."""
END = 0.90
"""The share of leads with the type to whom nothing happens any more."""
QUIET = 14 * DAY
"""How long a lead must have been observed after an event that may have been its last."""


def only_after(log: EventLog, outcome: Outcome, known: Collection[str]) -> list[Finding]:
    """Types that occur only at or after the outcome, of leads that converted.

    Counts the leads that have the type; in favour of a leak are those that converted and first had
    it at the outcome (`AT_ONCE` before it, or later). A lead that has it without converting, or
    before, speaks against. Bounds: Wilson (1927).

    Parameters
    ----------
    known : collection of str
        Types that are not looked at.
    """
    if not outcome.enough:
        return []
    types = [name for name in common_types(log) if name not in known]
    z = z_of(len(types))
    found = []
    for name in types:
        first = first_at(log, [name])[outcome.lead]
        has = first != MISSING
        late = has & outcome.converted & (first >= outcome.at - AT_ONCE)
        n, after = int(has.sum()), int(late.sum())
        low = float(wilson(after, n, z)[0])
        if n < FEWEST or low < LIKELY_AFTER:
            continue
        severity: Severity = "certain" if low >= CERTAIN_AFTER else "likely"
        evidence = (
            f"Of {n:,} leads that have it, {int((has & outcome.converted).sum()):,} converted, and "
            f"{after:,} first had it at or after the outcome ({after / n:.1%}, from {low:.1%})."
        )
        found.append(
            Finding(
                severity,
                "event",
                name,
                "only at or after the outcome",
                evidence,
                f'Add "{name}" to exclude_events of the task in the playbook.',
            )
        )
    return found


def ends(log: EventLog, known: Collection[str], closing: Collection[str], until: int) -> list[str]:
    """Types that look like an end: after them hardly any lead has another event.

    Only while the lead is open: where they come with an event of `closing`, that one is the end.

    Parameters
    ----------
    known : collection of str
        Types that are not looked at.
    closing : collection of str
        The label and the closing types of the task.
    until : int
        Until when events are observed.
    """
    last = _last(log)
    closed = first_at(log, closing)
    names = [name for name in common_types(log) if name not in known]
    z = z_of(len(names))
    found = []
    for name in names:
        first = first_at(log, [name])
        has = (first != MISSING) & (first <= until - QUIET)
        quiet = has & (last <= first + AT_ONCE)
        while_open = quiet & ((closed == MISSING) | (first < closed - AT_ONCE))
        n = int(has.sum())
        if n >= FEWEST and float(wilson(int(while_open.sum()), n, z)[0]) >= END:
            found.append(name)
    return found


def unknown_ends(names: Collection[str]) -> list[Finding]:
    """A finding for each type that looks like an end and closes no lead."""
    return [
        Finding(
            "likely",
            "event",
            name,
            "looks like an end",
            "Hardly any lead has another event after it, and the task goes on predicting them: "
            "such rows are easy, and flatter every figure.",
            f'Add "{name}" to closes of the task in the playbook, or to exclude_events.',
        )
        for name in sorted(names)
    ]


def _last(log: EventLog) -> Instants:
    """The last event of each lead, shape (n_leads,); `MISSING` without any."""
    last = np.full(log.n_leads, MISSING)
    has_events = log.offsets[1:] > log.offsets[:-1]
    if log.n_events:
        last[has_events] = log.occurred_at[log.offsets[1:][has_events] - 1]
    return last
