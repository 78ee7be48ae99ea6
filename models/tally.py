"""The pass over a lead's events that adds up every points rule, newest event first."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from features.instants import MISSING

Integers = npt.NDArray[np.int64]


@numba.njit(cache=True, nogil=True)
def tally(
    offsets: Any,
    occurred_at: Any,
    visible_at: Any,
    event_type: Any,
    is_act: Any,
    first_rule: Any,
    rule_of: Any,
    narrowed: Any,
    takes: Any,
    created_at: Any,
    lead: Any,
    cutoff: Any,
    heeds_silence: Any,
    points: Any,
    at_most: Any,
    half_life: Any,
    expires: Any,
    silent_for: Any,
    contribution: Any,
    fired_by: Any,
    count: Any,
) -> None:
    """Fill `contribution`, `fired_by` and `count`, each of shape (n_rows, n_rules), from zero.

    Parameters
    ----------
    is_act : ndarray of shape (n_types,), bool
        Whether an event of the type is an act of the lead.
    first_rule : ndarray of shape (n_types + 1,), int64
        The rules for events of type t are ``rule_of[first_rule[t]:first_rule[t + 1]]``.
    narrowed : ndarray of shape (n_rules,), int64
        The row of `takes` for rules that do not take every event of their types; else -1.
    takes : ndarray of shape (n_narrowed, n_events), bool
    heeds_silence : ndarray of shape (n_rows,), bool
        Whether rules for silence may fire.
    points, half_life : ndarray of shape (n_rules,), float64
        Points of one occurrence now, and microseconds in which they halve (infinite: never).
    at_most, expires, silent_for : ndarray of shape (n_rules,), int64
        Occurrences that count; an event counts in ``(cutoff - expires, cutoff]``; silence of at
        least `silent_for` since the last act, else since creation (0: no such rule).
    fired_by : ndarray of shape (n_rows, n_rules), int64
        The place in the log of the newest event that counted; left as it came where none did.

    Notes
    -----
    Points of a rule never grow with age, so the newest `at_most` occurrences are those worth most.
    """
    n_rules = len(points)
    for row in range(len(lead)):
        at = cutoff[row]
        last_act = created_at[lead[row]]
        for event in range(offsets[lead[row] + 1] - 1, offsets[lead[row]] - 1, -1):
            if visible_at[event] > at:
                continue
            kind = event_type[event]
            if is_act[kind]:
                last_act = max(last_act, occurred_at[event])
            age = at - occurred_at[event]
            for place in range(first_rule[kind], first_rule[kind + 1]):
                rule = rule_of[place]
                if count[row, rule] >= at_most[rule] or age >= expires[rule]:
                    continue
                if narrowed[rule] >= 0 and not takes[narrowed[rule], event]:
                    continue
                if not count[row, rule]:
                    fired_by[row, rule] = event
                count[row, rule] += 1
                contribution[row, rule] += points[rule] * 2.0 ** (-age / half_life[rule])
        for rule in range(n_rules if heeds_silence[row] else 0):
            if silent_for[rule] and last_act != MISSING and at - last_act >= silent_for[rule]:
                contribution[row, rule] = points[rule]
                count[row, rule] = 1


@numba.njit(cache=True, nogil=True)
def settle(contribution: Any, group: Any, cap: Any, score: Any, exact: Any) -> None:
    """Hold groups to their caps, in place, and add up each score of each row.

    Parameters
    ----------
    contribution : ndarray of shape (n_rows, n_rules), float64
    group : ndarray of shape (n_rules,), int64
        Place in `cap`; -1 for a rule without a group.
    cap : ndarray of shape (n_groups,), float64
    score : ndarray of shape (n_rules,), int64
        The score that the rule belongs to; one for all rules of a group.
    exact : ndarray of shape (n_rows, n_scores), float64, filled from zero
    """
    sums, score_of_group = np.empty(len(cap)), np.zeros(len(cap), np.int64)
    for rule in range(len(group)):
        if group[rule] >= 0:
            score_of_group[group[rule]] = score[rule]
    for row in range(len(contribution)):
        sums[:] = 0.0
        for rule in range(len(group)):
            if group[rule] >= 0:
                sums[group[rule]] += contribution[row, rule]
            else:
                exact[row, score[rule]] += contribution[row, rule]
        # The capped sum itself is added, since scaled parts may miss it by a last place.
        for g in range(len(cap)):
            if abs(sums[g]) > cap[g]:
                exact[row, score_of_group[g]] += cap[g] if sums[g] > 0 else -cap[g]
                for rule in range(len(group)):
                    if group[rule] == g:
                        contribution[row, rule] *= cap[g] / abs(sums[g])
            else:
                exact[row, score_of_group[g]] += sums[g]


def rounded(exact: npt.NDArray[np.float64]) -> tuple[Integers, Integers]:
    """Totals rounded once, half up, and whole scores that sum to them.

    A score is rounded down, and the points that are missing to the total go one each to the scores
    that lost most (the largest remainders); of two that lost as much, to the first.

    Parameters
    ----------
    exact : ndarray of shape (n_rows, n_scores), float64

    Returns
    -------
    total : ndarray of shape (n_rows,), int64
    scores : ndarray of shape (n_rows, n_scores), int64

    Examples
    --------
    >>> total, scores = rounded(np.array([[24.4, 24.3], [20.0, 29.5]]))
    >>> total.tolist(), scores.tolist()
    ([49, 50], [[25, 24], [20, 30]])
    """
    total = np.floor(exact.sum(axis=1) + 0.5).astype(np.int64)
    down = np.floor(exact)
    left = total - down.sum(axis=1).astype(np.int64)
    rank = np.argsort(np.argsort(down - exact, axis=1, kind="stable"), axis=1, kind="stable")
    return total, down.astype(np.int64) + (rank < left[:, None])
