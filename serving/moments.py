"""Times in requests: the usual form is read at once, every other as a column of a file would be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from features.form import Form
from features.instants import SECOND
from features.times import parse
from features.usual import read_usual

AHEAD = 5 * 60 * SECOND
"""How far ahead of the clock an event may lie: it is seen when its time comes."""
TOO_FAR = "expected a time up to five minutes ahead of the clock, got a later one"
NOT_A_TIME = "expected a time such as 2026-04-01T09:00:00+09:00, got something else"
NO_ZONE = "expected a time with an offset such as +09:00, since the playbook declares no zone; got one without"


def instants(
    texts: Sequence[str | None], form: Form, at_start: Sequence[bool]
) -> tuple[list[int], dict[int, str]]:
    """Times as instants, and what is wrong with those that are none, by place.

    Parameters
    ----------
    at_start : sequence of bool
        Whether a day without a time is meant from its start; else it is its end.

    Examples
    --------
    >>> form = Form({}, {}, None, frozenset(), 0)
    >>> instants(["1970-01-01T09:00:01+09:00", None, "soon"], form, [False] * 3)[0][0]
    1000000
    """
    usual, other = read_usual(texts)
    found = usual.tolist()
    if not other.any():
        return found, {}
    others = np.flatnonzero(other).tolist()
    wrong = {}
    times = parse(pa.array([texts[place] for place in others], pa.string()), form.tz)
    for row, place in enumerate(others):
        if times.bad[row] or times.unzoned[row]:
            wrong[place] = NO_ZONE if times.unzoned[row] else NOT_A_TIME
        else:
            column = times.instant if at_start[place] else times.day_end
            found[place] = int(column[row])
    return found, wrong
