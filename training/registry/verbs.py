"""The verbs ``models``, ``promote`` and ``rollback``, from options to an exit code."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from features.errors import UsageError
from features.instants import iso, now
from models.artefact import check
from models.settings import Settings
from models.terminal import people, print_json, print_table
from training.gate.verdict import Verdict
from training.registry.store import nothing_yet, reached, shown
from training.registry.versions import Registered, Version

GATE, SHIPPED = "gate", "measured_as_shipped"
"""Tags of a version: its verdict as JSON, and whether what was measured is what is shipped."""


def run_models(settings: Settings, task: str, *, as_json: bool = False) -> int:
    """List the versions of a task: which answers, how good each was, what the gate said."""
    with registered(settings, task) as models:
        versions = models.versions()
    rows = [_said(version) for version in versions]
    if as_json:
        print_json({"name": models.name, "task": task, "versions": rows})
        return 0
    console = people(False)
    header = ["version", "stands as:", "trained (UTC):", "rung:", "log loss", "AUC", "gate:"]
    print_table(console, models.name, header, [_row(row) for row in rows])
    for row in rows:
        if row["reason"]:
            console.print(f"version {row['version']}: {row['reason']}")
    return 0


def run_promote(
    settings: Settings,
    task: str,
    version: str,
    reason: str | None = None,
    *,
    as_json: bool = False,
) -> int:
    """Make a version the champion: because the gate said so, or because a person says why.

    Raises
    ------
    UsageError
        When there is no such version, or the gate did not say yes and no reason is given.
    ArtefactError
        When its files are gone or damaged.
    """
    why = (reason or "").strip()
    with registered(settings, task) as models, tempfile.TemporaryDirectory() as scratch:
        found, champion = models.find(version), models.champion
        if found.number == champion:
            _say(models, f"version {champion} is the champion already", champion, champion, as_json)
            return 0
        doubt = doubts(found, champion)
        if doubt and not why:
            raise UsageError(
                f"Version {found.number} of {models.name}: {doubt.rstrip('.')}. If it is to answer "
                "all the same, say why with --reason."
            )
        check(models.fetch(found.number, Path(scratch)))
        models.tag(
            found.number,
            {
                "promoted_by": "a person" if why else "the gate, confirmed by a person",
                "promoted_because": why or "the gate said so",
                "promoted_at": str(iso(now())),
            },
        )
        was = models.promote(found.number)
    before = f"; version {was} was" if was else ""
    _say(models, f"version {found.number} is the champion{before}", found.number, was, as_json)
    return 0


def run_rollback(settings: Settings, task: str, *, as_json: bool = False) -> int:
    """Go back to the champion before the present one; once more, to the one before that.

    Raises
    ------
    UsageError
        When there was none.
    """
    with registered(settings, task) as models:
        was, version = models.back()
        if was:
            models.tag(was, {"rolled_back_at": str(iso(now()))})
    said = f"version {version} is the champion again; version {was} was"
    _say(models, said, version, was, as_json)
    return 0


@contextmanager
def registered(settings: Settings, task: str) -> Iterator[Registered]:
    """The registered model of a task, while the block runs."""
    if nothing_yet(settings):
        store = shown(settings.tracking_uri)
        raise UsageError(
            f"Nothing has been registered yet; there is no {store}. `tegakari train` registers a model."
        )
    with reached(settings) as client:
        yield Registered(client, task, settings)


def doubts(version: Version, champion: str | None) -> str | None:
    """Why a person has to answer for promoting a version; None where the gate does."""
    verdict = verdict_of(version)
    if version.tags.get(SHIPPED) == "false":
        return "it was fitted again after it was measured: not measured as shipped"
    if verdict is None:
        return "the gate has said nothing about it"
    if not verdict.promote:
        return f"the gate said no: {verdict.reason}"
    if verdict.champion != champion:
        was = f"version {verdict.champion}" if verdict.champion else "no champion"
        is_now = f"version {champion}" if champion else "none"
        return f"the gate compared it with {was}, and the champion now is {is_now}"
    return None


def verdict_of(version: Version) -> Verdict | None:
    """What the gate said when it was trained; None where that cannot be read."""
    try:
        return Verdict.from_json(json.loads(version.tags[GATE]))
    except (KeyError, TypeError, ValueError):
        return None


def _said(version: Version) -> dict[str, Any]:
    verdict = verdict_of(version)
    tags = version.tags
    return {
        "version": version.number,
        "aliases": list(version.aliases),
        "trained_at": version.created.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "rung": tags.get("rung"),
        "log_loss": _number(tags.get("log_loss")),
        "auc": _number(tags.get("auc")),
        "positives": _number(tags.get("positives")),
        "model": tags.get("model"),
        "measured_as_shipped": tags.get(SHIPPED) != "false",
        "promote": verdict.promote if verdict else None,
        "reason": verdict.reason if verdict else None,
        "promoted_because": tags.get("promoted_because"),
        "was_champion": tags.get("was_champion"),
    }


def _row(said: dict[str, Any]) -> list[str]:
    def number(name: str, form: str) -> str:
        return "-" if said[name] is None else format(said[name], form)

    standing = {True: "yes", False: "no", None: "not asked"}[said["promote"]]
    return [
        said["version"],
        ", ".join(said["aliases"]) or ("was champion" if said["was_champion"] else ""),
        said["trained_at"][:16].replace("T", " "),
        said["rung"] or "-",
        number("log_loss", ".4f"),
        number("auc", ".3f"),
        standing,
    ]


def _number(text: str | None) -> float | None:
    return float(text) if text else None


def _say(models: Registered, said: str, version: str, was: str | None, as_json: bool) -> None:
    if as_json:
        print_json({"name": models.name, "champion": version, "was": was, "said": said})
    else:
        people(False).print(f"{models.name}: {said}.")
