"""What a sources file says: which files there are, whom each row is about, and what it tells.

A column of the file is named by its header; ``attributes.Webpage ID`` is a key of the JSON text in
``attributes``; of names with `` | `` between them an export has one; a name that ends in ``?`` is
of a column that not every export has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from features.dates import DateOrder
from features.errors import UsageError
from features.instants import zone
from features.reading import Declared
from models.playbook.references import Problem, nearest
from models.playbook.values import Patterns, Section, Text, Texts, listed, one_table_or_more, refuse

Where = dict[Text, Patterns]
"""Rows that are meant: column -> the values of which each has one, in any case of letters; a value
after ``!`` is one that none has."""


def _typed(value: object) -> object:
    return {"is": value} if isinstance(value, str) else value


class TypeSection(Section):
    """The type of events: a constant, or read from a column by names, the first that fits."""

    constant: Text | None = Field(default=None, alias="is")
    column: Text | None = None
    names: dict[Text, Text] = Field(default={})

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.constant is None) == (self.column is None):
            raise refuse('expected a type in quotes, or { column = "...", names = { ... } }')
        return self


class EventsSection(Section):
    """Events that rows are: of which type, when, and what else is said of them."""

    type: Annotated[TypeSection, BeforeValidator(_typed)]
    at: Text
    content: Text | None = None
    value: Text | None = None
    channel: Text | None = None
    event_id: Text | None = None
    recorded_at: Text | None = None
    where: Where = Field(default={})


class LeadsSection(Section):
    """Leads that rows are: every column is an attribute, but for those in `drop`."""

    created_at: Text | None = None
    drop: Texts = ()
    rename: dict[Text, Text] = Field(default={})


class ChangesSection(Section):
    """Changes that rows are; without `old` the value before is that of the change before."""

    attribute: Text
    new: Text
    at: Text
    old: Text | None = None
    where: Where = Field(default={})


class IdentitySection(Section):
    """Ids of one person: the row's lead went on as `merged_into`, or took in those in `absorbed`."""

    kind: Literal["merge", "conversion"]
    merged_into: Text | None = None
    absorbed: Text | None = None
    split: Text = ";"
    at: Text | None = None
    where: Where = Field(default={})

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.merged_into is None) == (self.absorbed is None):
            raise refuse("expected either merged_into or absorbed, a column with ids")
        return self


class SourceSection(Section):
    """``[[source]]``: a file, or several of the same columns; `empty` are words that stand for nothing."""

    preset: Text | None = None
    name: Text | None = None
    file: Text | None = None
    sheet: Text | None = None
    header: Annotated[int, Field(ge=1)] | None = None
    encoding: Text | None = None
    delimiter: Text | None = None
    quote: Text | None = None
    dates: DateOrder | None = None
    epoch: Literal["s", "ms"] | None = None
    zone: Text | None = None
    empty: Texts = ()
    where: Where = Field(default={})
    lead: Annotated[tuple[dict[Text, Text], ...], BeforeValidator(one_table_or_more)] = ()
    ids: Literal["salesforce", "first"] | None = None
    keys: dict[Text, Text] = Field(default={})
    leads: LeadsSection | None = None
    events: Annotated[tuple[EventsSection, ...], BeforeValidator(one_table_or_more)] = ()
    changes: ChangesSection | None = None
    identities: Annotated[tuple[IdentitySection, ...], BeforeValidator(one_table_or_more)] = ()

    @property
    def declared(self) -> Declared:
        """What is said of the files themselves."""
        return Declared.of(self)

    def over(self, preset: SourceSection) -> SourceSection:
        """A preset, with what is said here in place of what it says."""
        own: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        return preset.model_copy(update=own)


class SourcesSection(Section):
    """A whole sources file."""

    version: Literal[1] = Field(alias="schema")
    timezone: Text | None = None
    source: Annotated[tuple[SourceSection, ...], BeforeValidator(listed), Field(min_length=1)]


def problems(said: SourcesSection, presets: dict[str, SourceSection]) -> Iterator[Problem]:
    """What is wrong with sources whose every key has its type."""
    products = {name.partition(".")[0] for name in presets}
    keys = {"id", "email", "phone"}
    for place, source in enumerate(said.source):
        at = ("source", place)
        if source.preset in products:
            # A whole product: its tables are looked for by their own file names.
            if source.file is not None:
                yield Problem((*at, "file"), "expected no file with the preset of a whole product")
            continue
        if source.preset is not None and source.preset not in presets:
            names = [*presets, *sorted(products)]
            yield Problem(
                (*at, "preset"),
                f"no preset is called {source.preset!r}; there are {', '.join(names)}."
                f"{nearest(source.preset, names)}",
            )
            continue
        whole = source.over(presets[source.preset]) if source.preset else source
        if whole.file is None:
            yield Problem(at, "expected a file, or a preset")
        if not whole.lead:
            yield Problem(
                at, 'expected lead = { id = "..." }: the column that says whom a row is about'
            )
        if any(len(key) != 1 for key in whole.lead):
            yield Problem(
                (*at, "lead"), 'expected entries of one key each, such as { email = "..." }'
            )
        if not (whole.leads or whole.events or whole.changes or whole.identities or whole.keys):
            yield Problem(
                at, "expected leads, events, changes, identities or keys: what its rows are"
            )
        keys |= set(whole.keys)
        try:
            _ = whole.declared
        except UsageError as error:
            yield Problem(at, str(error))
    yield from _unknown(said, presets, products, keys)
    for path, name in (
        (("timezone",), said.timezone),
        *((("source", place, "zone"), source.zone) for place, source in enumerate(said.source)),
    ):
        if name is not None:
            try:
                zone(name)
            except UsageError as error:
                yield Problem(path, str(error))


def _unknown(
    said: SourcesSection, presets: dict[str, SourceSection], products: set[str], keys: set[str]
) -> Iterator[Problem]:
    """Keys by which a lead is looked for and that no source gives."""
    for source in said.source:
        if source.preset in products:
            prefix = f"{source.preset}."
            for name, preset in presets.items():
                keys |= set(preset.keys) if name.startswith(prefix) else set()
    for place, source in enumerate(said.source):
        for key in {name for entry in source.lead for name in entry} - keys:
            yield Problem(
                ("source", place, "lead"),
                f"{key!r} is no key that a source gives; there are {', '.join(sorted(keys))}",
            )
