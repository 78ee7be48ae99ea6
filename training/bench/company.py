"""An invented company with all that the whole catalogue reads: events in full, changes, colleagues."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from features.changes import Changes
from features.colleagues import Colleagues, grouped
from features.instants import DAY, SECOND
from features.kinds import KINDS
from features.log import EventLog
from features.plan import Attribute, Plan, Response
from models.families import FAMILIES, lines_of
from training.bench.logs import CUTOFF, kinds, moments, sorted_log

_CHANNELS = ("web", "mail", "phone", "event", "social")
_STEPS = ("aware", "interested", "comparing", "deciding", "in_deal")
_CUSTOMER = "customer"
"""The step of a colleague who converted: what is predicted, so no step that features know."""
_PAGES = tuple(f"/page/{number:03}" for number in range(300))
_TRACKED = ("size", "phase")
_VISIT = 3
"""Events in a visit, on average."""
_ACCOUNT = 3
"""Leads of an account, on average."""


@dataclass(frozen=True)
class Company:
    """Leads with all that the kernel reads of them, and the plan of the whole catalogue."""

    plan: Plan
    log: EventLog
    created_at: npt.NDArray[np.int64]
    changes: Changes | None
    colleagues: Colleagues | None


def company(n_events: int, n_leads: int, types: tuple[str, ...], seed: int) -> Company:
    """Visits of a quarter of an hour, channels by type with 5% exceptions, values on 10% of events.

    Half of the events have a content, of 300; there is one change a lead, of one of two attributes,
    and an account for every three leads.
    """
    rng = np.random.default_rng(seed)
    log = _log(rng, n_events, n_leads, types)
    changed = np.sort(rng.integers(0, n_leads, n_leads))
    attribute = rng.integers(0, len(_TRACKED), n_leads)
    when = moments(rng, n_leads)
    order = np.lexsort((when, changed))
    names = [_TRACKED[code] for code in attribute[order]]
    changes = Changes(changed, names, [None] * n_leads, when[order])
    account = rng.integers(0, max(n_leads // _ACCOUNT, 1), n_leads)
    lead = log.lead_of_event()
    colleagues = grouped(
        account,
        int(account.max()) + 1,
        account[lead],
        log.occurred_at,
        log.visible_at,
        log.event_type,
        lead.astype(np.int32),
        log.types,
    )
    created_at = CUTOFF - rng.integers(355 * DAY, 400 * DAY, n_leads)
    return Company(_plan(types), log, created_at, changes, colleagues)


def whole_catalogue() -> tuple[str, ...]:
    """A line for every kind there is, with all its values, and the windows of its family."""
    lengths = {}
    for word, *rest in map(str.split, lines_of(FAMILIES)):
        lengths[word] = [length for length in rest if length not in KINDS[word].choices]
    return tuple(" ".join([name, *lengths.get(name, [])]) for name in KINDS)


def _log(rng: np.random.Generator, n_events: int, n_leads: int, types: tuple[str, ...]) -> EventLog:
    n_visits = max(n_events // _VISIT, 1)
    visit = rng.integers(0, n_visits, n_events)
    at = moments(rng, n_visits)[visit] + rng.integers(0, 900 * SECOND, n_events)
    lead = rng.integers(0, n_leads, n_visits)[visit]
    log = sorted_log(lead, at, kinds(rng, n_events, len(types)), n_leads, types)
    channel = log.event_type % len(_CHANNELS)
    other = rng.random(n_events) < 0.05
    channel[other] = rng.integers(0, len(_CHANNELS), other.sum())
    page = (len(_PAGES) * rng.random(n_events) ** 3).astype(np.int32)
    return replace(
        log,
        channel=channel,
        content=np.where(rng.random(n_events) < 0.5, page, -1).astype(np.int32),
        value=np.where(rng.random(n_events) < 0.1, rng.lognormal(3, 1, n_events), np.nan),
        channels=_CHANNELS,
        contents=_PAGES,
    )


def _plan(types: tuple[str, ...]) -> Plan:
    """Every third type is a touch; the first three of these are answered."""
    touches = types[1::3]
    acts = [name for name in types if name not in touches]
    pairs = [(before, after) for before in types[:4] for after in types[:4]]
    plan = Plan(
        event_types=types,
        other_types=(),
        touches=touches,
        features=(),
        attributes=tuple(Attribute(name, "category", "tracked") for name in _TRACKED),
        timezone="Asia/Tokyo",
        columns={},
        date_events={},
        channels=_CHANNELS,
        channel_of_type={
            name: _CHANNELS[place % len(_CHANNELS)] for place, name in enumerate(types)
        },
        inbound=types[::2],
        steps=_STEPS,
        step_of_type=dict(zip(acts, (*_STEPS, _CUSTOMER), strict=False)),
        responses=tuple(
            Response(touch, act, 0.3, by_mail=place == 0)
            for place, (touch, act) in enumerate(zip(touches[:3], acts[:3], strict=True))
        ),
        bigrams=tuple(pairs[:10]),
    )
    return plan.with_features(whole_catalogue())
