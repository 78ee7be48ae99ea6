"""Registered models as files, fetched by a process of its own, with a deadline.

MLflow takes its address from the process it runs in, retries for minutes, and is not needed once
the files are here: so it never enters the service.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from features.errors import ArtefactError
from models.settings import Settings

DEADLINE = 60.0
"""Seconds that finding and fetching a model may take together."""

PATIENCE = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "4",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
"""Where the environment does not say otherwise."""


class ModelAbsent(ArtefactError):
    """There is no such model: none was trained, or none was given this name."""


class ModelUnavailable(ArtefactError):
    """The registry cannot be reached, is too slow, or does not hand over the files."""


@dataclass(frozen=True)
class Registered:
    """One version of a registered model."""

    name: str
    version: str


def download(model: str, settings: Settings, into: Path) -> tuple[Path, Registered | None]:
    """Fetch the files of an MLflow model.

    Parameters
    ----------
    model : str
        An MLflow URI, such as ``models:/lead-conversion@champion``.
    into : Path
        An existing folder for the files.

    Returns
    -------
    folder : Path
    registered : Registered or None
        Which version it is; None when the URI names no registered model.

    Raises
    ------
    ModelAbsent, ModelUnavailable
    """
    store = settings.tracking_uri
    if not may_be_there(store):
        # MLflow would make an empty store just by looking for one.
        raise ModelAbsent(f"{model}: nothing has been registered yet; there is no {store}.")
    code = str(Path(__file__).parents[1])
    environment = {**PATIENCE, **os.environ, "MLFLOW_TRACKING_URI": store}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [code, os.environ.get("PYTHONPATH")]))
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "serving.fetch", model, str(into)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelUnavailable(f"{model}: {store} took longer than {DEADLINE:g} s.") from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1][:300]
        raise ModelUnavailable(f"{model}: {store} did not hand over the model: {said}")
    found = json.loads(done.stdout.splitlines()[-1])
    if not found:
        raise ModelAbsent(f"{model}: {store} has no such model.")
    folder = Path(found["folder"])
    if not any(folder.iterdir()):
        # MLflow copies a folder that is gone without a word.
        raise ModelUnavailable(f"{model}: {store} names the model, and its files are gone.")
    named = Registered(found["name"], found["version"]) if found["name"] else None
    return folder, named


def may_be_there(store: str) -> bool:
    """Whether a store exists, as far as can be told without asking it."""
    if store.startswith("sqlite:"):
        try:
            database = make_url(store).database
        except ArgumentError:
            return True
        return database is not None and Path(database).is_file()
    if store.startswith("file:") or "://" not in store:
        return Path(store.removeprefix("file:").removeprefix("//")).is_dir()
    return True
