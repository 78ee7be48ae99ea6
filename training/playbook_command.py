"""The verbs of the playbook that read it alone: ``show`` and ``diff``; and the data others name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from features.errors import UsageError
from models.bundles import AnyFiles
from models.difference_told import difference_json, print_difference
from models.options import pairs
from models.playbook import Playbook
from models.playbook.difference import differences, points_differ
from models.playbook_page import page, print_page
from models.settings import Settings
from models.terminal import people, print_json
from models.wording import texts
from training.sources import Sources


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


def sources_of(files: AnyFiles, event: Sequence[str] | None) -> Sources | None:
    """The data that the options of the command name; None where they name none.

    Raises
    ------
    UsageError
        When there are events or changes without leads.
    """
    if files.leads is None:
        if files.events or files.changes or files.identities or event:
            raise UsageError(
                "--events, --changes, --identities and --event go with --leads, the lead list."
            )
        return None
    return Sources(**files.named(), date_events=pairs(event, "--event"))
