"""Exports into the tables of the contract: leads, then who is one person, then events and changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.cells import numbers, text_column
from features.form import Form, latest_plausible, times
from features.identities import Identities, as_one, cyclic, resolved
from features.instants import MISSING, Instants, iso, now, zone
from features.leakage.finding import Finding
from features.leakage.spikes import import_spikes
from features.log import Leads
from features.people import contact_columns, people
from features.reading import Refusal, Table
from models.playbook import Playbook
from models.terminal import Report
from training.gather.files import (
    Mask,
    alternatives,
    column,
    files_of,
    has,
    meant,
    plainly,
    read_source,
    texts,
)
from training.gather.keyring import Keyring, new_ids, plain
from training.gather.presets import presets
from training.gather.said import EventsSection, SourceSection, SourcesSection


@dataclass
class Taken:
    """A source as it was read, and what became of its rows.

    Each row is refused, else left out, else of somebody unknown (`unmatched`), else matched.

    Attributes
    ----------
    lead : pyarrow.StringArray of shape (n_rows,)
        Whom each row is about; null for nobody that is known.
    wanted : ndarray of shape (n_rows,), bool
        Rows that the source means, and that tell something it knows.
    usable : ndarray of shape (n_rows,), bool
        Rows that were not refused.
    told : dict
        How many leads, events, changes and identities its rows came to.
    unmatched_types : Counter
        The types of events of somebody unknown.
    """

    source: SourceSection
    name: str
    table: Table
    form: Form
    lead: pa.Array
    wanted: Mask
    usable: Mask
    refused: list[Refusal] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    unmatched_types: Counter[str] = field(default_factory=Counter)
    needs_lead: bool = True

    def refuse(self, bad: Mask, name: str, reason: str) -> None:
        """Refuse rows that were usable so far."""
        bad = bad & self.usable
        self.refused += self.table.refusals(bad, name, reason)
        self.usable &= ~bad

    @property
    def rows(self) -> int:
        """Rows of the source, those that could not be read included."""
        return self.table.rows_in

    @property
    def found(self) -> Mask:
        """Rows whose lead is known."""
        return np.asarray(self.lead.is_valid().to_numpy(zero_copy_only=False), dtype=bool)

    @property
    def counts(self) -> dict[str, int]:
        """What became of the rows; the four add up to them."""
        left_out = self.usable & ~self.wanted
        matched = self.usable & self.wanted & self.found
        return {
            "matched": int(matched.sum()),
            "unmatched": int((self.usable & self.wanted & ~self.found).sum()),
            "left out": int(left_out.sum()),
            "refused": len(self.table.refused) + int((~self.usable).sum()),
        }

    def unmatched(self) -> pa.Table:
        """The rows whose lead is not known, with their lines."""
        rows = np.flatnonzero(self.usable & self.wanted & ~self.found)
        lines = pa.array(self.table.lines[rows])
        data = self.table.data.take(pa.array(rows))
        return data.append_column("tegakari_line", lines)


@dataclass(frozen=True)
class Gathered:
    """The tables, and what became of every row.

    Attributes
    ----------
    leads, events, changes, identities : pyarrow.Table
        In the form of the contract; ids are those that people have now.
    taken : list of Taken
    missing : list of str
        Tables of whole products that have no file.
    duplicates : list of list of str
        Ids of leads that are probably one person.
    imported : list of Finding
        Moments at which so many leads were created that they were probably imported then.
    tz : ZoneInfo or None
    """

    leads: pa.Table
    events: pa.Table
    changes: pa.Table
    identities: pa.Table
    taken: list[Taken]
    missing: list[str]
    duplicates: list[list[str]]
    imported: list[Finding]
    tz: ZoneInfo | None


def expanded(
    said: SourcesSection, folder: Path
) -> tuple[list[tuple[str, SourceSection]], list[str]]:
    """The sources with what their presets say; of a product, the tables that have a file."""
    known = presets()
    found: list[tuple[str, SourceSection]] = []
    missing: list[str] = []
    for source in said.source:
        if source.preset is not None and source.preset not in known:
            for name, preset in known.items():
                if name.startswith(f"{source.preset}."):
                    if preset.file and files_of(folder, preset.file):
                        own = source.model_copy(update={"name": None})
                        found.append((name, own.over(preset)))
                    else:
                        missing.append(f"{name} ({preset.file})")
            continue
        whole = source.over(known[source.preset]) if source.preset else source
        found.append((source.name or source.preset or str(source.file), whole))
    names = Counter(name for name, _ in found)
    seen: Counter[str] = Counter()
    numbered = []
    for name, source in found:
        seen[name] += 1
        numbered.append((f"{name} {seen[name]}" if names[name] > 1 else name, source))
    return numbered, missing


def gather(
    said: SourcesSection,
    folder: Path,
    playbook: Playbook | None = None,
    report: Report = lambda step: None,
) -> Gathered:
    """Read the sources and put them together.

    Parameters
    ----------
    folder : Path
        Where the files of the sources are.
    playbook : Playbook, optional
        How it makes event types out of raw ones, by `from`.

    Raises
    ------
    InputError
        When a file or a column is missing, a file cannot be read, or times have no zone.
    """
    sources, missing = expanded(said, folder)
    taken = []
    for name, source in sources:
        report(f"reading {name}")
        taken.append(_read(name, source, folder, said.timezone))
    ring = Keyring()
    report("leads")
    parts = [_leads(one, ring) for one in taken if one.source.leads is not None]
    for one in taken:
        if one.source.leads is None:
            one.lead = ring.find(one.table, one.source.lead, one.source.ids)
        for kind, name in one.source.keys.items():
            keys = plain(kind, texts(one.table, name), one.source.ids)
            ring.add(kind, keys, one.lead, np.full(len(keys), MISSING))
    report("identities")
    identities, rows = _identities(taken)
    ring.identify(identities)
    for one in taken:
        if one.source.leads is None:
            one.lead = ring.find(one.table, one.source.lead, one.source.ids)
    leads = _one_list(parts, identities)
    report("events")
    events = _events(taken, identities, playbook)
    changes = _changes(taken, identities)
    several = people(leads)
    tz = zone(said.timezone) if said.timezone else None
    return Gathered(
        _leads_table(leads),
        events,
        changes,
        rows,
        taken,
        missing,
        _together(leads, several),
        import_spikes(leads.created_at, tz or zone("UTC")),
        tz,
    )


def _read(name: str, source: SourceSection, folder: Path, timezone: str | None) -> Taken:
    table = read_source(folder, source)
    tz = source.zone or timezone
    form = Form(
        columns={},
        date_events={},
        tz=zone(tz) if tz else None,
        outcomes=frozenset(),
        latest=latest_plausible(now()),
        declared=source.declared,
    )
    n = len(table.lines)
    return Taken(
        source,
        name,
        table,
        form,
        pa.nulls(n, pa.string()),
        meant(table, source.where),
        np.ones(n, dtype=bool),
    )


def _leads(one: Taken, ring: Keyring) -> Leads:
    """The leads that the rows of a source are; their keys go to the ring."""
    source, table = one.source, one.table
    assert source.leads is not None
    ids = pa.nulls(len(table.lines), pa.string())
    for entry in source.lead:
        for kind, name in entry.items():
            keys = plain(kind, texts(table, name), source.ids)
            if kind == "id":
                ids = pc.coalesce(ids, keys)
            else:
                known = ring.find(table, [{kind: name}], source.ids)
                ids = pc.coalesce(ids, known, new_ids(kind, keys))
    first = next(iter(source.lead[0].values()))
    named = ids.is_valid().to_numpy(zero_copy_only=False)
    one.refuse(one.wanted & ~named, plainly(table, first), "a lead needs an id; there is none")
    created = np.full(len(ids), MISSING)
    if source.leads.created_at is not None and column(table, source.leads.created_at) is not None:
        created, _ = _times(one, source.leads.created_at, one.usable & one.wanted)
    one.lead = pc.if_else(pa.array(one.usable & one.wanted), ids, pa.scalar(None, pa.string()))
    kept = one.usable & one.wanted
    one.told["leads"] = int(kept.sum())
    ring.add("id", one.lead, one.lead, created)
    for kind, names in contact_columns(table.data.column_names).items():
        for name in names:
            ring.add(kind, plain(kind, texts(table, name)), one.lead, created)
    mask = pa.array(kept)
    return Leads(one.lead.filter(mask), created[kept], _attributes(one).filter(mask))


def _attributes(one: Taken) -> pa.Table:
    """The columns that are attributes: not ids, and not what events and identities are made of."""
    source = one.source
    assert source.leads is not None
    used = {name for entry in source.lead for kind, name in entry.items() if kind == "id"}
    used |= {*source.leads.drop, *source.keys.values(), source.leads.created_at or ""}
    used |= {entry.at for entry in source.events}
    for identity in source.identities:
        used |= {identity.merged_into or "", identity.absorbed or "", identity.at or ""}
    used = {plain_name for name in used for plain_name in alternatives(name)}
    data = one.table.data
    data = data.select([name for name in data.column_names if name not in used])
    return data.rename_columns([source.leads.rename.get(name, name) for name in data.column_names])


def _one_list(parts: Sequence[Leads], identities: Identities) -> Leads:
    """The leads of all sources as one list, each person once."""
    if not parts:
        none = pa.table({"": pa.nulls(0)}).drop_columns([""])
        return Leads(pa.array([], pa.string()), np.empty(0, dtype=np.int64), none)
    names = dict.fromkeys(name for part in parts for name in part.attributes.column_names)
    columns = {
        name: pa.concat_arrays(
            [
                text_column(part.attributes[name])
                if name in part.attributes.column_names
                else pa.nulls(len(part), pa.string())
                for part in parts
            ]
        )
        for name in names
    }
    every = Leads(
        pa.concat_arrays([part.lead_id for part in parts]),
        np.concatenate([part.created_at for part in parts]),
        pa.table(columns),
    )
    return as_one(every, identities, np.arange(len(every)))[0]


def _identities(taken: Iterable[Taken]) -> tuple[Identities, pa.Table]:
    """Who is one person, and the table of identities; rows of a cycle are refused."""
    into: dict[str, str] = {}
    of: dict[str, tuple[Taken, int, str, str | None, str]] = {}
    for one in taken:
        for said in one.source.identities:
            name = said.merged_into or said.absorbed or ""
            if not has(one.table, name) and name.endswith("?"):
                continue
            mask = one.usable & one.wanted & meant(one.table, said.where)
            own = _own_ids(one).to_pylist()
            at = texts(one.table, said.at).to_pylist() if said.at else [None] * len(own)
            others = texts(one.table, name).to_pylist()
            for row in np.flatnonzero(mask).tolist():
                for other in _split(others[row], said.split):
                    (key,) = plain("id", pa.array([other]), one.source.ids).to_pylist()
                    pair = (own[row], key) if said.merged_into else (key, own[row])
                    if None in pair or pair[0] == pair[1]:
                        continue
                    old, new = pair
                    if into.setdefault(old, new) != new:
                        bad = np.arange(len(own)) == row
                        one.refuse(
                            bad,
                            plainly(one.table, name),
                            f"{old!r} is {into[old]!r} by another row",
                        )
                    else:
                        of.setdefault(old, (one, row, name, at[row], said.kind))
    for old in cyclic(into):
        one, row, name, *_ = of.pop(old)
        one.refuse(
            np.arange(len(one.table.lines)) == row,
            plainly(one.table, name),
            "an id that comes back to itself",
        )
        del into[old]
    rows = [(old, into[old], of[old][3], of[old][4]) for old in into]
    for old in into:
        of[old][0].told["identities"] += 1
    names = ("lead_id", "merged_into", "merged_at", "kind")
    columns = list(zip(*rows, strict=True)) or [()] * 4
    table = pa.table(
        {name: pa.array(cells, pa.string()) for name, cells in zip(names, columns, strict=True)}
    )
    return Identities(resolved(into)), table


def _own_ids(one: Taken) -> pa.Array:
    """The id that a row itself gives, whether there is such a lead or not; else its lead's."""
    for entry in one.source.lead:
        if "id" in entry:
            ids = plain("id", texts(one.table, entry["id"]), one.source.ids)
            return pc.coalesce(ids, one.lead)
    return one.lead


def _split(text: str | None, by: str) -> list[str]:
    """Ids in a cell: a list of JSON, or texts between delimiters."""
    if not text:
        return []
    plain_text = text.strip().removeprefix("[").removesuffix("]")
    by = "," if plain_text != text.strip() else by
    return [part.strip().strip('"') for part in plain_text.split(by) if part.strip().strip('"')]


def _times(one: Taken, name: str, wanted: Mask) -> tuple[Instants, Mask]:
    """A column as times, the start of a day for one without a time, and which are such days."""
    name, table = plainly(one.table, name), one.table
    if name not in table.data.column_names:  # inside JSON
        table = replace(table, data=table.data.append_column(name, texts(table, name)))
    if one.source.epoch is not None:
        table = _since_1970(table, name, one.source.epoch)
    start, usable, refused = times(table, name, one.form, wanted, at_start=True)
    end, _, _ = times(table, name, one.form, wanted & usable, at_start=False)
    one.refused += refused
    one.usable &= ~wanted | usable
    return start, start != end


def _since_1970(table: Table, name: str, unit: Literal["s", "ms"]) -> Table:
    """The table with the numbers of a column as instants; what is no number stays as it is."""
    cells = texts(table, name)
    if not pc.all(pc.match_substring_regex(cells, r"^\d{9,14}$"), min_count=0).as_py():
        return table
    at = cells.cast(pa.int64()).cast(pa.timestamp(unit, tz="UTC"))
    place = table.data.column_names.index(name)
    return replace(table, data=table.data.set_column(place, name, at))


@dataclass(frozen=True)
class _Part:
    """Some events or changes: columns of one length, times with which of them are days."""

    columns: dict[str, pa.Array]
    at: Instants
    days: Mask
    tz: ZoneInfo | None


def _events(taken: Sequence[Taken], identities: Identities, playbook: Playbook | None) -> pa.Table:
    parts, recorded = [], []
    for one in taken:
        if not one.source.events:
            continue
        named = np.zeros(len(one.table.lines), dtype=bool)
        for said in one.source.events:
            if not has(one.table, said.at) and said.at.endswith("?"):
                named |= True
                continue
            part, when = _events_of(one, said, identities, named)
            parts.append(part)
            recorded.append(when)
        if one.source.leads is None:
            one.wanted &= named
    optional = ("event_id", "channel", "content", "value")
    table = _stacked(parts, ("lead_id", "event_type", *optional), "occurred_at")
    if any(when is not None for when in recorded):
        stacked = [
            replace(part, at=np.full(len(part.at), MISSING) if when is None else when)
            for part, when in zip(parts, recorded, strict=True)
        ]
        table = table.append_column("recorded_at", _written(stacked))
    kinds = (table["event_type"], table["content"], table["channel"])
    if playbook is not None and table.num_rows:
        made = pa.array(list(made_of(playbook, *(kind.to_pylist() for kind in kinds))), pa.string())
        table = table.set_column(table.column_names.index("event_type"), "event_type", made)
    empty = [name for name in optional if table[name].null_count == table.num_rows]
    return table.drop_columns(empty)


def made_of(
    playbook: Playbook,
    types: Sequence[str],
    contents: Sequence[str | None],
    channels: Sequence[str | None],
) -> Iterator[str]:
    """The event types that a playbook makes out of raw ones, by the first `from` that fits."""
    rules = [(name, raw) for name, event in playbook.said.events.items() for raw in event.made_of]
    known: dict[tuple[str, str | None, str | None], str] = {}
    for key in zip(types, contents, channels, strict=True):
        if key not in known:
            known[key] = next((name for name, raw in rules if raw.fits(*key)), key[0])
        yield known[key]


def _events_of(
    one: Taken, said: EventsSection, identities: Identities, named: Mask
) -> tuple[_Part, Instants | None]:
    """The events that rows are, and when they were recorded; rows that are some are marked in `named`."""
    table, n = one.table, len(one.table.lines)
    kinds = _types(table, said)
    mask = one.usable & one.wanted & meant(table, said.where) & kinds.is_valid().to_numpy(False)
    named |= mask
    there = texts(table, said.at).is_valid().to_numpy(zero_copy_only=False)
    at, days = _times(one, said.at, mask & there)
    value = pa.nulls(n, pa.float64())
    if said.value is not None and (cells := column(table, said.value)) is not None:
        number, bad = numbers(cells)
        one.refuse(mask & bad, plainly(table, said.value), "not a finite number")
        value = pa.array(number, pa.float64(), from_pandas=True)
    when: Instants | None = None
    if said.recorded_at is not None and has(table, said.recorded_at):
        when, _ = _times(one, said.recorded_at, mask & one.usable)
    happened = mask & one.usable & (at != MISSING)
    types = Counter(kinds.filter(pa.array(happened & ~one.found)).to_pylist())
    one.unmatched_types.update(types)
    rows = np.flatnonzero(happened & one.found)
    place = pa.array(rows)
    one.told["events"] += len(rows)
    ids = texts(table, said.event_id) if said.event_id else pa.nulls(n, pa.string())
    columns = {
        "lead_id": identities.resolved(one.lead).take(place),
        "event_type": kinds.take(place),
        # Two sources may number their events alike.
        "event_id": pc.binary_join_element_wise(one.name, ids.take(place), ":"),
        "channel": pa.array([said.channel] * len(rows), pa.string()),
        "content": (texts(table, said.content) if said.content else pa.nulls(n, pa.string())).take(
            place
        ),
        "value": value.take(place),
    }
    part = _Part(columns, at[rows], days[rows], one.form.tz)
    return part, None if when is None else when[rows]


def _types(table: Table, said: EventsSection) -> pa.Array:
    """The type of the event that each row is, null for none that has a name."""
    n = len(table.lines)
    if said.type.column is None:
        return pa.array([said.type.constant] * n, pa.string())
    coded = texts(table, said.type.column).dictionary_encode()
    if not said.type.names:
        return coded.cast(pa.string())
    names = [(pattern.casefold(), name) for pattern, name in said.type.names.items()]
    called = [
        next((name for pattern, name in names if fnmatchcase(text.casefold(), pattern)), None)
        for text in coded.dictionary.to_pylist()
    ]
    return pa.array(called, pa.string()).take(coded.indices)


def _changes(taken: Sequence[Taken], identities: Identities) -> pa.Table:
    parts = []
    for one in taken:
        said = one.source.changes
        if said is None:
            continue
        table = one.table
        mask = one.usable & one.wanted & meant(table, said.where)
        if one.source.leads is None and not one.source.events:
            one.wanted &= mask
        attribute, new = texts(table, said.attribute), texts(table, said.new)
        one.refuse(
            mask & ~attribute.is_valid().to_numpy(zero_copy_only=False),
            plainly(table, said.attribute),
            "a change needs the attribute it changed",
        )
        at, days = _times(one, said.at, mask & one.usable)
        one.refuse(mask & (at == MISSING), plainly(table, said.at), "a change needs a time")
        rows = np.flatnonzero(mask & one.usable & one.found)
        place = pa.array(rows)
        lead = identities.resolved(one.lead).take(place)
        columns = {
            "lead_id": lead,
            "attribute": attribute.take(place),
            "new_value": new.take(place),
        }
        if said.old is not None:
            columns["old_value"] = texts(table, said.old).take(place)
        else:
            columns["old_value"] = _before(lead, columns["attribute"], at[rows], new.take(place))
        one.told["changes"] += len(rows)
        parts.append(_Part(columns, at[rows], days[rows], one.form.tz))
    return _stacked(parts, ("lead_id", "attribute", "old_value", "new_value"), "changed_at")


def _before(lead: pa.Array, attribute: pa.Array, at: Instants, new: pa.Array) -> pa.Array:
    """The value that the change before, of one lead and attribute, led to; null for the first."""
    codes = [
        part.dictionary_encode().indices.to_numpy(zero_copy_only=False)
        for part in (lead, attribute)
    ]
    order = np.lexsort((np.arange(len(at)), at, codes[1], codes[0]))
    before = np.full(len(at), -1)
    if len(order) > 1:
        same = (np.diff(codes[0][order]) == 0) & (np.diff(codes[1][order]) == 0)
        before[order[1:][same]] = order[:-1][same]
    return new.take(pa.array(np.where(before < 0, 0, before), mask=before < 0))


def _stacked(parts: Sequence[_Part], names: Sequence[str], at: str) -> pa.Table:
    """Parts below each other, a column that no part has being null."""
    columns = {}
    for name in names:
        kind = pa.float64() if name == "value" else pa.string()
        arrays = [part.columns.get(name, pa.nulls(len(part.at), kind)) for part in parts]
        columns[name] = pa.chunked_array(arrays, kind)
    columns[at] = _written(parts)
    return pa.table(columns)


def _written(parts: Sequence[_Part]) -> pa.Array:
    """Times: instants, and where one of them is a day without a time, texts."""
    if not any(part.days.any() for part in parts):
        every = np.concatenate([part.at for part in parts] or [np.empty(0, dtype=np.int64)])
        return pa.array(every, pa.timestamp("us", tz="UTC"), mask=every == MISSING)
    texts_of = [
        (iso(int(at), part.tz) or "")[:10] if day else iso(int(at))
        for part in parts
        for at, day in zip(part.at, part.days, strict=True)
    ]
    return pa.array(texts_of, pa.string())


def _leads_table(leads: Leads) -> pa.Table:
    created = pa.array(
        leads.created_at, pa.timestamp("us", tz="UTC"), mask=leads.created_at == MISSING
    )
    table = pa.table({"lead_id": leads.lead_id, "created_at": created})
    for name in leads.attributes.column_names:
        if name not in table.column_names:
            table = table.append_column(name, leads.attributes[name])
    return table


def _together(leads: Leads, person: npt.NDArray[np.int64]) -> list[list[str]]:
    """The ids of leads that are probably one person."""
    order = np.argsort(person, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(person[order])) + 1)
    return [leads.lead_id.take(pa.array(part)).to_pylist() for part in parts if len(part) > 1]
