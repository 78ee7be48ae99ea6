"""The champion as training meets it: fetched from MLflow, checked, and asked about the new rows."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from features.errors import ArtefactError
from features.spine import Spine
from models.artefact import Artefact, check, load
from models.settings import Settings
from training.registry.store import nothing_yet, reached
from training.registry.versions import Registered
from training.sources import Material


@dataclass(frozen=True)
class Champion:
    """The registered model that answers a task.

    Attributes
    ----------
    version : str
        Of the registered name.
    artefact : Artefact
    """

    version: str
    artefact: Artefact

    def probability(self, material: Material, spine: Spine) -> npt.NDArray[np.float64]:
        """What it says of rows of a material, by its own plan; shape (n_rows,).

        Raises
        ------
        ArtefactError
            When it cannot answer them.
        """
        intake = material.intake
        try:
            matrix = self.artefact.matrix(
                intake.leads, intake.log, spine, intake.changes, intake.colleagues
            )
            answers = self.artefact.model.probability(self.artefact.encoder.encode(matrix))
        except Exception as error:
            # Whatever an older model makes of newer data, training goes on without it.
            raise ArtefactError(
                f"version {self.version} cannot answer these rows ({type(error).__name__}: {error})"
            ) from error
        if not np.isfinite(answers).all():
            raise ArtefactError(f"version {self.version} gives probabilities that are not numbers")
        return answers


def champion_of(settings: Settings, task: str) -> Champion | None:
    """The champion of a task after its check; None where there is none.

    Raises
    ------
    ArtefactError
        When MLflow cannot be reached, or the champion's files are gone or damaged.
    """
    if nothing_yet(settings):
        return None
    with tempfile.TemporaryDirectory(prefix="tegakari-") as scratch:
        with reached(settings) as client:
            models = Registered(client, task, settings)
            version = models.champion
            folder = version and models.fetch(version, Path(scratch))
        if not (version and folder):
            return None
        try:
            check(folder)
            return Champion(version, load(folder))
        except ArtefactError as error:
            said = str(error).replace(str(folder), f"version {version}")
            raise ArtefactError(said) from error
