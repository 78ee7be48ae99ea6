"""A file of training data as MLflow knows it: a name and a digest, and nothing of what is in it.

Imported where a run is logged, since MLflow takes seconds to import.
"""

from __future__ import annotations

import json
from typing import Any

from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset

from training.fingerprint import Fingerprint

_DIGITS = 36
"""Of the digest: MLflow has room for no more; the profile has them all."""


class FileDataset(MetaDataset):
    """A fingerprint, logged with ``mlflow.log_input``; the data themselves are never copied."""

    def __init__(self, of: Fingerprint) -> None:
        self._of = of
        super().__init__(CodeDatasetSource({"holds": of.name}), of.name, of.sha256[:_DIGITS])

    @property
    def profile(self) -> dict[str, Any]:
        """The whole digest, and how much there was."""
        return self._of.to_json()

    def to_dict(self) -> dict[str, str]:
        """What MLflow stores."""
        return {**super().to_dict(), "profile": json.dumps(self.profile)}
