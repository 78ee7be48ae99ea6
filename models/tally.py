"""The pass over a lead's events that adds up every points rule, newest event first."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from features.instants import MISSING


@numba.njit(cache=True, nogil=True)
def tally(
    offsets: Any,
    occurred_at: Any,
    visible_at: Any,
    event_type: Any,
    channel: Any,
    is_act: Any,
    first_rule: Any,
    rule_of: Any,
    heard: Any,
    created_at: Any,
    lead: Any,
    cutoff: Any,
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
    heard : ndarray of shape (n_rules, n_channels + 1), bool
        Whether the rule takes events of the channel; the last column is for none.
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
                if not heard[rule, channel[event]]:
                    continue
                if not count[row, rule]:
                    fired_by[row, rule] = event
                count[row, rule] += 1
                contribution[row, rule] += points[rule] * 2.0 ** (-age / half_life[rule])
        for rule in range(n_rules):
            if silent_for[rule] and last_act != MISSING and at - last_act >= silent_for[rule]:
                contribution[row, rule] = points[rule]
                count[row, rule] = 1


@numba.njit(cache=True, nogil=True)
def settle(contribution: Any, group: Any, cap: Any, total: Any) -> None:
    """Hold groups to their caps, in place, and round each row's sum once, half up.

    Parameters
    ----------
    contribution : ndarray of shape (n_rows, n_rules), float64
    group : ndarray of shape (n_rules,), int64
        Place in `cap`; -1 for a rule without a group.
    cap : ndarray of shape (n_groups,), float64
    total : ndarray of shape (n_rows,), int64, filled
    """
    sums = np.empty(len(cap))
    for row in range(len(contribution)):
        sums[:] = 0.0
        exact = 0.0
        for rule in range(len(group)):
            if group[rule] >= 0:
                sums[group[rule]] += contribution[row, rule]
            else:
                exact += contribution[row, rule]
        # The capped sum itself is added, since scaled parts may miss it by a last place.
        for g in range(len(cap)):
            if abs(sums[g]) > cap[g]:
                exact += cap[g] if sums[g] > 0 else -cap[g]
                for rule in range(len(group)):
                    if group[rule] == g:
                        contribution[row, rule] *= cap[g] / abs(sums[g])
            else:
                exact += sums[g]
        total[row] = int(np.floor(exact + 0.5))
