"""The call list: whom to call this week, and why not the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from features.instants import HOUR, duration, iso
from models.playbook import Playbook
from models.settings import Settings
from models.terminal import Report
from models.wording import span, texts
from serving.asked import warnings_of
from serving.lists.expected import expected
from serving.lists.left_out import left_out
from serving.lists.listed import Listed, in_order, records
from serving.lists.places import fill
from serving.lists.seen import Seen, Wanted, see


@dataclass(frozen=True, kw_only=True)
class Calls(Wanted):
    """A call list that is wanted.

    Attributes
    ----------
    per_week : int or None
        Calls that can be made; default as the playbook says.
    owner : str or None
        Only leads for which this person of ours answers.
    explore : float or None
        The share of the places that is drawn at random; default as the playbook says.
    seed : int or None
        Of the draw; default the ISO week of the moment, such as 202640: the same all week.
    """

    per_week: int | None = None
    owner: str | None = None
    explore: float | None = None
    seed: int | None = None


def call_list(calls: Calls, settings: Settings, playbook: Playbook, report: Report) -> Listed:
    """Whom to call, in which order, and why.

    Raises
    ------
    UsageError
        When the owner, or a column that the playbook names, is not in the list.
    """
    seen = see(calls, settings, playbook, report)
    said = playbook.said.actions.calls
    out = left_out(seen, calls.owner)
    per_week = said.per_week if calls.per_week is None else calls.per_week
    share = said.explore if calls.explore is None else calls.explore
    seed = _week(seen) if calls.seed is None else calls.seed
    order = in_order(seen, out.may_be_called)
    places = fill(order, seen.hot, seen.scores.lead_id, per_week, share, seed)
    rows, drawn = places.rows, int(places.drawn.sum())
    report("saying why")
    counts = out.counts()
    behind = {"reason": "behind", "label": texts(seen.lang)["lists"]["left_out.behind"]}
    hot = int(seen.hot[order].sum())
    facts: dict[str, Any] = {
        "per_week": per_week,
        "owner": calls.owner,
        "may_be_called": len(order),
        "hot": hot,
        "hot_listed": int(seen.hot[rows].sum()),
        "explore": {"share": share, "drawn": drawn, "from": places.drawn_from, "seed": seed},
        "expected": expected(seen.scores.probability[rows]),
        "left_out": counts
        + [{**behind, "leads": len(order) - len(rows)}] * (len(order) > len(rows)),
    }
    own = [{"drawn": bool(mark)} for mark in places.drawn]
    warnings = warnings_of(seen.taken) + out.warnings
    if hot > per_week:
        words = texts(seen.lang)["lists"]["too_many"]
        warnings.append(words.format(hot=f"{hot:,}", calls=f"{per_week:,}"))
    leads = records(seen, rows, own)
    return Listed("call", seen, leads, rows, facts, list(_notes(seen, facts, rows)), warnings)


def _week(seen: Seen) -> int:
    moment = datetime.fromisoformat(str(iso(seen.as_of))).astimezone(seen.tz)
    year, week, _ = moment.isocalendar()
    return 100 * year + week


def _notes(
    seen: Seen, facts: dict[str, Any], rows: np.ndarray[Any, np.dtype[np.int64]]
) -> Iterator[str]:
    words = texts(seen.lang)["lists"]
    yield words["places"].format(
        may=f"{facts['may_be_called']:,}",
        hot=f"{facts['hot']:,}",
        listed=f"{len(rows):,}",
        hot_listed=f"{facts['hot_listed']:,}",
    )
    likely = facts["expected"]
    if likely:
        horizon = next(h for h in (seen.scores.horizon[row] for row in rows) if h)
        yield words["expected"].format(
            n=f"{likely['of']:,}",
            horizon=span(duration(horizon) / HOUR, seen.lang),
            mean=f"{likely['mean']:.1f}",
            low=likely["low"],
            high=likely["high"],
        )
    draw = facts["explore"]
    if draw["drawn"]:
        yield words["drawn"].format(
            n=draw["drawn"],
            among=f"{draw['from']:,}",
            seed=draw["seed"],
            share=f"{draw['share']:.0%}",
        )
