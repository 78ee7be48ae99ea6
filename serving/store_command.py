"""The verbs ``import``, ``export`` and ``audit``, from options to an exit code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from features.instants import iso, now
from features.times import parse_one
from models.intake import declared_zone, form_of
from models.playbook import Playbook
from models.settings import Settings
from models.terminal import aside, people, print_json, print_table, progress
from serving.exporting import Kind, export
from serving.importing.tables import TABLES, files_in, import_tables
from serving.keys_command import opened
from serving.replay import audit


def run_import(
    folder: Path | None, named: Mapping[str, Any], settings: Settings, *, as_json: bool = False
) -> int:
    """Bring contract tables into the store, and print what became of their rows."""
    playbook = Playbook.load(settings.playbook)
    form = form_of(
        playbook,
        columns=named["columns"],
        timezone=named["timezone"],
        declared=named["declared"],
    )
    given = {name: named[name] for name in TABLES if named.get(name) is not None}
    files = {**(files_in(folder) if folder else {}), **given}
    with opened(settings) as store, progress("import") as report:
        accounts = import_tables(store, files, form, report)
    refused = [row for account in accounts.values() for row in account.refused]
    said = {name: account.to_json() for name, account in accounts.items()}
    console = people(as_json)
    if as_json:
        print_json(said)
    else:
        for name, account in said.items():
            console.print(
                f"{name}: {account['rows']:,} rows = {account['taken']:,} taken + "
                f"{account['duplicates']:,} duplicates + {account['refused']:,} refused + "
                f"{account['before']:,} imported before"
            )
    return aside(refused, settings.home / "import", console)


def run_export(
    out: Path, known_at: str | None, kind: Kind, settings: Settings, *, as_json: bool
) -> int:
    """Write the store as contract tables."""
    zone = declared_zone(Playbook.load(settings.playbook), None)
    at = parse_one(known_at, zone, "--known-at") if known_at else None
    with opened(settings) as store:
        done = export(store, out, at, kind)
    if as_json:
        print_json({"out": str(out), "known_at": iso(done.at), "rows": done.rows})
    else:
        for name, count in done.rows.items():
            people(False).print(f"{out / f'{name}.{kind}'}: {count:,} rows")
    return 0


def run_audit(sample: int, seed: int | None, settings: Settings, *, as_json: bool) -> int:
    """Compute stored answers again, and print where they differ; 1 where any does."""
    drawn = now() if seed is None else seed
    with opened(settings) as store:
        done = audit(store, settings, sample, drawn % 2**32)
    if as_json:
        print_json(done.to_json())
        return 1 if done.mismatches else 0
    console = people(False)
    console.print(
        f"{done.compared:,} answers computed again, {len(done.mismatches):,} of them differ; left "
        f"out: {done.told_later:,} of leads whose history came later, {done.changed:,} of leads "
        f"erased since, {done.not_kept:,} of models or playbooks not kept"
    )
    rows = [
        (one["lead_id"], one["as_of"], name, str(one["stored"][name]), str(one["now"][name]))
        for one in done.mismatches
        for name in one["stored"]
        if one["stored"][name] != one["now"][name]
    ]
    if rows:
        print_table(
            console, "answers that differ", ("lead", "as of", "what", "stored", "now"), rows
        )
    return 1 if rows else 0
