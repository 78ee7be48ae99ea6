"""Hot leads that nobody looked after: over the line, and no touch of ours since."""

from __future__ import annotations

import numpy as np

from features.instants import MISSING, Instants, iso
from models.conditions import Mask
from models.past import Past
from models.playbook import Playbook
from models.settings import Settings
from models.temperature import Temperatures, looks
from models.terminal import Report
from models.wording import counted, texts
from serving.asked import warnings_of
from serving.lists.left_out import left_out
from serving.lists.listed import Listed, first, records
from serving.lists.seen import Seen, Wanted, see
from serving.lists.working_days import passed


def untouched(wanted: Wanted, settings: Settings, playbook: Playbook, report: Report) -> Listed:
    """The hot leads that wait for a touch of ours, the longest wait first.

    A lead is untouched when no touch of ours (``[suppress] touches``) occurred after it came over
    the hot line, and ``[actions.calls] within`` working days have passed since. Where no look at
    its past saw it come over the line, its last act counts, else its creation; without either it is
    untouched when it was never touched, and comes last.
    """
    seen = see(wanted, settings, playbook, report)
    calls = playbook.said.actions.calls
    report("looking when leads became hot")
    hot = np.flatnonzero(seen.hot & seen.on_task & ~seen.excluded)
    since, by_line = _since(seen)
    since, by_line = since[hot], by_line[hot]
    touch, log = seen.last_touch[hot], seen.log
    touched = touch >= 0
    if log.n_events:
        touched &= log.occurred_at[touch] > since
    known = since != MISSING
    waited = np.zeros(len(hot), dtype=np.int64)
    waited[known] = passed(since[known], seen.as_of, seen.tz, calls.holidays)
    waits = ~touched & (~known | (waited >= calls.within))
    order = sorted(
        np.flatnonzero(waits), key=lambda i: (~known[i], since[i], seen.scores.lead_id[hot[i]])
    )
    places = first(np.array(order, dtype=np.int64), wanted.most)
    rows = hot[places]
    report("saying why")
    out = left_out(seen, None)
    why = [None if code < 0 else out.labels[code] for code in out.by[rows]]
    own = [
        {
            "hot_since": iso(int(since[i])),
            "hot_since_by": "line" if by_line[i] else "last_act",
            "working_days": int(waited[i]) if known[i] else None,
            "not_to_be_called": reason,
        }
        for i, reason in zip(places, why, strict=True)
    ]
    facts = {
        "hot": len(hot),
        "touched": int(touched.sum()),
        "fresh": int((~touched & ~waits).sum()),
        "untouched": int(waits.sum()),
        "within": calls.within,
    }
    note = texts(seen.lang)["lists"]["untouched"].format(
        days=counted("lists", "working_days", calls.within, seen.lang),
        **{name: f"{facts[name]:,}" for name in ("hot", "touched", "fresh", "untouched")},
    )
    warnings = warnings_of(seen.taken) + out.warnings
    leads = records(seen, rows, own)
    return Listed("untouched", seen, leads, rows, facts, [note], warnings)


def _since(seen: Seen) -> tuple[Instants, Mask]:
    """Since when each lead is hot, and whether it was seen to come over the line."""
    scorer, known = seen.taken.scorer, seen.taken.known
    temperatures = Temperatures(seen.playbook)
    task = seen.taken.asked.task
    artefact = scorer.artefact_for(task)
    asked = artefact.task if artefact else seen.playbook.task(task)
    past = Past(known, asked, scorer.qualification, artefact, scorer.points_map)
    lead, at = looks(known.leads, known.log, seen.scores.as_of, known.changes, seen.hot)
    earlier = past.values(temperatures.by_points, lead, at)
    since = temperatures.hot_since(earlier, lead, at, len(seen))
    by_line = since != MISSING
    event, log = seen.last_act, seen.log
    act = np.where(event >= 0, log.occurred_at[event], MISSING) if log.n_events else since
    since = np.where(by_line, since, act)
    return np.where(since == MISSING, known.leads.created_at, since), by_line
