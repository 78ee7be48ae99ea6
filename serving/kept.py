"""Models that answered, kept as files: the last good one answers when nothing better can be had.

    <home>/artefacts/<version>/     the artefact of each version of content that ever answered
    <home>/artefacts/<task>.json    which of them is the last good one of a task, and where it came from

With the playbooks of `models.kept` every answer that was ever given can so be computed again.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from features.errors import ArtefactError, TegakariError
from features.writing import write_whole
from models.artefact import Artefact, load
from models.playbook import Playbook
from models.points_map import PointsMap
from models.scorer import Scorer
from models.settings import Settings
from serving.download import Registered

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Good:
    """The last good model of a task."""

    artefact: Artefact
    registered: Registered | None


def keep(settings: Settings, task: str, model: str, folder: Path, good: Good) -> None:
    """Keep an artefact that passed its check as the last good one of a task.

    Parameters
    ----------
    model : str
        The URI or folder that was asked for: another one's last good model is not this one's.
    folder : Path
        The files of the artefact.
    """
    there = settings.artefacts / good.artefact.version
    if not there.exists():
        settings.artefacts.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=settings.artefacts, prefix=".") as scratch:
            copied = Path(shutil.copytree(folder, Path(scratch) / "artefact"))
            try:
                os.rename(copied, there)
            except OSError:
                if not there.exists():  # another process was first
                    raise
    registered = good.registered
    said = {
        "model": model,
        "version": good.artefact.version,
        "registered": [registered.name, registered.version] if registered else None,
    }
    write_whole(
        settings.artefacts / f"{task}.json", lambda file: file.write(json.dumps(said).encode())
    )


def last_good(settings: Settings, task: str, model: str) -> Good | None:
    """The last good model of a task, where it was of the same URI or folder; never an error."""
    try:
        said = json.loads((settings.artefacts / f"{task}.json").read_bytes())
        if said["model"] != model:
            return None
        artefact = load(settings.artefacts / said["version"])
        artefact.model.prepare()
        return Good(artefact, Registered(*said["registered"]) if said["registered"] else None)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, ArtefactError) as error:
        _LOG.warning("the last good model of %s cannot be read (%s)", task, type(error).__name__)
        return None


def kept_scorer(
    settings: Settings, model_version: str | None, playbook_version: str, task: str
) -> Scorer:
    """What gave the answers of a model and a playbook, by their versions.

    Raises
    ------
    TegakariError
        When one of them was not kept, or is damaged.
    """
    file = settings.playbooks / f"{playbook_version}.toml"
    playbook = Playbook.load(file if file.is_file() else None)
    if playbook.version != playbook_version:
        raise TegakariError(f"{file}: the playbook {playbook_version} was not kept.")
    artefact = load(settings.artefacts / model_version) if model_version else None
    points_map, _ = PointsMap.load(settings.points_maps, task, playbook_version)
    return Scorer(playbook, artefact, points_map)
