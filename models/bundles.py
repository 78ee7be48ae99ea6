"""Options that verbs share, as bundles: a parameter of a bundle's type is its options.

Typer reads a function's parameters; `bundled` lists those of the bundles in their place.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer

from features.dates import DateOrder


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How files are to be read; what is not said is found out, and shown."""

    columns: Annotated[
        str | None,
        typer.Option(help='Names that differ: lead_id="Prospect ID",created_at=reg_date.'),
    ] = None
    timezone: Annotated[str | None, typer.Option(help="Zone of times without one: Asia/Tokyo.")] = (
        None
    )
    dates: Annotated[
        DateOrder | None, typer.Option(help="What 3/4/2026 is: mdy (March) or dmy (April).")
    ] = None
    encoding: Annotated[
        str | None, typer.Option(help="Of text files: utf-8, cp932, utf-16, ...")
    ] = None
    delimiter: Annotated[str | None, typer.Option(help="Between cells; tab for a tab.")] = None
    quote: Annotated[str | None, typer.Option(help="Quotation mark of CSV, or none.")] = None
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook.")] = None
    header: Annotated[
        int | None, typer.Option(min=1, help="Row on which the header of the lead list stands.")
    ] = None

    def named(self) -> dict[str, Any]:
        """The arguments that `Sources` and `Asked` take; files are those of the bundle."""
        from features.reading import Declared
        from models.options import named_columns

        files = {field.name for field in fields(self)} - {field.name for field in fields(Reading)}
        return {
            "columns": named_columns(self.columns, getattr(self, "id_column", None)),
            "timezone": self.timezone,
            "declared": Declared.of(self),
            **{name: getattr(self, name) for name in files - {"id_column"}},
        }


TABLE = "CSV, TSV, JSON Lines, Excel or Parquet, or a folder of them"
Identities = Annotated[
    Path | None, typer.Option(help="One person, several ids: merges and conversions.")
]
Events = Annotated[Path | None, typer.Option(help="Event log.")]
Changes = Annotated[Path | None, typer.Option(help="Attribute changes.")]
IdColumn = Annotated[str | None, typer.Option("--id", help="The column with the lead's id.")]


@dataclass(frozen=True, kw_only=True)
class LeadFiles(Reading):
    """A lead list with what happened to its leads."""

    leads: Annotated[Path, typer.Option(help=f"Lead list: {TABLE}.")]
    events: Events = None
    changes: Changes = None
    identities: Identities = None


@dataclass(frozen=True, kw_only=True)
class Files(LeadFiles):
    """The same, the column of ids being an option of its own."""

    id_column: IdColumn = None


@dataclass(frozen=True, kw_only=True)
class AnyFiles(Reading):
    """Files, where there are any."""

    leads: Annotated[Path | None, typer.Option(help=f"Lead list: {TABLE}.")] = None
    events: Events = None
    changes: Changes = None
    identities: Identities = None
    id_column: IdColumn = None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """As of when leads are seen, and what answers."""

    account_events: Annotated[
        Path | None, typer.Option(help="Events of colleagues not in the list, with account_id.")
    ] = None
    as_of: Annotated[str | None, typer.Option(help="See leads as of this moment; default now.")] = (
        None
    )
    model: Annotated[str | None, typer.Option(help="MLflow URI or artefact folder.")] = None
    lang: Annotated[Literal["en", "ja"], typer.Option(help="Language of reasons.")] = "en"

    def named(self) -> dict[str, Any]:
        """The arguments that `Asked` takes."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _in_order(bundle: type[Any]) -> list[Field[Any]]:
    """The fields of a bundle, in the order in which people read its options."""
    of_class = [list(vars(kind).get("__annotations__", ())) for kind in bundle.__mro__]
    names = [name for own in of_class for name in own]
    return sorted(
        fields(bundle), key=lambda field: (field.default is not MISSING, names.index(field.name))
    )


def bundled(command: Callable[..., None]) -> Callable[..., None]:
    """The same function for Typer: its parameters of a bundle's type are the bundle's options.

    Options stand in the order of the parameters; of a bundle those of what it is a kind of come
    last, and what is required first.
    """
    hints = get_type_hints(command, include_extras=True)
    bundles = {
        name: hint for name, hint in hints.items() if is_dataclass(hint) and isinstance(hint, type)
    }
    own = inspect.signature(command).parameters
    parameters: list[inspect.Parameter] = []
    for name, parameter in own.items():
        if name not in bundles:
            parameters.append(parameter.replace(annotation=hints[name]))
            continue
        inner = get_type_hints(bundles[name], include_extras=True)
        for field in _in_order(bundles[name]):
            default = inspect.Parameter.empty if field.default is MISSING else field.default
            parameters.append(
                inspect.Parameter(
                    field.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=default,
                    annotation=inner[field.name],
                )
            )
    names = {name: [field.name for field in fields(bundle)] for name, bundle in bundles.items()}

    @wraps(command)
    def run(**given: Any) -> None:
        for name, bundle in bundles.items():
            given[name] = bundle(**{inside: given.pop(inside) for inside in names[name]})
        command(**given)

    keyword = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    vars(run)["__signature__"] = inspect.Signature(keyword, return_annotation=None)
    run.__annotations__ = {p.name: p.annotation for p in keyword} | {"return": None}
    del run.__wrapped__
    return run
