"""The verb ``playbook check``, from options to an exit code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from features.instants import iso, now
from features.tables import Intake, take_in
from models.checking import LEVELS, Checked, checked, waiting, with_findings
from models.difference_told import difference_json, print_difference
from models.firing import Data
from models.holding import on_data
from models.intake import check_created_at, form_of
from models.playbook import Playbook
from models.playbook.difference import Difference, differences
from models.playbook.effect import SHAPING
from models.playbook.playbook import DEFAULT, text_of
from models.settings import Settings
from models.terminal import REFUSED_ROWS, people, print_json, print_refused, progress
from models.wording import texts
from training.sources import Sources


@dataclass(frozen=True)
class Held:
    """Data that a playbook was held against."""

    intake: Intake
    at: int


def run_check(
    file: Path | None,
    settings: Settings,
    sources: Sources | None = None,
    against: Path | None = None,
    *,
    lang: str = "en",
    as_json: bool = False,
) -> int:
    """Say what is wrong with a playbook and what is odd about it; 1 where something is wrong.

    Parameters
    ----------
    file : Path or None
        By default the playbook of the settings.
    sources : Sources or None
        Data to hold it against.
    against : Path or None
        An earlier playbook; by default that of the settings, where `file` is another.
    """
    path = file or settings.playbook or DEFAULT
    if against is None and file is not None and settings.playbook is not None:
        against = settings.playbook
    before = Playbook.load(against) if against else None
    with progress("check") as report:
        found, held = checked(text_of(path), str(path), lang), None
        if sources is not None and found.playbook is not None:
            report("reading")
            held = hold(sources, found.playbook)
            report("holding the playbook against the data")
            intake = held.intake
            data = Data(found.playbook, intake.leads, intake.log, intake.changes, held.at)
            found = with_findings(found, on_data(data), lang)
    changed = differences(before, found.playbook) if before and found.playbook else None
    if as_json:
        print_json(_object(found, held, before, changed))
    else:
        _print(people(False), found, held, before, changed, lang)
    if held is not None:
        print_refused(people(True), held.intake.refused)
    if found.playbook is None:
        return 1
    return REFUSED_ROWS if held is not None and held.intake.refused else 0


def hold(sources: Sources, playbook: Playbook) -> Held:
    """Read data as the playbook says, and the moment as of which they are seen: the latest event's."""
    form = form_of(
        playbook,
        columns=sources.columns,
        timezone=sources.timezone,
        date_events=sources.date_events,
        declared=sources.declared,
    )
    intake = take_in(sources.leads, sources.events, sources.changes, form, sources.identities)
    check_created_at(sources.columns, intake)
    return Held(intake, intake.observed_until if intake.log.n_events else now())


def _object(
    found: Checked,
    held: Held | None,
    before: Playbook | None,
    changed: list[Difference] | None,
) -> dict[str, Any]:
    return {
        "file": found.source,
        "version": found.playbook.version if found.playbook else None,
        "counts": {level: found.count(level) for level in LEVELS},
        "findings": [told.to_json(found.source) for told in found.told],
        "data": None
        if held is None
        else {
            "leads": len(held.intake.leads),
            "events": held.intake.log.n_events,
            "as_of": iso(held.at),
            "refused": len(held.intake.refused),
        },
        "at_next_training": list(SHAPING),
        "against": before.version if before else None,
        "waiting": None
        if changed is None
        else [difference_json(difference) for difference in waiting(changed)],
    }


def _print(
    console: Console,
    found: Checked,
    held: Held | None,
    before: Playbook | None,
    changed: list[Difference] | None,
    lang: str,
) -> None:
    words = texts(lang)["playbook"]
    for told in found.told:
        place = words["place"] if told.key else words["place_alone"]
        console.print(place.format(source=found.source, line=told.line, key=told.key))
        console.print(f"  {words[f'level.{LEVELS[told.level]}']}: {told.text}")
    if found.told:
        console.print()
    playbook = found.playbook
    if playbook is None:
        console.print(words["refused"].format(source=found.source, wrong=found.count("wrong")))
        return
    summary = words["counts" if found.told else "clean"]
    console.print(
        summary.format(
            source=found.source,
            version=playbook.version,
            wrong=found.count("wrong"),
            likely=found.count("likely a mistake"),
            notes=found.count("note"),
        )
    )
    if held is None:
        console.print(words["not_held"])
    else:
        console.print(
            words["held"].format(
                leads=f"{len(held.intake.leads):,}",
                events=f"{held.intake.log.n_events:,}",
                at=iso(held.at),
            )
        )
    console.print(words["shaping"].format(sections=", ".join(f"[{name}]" for name in SHAPING)))
    console.print(words["at_once"])
    if before is not None and changed is not None:
        later = waiting(changed)
        console.print(words["waiting" if later else "not_waiting"].format(old=before.source))
        for difference in later:
            print_difference(console, difference, lang)
