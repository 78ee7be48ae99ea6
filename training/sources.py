"""From files to training rows: a spine with labels, whichever of the three shapes the data have."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from features.attributes import Column, columns
from features.cells import text_column
from features.colleagues import account_source
from features.errors import InputError, TrainingRefused, UsageError
from features.form import Form
from features.instants import MISSING, now, zone
from features.log import EventLog, Leads
from features.people import people
from features.reading import AS_FOUND, Declared
from features.spine import Spine, training_spine
from features.tables import Intake, take_in
from features.task import Task
from features.times import parse_one
from models.intake import check_created_at, form_of
from models.playbook import Playbook
from models.playbook.references import nearest
from training.fingerprint import Fingerprint, fingerprints
from training.rowless import without_its_events, without_rows

_YES, _NO = {"1", "1.0", "true", "yes"}, {"0", "0.0", "false", "no"}


@dataclass(frozen=True)
class Sources:
    """Where the data are, and how to read them.

    Attributes
    ----------
    leads, events, changes, identities : Path or None
    columns : mapping
        The contract's name -> the file's name.
    date_events : mapping
        Event type -> column of the lead list with its date.
    label, positive : str or None
        The label column of a flat export, and the value that means converted.
    test : Path or None
        For a flat export: a file of rows to test on, instead of a random share.
    drop, trust : sequence of str
        Columns not to learn; snapshot columns to learn all the same.
    timezone, until : str or None
    ordered : bool
        Whether the rows of a flat export are in the order of time.
    declared : Declared
        What is said of the files themselves.
    stored_at : str or None
        Where the files are those of the store: the commit as of which they are, ISO 8601.
    """

    leads: Path
    events: Path | None = None
    changes: Path | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    date_events: Mapping[str, str] = field(default_factory=dict)
    label: str | None = None
    positive: str | None = None
    test: Path | None = None
    drop: Sequence[str] = ()
    trust: Sequence[str] = ()
    timezone: str | None = None
    until: str | None = None
    ordered: bool = False
    identities: Path | None = None
    declared: Declared = AS_FOUND
    stored_at: str | None = None

    @property
    def files(self) -> dict[str, Path | None]:
        """The files, by what they hold."""
        return {
            "leads": self.leads,
            "events": self.events,
            "changes": self.changes,
            "identities": self.identities,
            "test": self.test,
        }


@dataclass(frozen=True)
class Material:
    """Everything a training run works on.

    Attributes
    ----------
    intake : Intake
    task : Task
    spine : Spine, with labels
    columns : list of Column
    tz : ZoneInfo
    timezone_note : str
        Which zone is used, and why.
    observed_until : int
    flat : bool
    group : ndarray of shape (n_rows,), int64
        Rows that must not be divided between training and test: those of one lead, and of leads
        that are probably one person (see `features.people`); in a flat export also those that are
        equal.
    copies : ndarray of shape (n_rows,), int64, or None
        In a flat export: rows that are one lead to a model, see `copies`.
    given_test : ndarray of bool, or None
        Rows of the file of test rows.
    test_intake : Intake or None
        That file; its leads come after those of `intake`, and are in ``intake.leads`` too.
    rowless : str or None
        Why there are no rows to learn from, where there are none.
    ordered : bool
        Whether the rows of a flat export are in the order of time.
    files : tuple of Fingerprint
        The files that were read.
    stored_at : str or None
        See `Sources`.
    form : Form
    trust : tuple of str
        Snapshot columns to learn all the same.
    account : str or None
        What tells accounts, see `features.colleagues.account_source`.
    """

    intake: Intake
    task: Task
    spine: Spine
    columns: list[Column]
    tz: ZoneInfo
    timezone_note: str
    observed_until: int
    flat: bool
    group: npt.NDArray[np.int64]
    given_test: npt.NDArray[np.bool_] | None
    form: Form
    trust: tuple[str, ...] = ()
    account: str | None = None
    test_intake: Intake | None = None
    rowless: str | None = None
    ordered: bool = False
    copies: npt.NDArray[np.int64] | None = None
    files: tuple[Fingerprint, ...] = ()
    stored_at: str | None = None

    @property
    def unit(self) -> npt.NDArray[np.int64]:
        """Rows that are one lead to a model: it is told of none of them what another one did."""
        return self.group if self.copies is None else self.copies

    @property
    def leads(self) -> Leads:
        return self.intake.leads

    @property
    def log(self) -> EventLog:
        return self.intake.log


def gather(
    sources: Sources, playbook: Playbook, task_name: str, *, with_rows: bool = True
) -> Material:
    """Read the files and lay out the rows to learn from.

    Parameters
    ----------
    with_rows : bool, default True
        Whether a material without rows is refused.

    Raises
    ------
    UsageError
        When options contradict each other or name columns that are not there.
    InputError
        When a file cannot be used.
    TrainingRefused
        When no row has a label, or all have the same.
    """
    return _laid_out(*_taken(sources, playbook), playbook, task_name, with_rows)


def gather_each(sources: Sources, playbook: Playbook) -> Iterator[Material]:
    """The rows of every task of a playbook, those without rows too; the files are read once.

    Raises
    ------
    UsageError, InputError
        As `gather` does.
    """
    taken = _taken(sources, playbook)
    for name in playbook.tasks:
        yield _laid_out(*taken, playbook, name, False)


def _taken(sources: Sources, playbook: Playbook) -> tuple[Sources, Intake, Form]:
    """The files, read; the sources with the columns that patterns stand for."""
    _check_options(sources)
    form = form_of(
        playbook,
        columns=sources.columns,
        timezone=sources.timezone,
        date_events=sources.date_events,
        numbered=sources.label is not None,
        declared=sources.declared,
    )
    intake = take_in(sources.leads, sources.events, sources.changes, form, sources.identities)
    if not len(intake.leads):
        first = f" The first refused: {intake.refused[0]}." if intake.refused else ""
        raise InputError(f"{sources.leads}: no row could be used.{first}")
    check_created_at(sources.columns, intake)
    sources = replace(
        sources,
        drop=_named("--drop", sources.drop, intake),
        trust=_named("--trust", sources.trust, intake),
    )
    return sources, intake, form


def _laid_out(
    sources: Sources,
    intake: Intake,
    form: Form,
    playbook: Playbook,
    task_name: str,
    with_rows: bool,
) -> Material:
    material = (_flat if sources.label else _timed)(sources, playbook, task_name, intake, form)
    if with_rows and material.rowless:
        raise TrainingRefused(material.rowless)
    return _with_colleagues(
        replace(
            material,
            trust=tuple(sources.trust),
            files=fingerprints(sources.files),
            stored_at=sources.stored_at,
        )
    )


def _with_colleagues(material: Material) -> Material:
    """The same, with colleagues where a column that is not left out, or the events, tell accounts."""
    if material.flat:
        return material
    left_out = {column.name for column in material.columns if column.role == "outcome"}
    source = account_source(material.leads, material.log, left_out)
    return replace(material, account=source, intake=material.intake.with_colleagues(source))


def _timed(
    sources: Sources, playbook: Playbook, task_name: str, intake: Intake, form: Form
) -> Material:
    task = playbook.task(task_name)
    tz = form.tz or zone("UTC")
    note = f"{tz.key}" + ("" if form.tz else " (none declared; days begin at 00:00 UTC)")
    asked = sources.until and parse_one(sources.until, form.tz, "--until")
    until = asked or min(intake.observed_until if intake.log.n_events else now(), now())
    spine = Spine.none()
    rowless = without_its_events(task, playbook, intake.log.types)
    if rowless is None:
        spine = training_spine(intake.leads, intake.log, task, playbook.touches, until, tz)
        rowless = None if len(spine) else without_rows(task, spine, intake.leads, until, tz)
    found = columns(
        intake.leads,
        playbook.attributes,
        tracked=set(intake.changes.attribute) if intake.changes else (),
        outcomes={*playbook.exclude_columns(task), *sources.drop, *sources.date_events.values()},
    )
    return Material(
        intake,
        task,
        spine,
        found,
        tz,
        note,
        until,
        False,
        people(intake.leads)[spine.lead],
        None,
        form,
        rowless=rowless,
    )


def _flat(
    sources: Sources, playbook: Playbook, task_name: str, intake: Intake, form: Form
) -> Material:
    assert sources.label is not None
    label = read_label(intake.leads, sources.label, sources.positive, str(sources.leads))
    given_test, held_out = None, None
    if sources.test:
        held_out = take_in(sources.test, None, None, form)
        if not len(held_out.leads):
            raise InputError(
                f"--test {sources.test}: expected rows to test on, and no row could be used"
                + (f"; the first refused: {held_out.refused[0]}." if held_out.refused else ".")
            )
        more = read_label(held_out.leads, sources.label, sources.positive, str(sources.test))
        given_test = np.r_[np.zeros(len(label), dtype=bool), np.ones(len(more), dtype=bool)]
        label = np.concatenate([label, more])
        intake = _together(intake, held_out)
    n = len(label)
    task = Task(task_name, label=(), horizon=None, every=None)
    rows = np.arange(n)
    spine = Spine(rows, np.full(n, now()), label, np.zeros(n, dtype=np.int64))
    found = columns(
        intake.leads,
        playbook.attributes,
        outcomes={sources.label, *playbook.exclude_columns(task_name), *sources.drop},
    )
    learnable = [c.name for c in found if c.learnable]
    learnt = intake.leads.attributes.select(learnable)
    return Material(
        intake,
        task,
        spine,
        found,
        form.tz or zone("UTC"),
        "not used: no times",
        MISSING,
        True,
        _linked(same_rows(learnt), people(intake.leads)),
        given_test,
        form,
        copies=copies(learnt),
        test_intake=held_out,
        ordered=sources.ordered,
    )


def _linked(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A number for each row: rows share it that share one of two numbers, or are linked so by others."""
    graph = coo_array((np.ones(len(one), dtype=np.int8), (one, one.max(initial=0) + 1 + other)))
    n = max(graph.shape)
    square = coo_array((graph.data, (graph.row, graph.col)), shape=(n, n))
    return np.asarray(connected_components(square, directed=False)[1][one], dtype=np.int64)


def read_label(leads: Leads, column: str, positive: str | None, file: str) -> npt.NDArray[np.int8]:
    """A label column as 0 and 1.

    0/1, true/false and yes/no are read in any case; any other pair of values needs `positive`.
    """
    if column not in leads.attributes.column_names:
        raise UsageError(
            f"--label {column!r}: {file} has no such column; it has "
            f"{', '.join(leads.attributes.column_names)}.{nearest(column, leads.attributes.column_names)}"
        )
    text = text_column(leads.attributes[column]).to_pylist()
    if None in text:
        raise InputError(
            f"{file}: column {column!r} has {text.count(None):,} empty labels; every row of a flat export "
            "needs one. Leave those rows out, or name another column."
        )
    values = sorted({str(t) for t in text})
    shown = ", ".join(repr(v) for v in values[:6]) + (", ..." if len(values) > 6 else "")
    if positive is not None:
        if positive not in values:
            raise UsageError(
                f"--positive {positive!r}: column {column!r} holds {shown}.{nearest(positive, values)}"
            )
        alike = [v for v in values if v.strip().lower() == positive.strip().lower()]
        if len(alike) > 1:
            raise UsageError(
                f"--positive {positive!r}: column {column!r} holds {', '.join(map(repr, alike))}, which is "
                "ambiguous. Write them alike in the file."
            )
        return np.array([t == positive for t in text], dtype=np.int8)
    known = {v for v in values if v.strip().lower() in _YES | _NO}
    if len(known) < len(values):
        raise UsageError(
            f"--label {column!r} holds {shown}: expected 0/1, true/false or yes/no. "
            "Say which value means converted with --positive VALUE."
        )
    return np.array([str(t).strip().lower() in _YES for t in text], dtype=np.int8)


def copies(table: pa.Table) -> npt.NDArray[np.int64]:
    """A number for each row; rows that are copies of one another share it.

    Equal rows are taken for copies where there are more than twice as many pairs of them as chance
    would make, were the columns independent: n (n - 1) / 2 times the product over columns of the
    chance that two rows have the same value (Fellegi and Sunter 1969, without agreement weights).
    Two columns of few values make equal rows of leads that have nothing to do with each other.
    """
    group = same_rows(table)
    n, rows = len(group), np.bincount(group) if len(group) else np.zeros(1)
    expected = n * (n - 1) / 2
    for column in table.columns:
        times = np.unique(same_rows(pa.table([column], names=["x"])), return_counts=True)[1]
        expected *= float(((times / n) ** 2).sum())
    return group if (rows * (rows - 1) / 2).sum() > 2 * expected else np.arange(n)


def same_rows(table: pa.Table) -> npt.NDArray[np.int64]:
    """A number for each row, the same for rows that are equal in every column."""
    code = np.zeros(table.num_rows, dtype=np.int64)
    for column in table.columns:
        encoded = text_column(column).dictionary_encode()
        own = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)
        code = np.unique(np.column_stack([code, own]), axis=0, return_inverse=True)[1].reshape(-1)
    return code


def _together(first: Intake, second: Intake) -> Intake:
    """Two flat lead lists as one; their ids may repeat, since rows are what is counted."""
    attributes = pa.concat_tables(
        _typed_alike(first.leads.attributes, second.leads.attributes), promote_options="default"
    )
    leads = Leads(
        pa.concat_arrays([first.leads.lead_id, second.leads.lead_id]),
        np.concatenate([first.leads.created_at, second.leads.created_at]),
        attributes,
    )
    empty = replace(
        first.log,
        offsets=np.zeros(len(leads) + 1, dtype=np.int64),
        duplicates=np.zeros(len(leads), dtype=np.int64),
    )
    return replace(
        first,
        leads=leads,
        log=empty,
        refused=first.refused + second.refused,
        duplicates=first.duplicates + second.duplicates,
    )


def _typed_alike(first: pa.Table, second: pa.Table) -> list[pa.Table]:
    """Two tables in which a column of both that had two types (CSV and Parquet, say) is text."""
    tables = [first, second]
    for name in set(first.column_names) & set(second.column_names):
        if first[name].type != second[name].type:
            tables = [
                t.set_column(t.column_names.index(name), name, text_column(t[name])) for t in tables
            ]
    return tables


def _check_options(sources: Sources) -> None:
    if sources.label and (sources.events or sources.date_events or sources.changes):
        raise UsageError(
            "--label is for a flat export without times; with --events or --event the label is the "
            "playbook's event. Give one or the other."
        )
    if not sources.label and (sources.positive or sources.test or sources.ordered):
        raise UsageError("--positive, --test and --ordered go with --label.")
    if not sources.label and not sources.events and not sources.date_events:
        raise UsageError(
            "Nothing says what became of the leads. Give --events F (an event log), "
            '--event deal_opened="Opp Date" (dates in the lead list), or --label COLUMN (a flat export).'
        )


def _named(option: str, asked: Sequence[str], intake: Intake) -> tuple[str, ...]:
    """The columns asked for; ``Asymmetrique *`` asks for every column that begins so."""
    there = intake.leads.attributes.column_names
    found: list[str] = []
    for name in asked:
        matches = [name] if name in there else fnmatch.filter(there, name)
        if not matches:
            raise UsageError(
                f"{option} {name!r}: no such column; there are {', '.join(there)}.{nearest(name, there)}"
            )
        found += matches
    return tuple(found)
