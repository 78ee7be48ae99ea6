"""The verb ``gather``, from options to an exit code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console

from features.errors import InputError
from features.reading import OWN_PREFIX, Refusal
from features.writing import write, write_refused
from models.playbook import Playbook
from models.playbook.playbook import text_of
from models.playbook.source import parse_as
from models.settings import Settings
from models.terminal import (
    REFUSED_ROWS,
    people,
    print_json,
    print_refused,
    print_table,
    progress,
)
from models.wording import texts
from training.gather.gather import Gathered, Taken, gather
from training.gather.presets import presets
from training.gather.said import SourcesSection, problems

TABLES = ("leads", "events", "changes", "identities")
_SHOWN = 5


def run_gather(
    file: Path,
    out: Path,
    settings: Settings,
    *,
    as_csv: bool = False,
    lang: str = "en",
    as_json: bool = False,
) -> int:
    """Bring the files that a sources file names into the tables of the contract."""
    said = parse_as(
        SourcesSection, text_of(file), str(file), lambda found: problems(found, presets())
    )
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: expected a folder for the tables, and it is a file.")
    playbook = Playbook.load(settings.playbook) if settings.playbook else None
    with progress("gather") as report:
        found = gather(said, file.resolve().parent, playbook, report)
        report("writing")
        written, aside = _write(found, out, "csv" if as_csv else "parquet")
    if as_json:
        print_json(_object(found, written, aside))
    else:
        _print(people(False), found, written, aside, lang)
    refused = [refusal for one in found.taken for refusal in _refused(one)]
    print_refused(people(True), refused)
    return REFUSED_ROWS if refused else 0


def _refused(one: Taken) -> list[Refusal]:
    return one.table.refused + one.refused


def _write(found: Gathered, out: Path, ending: str) -> tuple[dict[str, Path], list[Path]]:
    """Write the tables, and beside them the rows that are in none; files of an earlier run go."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made: {os.strerror(error.errno or 0)}.") from error
    aside = []
    for one in found.taken:
        name = "".join(
            letter if letter.isalnum() or letter in "._-" else "-" for letter in one.name
        )
        unmatched = one.unmatched()
        for kind, rows in (("unmatched", unmatched.num_rows), ("refused", len(_refused(one)))):
            path = out / f"{name}.{kind}.csv"
            if not rows:
                path.unlink(missing_ok=True)
                continue
            if kind == "unmatched":
                write(unmatched, path)
            else:
                write_refused(_refused(one), path)
            aside.append(path)
    written = {}
    for name in reversed(TABLES):
        table: pa.Table = getattr(found, name)
        for other in ("csv", "parquet"):
            path = out / f"{name}.{other}"
            if other == ending and (table.num_rows or name == "leads"):
                write(_marked(table) if ending == "csv" else table, path)
                written[name] = path
            else:
                path.unlink(missing_ok=True)
    return {name: written[name] for name in TABLES if name in written}, aside


def _marked(table: pa.Table) -> pa.Table:
    """The table with a column by which it is known, when read again, that Tegakari wrote it."""
    return table.append_column(f"{OWN_PREFIX}gathered", pa.array([True] * table.num_rows))


def _object(found: Gathered, written: dict[str, Path], aside: list[Path]) -> dict[str, Any]:
    return {
        "sources": [
            {
                "name": one.name,
                "file": one.table.path,
                "understood": one.table.understood,
                "rows": one.rows,
                **{name.replace(" ", "_"): n for name, n in one.counts.items()},
                "aside": [row._asdict() for row in one.table.aside],
                "told": dict(one.told),
                "unmatched_events": dict(one.unmatched_types),
            }
            for one in found.taken
        ],
        "without_file": found.missing,
        "rows": {name: getattr(found, name).num_rows for name in TABLES},
        "files": {name: str(path) for name, path in written.items()},
        "set_aside": [str(path) for path in aside],
        "probable_duplicates": found.duplicates,
        "probable_imports": [finding.to_json() for finding in found.imported],
    }


def _print(
    console: Console, found: Gathered, written: dict[str, Path], aside: list[Path], lang: str
) -> None:
    words = texts(lang)["gather"]
    for one in found.taken:
        console.print(f"{one.table.path}: {one.table.understood}")
        for row in one.table.aside[:_SHOWN]:
            console.print(
                "  " + words[f"aside_{row.kind}"].format(line=row.line, text=row.text[:60].strip())
            )
        if len(one.table.aside) > _SHOWN:
            console.print("  " + words["more"].format(n=len(one.table.aside) - _SHOWN))
    header = [words[key] for key in ("source", "rows", "matched", "unmatched", "left_out")]
    header += [words["refused"], words["told"]]
    rows = [
        [
            one.name,
            f"{one.rows:,}",
            *(f"{n:,}" for n in one.counts.values()),
            ", ".join(f"{n:,} {words[name]}" for name, n in one.told.items() if n),
        ]
        for one in found.taken
    ]
    print_table(console, words["title"], header, rows)
    for one in found.taken:
        if one.unmatched_types:
            kinds = ", ".join(f"{kind} {n:,}" for kind, n in one.unmatched_types.most_common())
            console.print(words["unmatched_events"].format(source=one.name, kinds=kinds))
    joined = sum(one.told["leads"] for one in found.taken) - found.leads.num_rows
    if joined:
        console.print(words["joined"].format(n=f"{joined:,}"))
    if found.missing:
        console.print(words["missing"].format(names=", ".join(found.missing)))
    if found.duplicates:
        groups = "; ".join(" = ".join(ids) for ids in found.duplicates[:_SHOWN])
        n = len(found.duplicates)
        more = words["more"].format(n=n - _SHOWN) if n > _SHOWN else ""
        console.print(words["duplicates"].format(n=f"{n:,}", groups=groups, more=more))
    for finding in found.imported:
        console.print(words["imported"].format(evidence=finding.evidence))
    for name, path in written.items():
        console.print(f"{path}: {getattr(found, name).num_rows:,} {words[name]}")
    for path in aside:
        console.print(words["set_aside"].format(path=path))
    options = " ".join(f"--{name} {path}" for name, path in written.items() if name != "identities")
    zone = f" --timezone {found.tz.key}" if found.tz else ""
    console.print(words["next"].format(command=f"tegakari train {options}{zone}"))
