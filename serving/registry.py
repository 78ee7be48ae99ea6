"""Which model answers: found, checked in a process of its own, and loaded; or why there is none."""

from __future__ import annotations

import logging
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from features.errors import ArtefactError
from models.artefact import Artefact, check, load
from models.playbook import Playbook
from models.points_map import PointsMap
from models.scorer import Scorer
from models.scores import FallbackReason
from models.settings import Settings
from serving.download import ModelAbsent, ModelUnavailable, Registered, download
from serving.kept import Good, keep, last_good

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
    kept : bool
        Whether it is the last good one, and nobody was asked for a newer one.
    """

    artefact: Artefact | None = None
    registered: Registered | None = None
    without: FallbackReason = "no_model"
    kept: bool = False


@dataclass(frozen=True)
class Loaded:
    """What answers one task.

    Attributes
    ----------
    task : str
    scorer : Scorer
    registered : Registered or None
    kept : bool
        See `Found`.
    """

    task: str
    scorer: Scorer
    registered: Registered | None = None
    kept: bool = False

    @property
    def artefact(self) -> Artefact | None:
        """The model that answers this task; None where rules do."""
        return self.scorer.artefact_for(self.task)


def find(model: str, settings: Settings, tasks: Iterable[str] = ()) -> Found:
    """Load a model after its check; it is kept as the last good one of some tasks.

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
        except ArtefactError as error:
            raise ArtefactError(str(error).replace(str(folder), model)) from error
        for task in tasks:
            keep(settings, task, model, folder, Good(artefact, registered))
        return Found(artefact, registered)


def resolve(model: str, settings: Settings) -> Found:
    """Load a model after its check, or say why there is none; never an error."""
    try:
        return find(model, settings)
    except Exception as error:
        return _why_not(model, error)


def model_for(settings: Settings, task: str) -> str:
    """The model of a task: the one that the settings name, else the task's registered champion."""
    return settings.model or f"models:/{settings.registered_name(task)}@champion"


def load_all(settings: Settings, playbook: Playbook, tasks: Iterable[str]) -> dict[str, Loaded]:
    """What answers each task, by task; never an error for want of a model.

    A registered model that answered before is loaded from the files kept of it, whatever has become
    of the registry; `serving.watch` asks for a newer one.
    """
    tasks_of: dict[str, list[str]] = {}
    for task in tasks:
        tasks_of.setdefault(model_for(settings, task), []).append(task)
    found: dict[str, Found] = {}
    for model, mine in tasks_of.items():
        good = last_good(settings, mine[0], model) if is_uri(model) else None
        # A registry that does not answer for one model is not waited for again by the others.
        away = any(one.without == "model_unavailable" for one in found.values())
        if good is not None:
            found[model] = _kept(good)
        elif away and is_uri(model):
            found[model] = Found(without="model_unavailable")
        else:
            found[model] = _first(model, settings, mine)
    return answering(settings, playbook, found)


def answering(
    settings: Settings,
    playbook: Playbook,
    found: Mapping[str, Found],
    only: Iterable[str] | None = None,
) -> dict[str, Loaded]:
    """What answers each task of a playbook, or some of them, given what was found of their models."""
    answers = {}
    for task in playbook.tasks if only is None else only:
        model = found[model_for(settings, task)]
        answers[task] = Loaded(
            task, _scorer(settings, playbook, task, model), model.registered, model.kept
        )
    return answers


def is_uri(model: str) -> bool:
    """Whether a model is named by an MLflow URI; else it is a folder."""
    return _URI.fullmatch(model) is not None


def _first(model: str, settings: Settings, tasks: list[str]) -> Found:
    """A model that nothing is kept of, or a folder; its last good one where it is damaged."""
    try:
        return find(model, settings, tasks)
    except Exception as error:
        found = _why_not(model, error)
    good = last_good(settings, tasks[0], model)
    return _kept(good) if good else found


def _kept(good: Good) -> Found:
    return Found(good.artefact, good.registered, kept=True)


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
    if is_uri(model):
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


def _why_not(model: str, error: Exception) -> Found:
    """Why there is no model; whatever a damaged file does to its reader, rules answer."""
    if isinstance(error, ModelAbsent):
        return _without("no_model", model, error)
    if isinstance(error, ModelUnavailable):
        return _without("model_unavailable", model, error)
    return _without("model_damaged", model, error)


def _without(reason: FallbackReason, model: str, error: Exception) -> Found:
    said = str(error) if isinstance(error, ArtefactError) else f"{type(error).__name__}: {error}"
    _LOG.warning("rules answer (%s): %s", reason, said if model in said else f"{model}: {said}")
    return Found(without=reason)


def _scorer(settings: Settings, playbook: Playbook, task: str, found: Found) -> Scorer:
    points_map, why_not = PointsMap.load(settings.points_maps, task, playbook.version)
    if points_map is None:
        _LOG.info("no probabilities for points: %s", why_not)
    return Scorer(playbook, found.artefact, points_map, found.without)
