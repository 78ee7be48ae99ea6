"""Columns of the lead list that predict too well alone.

Why the thresholds are where they are. Models of *all* honest columns, of the lead scoring data
that this project measures (README, "How good"), reach AUC .69 to .86 and tell 18% to 32% of what
there is to know. One column that reaches .80, or 20%, does a whole model's work alone: look at it.
One that with all bounds in its favour passes .90 and tells half of everything is beyond what any
honest model reached, twice over: it was written by someone who knew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.attributes import Column
from features.cells import text_column
from features.leakage.alone import alone, codes
from features.leakage.bounds import wilson, z_of
from features.leakage.finding import Finding, Severity, to_drop
from features.leakage.outcome import Outcome

LIKELY_AUC, LIKELY_SHARE = 0.80, 0.20
CERTAIN_AUC, CERTAIN_SHARE = 0.90, 0.50

PURE_FROM = 30
"""Leads of a level from which it is named as evidence."""


@dataclass(frozen=True)
class Seen:
    """A column as a model would learn it, for each lead of an outcome.

    Attributes
    ----------
    column : Column
    values : pyarrow.Array of shape (n,)
        The photograph's values; of a tracked attribute those as of the lead's last cutoff.
    outcome : Outcome
    """

    column: Column
    values: pa.Array
    outcome: Outcome


def too_good_alone(seen: list[Seen], learnt: frozenset[str]) -> list[Finding]:
    """Columns that predict better alone than honest columns do together.

    Likely when the lower bound of the cross-fitted AUC passes `LIKELY_AUC` or that of the share of
    entropy `LIKELY_SHARE`; certain when both pass their higher thresholds. A column that is not
    learnt is a note.
    """
    looked_at = [s for s in seen if s.column.learnable and s.outcome.enough]
    z = z_of(len(looked_at))
    found = []
    for s in looked_at:
        code = codes(s.values, number=s.column.type == "number")
        how = alone(code, s.outcome.converted, z)
        severity: Severity | None = None
        if how.auc_low >= CERTAIN_AUC and how.share_low >= CERTAIN_SHARE:
            severity = "certain"
        elif how.auc_low >= LIKELY_AUC or how.share_low >= LIKELY_SHARE:
            severity = "likely"
        if severity:
            pure = "" if s.column.type == "number" else _pure(s)
            found.append(accused(severity, s.column.name, "too good alone", f"{how}{pure}", learnt))
    return found


def accused(
    severity: Severity, name: str, detector: str, evidence: str, learnt: frozenset[str]
) -> Finding:
    """A finding on a column; only a note where it is not learnt."""
    said = f"{evidence[0].upper()}{evidence[1:]}."
    if name not in learnt:
        return Finding("note", "column", name, detector, said, "It is not learnt; keep it so.")
    advice = f"Leave it out with {to_drop(name)}"
    kept = f"--trust {to_drop(name).removeprefix('--drop ')}"
    advice += f", or pass {kept} if its value is known before the outcome."
    return Finding(severity, "column", name, detector, said, advice)


def _pure(seen: Seen) -> str:
    """The largest levels in which nearly all leads converted, or next to none."""
    text, converted = text_column(seen.values), seen.outcome.converted
    encoded = text.dictionary_encode()
    code = pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    n = np.bincount(code, minlength=len(encoded.dictionary) + 1)[:-1]
    yes = np.bincount(code, weights=converted, minlength=len(n) + 1)[:-1].astype(np.int64)
    low, high = wilson(yes, n, z_of(len(n)))
    rate = float(converted.mean())
    pure = np.flatnonzero((n >= PURE_FROM) & ((low >= 1 - (1 - rate) / 5) | (high <= rate / 5)))
    named = pure[np.argsort(-n[pure], kind="stable")][:3]
    parts = [f"{encoded.dictionary[int(i)].as_py()!r} {yes[i]:,} of {n[i]:,}" for i in named]
    return (
        f"; of its {len(n):,} levels {len(pure)} are all but pure ({', '.join(parts)} converted)"
        if parts
        else ""
    )
