"""What of a file leads people astray, as far as the file shows it."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from features.cells import numbers, text_column
from features.errors import TegakariError
from features.instants import MISSING, zone
from features.leakage.finding import Finding, ranked
from features.leakage.names import named_afterwards
from features.leakage.spikes import import_spikes
from features.people import people
from features.reading import Declared, Table
from features.times import parse
from models.playbook import Playbook
from training.inspect.columns import Inspected, as_leads, duplicates
from training.leaks import find
from training.sources import Sources, gather

_PLACEHOLDER = re.compile(
    r"(?i)^\W*(select|please select|unknown|n/?a|none|null|nan|not (provided|specified|available)|-+|\?+|"
    r"なし|無し|未選択|未設定|未入力|不明|選択してください|その他・不明)\W*$"
)
_OUTCOME = re.compile(
    r"(?i)(?<![a-z])(converted|conversion|won|win|closed won|label|target|outcome|y|revenue|purchased?|bought|"
    r"subscribed|approved|declined|cancell?ed|rejected|lost|is ?won|churn|deal|success)(?![a-z])|"
    r"受注|成約|失注|契約|購入|コンバージョン"
)
_ENDS = re.compile(
    r"(?i)(?<![a-z])(approved|activated|accepted|won|closed|converted|purchased?|signed|declined|cancell?ed|"
    r"rejected|lost|deal|registered)(?![a-z])|受注|失注|成約|契約|購入"
)
_LIFE = {"start", "complete", "schedule", "suspend", "resume", "assign"}
_MONTHS = {name[:3].lower() for name in calendar.month_name[1:]}
_YES = {"1", "true", "yes", "y", "won", "はい", "有", "○"}
_NINES = re.compile(r"^9{3,}$")
_OFTEN = 0.05


def traps(table: Table, found: list[Inspected], declared: Declared) -> list[Finding]:
    """What stands in the file, what its names say, and what tells a column that is an outcome."""
    findings = [*_values(table, found), *_rows(table, found), *_events(table, found)]
    learnt = frozenset(one.column.name for one in found if one.column.learnable)
    labels = outcomes(table, found)
    names = [name for name in table.data.column_names if name not in labels]
    findings += named_afterwards(names, learnt)
    for name, positive in labels.items():
        means = f' --positive "{positive}"' if positive else ""
        findings.append(
            Finding(
                "likely",
                "column",
                name,
                "an outcome",
                "It has two values, and is named like an outcome.",
                f'Train with --label "{name}"{means}; an outcome is no attribute.',
            )
        )
    if labels and not event_log(found):
        findings += _telling(table, labels, declared)
    return ranked({(f.what, f.detector): f for f in findings}.values())


def outcomes(table: Table, found: list[Inspected]) -> dict[str, str | None]:
    """Columns of two values that are named like an outcome, and the value that means yes, if unsaid."""
    labels: dict[str, str | None] = {}
    for one in found:
        name = one.column.name
        words = re.sub(r"(?<=[a-z])(?=[A-Z])|[_\-./]+", " ", name)
        if one.levels != 2 or one.filled < len(table.lines) or not _OUTCOME.search(words):
            continue
        values = text_column(table.data[name]).unique().to_pylist()
        plain = {value.strip().lower() for value in values}
        if plain <= {"0", "1", "0.0", "1.0", "true", "false", "yes", "no"}:
            labels[name] = None
        elif yes := [value for value in values if value.strip().lower() in _YES]:
            labels[name] = yes[0]
    return labels


def with_outcomes(table: Table, found: list[Inspected]) -> list[Inspected]:
    """The same columns, those that are an outcome having that role."""
    labels = outcomes(table, found)
    return [
        replace(one, column=replace(one.column, role="outcome", why="named like an outcome"))
        if one.column.name in labels
        else one
        for one in found
    ]


def event_log(found: list[Inspected]) -> dict[str, str]:
    """The columns of an event log: whose, what and when; empty where the file is none."""
    when = next((one for one in found if one.moments and one.moments.zone != "days"), None)
    if when is None:
        return {}
    ids = [
        one
        for one in found
        if re.search(r"(?i)(?<![a-z])id(?![a-z])|番号", one.column.name.replace("_", " "))
        and 1 < one.levels < 0.8 * one.filled
    ]
    kinds = [
        one
        for one in found
        if one.column.type == "category"
        and 1 < one.levels <= 200
        and one.filled > 0.95 * when.filled
        and one not in ids
    ]
    if not ids or not kinds:
        return {}
    named = next(
        (one for one in kinds if re.search(r"(?i)activit|event|type|種別|行動", one.column.name)),
        kinds[0],
    )
    return {
        "lead_id": ids[0].column.name,
        "event_type": named.column.name,
        "occurred_at": when.column.name,
    }


def _values(table: Table, found: list[Inspected]) -> Iterator[Finding]:
    """Values that stand for something else: missing, or never."""
    for one in found:
        name, text = one.column.name, text_column(table.data[one.column.name])
        if one.column.type == "category":
            for entry in text.drop_null().value_counts().to_pylist():
                if _PLACEHOLDER.match(entry["values"]):
                    yield Finding(
                        "note",
                        "column",
                        name,
                        "a value that means missing",
                        f"{entry['values']!r} stands in {entry['counts']:,} of {len(text):,} rows.",
                        "Empty those cells, if it means that nothing is known.",
                    )
            levels = {value.strip().lower()[:3] for value in text.drop_null().unique().to_pylist()}
            if 2 < len(levels) <= 12 and levels <= _MONTHS:
                yield Finding(
                    "note",
                    "column",
                    name,
                    "months without a year",
                    f"Its {one.levels} values are months; which year each is of cannot be told.",
                    "Export dates with their years, or rows are in no order of time.",
                )
        if one.column.type == "number":
            value, bad = numbers(table.data[name])
            value = value[~bad & np.isfinite(value)]
            if not len(value):
                continue
            most = value.max()
            often = float((value == most).mean())
            rest = value[value < most]
            if (
                _NINES.match(f"{most:g}")
                and often >= _OFTEN
                and len(rest)
                and rest.max() < most / 2
            ):
                yield Finding(
                    "note",
                    "column",
                    name,
                    "a number that means missing",
                    f"{most:g} stands in {often:.0%} of the rows, and the next largest is {rest.max():g}.",
                    "Empty those cells, if it means never or not known.",
                )
        if one.moments and one.moments.order == "ambiguous":
            yield Finding(
                "likely",
                "column",
                name,
                "day or month first",
                f"{(text.drop_null()[0].as_py())!r} is one day or another, and no other date settles it.",
                "Say --dates mdy or --dates dmy.",
            )


def _rows(table: Table, found: list[Inspected]) -> Iterator[Finding]:
    """Rows that are copies, people who stand in several rows, dates of imports."""
    repeated, ids = duplicates(table, found)
    if repeated:
        without = (
            f" once {', '.join(ids)} {'is' if len(ids) == 1 else 'are'} left out" if ids else ""
        )
        yield Finding(
            "note",
            "file",
            "rows",
            "copies",
            f"{repeated:,} of {len(table.lines):,} rows repeat an earlier row{without}.",
            "Equal rows stay on one side of every split; take out those that are one lead twice.",
        )
    if event_log(found):
        return
    person = people(as_leads(table))
    several = np.bincount(person)
    if (several > 1).any():
        yield Finding(
            "note",
            "file",
            "rows",
            "probable duplicates",
            f"{int((several > 1).sum()):,} people have several rows: the same e-mail address or phone number.",
            "They are not merged, and stay on one side of every split; give --identities to merge them.",
        )
    timed = any(one.moments for one in found)
    if not timed:
        yield Finding(
            "note",
            "file",
            "rows",
            "no times",
            "No column holds times, so nothing shows what was known when.",
            "Train with --label, and --ordered where rows are in the order of time; better, export events.",
        )
    for one in found:
        if one.moments and re.search(r"(?i)creat|regist|作成|登録|獲得", one.column.name):
            at = parse(table.data[one.column.name], zone("UTC")).instant
            yield from import_spikes(at[at != MISSING], zone("UTC"))


def _events(table: Table, found: list[Inspected]) -> Iterator[Finding]:
    """An event log: types that sound like an end, and events told several times."""
    log = event_log(found)
    if not log:
        return
    types = text_column(table.data[log["event_type"]]).unique().drop_null().to_pylist()
    ends = [name for name in types if _ENDS.search(re.sub(r"[_\-.]+", " ", name))]
    if ends:
        yield Finding(
            "likely",
            "event",
            ", ".join(sorted(ends)),
            "an outcome",
            "Their names sound like what is to be predicted, or like an end.",
            "Declare them in the playbook's [events] with outcome, and the task's label and closes.",
        )
    for one in found:
        if one.column.type != "category" or one.levels > 12:
            continue
        values = {
            v.lower()
            for v in text_column(table.data[one.column.name]).unique().drop_null().to_pylist()
        }
        if len(values & _LIFE) > 1:
            yield Finding(
                "note",
                "column",
                one.column.name,
                "points in the life of one event",
                f"It says {', '.join(sorted(values))}: one piece of work is several rows.",
                "Count one of them, or let it be the content of the event.",
            )
    ids = text_column(table.data[log["lead_id"]])
    moments = parse(table.data[log["occurred_at"]], zone("UTC")).instant
    codes = ids.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    first = np.full(int(codes.max()) + 1, np.iinfo(np.int64).max)
    last = np.full(len(first), np.iinfo(np.int64).min)
    np.minimum.at(first, codes, moments)
    np.maximum.at(last, codes, moments)
    short = float((last - first < 86_400_000_000).mean())
    if short > 0.25:
        yield Finding(
            "note",
            "file",
            "events",
            "short histories",
            f"{short:.0%} of the {len(first):,} leads have all their events within a day.",
            "See leads as of a moment, and leave out those that were closed by then, as the tasks do.",
        )


def _telling(table: Table, labels: dict[str, str | None], declared: Declared) -> Iterator[Finding]:
    """What tells the first column that is an outcome, by the leakage check of a flat export."""
    label, positive = next(iter(labels.items()))
    others = tuple(name for name in labels if name != label)
    sources = Sources(
        Path(table.path), label=label, positive=positive, drop=others, declared=declared
    )
    try:
        playbook = Playbook.load()
        material = gather(sources, playbook, "qualification", with_rows=False)
        found = find(material, playbook)
    except TegakariError:
        return
    for one in found:
        yield replace(one, evidence=f"Of {label!r}: {one.evidence}")
