"""Deployment: the ``TEGAKARI_*`` environment variables, and the standard ``MLFLOW_*`` ones."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

FIRST_TASK = "qualification"
"""The task of whoever names none."""

REGISTERED = {FIRST_TASK: "lead-conversion"}
"""The registered model's name by task; another task ``x`` has ``lead-x``."""


class Settings(BaseSettings):
    """What differs between deployments; what leads mean is in the playbook instead."""

    model_config = SettingsConfigDict(env_prefix="TEGAKARI_")

    home: Path = Path("var")
    """Folder of models, points maps, kept playbooks, reports, searches broken off and the MLflow store."""
    playbook: Path | None = None
    """The company's playbook; by default the one that comes with Tegakari."""
    model: str | None = None
    """The model that answers: an MLflow model URI, or the folder of an artefact; by default the
    champion registered for the task."""

    @property
    def tracking_uri(self) -> str:
        """``MLFLOW_TRACKING_URI``, else an SQLite file under `home`."""
        return (
            os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.home.absolute()}/mlflow.db"
        )

    @property
    def tuning(self) -> Path:
        """Folder of searches for parameters that are going on, or were broken off."""
        return self.home / "tuning"

    @property
    def playbooks(self) -> Path:
        """Folder of the playbooks that were in use, by their versions."""
        return self.home / "playbooks"

    @property
    def points_maps(self) -> Path:
        """Folder of the points maps."""
        return self.home / "points"


def registered_name(task: str) -> str:
    """The name under which models of a task are registered in MLflow."""
    return REGISTERED.get(task, f"lead-{task}")
