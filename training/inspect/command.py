"""The verb ``inspect``, from options to an exit code."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from features.leakage.finding import Finding
from features.reading import Declared, Table, read
from models.playbook import Playbook
from models.settings import Settings
from models.terminal import (
    REFUSED_ROWS,
    people,
    print_json,
    print_refused,
    print_table,
    progress,
)
from training.inspect.columns import Inspected, inspected
from training.inspect.traps import event_log, traps, with_outcomes


def run_inspect(
    file: Path, declared: Declared, settings: Settings, *, as_json: bool = False
) -> int:
    """Say what was understood of a file; nothing is written."""
    playbook = Playbook.load(settings.playbook)
    with progress("inspect") as report:
        report("reading")
        table = read(file, "row", declared)
        report("looking at columns")
        found = with_outcomes(table, inspected(table, dict(playbook.attributes)))
        report("looking for traps")
        findings = traps(table, found, declared)
    log = event_log(found)
    if as_json:
        print_json(
            {
                "file": table.path,
                "understood": table.understood,
                "rows": table.rows_in,
                "refused": [str(refusal) for refusal in table.refused],
                "aside": [row._asdict() for row in table.aside],
                "columns": [one.to_json() for one in found],
                "event_log": log or None,
                "findings": [finding.to_json() for finding in findings],
            }
        )
    else:
        _print(people(False), table, found, findings, log)
    print_refused(people(True), table.refused)
    return REFUSED_ROWS if table.refused else 0


def _print(
    console: Console,
    table: Table,
    found: list[Inspected],
    findings: list[Finding],
    log: dict[str, str],
) -> None:
    console.print(f"{table.path}: {table.understood}")
    console.print(f"{table.rows_in:,} rows, {len(table.refused):,} of them refused")
    for row in table.aside:
        console.print(f"  line {row.line} is a {row.kind}, no row: {row.text[:60].strip()}")
    header = ["column", "role", "time", "type", "filled", "values", "what stands there:"]
    print_table(console, "columns", header, [_row(one, len(table.lines)) for one in found])
    if log:
        named = ",".join(f'{name}="{theirs}"' for name, theirs in log.items())
        console.print(f"This looks like an event log: --columns {named}")
    else:
        console.print("To declare it otherwise, paste into the playbook and change:")
        console.print("[attributes]")
        for one in found:
            console.print(one.column.as_playbook())
    console.print()
    for finding in findings:
        console.print(f"{finding.severity:8}{finding.kind} {finding.what!r}: {finding.detector}")
        console.print(f"        {finding.evidence}")
        console.print(f"        {finding.advice}")


def _row(one: Inspected, n: int) -> list[str]:
    column, moments = one.column, one.moments
    shown = ", ".join(one.examples)
    if moments:
        order = f", {moments.order}" if moments.order else ""
        shown = f"{moments.first} to {moments.last} ({moments.zone}{order})"
    return [
        column.name,
        column.role,
        column.time if column.role == "feature" else "",
        "time" if moments else column.type,
        f"{one.filled / max(n, 1):.0%}",
        f"{one.levels:,}",
        shown,
    ]
