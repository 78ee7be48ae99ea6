"""``tegakari audit``: stored answers are computed again from what was known then, and compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import Connection

from features.errors import TegakariError
from features.instants import iso
from models.scorer import Scorer
from models.scores import Scores
from models.settings import Settings
from serving.kept import kept_scorer
from serving.store.reading import ids_about, known
from serving.store.statements import marked, select_in
from serving.store.store import Store

_COLUMNS = (
    "lead_id",
    "task",
    "asked",
    "state",
    "probability",
    "points",
    "temperature",
    "stage",
    "scored_by",
    "as_of",
    "known_at",
    "events_seen",
    "model",
    "playbook",
)
_COMPARED = ("task", "state", "points", "temperature", "stage", "probability")


@dataclass
class Audited:
    """What came of an audit.

    Attributes
    ----------
    compared : int
        Answers that were computed again.
    told_later : int
        Answers to leads of which history was brought in since, which counts as known at the time:
        they cannot be computed again.
    changed : int
        Answers to leads that were erased since.
    not_kept : int
        Answers of a model or playbook that is not there any more, or is damaged.
    mismatches : list of dict
        What was stored, and what came out now.
    """

    compared: int = 0
    told_later: int = 0
    changed: int = 0
    not_kept: int = 0
    mismatches: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return vars(self)


def audit(store: Store, settings: Settings, sample: int, seed: int) -> Audited:
    """Compute stored answers again, a sample of them drawn at random.

    Parameters
    ----------
    sample : int
        How many; all where there are not as many.
    """
    scorer = lru_cache(64)(lambda *names: _scorer(settings, *names))
    done = Audited()
    with store.reading() as connection:
        for row in _drawn(connection, sample, seed):
            _compare(connection, row, scorer(row["model"], row["playbook"], row["asked"]), done)
    return done


def _drawn(connection: Connection, sample: int, seed: int) -> list[dict[str, Any]]:
    numbers = np.array(
        [row[0] for row in connection.exec_driver_sql("SELECT id FROM scores ORDER BY id")],
        dtype=np.int64,
    )
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(numbers)[:sample]
    select = marked(connection, f"SELECT {', '.join(_COLUMNS)} FROM scores WHERE id = ?")
    rows = (connection.exec_driver_sql(select, (int(number),)).one() for number in drawn)
    return [dict(zip(_COLUMNS, row, strict=True)) for row in rows]


def _scorer(settings: Settings, model: str | None, playbook: str, task: str) -> Scorer | None:
    try:
        return kept_scorer(settings, model, playbook, task)
    except TegakariError:
        return None


def _compare(
    connection: Connection, row: dict[str, Any], scorer: Scorer | None, done: Audited
) -> None:
    if scorer is None:
        done.not_kept += 1
        return
    if _told_later(connection, row, ids_about(connection, row["lead_id"], row["known_at"])):
        done.told_later += 1
        return
    told = known(connection, [row["lead_id"]], known_at=row["known_at"])
    if len(told.leads) != 1:
        done.changed += 1
        return
    scores = scorer.score(
        told.leads,
        told.log,
        np.array([row["as_of"]]),
        task=row["asked"],
        changes=told.changes,
        colleagues=told.colleagues,
    )
    done.compared += 1
    now = _told(scores)
    # By rules, the probability is that of the points map of today, which is no part of the answer kept.
    names = [n for n in _COMPARED if row["scored_by"] == "model" or n != "probability"]
    if any(row[name] != now[name] for name in names):
        done.mismatches.append(
            {
                "lead_id": row["lead_id"],
                "as_of": iso(row["as_of"]),
                "known_at": iso(row["known_at"]),
                "stored": {name: row[name] for name in names},
                "now": {name: now[name] for name in names},
            }
        )


_LATER = (
    "SELECT 1 FROM events WHERE backfill AND id > {seen} AND received_at <= {known_at} AND lead_id",
    "SELECT 1 FROM changes WHERE told_at > {known_at} AND received_at <= {known_at} AND lead_id",
    "SELECT 1 FROM identities WHERE told_at > {known_at} AND received_at <= {known_at} AND lead_id",
    "SELECT 1 FROM identities WHERE told_at > {known_at} AND received_at <= {known_at} AND merged_into",
)
"""History that was not there when an answer was given, and counts as known then."""


def _told_later(connection: Connection, row: dict[str, Any], ids: list[str]) -> bool:
    """Whether history of some leads was brought in after an answer."""
    seen, known_at = int(row["events_seen"]), int(row["known_at"])
    return any(
        select_in(connection, select.format(seen=seen, known_at=known_at), ids) for select in _LATER
    )


def _told(scores: Scores) -> dict[str, Any]:
    p = float(scores.probability[0])
    return {
        "task": scores.task[0],
        "state": scores.state[0],
        "points": int(scores.points.total[0]),
        "temperature": scores.temperature[0],
        "stage": scores.stage(0),
        "probability": None if np.isnan(p) else p,
    }
