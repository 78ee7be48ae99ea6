"""The verbs of ``outcomes``, from files to an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.instants import Instants
from features.spine import Spine
from features.times import parse_one
from features.writing import check_output, write
from models.playbook import Playbook
from models.settings import Settings
from models.terminal import REFUSED_ROWS, people, print_json, print_refused, progress
from training.breakdown.by_channel import Row, by_channel, by_content, everybody
from training.breakdown.definitions import Probability, SideBySide, side_by_side
from training.breakdown.exposed import History, Outcome
from training.breakdown.pairs import Pair, pairs
from training.breakdown.printing import (
    print_coverage,
    print_definitions,
    print_pairs,
    print_rejections,
    print_rows,
)
from training.breakdown.rejections import rejections
from training.breakdown.targets import Coverage, coverage
from training.gate.champion import champion_of
from training.sources import Sources, gather

What = Literal["channels", "contents", "pairs", "targets", "definitions", "rejections"]
Record = dict[str, Any]


def run_breakdown(
    what: What,
    sources: Sources,
    settings: Settings,
    task: str,
    *,
    most: int = 20,
    by: str | None = None,
    out: Path | None = None,
    lang: str = "en",
    as_json: bool = False,
) -> int:
    """Count what became of leads, print it, and write it where a file is asked for."""
    if out is not None:
        check_output(out)
    playbook = Playbook.load(settings.playbook)
    with progress("outcomes") as report:
        report("reading")
        material = gather(sources, playbook, task, with_rows=False)
        report("counting")
        history = History(material, playbook)
        found = _found(what, history, settings, most, by)
    records = _records(found)
    if out is not None:
        write(pa.Table.from_pylist(records), out)
    if as_json:
        print_json(
            {"task": material.task.name, "horizon": material.task.horizon_text, what: records}
        )
    else:
        _print(what, history, found, lang)
    refused = material.intake.refused
    print_refused(people(True), refused)
    return REFUSED_ROWS if refused else 0


def _found(what: What, history: History, settings: Settings, most: int, by: str | None) -> Any:
    if what == "channels":
        return [everybody(history), *by_channel(history)], 0
    if what == "contents":
        rows, more = by_content(history, most)
        return [everybody(history), *rows], more
    if what == "pairs":
        return pairs(history)
    if what == "definitions":
        return side_by_side(history, _probability(history, settings), most)
    return rejections(history, by) if what == "rejections" else coverage(history)


def _probability(history: History, settings: Settings) -> Probability:
    """What the champion says of leads whose outcomes it has not learnt from."""
    material = history.material

    def of(lead: npt.NDArray[np.int64], at: Instants) -> npt.NDArray[np.float64] | None:
        champion = champion_of(settings, material.task.name)
        if champion is None:
            return None
        record = champion.artefact.record
        seen = record.get("outcomes_seen_until") or record.get("first_test_cutoff")
        if not len(at) or (seen and at.min() < parse_one(seen, None, "the model's record")):
            return None
        return champion.probability(material, Spine(lead, at, None, np.zeros_like(lead)))

    return of


def _print(what: What, history: History, found: Any, lang: str) -> None:
    console = people(False)
    if not console.is_terminal:
        console.width = max(console.width, 140)
    if what == "pairs":
        print_pairs(console, history, found[0], found[1], lang)
    elif what == "targets":
        print_coverage(console, history, found, lang)
    elif what == "definitions":
        print_definitions(console, history, found, lang)
    elif what == "rejections":
        print_rejections(console, history, found[0], found[1], lang)
    else:
        print_rows(console, history, what, found[0], lang)


def _records(found: Any) -> list[Record]:
    """Plain values, a flat record for each row."""
    if isinstance(found, Coverage):
        return [
            {
                "who": c.who,
                "what": c.what,
                "how": c.how,
                "leads_now": c.leads,
                **_basis("", c.basis),
            }
            for c in found.combinations
        ]
    if isinstance(found, SideBySide):
        return [
            {
                "one": overlap.one,
                "other": overlap.other,
                "by_one": group.one,
                "by_other": group.other,
                "leads_now": group.now,
                **_basis("", group.basis),
                "median_points": group.points,
                "examples": "; ".join(group.examples),
            }
            for overlap in found.overlaps
            for group in overlap.groups
        ]
    if isinstance(found[0], str):
        return [
            {
                found[0]: r.source,
                "event": r.event,
                "reason": r.reason,
                "times": r.times,
                **_basis("source_", r.share),
                "cycles": "; ".join(f"{cycle}: {n}" for cycle, n in r.cycles.items()),
                "taken_up_again": r.taken_up,
            }
            for r in found[1]
        ]
    rows: Sequence[Row | Pair] = found[0]
    return [_row(row) if isinstance(row, Row) else _pair(row) for row in rows]


def _row(row: Row) -> Record:
    days = row.outcome.median
    return {
        "kind": row.kind,
        "name": row.name,
        "acts": row.acts,
        "touches": row.touches,
        "leads": row.leads,
        **_outcome("", row.outcome),
        "median_days": days and days.days,
        "median_low": days and days.low,
        "median_high": days and days.high,
    }


def _pair(pair: Pair) -> Record:
    record: Record = {"one": pair.one, "other": pair.other, **_outcome("both_", pair.both)}
    sides = (
        ("one", pair.one_alone, pair.against_one),
        ("other", pair.other_alone, pair.against_other),
    )
    for name, alone, against in sides:
        record |= _outcome(f"{name}_alone_", alone)
        for key in ("difference", "low", "high"):
            record[f"against_{name}_{key}"] = getattr(against, key) if against else None
    return record


def _outcome(before: str, outcome: Outcome) -> Record:
    left = {f"{before}{name}": n for name, n in outcome.left_out.items()}
    return {**_basis(before, outcome.basis), **left}


def _basis(before: str, basis: Any) -> Record:
    return {
        f"{before}{name}": basis[name] if basis else (0 if name in ("n", "converted") else None)
        for name in ("n", "converted", "low", "high")
    }
