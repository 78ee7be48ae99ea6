"""The whole catalogue: time per event beside the 70 features, and the time of one lead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from features.colleagues import grouped
from features.instants import DAY
from features.kernel import behaviour
from features.program import Program, compile_plan
from features.spine import Spine
from training.bench.company import Company, company
from training.bench.logs import CUTOFF, TYPES
from training.bench.plain import by_plain_python
from training.bench.seventy import plan_of
from training.bench.timing import Asked, Measure, in_turns

MANY = 64
_LATER = CUTOFF + 11 * DAY
"""When all the invented events lie in the past."""
_COMPARED = 100
"""Leads compared with plain Python, which takes milliseconds for each."""
_RUN = 20
"""Answers for one lead in a row, before plain Python's turn comes."""


def measures(n_events: int, n_leads: int, repeats: int) -> list[Measure]:
    """With 10 event types and with 64, on as many threads as Numba has.

    The 70 features are those of the ten most frequent types, which are computed on the same log; the
    whole catalogue is compared with the plain reference of each kind for some of the leads.
    """
    return [
        _beside_seventy(types, n_events, n_leads, repeats, asked)
        for types, asked in (
            (TYPES, Asked(3, "time")),
            (tuple(f"type_{number:02}" for number in range(MANY)), Asked(None, "time")),
        )
    ]


def one_lead(n_events: int, turns: int) -> list[Measure]:
    """A lead that is asked about alone: its events only, then with two colleagues' and a change."""
    both = _alone(n_events)
    events = replace(both, changes=None, colleagues=None)
    return [
        _one_lead("whole catalogue, one lead", events, turns, Asked(25, "us")),
        _one_lead("with colleagues, a change", both, turns, None),
    ]


def _one_lead(what: str, one: Company, turns: int, asked: Asked | None) -> Measure:
    program = compile_plan(one.plan)

    def ours() -> npt.NDArray[np.float32]:
        return _behaviour(program, one, _LATER)

    def plain() -> npt.NDArray[np.float32]:
        return _plain(one, 0, _LATER)

    return Measure(
        what,
        "plain Python",
        1,
        "answer",
        *in_turns(max(turns // _RUN, 1), ours, plain, run=_RUN),
        agrees=_close(ours()[0], plain()),
        asked=asked,
    )


def _beside_seventy(
    types: tuple[str, ...], n_events: int, n_leads: int, repeats: int, asked: Asked
) -> Measure:
    all_of = company(n_events, n_leads, types, seed=3)

    def whole() -> npt.NDArray[np.float32]:
        return _behaviour(program, all_of, CUTOFF)

    def seventy() -> npt.NDArray[np.float32]:
        return _behaviour(fewer, all_of, CUTOFF)

    program, fewer = compile_plan(all_of.plan), compile_plan(plan_of(types))
    found = whole()
    agrees = all(
        _close(found[lead], _plain(all_of, lead, CUTOFF)) for lead in range(min(_COMPARED, n_leads))
    )
    seventy()
    ours, theirs = in_turns(repeats, whole, seventy)
    return Measure(
        f"{len(all_of.plan.features)} features of {len(types)} types",
        "70 features",
        n_events,
        "events",
        ours,
        theirs,
        agrees,
        asked,
    )


def _behaviour(program: Program, of: Company, cutoff: int) -> npt.NDArray[np.float32]:
    spine = Spine.at(len(of.created_at), cutoff)
    return behaviour(
        program, of.log, of.created_at, spine.lead, spine.cutoff, of.changes, of.colleagues
    )


def _alone(n_events: int) -> Company:
    one, others = (company(leads * n_events, leads, TYPES, seed=leads) for leads in (1, 2))
    account = np.zeros(others.log.n_events, dtype=np.int64)
    colleagues = grouped(
        np.zeros(1, dtype=np.int64),
        1,
        account,
        others.log.occurred_at,
        others.log.visible_at,
        others.log.event_type,
        (1 + others.log.lead_of_event()).astype(np.int32),
        others.log.types,
    )
    return replace(one, colleagues=colleagues)


def _plain(of: Company, lead: int, cutoff: int) -> npt.NDArray[np.float32]:
    created_at = int(of.created_at[lead])
    return by_plain_python(of.plan, of.log, lead, created_at, cutoff, of.changes, of.colleagues)


def _close(ours: npt.NDArray[np.float32], theirs: npt.NDArray[np.float32]) -> bool:
    """Equal to one part in a million, or to a millionth near zero."""
    return bool(np.allclose(ours, theirs, rtol=1e-6, atol=1e-6, equal_nan=True))
