"""The plan of a training run: what a feature vector is, from what training rows see and nothing later."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from features.attributes import learnt
from features.groups import OTHER
from features.instants import MISSING
from features.kinds import KINDS
from features.log import EventLog
from features.people import email
from features.plan import Plan, Response, vocabulary
from models.playbook import Playbook
from training.bigrams import telling_bigrams
from training.responses import with_rates
from training.sources import Material

CHANNELS = 16
"""How many channels count apart; the rest share one."""


def freeze(material: Material, playbook: Playbook, rows: npt.NDArray[np.int64]) -> Plan:
    """The plan, from what some rows of the spine see.

    Parameters
    ----------
    rows : ndarray of int64
        Training rows, by position.
    """
    plan = Plan(
        event_types=(),
        other_types=(),
        touches=(),
        features=(),
        attributes=tuple(
            attribute
            for attribute in learnt(material.columns, material.trust, flat=material.flat)
            if attribute.name != material.account
        ),
        timezone=material.tz.key,
        columns=dict(material.form.columns),
        date_events=dict(material.form.date_events),
        numbered=material.intake.numbered,
        account=material.account,
    )
    return plan if material.flat else _with_behaviour(plan, material, playbook, rows)


def _with_behaviour(
    plan: Plan, material: Material, playbook: Playbook, rows: npt.NDArray[np.int64]
) -> Plan:
    spine, log = material.spine, material.log
    last = np.full(len(material.leads), MISSING)
    np.maximum.at(last, spine.lead[rows], spine.cutoff[rows])
    seen, rare = vocabulary(log, last, material.task.exclude_events)
    of_colleagues = _of_colleagues(material, last, {*seen, *rare})
    known = {*seen, *rare, *of_colleagues}
    visible = log.visible_at <= last[log.lead_of_event()]
    channel_of_type = {t: c for t, c in playbook.channel_of_type.items() if t in known}
    plan = replace(
        plan,
        event_types=seen,
        other_types=rare + of_colleagues,
        touches=tuple(name for name in playbook.touches if name in known),
        channels=_channels(log, visible, channel_of_type),
        channel_of_type=channel_of_type,
        inbound=tuple(name for name in playbook.inbound if name in known),
        steps=playbook.steps_before(material.task),
        step_of_type={t: s for t, s in playbook.step_of_type.items() if t in known},
        responses=with_rates(
            (
                Response(
                    touch,
                    answer,
                    by_mail=playbook.by_mail(touch),
                )
                for touch, answer in playbook.answers
                if {touch, answer} <= known
            ),
            log,
            visible,
        ),
    )
    if any(line.split()[:1] == ["bigram"] for line in playbook.catalogue_of(material.task)):
        plan = replace(plan, bigrams=telling_bigrams(plan, material, rows))
    plan = plan.with_features(playbook.catalogue_of(material.task))
    colleagues = material.intake.colleagues
    given = {
        "changes": material.intake.changes is not None,
        "colleagues": colleagues is not None and colleagues.anyone,
    }
    return replace(
        plan,
        features=tuple(
            feature
            for feature in plan.features
            if given.get(KINDS[feature.kind].source, True) and (rare or feature.of != OTHER)
        ),
    )


def _of_colleagues(
    material: Material, last: npt.NDArray[np.int64], known: set[str]
) -> tuple[str, ...]:
    """The event types beyond those known that training sees of colleagues alone.

    What closes a lead is seldom among its own events, but tells of its account.

    Parameters
    ----------
    last : ndarray of shape (n_leads,), int64
        The last cutoff of each lead in training; `MISSING` for leads not trained on.
    """
    colleagues = material.intake.colleagues
    if colleagues is None:
        return ()
    until = np.full(len(colleagues.offsets) - 1, MISSING)
    told = colleagues.account >= 0
    np.maximum.at(until, colleagues.account[told], last[told])
    visible = colleagues.visible_at <= np.repeat(until, np.diff(colleagues.offsets))
    codes = np.unique(colleagues.event_type[visible])
    seen = {colleagues.types[code] for code in codes} - known
    named = {name for name in seen if email(name) is None}
    return tuple(sorted(named - set(material.task.exclude_events)))


def _channels(
    log: EventLog, visible: npt.NDArray[np.bool_], of_type: dict[str, str]
) -> tuple[str, ...]:
    """The channels that training sees, most frequent first; an e-mail address is none."""
    names = sorted({*log.channels, *of_type.values()})
    place = {name: code for code, name in enumerate(names)}
    own = np.array([place[name] for name in log.channels] or [-1])
    by_type = np.array([place.get(of_type.get(name, ""), -1) for name in log.types] or [-1])
    channel, event_type = log.channel[visible], log.event_type[visible]
    code = np.where(channel >= 0, own[channel], by_type[event_type])
    times = np.bincount(code[code >= 0], minlength=len(names))
    order = sorted(range(len(names)), key=lambda c: (-times[c], names[c]))
    own_names = [c for c in order if times[c] and email(names[c]) is None]
    return tuple(names[c] for c in own_names[:CHANNELS])
