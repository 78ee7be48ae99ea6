"""Deployment: the ``TEGAKARI_*`` environment variables, and the standard ``MLFLOW_*`` ones."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from features.errors import UsageError

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

    instance: str | None = None
    """The company this instance is for, where several share a host: a prefix of names and paths."""
    database_url: str | None = None
    """The database of the store; by default an SQLite file under `home`."""
    admitted: int = Field(default=128, ge=1)
    """Requests that a worker answers at once; more are told to come back."""
    workers: int = Field(default=1, ge=1)
    """Processes that answer requests."""
    log: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged; from warning on without a line for every request."""
    deadline: float = Field(default=2.0, gt=0)
    """Seconds after which rules answer a request that the model has not answered."""
    watch: float = Field(default=30.0, gt=0)
    """Seconds between two looks for a new champion, playbook or points map."""
    watch_deadline: float = Field(default=30.0, gt=0)
    """Seconds that MLflow may take to say which version is the champion."""
    secret: str | None = None
    """By which erased leads are known again; by default a file under `home`, made once."""

    @model_validator(mode="after")
    def _of_instance(self) -> Self:
        if self.instance:
            if not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", self.instance):
                raise UsageError(
                    "TEGAKARI_INSTANCE: expected up to 32 of a-z, 0-9, - and _, a letter first; "
                    f"got {self.instance!r}."
                )
            if self.home.name != self.instance:
                self.home = self.home / self.instance
        return self

    def registered_name(self, task: str) -> str:
        """The name under which models of a task are registered in MLflow."""
        name = REGISTERED.get(task, f"lead-{task}")
        return f"{self.instance}-{name}" if self.instance else name

    @property
    def tracking_uri(self) -> str:
        """``MLFLOW_TRACKING_URI``, else an SQLite file under `home`."""
        return (
            os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.home.absolute()}/mlflow.db"
        )

    @property
    def artefacts(self) -> Path:
        """Folder of the models that answered, by their versions."""
        return self.home / "artefacts"

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
