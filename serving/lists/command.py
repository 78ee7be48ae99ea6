"""The verbs ``list call``, ``rising``, ``untouched``, ``recycle`` and ``dormant``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from models.playbook import Playbook
from models.settings import Settings
from models.terminal import REFUSED_ROWS, Report, people, print_json, print_refused, progress
from models.wording import texts
from serving.lists.again import dormant, recycle
from serving.lists.call import Calls, call_list
from serving.lists.listed import Listed
from serving.lists.rising import rising
from serving.lists.seen import Wanted
from serving.lists.sheet import sheet
from serving.lists.table import print_list
from serving.lists.untouched import untouched
from serving.output import deliver


def run_call(calls: Calls, settings: Settings, *, as_json: bool = False) -> int:
    """Say whom to call."""
    return _run(
        lambda playbook, report: call_list(calls, settings, playbook, report),
        calls,
        settings,
        as_json,
    )


def run_open(
    name: Literal["rising", "untouched"],
    wanted: Wanted,
    settings: Settings,
    *,
    as_json: bool = False,
) -> int:
    """Say who is on the rise, or which hot leads nobody looked after."""
    make = {"rising": rising, "untouched": untouched}[name]
    return _run(
        lambda playbook, report: make(wanted, settings, playbook, report), wanted, settings, as_json
    )


def run_again(
    name: Literal["recycle", "dormant"],
    wanted: Wanted,
    task: str | None,
    settings: Settings,
    *,
    as_json: bool = False,
) -> int:
    """Say which lost leads, or which dormant customers, to take up again."""
    make = {"recycle": recycle, "dormant": dormant}[name]
    return _run(
        lambda playbook, report: make(wanted, task, settings, playbook, report),
        wanted,
        settings,
        as_json,
    )


def _run(
    make: Callable[[Playbook, Report], Listed], wanted: Wanted, settings: Settings, as_json: bool
) -> int:
    console = people(as_json)
    playbook = Playbook.load(settings.playbook)
    with progress("list") as report:
        listed = make(playbook, report)
        refused = listed.seen.taken.refused
        aside: list[Path] = []
        if wanted.out is not None:
            report("writing")
            aside = deliver(sheet(listed), refused, wanted.out)
    words = texts(wanted.lang)["lists"]
    if as_json:
        print_json({**listed.to_json(), "out": wanted.out and str(wanted.out)})
    else:
        print_list(console, listed)
    print_refused(people(True), refused)
    if wanted.out is not None:
        console.print(words["written"].format(out=wanted.out))
    if aside:
        files = ", ".join(map(str, aside))
        console.print(words["refused"].format(n=f"{len(refused):,}", out=files))
    return REFUSED_ROWS if refused else 0
