"""The verbs of the playbook that read it and replace it: ``check``, ``show``, ``diff``, ``publish``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from features.errors import UsageError
from features.instants import iso, now
from features.tables import Intake, take_in
from models.checking import LEVELS, Checked, checked, waiting, with_findings
from models.firing import Data
from models.holding import on_data
from models.intake import check_created_at, form_of
from models.options import named_columns, pairs
from models.playbook import Playbook
from models.playbook.difference import Difference, differences, points_differ
from models.playbook.effect import SHAPING
from models.playbook.playbook import DEFAULT, bytes_of, text_in, text_of
from models.playbook_page import page, print_page
from models.settings import Settings
from models.terminal import REFUSED_ROWS, people, print_json, print_refused, progress
from models.wording import texts
from training.publish import Published, publish, target_of
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


def sources_of(
    leads: Path | None,
    events: Path | None,
    changes: Path | None,
    event: Sequence[str] | None,
    id_column: str | None,
    columns: str | None,
    timezone: str | None,
) -> Sources | None:
    """The data that the options of the command name; None where they name none.

    Raises
    ------
    UsageError
        When there are events or changes without leads.
    """
    if leads is None:
        if events or changes or event:
            raise UsageError("--events, --changes and --event go with --leads, the lead list.")
        return None
    return Sources(
        leads,
        events,
        changes,
        columns=named_columns(columns, id_column),
        date_events=pairs(event, "--event"),
        timezone=timezone,
    )


def hold(sources: Sources, playbook: Playbook) -> Held:
    """Read data as the playbook says, and the moment as of which they are seen: the latest event's."""
    form = form_of(
        playbook,
        columns=sources.columns,
        timezone=sources.timezone,
        date_events=sources.date_events,
    )
    intake = take_in(sources.leads, sources.events, sources.changes, form)
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


def difference_json(difference: Difference) -> dict[str, Any]:
    """A difference as plain values."""
    return {
        "kind": difference.kind,
        "key": difference.key,
        "old": difference.old,
        "new": difference.new,
        "effect": difference.effect,
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


def run_show(
    file: Path | None, settings: Settings, *, lang: str = "en", as_json: bool = False
) -> int:
    """Print the definitions of a playbook as a page."""
    playbook = Playbook.load(file or settings.playbook)
    rows = page(playbook, lang)
    if as_json:
        meaning = playbook.said.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        print_json({"file": playbook.source, "version": playbook.version, "playbook": meaning})
    else:
        print_page(people(False), rows)
    return 0


def run_diff(old: Path, new: Path, *, lang: str = "en", as_json: bool = False) -> int:
    """Say what two playbooks mean otherwise, and when it takes effect."""
    before, after = Playbook.load(old), Playbook.load(new)
    found = differences(before, after)
    if as_json:
        print_json(
            {
                "old": {"file": str(old), "version": before.version},
                "new": {"file": str(new), "version": after.version},
                "same": not found,
                "points_changed": points_differ(found),
                "differences": [difference_json(difference) for difference in found],
            }
        )
        return 0
    console, words = people(False), texts(lang)["playbook"]
    if not found:
        console.print(words["same"].format(old=old, new=new, version=after.version))
        return 0
    console.print(
        words["versions"].format(
            old=old, before=before.version, new=new, after=after.version, n=len(found)
        )
    )
    for difference in found:
        print_difference(console, difference, lang)
    console.print(words["points_moved" if points_differ(found) else "points_stay"])
    return 0


def print_difference(console: Console, difference: Difference, lang: str) -> None:
    """Print what is said otherwise: what, from what to what, and when it takes effect."""
    words = texts(lang)["playbook"]
    kind, effect = words[f"kind.{difference.kind}"], words[f"effect.{difference.effect}"]
    said = words["difference"].format(kind=kind, key=difference.key, effect=effect)
    console.print(f"  {said}")
    if difference.kind in ("changed", "order"):
        old, new = (text or words["not_said"] for text in (difference.old, difference.new))
        if len(old) + len(new) < 90:
            console.print(f"      {old} → {new}")
        else:
            console.print(f"      {old}\n    → {new}")
    else:
        console.print(f"      {difference.new or difference.old}")


def run_publish(
    file: Path,
    settings: Settings,
    sources: Sources | None,
    to: Path | None = None,
    *,
    without_data: bool = False,
    lang: str = "en",
    as_json: bool = False,
) -> int:
    """Put a playbook into the place of the working one, if it is right."""
    if (sources is None) != without_data:
        raise UsageError(
            "--leads and --without-data exclude each other."
            if without_data
            else "Give --leads and --events: the conversion of the new points is observed on them before "
            "they count. With --without-data, rules give no probability until the next training."
        )
    raw = bytes_of(file)
    new = Playbook.parse(text_in(raw, file), str(file))
    target = target_of(to, settings)
    with progress("publish") as report:
        done = publish(raw, new, target, sources, settings, report)
    found = differences(done.old, new) if done.old else []
    if as_json:
        print_json(
            {
                "published": str(done.target),
                "old_version": done.old.version if done.old else None,
                "version": new.version,
                "kept": [str(path) for path in done.kept],
                "observed": [
                    {
                        "task": entry.task,
                        "leads": entry.leads,
                        "converted": entry.converted,
                        "immature": entry.immature,
                        "points_map": entry.points_map is not None,
                    }
                    for entry in done.observed
                ],
                "differences": [difference_json(difference) for difference in found],
                "refused": len(done.refused),
            }
        )
    else:
        _print_published(people(False), done, found, lang)
    print_refused(people(True), done.refused)
    return REFUSED_ROWS if done.refused else 0


def _print_published(console: Console, done: Published, found: list[Difference], lang: str) -> None:
    words = texts(lang)["playbook"]
    before = done.old.version if done.old else ""
    said = words["published" if done.old else "first_published"]
    console.print(said.format(target=done.target, before=before, after=done.new.version))
    for entry in done.observed:
        text = words["unobserved" if entry.points_map is None else "observed"]
        console.print(
            text.format(
                task=entry.task,
                leads=f"{entry.leads:,}",
                converted=f"{entry.converted:,}",
                immature=f"{entry.immature:,}",
            )
        )
    if not done.observed:
        console.print(words["without_data"])
    if found:
        console.print(words["differs"])
        for difference in found:
            print_difference(console, difference, lang)
    console.print(words["kept"].format(files=", ".join(map(str, done.kept))))
