"""Touches by us that follow the score: the company calls whom it already believes in.

Such a touch is honest in time, since it happened before the cutoff, but it repeats a choice that
the old score made, and is gone, or different, once the new score chooses. A model that learns
"was called" predicts its own past.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from features.instants import DAY, Instants
from features.leakage.bounds import wilson, z_of
from features.leakage.finding import Finding
from features.leakage.outcome import FEWEST
from features.log import EventLog

AFTER = 7 * DAY
"""How soon a touch follows the score."""
HIGH = 0.9
"""The quantile from which a score is high."""
JUMP = 3.0
"""How many times as many of the high scores are touched; honest diligence does not triple."""


def touches_follow(
    log: EventLog,
    touches: list[str],
    lead: npt.NDArray[np.int64],
    cutoff: Instants,
    score: npt.NDArray[np.float64],
    *,
    of: str,
    kind: Literal["points", "score"],
) -> list[Finding]:
    """Touches that go to leads with a high score, within 7 days after it.

    Compares the share of leads touched in ``(cutoff, cutoff + 7 days]`` among those in the highest
    tenth of scores with that among the rest, by Wilson's bounds of both.

    Parameters
    ----------
    lead, cutoff, score : ndarray of shape (n,)
        One row per lead.
    of : str
        What the score is called.
    kind : {"points", "score"}
        ``"score"``: a column that the company had, and may have gone by: likely. ``"points"``:
        those of the playbook, which stand for engagement: a note.
    """
    known = np.isfinite(score)
    lead, cutoff, score = lead[known], cutoff[known], score[known]
    if len(score) < 10 * FEWEST:
        return []
    high = score >= max(np.quantile(score, HIGH), np.nextafter(np.median(score), np.inf))
    if min(high.sum(), (~high).sum()) < FEWEST:
        return []
    ours = [name for name in touches if name in log.types]
    z = z_of(2 * len(ours))
    found = []
    for name in ours:
        touched = _follows(log, name, lead, cutoff)
        counts = [(int(touched[rows].sum()), int(rows.sum())) for rows in (high, ~high)]
        ratio = float(wilson(*counts[0], z)[0] / max(wilson(*counts[1], z)[1], 1e-12))
        if touched.sum() < FEWEST or ratio < JUMP:
            continue
        (k, n), (others_k, others_n) = counts
        evidence = (
            f"Within 7 days it reaches {k:,} of {n:,} leads in the highest tenth of {of} "
            f"({k / n:.1%}) and {others_k:,} of {others_n:,} others ({others_k / others_n:.1%}), "
            f"at least {ratio:.1f} times as often."
        )
        advice = (
            f'If leads are chosen for it by a score, add "{name}" to exclude_events of the task: '
            "the new score will choose others."
        )
        severity: Literal["likely", "note"] = "likely" if kind == "score" else "note"
        found.append(Finding(severity, "event", name, "touch follows the score", evidence, advice))
    return found


def _follows(
    log: EventLog, name: str, lead: npt.NDArray[np.int64], cutoff: Instants
) -> npt.NDArray[np.bool_]:
    """Whether an event of that type lies in ``(cutoff, cutoff + AFTER]`` of its lead."""
    rows = np.flatnonzero(log.event_type == log.types.index(name))
    of = np.searchsorted(log.offsets, rows, side="right") - 1
    at = log.occurred_at[rows]
    start = int(min(at.min(initial=cutoff.min()), cutoff.min()))
    span = int(max(at.max(initial=cutoff.max()), cutoff.max())) - start + 2 * AFTER
    # Leads and moments as one ascending number, in seconds, so that a million leads fit.
    step = span // 1_000_000 + 1
    key = of * step + (at - start) // 1_000_000
    begins = lead * step + (cutoff - start) // 1_000_000
    between = np.searchsorted(key, begins + AFTER // 1_000_000, side="right") - np.searchsorted(
        key, begins, side="right"
    )
    return np.asarray(between > 0)
