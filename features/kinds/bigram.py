"""How often one type of event came right after another and within 30 minutes, whoever did them.

Within a session, that is: what follows hours later says less of what led to what, and of a lead with
many sessions there is so much of it that it hides the rest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from features.kinds.kind import Choice, Kind, Layout, Seen, Setting
from features.kinds.session import PAUSE

if TYPE_CHECKING:
    from features.plan import Feature


def lay_out(setting: Setting, features: Sequence[Feature]) -> Layout:
    """Cells: one for pairs that do not count, then the pairs that do; numbers: the cell of each."""
    plan, n = setting.plan, setting.n_slots
    cell_of = np.zeros((n, n))
    for cell, (before, after) in enumerate(plan.bigrams, 1):
        cell_of[setting.group[before], setting.group[after]] = cell
    names = list(plan.subjects["bigram"])
    return Layout(
        cells=1 + len(names),
        places=[(1 + names.index(f.of or ""), 0) for f in features],
        numbers=[float(n), *cell_of.reshape(-1)],
    )


def update(memory: Any, table: Any, event: Any) -> None:
    if event.before >= 0 and event.pause <= PAUSE:
        memory[int(table[1 + event.before * int(table[0]) + event.slot])] += 1.0


def finish(memory: Any, table: Any, lead_age: float, cell: int, _: int) -> float:
    return memory[cell]


def reference(seen: Seen, feature: Feature) -> float:
    pairs = [
        f"{before.type} > {after.type}"
        for before, after in pairwise(seen.events)
        if before.age - after.age <= PAUSE
    ]
    return float(pairs.count(feature.of or ""))


KIND = Kind(
    name="bigram",
    per="bigram",
    choices={"": Choice("events", 0.0)},
    lay_out=lay_out,
    update=update,
    finish=finish,
    reference=reference,
)
