"""Columns, or levels of them, that one class of leads has and the other all but never."""

from __future__ import annotations

import numpy as np

from features.cells import text_column
from features.leakage.alone import BINS, codes
from features.leakage.bounds import wilson, z_of
from features.leakage.columns import Seen, accused
from features.leakage.finding import Finding, Severity

FILLED = 0.10
"""The share of one class that has it at all, from which its absence in the other counts."""
CERTAIN_RATIO, LIKELY_RATIO = 0.05, 0.20
"""Filled a twentieth as often, or a fifth as often, in the other class, by the bounds of both."""
LEVEL_RATIO = 0.02
"""For one level: a fiftieth. Honest levels, such as a recommendation, reach a twentieth; and since
some honest leads cannot convert at all, it is never certain."""
MOST_LEVELS = BINS
"""Columns of more levels are not looked at level by level: numbers of more are binned."""


def filled_after(seen: list[Seen], learnt: frozenset[str]) -> list[Finding]:
    """Columns filled in one class of leads and all but never in the other.

    Compares the shares of leads with any value among those that converted and those that did not:
    the upper bound of the rarer divided by the lower bound of the commoner (Wilson 1927).
    """
    looked_at = [s for s in seen if s.column.role not in ("key", "outcome") and s.outcome.enough]
    z = z_of(2 * len(looked_at))
    found = []
    for s in looked_at:
        filled = text_column(s.values).is_valid().to_numpy(zero_copy_only=False)
        yes, no = s.outcome.converted, ~s.outcome.converted
        counts = [(int((filled & c).sum()), int(c.sum())) for c in (yes, no)]
        bounds = [wilson(*count, z) for count in counts]
        for common, rare, class_ in ((0, 1, "that converted"), (1, 0, "that did not convert")):
            ratio = bounds[rare][1] / max(bounds[common][0], 1e-12)
            if bounds[common][0] < FILLED or ratio > LIKELY_RATIO:
                continue
            only = ratio <= CERTAIN_RATIO
            (k, n), (other_k, other_n) = counts[common], counts[rare]
            evidence = (
                f"it is filled in {k:,} of {n:,} leads {class_} ({k / n:.1%}) and in {other_k:,} of "
                f"{other_n:,} others ({other_k / other_n:.1%}), at most {ratio:.3f} times as often"
            )
            detector = f"filled {'only' if only else 'mostly'} after the outcome"
            severity: Severity = "certain" if only else "likely"
            found.append(accused(severity, s.column.name, detector, evidence, learnt))
    return found


def one_class_only(seen: list[Seen], learnt: frozenset[str]) -> list[Finding]:
    """Levels that at least a tenth of one class has, and of the other none or next to none.

    The comparison of `filled_after` for each level of a column of at most `MOST_LEVELS` of them: a
    flag such as "declined" has nothing missing, and need not predict well alone.
    """
    coded = [
        (s, codes(s.values, number=s.column.type == "number"))
        for s in seen
        if s.column.learnable and s.column.levels <= MOST_LEVELS and s.outcome.enough
    ]
    z = z_of(2 * sum(int(code.max()) + 1 for _, code in coded))
    found = []
    for s, code in coded:
        yes = s.outcome.converted
        shares = []
        for class_ in (yes, ~yes):
            hits = np.bincount(code[class_], minlength=int(code.max()) + 1)
            shares.append((hits, int(class_.sum()), *wilson(hits, int(class_.sum()), z)))
        for common, rare, named in ((0, 1, "that converted"), (1, 0, "that did not convert")):
            (hits, n, low, _), (other_hits, other_n, _, high) = shares[common], shares[rare]
            only = np.flatnonzero((low >= FILLED) & (high <= LEVEL_RATIO * low))
            if not len(only):
                continue
            level = int(only[np.argmax(hits[only])])
            value = text_column(s.values)[int(np.flatnonzero(code == level)[0])].as_py()
            evidence = (
                f"{'No value' if value is None else repr(value)} stands in {hits[level]:,} of {n:,} leads {named} "
                f"({hits[level] / n:.1%}) and in {other_hits[level]:,} of {other_n:,} others"
            )
            found.append(accused("likely", s.column.name, "one class only", evidence, learnt))
            break
    return found
