"""The verb ``playbook publish``, from options to an exit code."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from features.errors import PlaybookError, UsageError
from models.checking import checked
from models.difference_told import difference_json, print_difference
from models.playbook import Playbook
from models.playbook.difference import Difference, differences
from models.playbook.playbook import bytes_of, text_in
from models.settings import Settings
from models.terminal import REFUSED_ROWS, people, print_json, print_refused, progress
from models.wording import texts
from training.publish import Published, publish, target_of
from training.sources import Sources


def run_publish(
    file: Path,
    settings: Settings,
    sources: Sources | None,
    to: Path | None = None,
    *,
    without_data: bool = False,
    anyway: bool = False,
    lang: str = "en",
    as_json: bool = False,
) -> int:
    """Put a playbook into the place of the working one, if it is right.

    Raises
    ------
    PlaybookError
        When it is wrong, or likely a mistake and not to be published `anyway`.
    """
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
    if not anyway:
        refuse_mistakes(new, lang)
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


def refuse_mistakes(playbook: Playbook, lang: str) -> None:
    """Refuse a playbook that is likely a mistake by what it says alone."""
    told = checked(playbook.text, playbook.source, lang).told
    words = texts(lang)["playbook"]
    likely = [
        f"{words['place'].format(source=playbook.source, line=one.line, key=one.key)}: {one.text}"
        for one in told
        if one.level == "likely a mistake"
    ]
    if likely:
        raise PlaybookError("\n".join([*likely, words["anyway"]]))


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
