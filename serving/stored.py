"""Scores of stored leads: each is asked of the task that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from features.instants import DAY
from features.known import Known
from models.playbook import Playbook
from models.scores import Scores
from serving.live import Live
from serving.registry import Loaded
from serving.store.ranking import Row
from serving.store.reading import known
from serving.store.store import last_commit

_SOON = 0.25
"""The part of a day after which a lead on a line is looked at again; far from one it is a day."""


@dataclass(frozen=True)
class Seen:
    """Leads of the store and the moment they are seen at.

    Attributes
    ----------
    known : Known
    as_of, known_at : int
    events_seen : int
        The number of the last event that the store held then.
    """

    known: Known
    as_of: int
    known_at: int
    events_seen: int


def look(
    connection: Connection,
    live: Live,
    lead_ids: Sequence[str],
    as_of: int,
    known_at: int | None = None,
) -> Seen:
    """Read leads; `known_at` is by default what the store holds now."""
    at, event = last_commit(connection)
    told = known(connection, lead_ids, known_at=known_at)
    return Seen(told, as_of, at if known_at is None else known_at, event)


def scored(
    live: Live, seen: Seen, *, task: str | None = None, reasons: int = 0, lang: str = "en"
) -> Iterator[tuple[Loaded, Scores]]:
    """The answers to leads, each by what answers the task it belongs to, else the main one.

    Parameters
    ----------
    task : str, optional
        Ask about this one whatever they belong to.
    """
    told, mine = seen.known, live.main
    if task is not None:
        yield live.of(task), _score(live.of(task), told, seen.as_of, reasons, lang)
        return
    order = [mine, *(loaded for loaded in live.loaded.values() if loaded is not mine)]
    first = _score(mine, told, seen.as_of, reasons, lang)
    open_ = np.array([one is None for one in first.task], dtype=np.bool_)
    if not open_.any() or len(order) == 1:
        yield mine, first
        return
    # What belongs to no task at all is answered by the main one.
    chosen = np.zeros(len(told.leads), dtype=np.int64)
    for place, loaded in enumerate(order[1:], 1):
        left = open_ & (chosen == 0)
        if not left.any():
            break
        belongs = _score(loaded, told.keep(left), seen.as_of, 0, lang).task
        chosen[left] = np.where([one is not None for one in belongs], place, 0)
    for place, loaded in enumerate(order):
        rows = chosen == place
        if rows.any():
            yield loaded, _score(loaded, told.keep(rows), seen.as_of, reasons, lang)


def rows_of(live: Live, seen: Seen, scored_at: int) -> list[Row]:
    """The scores of leads as the ranked list keeps them."""
    return [
        row
        for loaded, scores in scored(live, seen)
        for row in _rows(live, seen, loaded, scores, scored_at)
    ]


def _rows(live: Live, seen: Seen, loaded: Loaded, scores: Scores, scored_at: int) -> Iterator[Row]:
    log = seen.known.log
    places = {one: n for n, one in enumerate(seen.known.leads.lead_id.to_pylist())}
    owners = _owners(live.playbook, seen.known)
    versions, signature = scores.versions, live.signature
    for row, lead_id in enumerate(scores.lead_id):
        p, place = float(scores.probability[row]), places[lead_id]
        by_model = bool(scores.by_model[row])
        margin = _margin(live.playbook, int(scores.points.total[row]), p)
        visible = log.visible_at[log.offsets[place] : log.offsets[place + 1]]
        ahead = visible[visible > seen.as_of]
        due = scored_at + int(DAY * min(1.0, _SOON + margin))
        yield Row(
            lead_id=lead_id,
            task=scores.task[row],
            asked=loaded.task,
            state=scores.state[row],
            probability=None if np.isnan(p) else p,
            raw=float(scores.raw[row]),
            points=int(scores.points.total[row]),
            temperature=scores.temperature[row],
            stage=scores.stage(row),
            owner=owners[place],
            scored_by="model" if by_model else "rules",
            fallback_reason=scores.fallback_reason[row],
            as_of=seen.as_of,
            known_at=seen.known_at,
            scored_at=scored_at,
            due_at=min(due, int(ahead.min())) if len(ahead) else due,
            margin=margin,
            events_seen=seen.events_seen,
            model=versions["model"],
            playbook=str(versions["playbook"]),
            features=versions["features"],
            code=str(versions["code"]),
            signature=signature,
        )


def _margin(playbook: Playbook, points: int, probability: float) -> float:
    """How far a lead is from the nearest line, as a part of that line; infinite without lines."""
    said = playbook.said.temperature
    value = float(points) if said.by == "points" else probability
    if said.lines is None or np.isnan(value):
        return 1.0
    return min(abs(value - line) / abs(line or 1.0) for line in said.lines)


def _owners(playbook: Playbook, told: Known) -> list[str | None]:
    """Who of ours answers for each lead, by the column that the playbook names."""
    name = playbook.said.actions.calls.owner
    table = told.leads.attributes
    if name is None or name not in table.column_names:
        return [None] * len(told.leads)
    return [None if one is None else str(one) for one in table[name].to_pylist()]


def _score(loaded: Loaded, told: Known, as_of: int, reasons: int, lang: str) -> Scores:
    return loaded.scorer.score(
        told.leads,
        told.log,
        np.full(len(told.leads), as_of),
        task=loaded.task,
        changes=told.changes,
        colleagues=told.colleagues,
        reasons=reasons,
        lang=lang,
    )
