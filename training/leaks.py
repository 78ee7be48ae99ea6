"""Every detector of the leakage check on one training run's material."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.attributes import as_of, learnt
from features.cells import numbers, text_column
from features.errors import TrainingRefused
from features.instants import MISSING, zone
from features.leakage.alone import codes
from features.leakage.columns import Seen, too_good_alone
from features.leakage.counters import flat_counters, named_counters
from features.leakage.dates import changed_after, dated_after
from features.leakage.events import ends, only_after, unknown_ends
from features.leakage.filled import filled_after, one_class_only
from features.leakage.finding import Finding, ranked, trusting
from features.leakage.names import named_afterwards
from features.leakage.order import Order, digits_of, order_that_predicts
from features.leakage.outcome import Outcome
from features.leakage.spikes import import_spikes
from features.leakage.touches import touches_follow
from features.plan import Attribute
from features.spine import Spine, labels_of
from features.times import parse
from models.conditions import View
from models.playbook import Playbook
from models.qualification import Qualification
from training.sources import Material
from training.strays import counted

Rows = npt.NDArray[np.int64]


def find(
    material: Material, playbook: Playbook, rows: Rows | None = None, until: int | None = None
) -> list[Finding]:
    """What the lead list, the events and the changes tell of the outcome.

    Parameters
    ----------
    rows : ndarray of int64, or None
        Rows of the spine to look at, by default all: training gives its own, so that nothing it is
        tested on decides what it learns.
    until : int or None
        Only outcomes by then, by default all that were observed.
    """
    until = material.observed_until if until is None else until
    spine = material.spine if rows is None else material.spine.take(rows)
    among = np.zeros(len(material.leads), dtype=bool)
    among[spine.lead] = True
    everyone = rows is None
    outcome = outcome_of(material, spine, until, None if everyone else among)
    names = names_learnt(material)
    found = _columns(material, spine, outcome, names) + _orders(material, outcome)
    if material.flat:
        found += named_counters(material.columns, names)
    else:
        found += _events(material, playbook, spine, outcome, until)
        created = material.leads.created_at if everyone else material.leads.created_at[among]
        found += import_spikes(created, material.tz)
        found += flat_counters(
            material.leads,
            material.log,
            _numbers_and_flags(material),
            material.observed_until,
            names,
            {*material.task.label, *material.task.closes},
        )
    return ranked(trusting(_once(found), material.trust))


def refuse_leaks(
    material: Material, playbook: Playbook, rows: Rows, until: int | None
) -> list[Finding]:
    """What training is to say; what is certain and would be learnt refuses it.

    Raises
    ------
    TrainingRefused
        Naming each such column or event type, the evidence, and what to do.
    """
    found = find(material, playbook, rows, until)
    certain = [f for f in found if f.severity == "certain"]
    if certain:
        said = "\n".join(f"  {f}" for f in certain)
        raise TrainingRefused(
            f"The outcome is in the data, and a model would learn it and nothing else:\n{said}\n"
            "`tegakari check` with the same options prints everything that was found."
        )
    return ranked(found + counted(material))


def names_learnt(material: Material) -> frozenset[str]:
    """The columns that training would learn, or learn through: what tells accounts too."""
    names = {a.name for a in learnt(material.columns, material.trust, flat=material.flat)}
    return frozenset(names | ({material.account} if material.account else set()))


def outcome_of(
    material: Material, spine: Spine, until: int, among: npt.NDArray[np.bool_] | None
) -> Outcome:
    """What became of each lead: the label of a flat export, else what the events say."""
    if material.flat:
        return Outcome.of_rows(spine.lead, labels_of(spine))
    assert material.task.horizon is not None
    return Outcome.of_events(
        material.leads,
        material.log,
        material.task.label,
        horizon=material.task.horizon,
        until=until,
        among=among,
    )


def _columns(
    material: Material, spine: Spine, outcome: Outcome, names: frozenset[str]
) -> list[Finding]:
    table, changes = material.leads.attributes, material.intake.changes
    last = last_rows(spine)
    still_open = Outcome.of_rows(last.lead, labels_of(last))
    seen, found = [], []
    # What tells accounts is learnt through what colleagues did, whatever its own role.
    columns = [
        replace(c, role="feature") if c.name == material.account else c for c in material.columns
    ]
    for column in columns:
        if column.role in ("key", "outcome"):
            continue
        if column.time == "tracked" and changes is not None:
            attribute = Attribute(column.name, "category", "tracked")
            values = as_of(attribute, material.leads, changes, last)
            assert isinstance(values, pa.Array)
            seen.append(Seen(column, values, still_open))
        else:
            values = text_column(table[column.name].take(pa.array(outcome.lead)))
            seen.append(Seen(column, values, outcome))
        if column.type == "date" and not material.flat:
            moments = parse(table[column.name], material.form.tz or zone("UTC")).day_end
            found += dated_after(column.name, moments[outcome.lead], outcome)
    found += too_good_alone(seen, names)
    found += filled_after(seen, names)
    named_already = {f.what for f in found}
    found += [f for f in one_class_only(seen, names) if f.what not in named_already]
    found += named_afterwards([s.column.name for s in seen], names)
    return found + _changes(material, outcome, names)


def _changes(material: Material, outcome: Outcome, names: frozenset[str]) -> list[Finding]:
    changes = material.intake.changes
    if changes is None:
        return []
    label_at = np.full(len(material.leads), MISSING)
    label_at[outcome.lead] = outcome.at
    time_of = {c.name: c.time for c in material.columns if c.role != "outcome"}
    attribute = np.asarray(changes.attribute, dtype=object)
    found = []
    for name in sorted(time_of):
        mine = attribute == name
        if mine.any():
            tracked = time_of[name] == "tracked"
            lead, at = changes.lead[mine], changes.changed_at[mine]
            found += changed_after(name, lead, at, label_at, tracked=tracked, learnt=names)
    return found


def _numbers_and_flags(material: Material) -> dict[str, npt.NDArray[np.float64]]:
    """Columns that do not follow a table of changes: numbers, and flags as 0 and 1."""
    found = {}
    for column in material.columns:
        values = material.leads.attributes[column.name]
        if column.role in ("key", "outcome") or column.time == "tracked":
            continue
        if column.type == "number":
            found[column.name] = numbers(values)[0]
        elif column.type == "category" and column.levels == 2:
            found[column.name] = codes(values, number=False).astype(np.float64)
        elif column.levels:
            filled = text_column(values).is_valid().to_numpy(zero_copy_only=False)
            found[column.name] = filled.astype(np.float64)
    return found


def _orders(material: Material, outcome: Outcome) -> list[Finding]:
    leads, table = material.leads, material.leads.attributes
    orders = [Order("row number", np.arange(len(leads), dtype=np.float64))]
    if not material.intake.numbered:
        orders.append(Order("lead_id", digits_of(leads.lead_id)))
    for column in material.columns:
        if column.role == "key":
            orders.append(Order(f"id {column.name!r}", digits_of(table[column.name])))
    mine = [replace(order, position=order.position[outcome.lead]) for order in orders]
    created = None if material.flat else leads.created_at[outcome.lead]
    return order_that_predicts(mine, outcome, created)


def _events(
    material: Material, playbook: Playbook, spine: Spine, outcome: Outcome, until: int
) -> list[Finding]:
    task, log = material.task, material.log
    known = {*task.label, *task.closes, *task.reopens, *task.exclude_events}
    found = only_after(log, outcome, known)
    late = {f.what for f in found}
    closing = {*task.label, *task.closes}
    found += unknown_ends([name for name in ends(log, known, closing, until) if name not in late])
    if not len(spine):
        return found
    touches = [name for name in playbook.touches if name not in known]
    drawn = one_row_each(spine)
    view = View(material.leads, log, drawn.lead, drawn.cutoff, material.intake.changes)
    points = Qualification(playbook).points(view).total.astype(np.float64)
    found += touches_follow(
        log, touches, drawn.lead, drawn.cutoff, points, of="points", kind="points"
    )
    for column in material.columns:
        score = column.type == "number" and column.time == "tracked" and _scores(column.name)
        if score and column.role != "outcome":
            attribute = Attribute(column.name, "number", "tracked")
            value = as_of(attribute, material.leads, material.intake.changes, drawn)
            assert isinstance(value, np.ndarray)
            found += touches_follow(
                log, touches, drawn.lead, drawn.cutoff, value, of=column.name, kind="score"
            )
    return found


def _scores(name: str) -> bool:
    """Whether a column is named like a score."""
    return any(
        word in name.casefold() for word in ("score", "points", "grade", "スコア", "ポイント")
    )


def last_rows(spine: Spine) -> Spine:
    """The last row of each lead: as of the latest moment at which it was still to be predicted."""
    ends_here = np.r_[spine.lead[1:] != spine.lead[:-1], True][: len(spine)]
    return spine.take(ends_here)


def one_row_each(spine: Spine, seed: int = 0) -> Spine:
    """One row of each lead, drawn at random.

    Every lead is in it, unlike in `models.points_map.drawn_rows`: what is compared are columns, not
    how often leads convert, and few converted leads are not to become fewer.
    """
    order = np.random.default_rng(seed).permutation(len(spine))
    drawn = order[np.unique(spine.lead[order], return_index=True)[1]]
    return spine.take(np.sort(drawn))


def _once(findings: Iterable[Finding]) -> list[Finding]:
    """A column named by a certain finding needs no weaker one beside it."""
    listed = list(findings)
    certain = {(f.kind, f.what) for f in listed if f.severity == "certain"}
    return [f for f in listed if f.severity == "certain" or (f.kind, f.what) not in certain]
