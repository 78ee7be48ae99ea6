"""MLflow: every run with its figures, every model registered, the champion named."""

from __future__ import annotations

import logging
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.settings import Settings, registered_name

EXPERIMENT = "tegakari"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Logged:
    """Where MLflow has a training run.

    Attributes
    ----------
    run_id : str or None
    name, version : str or None
        The registered model; None where rules answer or MLflow could not be reached.
    champion : bool
        Whether this version is now the one that answers.
    note : str
        What was not done, and why; empty when all was.
    """

    run_id: str | None
    name: str | None
    version: str | None
    champion: bool
    note: str = ""


def log_run(
    settings: Settings,
    task: str,
    artefact: Path | None,
    record: dict[str, Any],
    *,
    promote: bool,
) -> Logged:
    """Log a run, register its model, and name it champion if `promote`.

    Training does not fail with MLflow: what could not be logged is said in the note, and the
    artefact stays on disk.
    """
    # MLflow keeps the store it was given in this variable, for whatever the process does next.
    store = os.environ.get("MLFLOW_TRACKING_URI")
    try:
        with warnings.catch_warnings():
            # Deprecations inside MLflow and what it imports are not the user's to mend.
            warnings.simplefilter("ignore")
            return _log_run(settings, task, artefact, record, promote)
    except Exception as error:
        _LOG.debug("MLflow failed", exc_info=True)
        first = (str(error).splitlines() or [type(error).__name__])[0]
        return Logged(
            None, None, None, False, f"MLflow at {settings.tracking_uri} could not be used: {first}"
        )
    finally:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
        if store is not None:
            os.environ["MLFLOW_TRACKING_URI"] = store


def _log_run(
    settings: Settings, task: str, artefact: Path | None, record: dict[str, Any], promote: bool
) -> Logged:
    # Before the import: MLflow reads it there, and a company's figures are nobody else's.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature
    from mlflow.types import DataType, ParamSchema, ParamSpec

    for talkative in ("mlflow", "mlflow.store.db.utils", "alembic"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    settings.home.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(settings.tracking_uri)
    client = MlflowClient()
    if client.get_experiment_by_name(EXPERIMENT) is None:
        local = settings.tracking_uri.startswith("sqlite:")
        place = (settings.home.absolute() / "mlartifacts").as_uri() if local else None
        client.create_experiment(EXPERIMENT, artifact_location=place)
    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run(run_name=task) as run:
        mlflow.log_params(_flat("", {k: record[k] for k in record if k not in _FIGURES}))
        for name, figures in {**record["figures"], **record["by_segment"]}.items():
            known = {_key(f"{name}.{k}"): v for k, v in figures.items() if v is not None}
            mlflow.log_metrics(known)
        mlflow.log_dict(record, "record.json")
        run_id = str(run.info.run_id)
        if artefact is None:
            return Logged(run_id, None, None, False)
        name = registered_name(task)
        logged = mlflow.pyfunc.log_model(
            name="model",
            loader_module="models.pyfunc",
            data_path=str(artefact),
            pip_requirements=[f"tegakari=={record['code']}"],
            # Without a schema MLflow hands no parameters on.
            signature=ModelSignature(
                params=ParamSchema(
                    [
                        ParamSpec("reasons", DataType.long, 0),
                        ParamSpec("lang", DataType.string, "en"),
                    ]
                )
            ),
        )
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        created = client.create_model_version(
            name, logged.model_uri, run_id, model_id=logged.model_id
        )
        version = str(created.version)
        if promote:
            client.set_registered_model_alias(name, "champion", version)
        return Logged(run_id, name, version, promote)


_FIGURES = ("figures", "by_segment", "notes")


def _key(text: str) -> str:
    """A metric's name in the letters MLflow allows."""
    return "".join(c if c.isalnum() or c in "_-./ " else "_" for c in text)


def _flat(prefix: str, value: Any) -> dict[str, Any]:
    """Nested values as dotted names."""
    if not isinstance(value, dict):
        return {_key(prefix): value}
    return {
        key: leaf
        for name, inner in value.items()
        for key, leaf in _flat(f"{prefix}.{name}" if prefix else str(name), inner).items()
    }
