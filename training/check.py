"""The verb ``check``: what is wrong with the data before anything is learnt from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console

from features.leakage.events import ends
from features.leakage.finding import SEVERITIES, Finding, ranked
from features.leakage.waits import Wait, Within, wait
from models.playbook import Playbook
from models.settings import Settings
from models.terminal import people, print_json, print_refused, print_table, progress
from training.fit import Rung, rung
from training.leaks import find, outcome_of
from training.sources import Material, Sources, gather
from training.strays import compared

CERTAIN = 1
"""Exit code: something certain was found, and `train` would refuse."""


@dataclass(frozen=True)
class Checked:
    """What the check came to.

    Attributes
    ----------
    findings : list of Finding, certain ones first
    waits : list of Wait
        For each event type that could be a label; empty for a flat export.
    unchecked : list of str
        What could not be looked at, and why.
    """

    findings: list[Finding]
    waits: list[Wait]
    unchecked: list[str]

    def count(self, severity: str) -> int:
        """How many findings are of a severity."""
        return sum(f.severity == severity for f in self.findings)


def run_check(sources: Sources, settings: Settings, task: str, *, as_json: bool = False) -> int:
    """Look for leaks and print what was found; nothing is written. An exit code."""
    playbook = Playbook.load(settings.playbook)
    with progress("check") as report:
        report("reading")
        material = gather(sources, playbook, task, with_rows=False)
        report("looking for leaks")
        checked = check(material, sources, playbook)
    if as_json:
        print_json(_object(checked, material))
    else:
        _print(people(False), checked, material)
    return CERTAIN if checked.count("certain") else 0


def check(material: Material, sources: Sources, playbook: Playbook) -> Checked:
    """Every detector, and how long conversion takes."""
    unchecked = [material.rowless] if material.rowless else []
    found = find(material, playbook) + compared(material, sources)
    missing = outcome_of(material, material.spine, material.observed_until, None).missing_leads
    if missing:
        unchecked.append(
            f"Columns, order and events were not compared with the outcome: {missing}."
        )
    if material.flat:
        unchecked.append(
            "A flat export has no times: events, touches, changes, counters, import dates and the "
            "time to the outcome were not looked at."
        )
    return Checked(
        ranked(found), [] if material.flat else candidates(material, playbook), unchecked
    )


def candidates(material: Material, playbook: Playbook) -> list[Wait]:
    """The event types that could be a label: the playbook's outcomes, and any that look like an end."""
    log, task, until = material.log, material.task, material.observed_until
    declared = [name for name in log.types if name in playbook.outcomes]
    other = ends(log, declared, (), until) if log.n_events else []
    first = [name for name in declared if name in task.label]
    names = dict.fromkeys([*first, *declared, *other])
    return [wait(material.leads, log, name, until) for name in names]


def reached(within: Within) -> Rung:
    """The rung of training's ladder that so many leads reach, were all of them trained on."""
    label = np.repeat(np.array([1, 0], dtype=np.int8), [within.converted, within.others])
    return rung(label, np.arange(len(label)))[0]


def _object(checked: Checked, material: Material) -> dict[str, object]:
    return {
        **{severity: checked.count(severity) for severity in SEVERITIES},
        "findings": [f.to_json() for f in checked.findings],
        "labels": [
            {
                "event_type": w.event_type,
                "leads": w.leads,
                "days": list(w.days) if w.days else None,
                "within": [
                    {
                        "days": within.days,
                        "converted": within.converted,
                        "others": within.others,
                        "rung": reached(within),
                    }
                    for within in w.within
                ],
            }
            for w in checked.waits
        ],
        "unchecked": checked.unchecked,
        "refused": len(material.intake.refused),
    }


def _print(console: Console, checked: Checked, material: Material) -> None:
    table = material.intake.table
    console.print(f"{table.path}: {table.understood}, {table.rows_in:,} rows")
    if material.intake.refused:
        print_refused(console, material.intake.refused)
    console.print()
    for f in checked.findings:
        console.print(f"{f.severity:8}{f.kind} {f.what!r}: {f.detector}", style=_STYLE[f.severity])
        console.print(f"        {f.evidence}")
        console.print(f"        {f.advice}")
    if checked.findings:
        console.print()
    if checked.waits:
        header = ["from creation to", "leads", "10%", "50%", "90%"]
        print_table(console, "days to the outcome", header, [_days(w) for w in checked.waits])
        console.print()
        header = ["converted within", *(f"{w.days} days" for w in checked.waits[0].within)]
        title = "leads that convert in time, and what training makes of so many"
        print_table(console, title, header, [_within(w) for w in checked.waits])
        console.print()
    for reason in checked.unchecked:
        console.print(f"not checked: {reason}")
    counts: Sequence[str] = [f"{checked.count(s)} {s}" for s in SEVERITIES]
    console.print(f"{', '.join(counts)}.")


_STYLE = {"certain": "bold", "likely": "", "note": "dim"}


def _days(w: Wait) -> list[str]:
    return [w.event_type, f"{w.leads:,}", *([f"{d:.1f}" for d in w.days] if w.days else "---")]


def _within(w: Wait) -> list[str]:
    return [w.event_type, *(f"{part.converted:,} {reached(part)}" for part in w.within)]
