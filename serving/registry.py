"""Which model answers: found, checked in a process of its own, and loaded; or why there is none."""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from features.errors import ArtefactError
from models.artefact import Artefact, check, load
from models.playbook import Playbook
from models.points_map import PointsMap
from models.scorer import Scorer
from models.scores import FallbackReason
from models.settings import Settings, registered_name
from serving.download import ModelAbsent, ModelUnavailable, Registered, download

_URI = re.compile(r"[a-z][a-z0-9+.-]+:/.*")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """A model that passed its check, or why there is none.

    Attributes
    ----------
    artefact : Artefact or None
    registered : Registered or None
        Its name and version in MLflow; None for a folder.
    without : FallbackReason
        Why there is no artefact, where there is none.
    """

    artefact: Artefact | None = None
    registered: Registered | None = None
    without: FallbackReason = "no_model"


@dataclass(frozen=True)
class Loaded:
    """What answers one task.

    Attributes
    ----------
    task : str
    scorer : Scorer
    registered : Registered or None
    """

    task: str
    scorer: Scorer
    registered: Registered | None = None

    @property
    def artefact(self) -> Artefact | None:
        """The model that answers this task; None where rules do."""
        return self.scorer.artefact_for(self.task)


def find(model: str, settings: Settings) -> Found:
    """Load a model after its check.

    Raises
    ------
    ArtefactError
        `ModelAbsent` when there is none, `ModelUnavailable` when MLflow does not hand it over,
        ArtefactError itself when it is damaged or not a model of ours.
    """
    with tempfile.TemporaryDirectory(prefix="tegakari-") as scratch:
        folder, registered = _fetch(model, settings, Path(scratch))
        try:
            check(folder)
            artefact = load(folder)
            artefact.model.prepare()
            return Found(artefact, registered)
        except ArtefactError as error:
            raise ArtefactError(str(error).replace(str(folder), model)) from error


def resolve(model: str, settings: Settings) -> Found:
    """Load a model after its check, or say why there is none; never an error."""
    try:
        return find(model, settings)
    except ModelAbsent as error:
        return _without("no_model", model, error)
    except ModelUnavailable as error:
        return _without("model_unavailable", model, error)
    except Exception as error:
        # Whatever a damaged file does to its reader, rules answer.
        return _without("model_damaged", model, error)


def model_for(settings: Settings, task: str) -> str:
    """The model of a task: the one that the settings name, else the task's registered champion."""
    return settings.model or f"models:/{registered_name(task)}@champion"


def load_all(settings: Settings, playbook: Playbook, tasks: Iterable[str]) -> dict[str, Loaded]:
    """What answers each task, by task; never an error for want of a model."""
    models = {task: model_for(settings, task) for task in tasks}
    found = {model: resolve(model, settings) for model in dict.fromkeys(models.values())}
    return {
        task: Loaded(task, _scorer(settings, playbook, task, found[model]), found[model].registered)
        for task, model in models.items()
    }


def load_scorer(
    settings: Settings, playbook: Playbook, task: str, model: str | None = None
) -> Scorer:
    """What answers a task.

    Parameters
    ----------
    model : str, optional
        The model that was asked for, an MLflow URI or a folder. Without it the task's own model
        answers where there is one, and rules where there is not.

    Raises
    ------
    ArtefactError
        When the model that was asked for cannot be had.
    """
    if model is None:
        found = resolve(model_for(settings, task), settings)
    else:
        found = find(model, settings)
    return _scorer(settings, playbook, task, found)


def _fetch(model: str, settings: Settings, scratch: Path) -> tuple[Path, Registered | None]:
    if _URI.fullmatch(model):
        folder, registered = download(model, settings, scratch)
        return _artefact_in(folder), registered
    folder = Path(model)
    if not folder.is_dir():
        raise ModelAbsent(f"{model}: expected the folder of a trained model, and there is none.")
    return _artefact_in(folder), None


def _artefact_in(folder: Path) -> Path:
    """The artefact itself, which an MLflow model holds in a folder of its own."""
    held = sorted(folder.rglob("manifest.json"), key=lambda path: len(path.parts))
    return held[0].parent if held else folder


def _without(reason: FallbackReason, model: str, error: Exception) -> Found:
    said = str(error) if isinstance(error, ArtefactError) else f"{type(error).__name__}: {error}"
    _LOG.warning("rules answer (%s): %s", reason, said if model in said else f"{model}: {said}")
    return Found(without=reason)


def _scorer(settings: Settings, playbook: Playbook, task: str, found: Found) -> Scorer:
    points_map, why_not = PointsMap.load(settings.points_maps, task, playbook.version)
    if points_map is None:
        _LOG.info("no probabilities for points: %s", why_not)
    return Scorer(playbook, found.artefact, points_map, found.without)
