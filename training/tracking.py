"""MLflow: every run with its figures, every model registered, the champion named."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.artefact import Artefact, load
from models.playbook import Playbook
from models.settings import Settings
from training.fingerprint import Fingerprint
from training.gate.verdict import Verdict
from training.registry.store import RegistryAway, experiment, reached
from training.registry.verbs import GATE, SHIPPED
from training.registry.versions import Registered
from training.signature import attributes, example, signature

if TYPE_CHECKING:
    from mlflow import MlflowClient

_NOBODY = {
    "mlflow.user": "tegakari",
    "mlflow.source.name": "tegakari train",
    "mlflow.source.git.repoURL": "",
}
"""MLflow would note who is logged in and where the program lies."""
_FIGURES = ("figures", "by_segment", "notes", "test_log_loss")
_LONGEST = 500
"""Characters of a parameter."""


@dataclass(frozen=True)
class Extras:
    """What a run leaves beside its record and its model.

    Attributes
    ----------
    files : mapping
        Plots and the report: a name, such as ``plots/gains.svg``, with the bytes.
    data : sequence of Fingerprint
    trials : sequence of mapping
        Of tuning: each ``name``, ``params``, ``log_loss`` (where it was pruned, so far), ``seconds``,
        ``state``.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    data: Sequence[Fingerprint] = ()
    trials: Sequence[Mapping[str, Any]] = ()


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
    record: Mapping[str, Any],
    verdict: Verdict,
    extras: Extras | None = None,
) -> Logged:
    """Log a run and register its model, as champion if the gate says so, else as challenger.

    Training does not fail with MLflow: what could not be logged is said in the note, and the
    artefact stays on disk.
    """
    try:
        with reached(settings) as client:
            run_id = _log(client, settings, task, record, verdict, extras or Extras())
            if artefact is None:
                return Logged(run_id, None, None, False)
            models = Registered(client, task, settings)
            version = _register(models, settings, run_id, artefact, record, verdict)
            if not verdict.promote:
                models.challenge(version)
                return Logged(run_id, models.name, version, False)
            models.tag(version, {"promoted_by": "the gate", "promoted_because": verdict.reason})
            models.promote(version)
            return Logged(run_id, models.name, version, True)
    except RegistryAway as error:
        return Logged(None, None, None, False, str(error).rstrip("."))


def _log(
    client: MlflowClient,
    settings: Settings,
    task: str,
    record: Mapping[str, Any],
    verdict: Verdict,
    extras: Extras,
) -> str:
    """One run with all that is known about it but the model; its id."""
    import mlflow

    place = experiment(client, settings)
    tags = {**_NOBODY, "task": task, "verdict": _word(verdict), "reason": verdict.reason}
    with mlflow.start_run(experiment_id=place, run_name=task, tags=tags) as run:
        known = {name: value for name, value in record.items() if name not in _FIGURES}
        mlflow.log_params({k: str(v)[:_LONGEST] for k, v in _flat("", known).items()})
        mlflow.log_metrics(_metrics(record))
        mlflow.log_dict(dict(record), "record.json")
        mlflow.log_dict(verdict.to_json(), "gate.json")
        with tempfile.TemporaryDirectory() as scratch:
            for name, data in extras.files.items():
                path = Path(scratch) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            if extras.files:
                mlflow.log_artifacts(scratch)
        _log_data(extras.data)
        for trial in extras.trials:
            _log_trial(place, trial)
        return str(run.info.run_id)


def _log_data(data: Sequence[Fingerprint]) -> None:
    import mlflow

    from training.file_dataset import FileDataset

    for one in data:
        mlflow.log_input(FileDataset(one), context="training")


def _log_trial(experiment_id: str, trial: Mapping[str, Any]) -> None:
    import mlflow

    tags = {**_NOBODY, "state": str(trial["state"])}
    name = str(trial["name"])
    with mlflow.start_run(experiment_id=experiment_id, run_name=name, nested=True, tags=tags):
        flat = _flat("", dict(trial["params"]))
        mlflow.log_params({k: str(v)[:_LONGEST] for k, v in flat.items()})
        mlflow.log_metrics(
            {name: trial[name] for name in ("log_loss", "seconds") if _is_number(trial.get(name))}
        )


def _register(
    models: Registered,
    settings: Settings,
    run_id: str,
    folder: Path,
    record: Mapping[str, Any],
    verdict: Verdict,
) -> str:
    """A version of the registered name, with what the verbs will want to know; its number."""
    import mlflow

    artefact = load(folder)
    names = attributes(artefact, Playbook.load(settings.playbook))
    with mlflow.start_run(run_id=run_id):
        logged = mlflow.pyfunc.log_model(
            name="model",
            loader_module="models.pyfunc",
            data_path=str(folder),
            pip_requirements=[f"tegakari=={record['code']}"],
            signature=signature(names),
            input_example=example(artefact),
        )
    models.make()
    created = models.client.create_model_version(
        models.name,
        logged.model_uri,
        run_id,
        tags=_tags(artefact, record, verdict),
        model_id=logged.model_id,
    )
    return str(created.version)


def _tags(artefact: Artefact, record: Mapping[str, Any], verdict: Verdict) -> dict[str, str]:
    figures = dict(record.get("figures", {}).get("model", {}))
    shipped = record.get("measured_as_shipped") is not False
    return {
        "model": artefact.version,
        "rung": artefact.model.kind,
        "verdict": _word(verdict),
        "reason": verdict.reason,
        GATE: json.dumps(verdict.to_json(), ensure_ascii=False),
        SHIPPED: str(shipped).lower(),
        **{
            name: repr(figures[name])
            for name in ("log_loss", "auc", "positives")
            if _is_number(figures.get(name))
        },
    }


def _word(verdict: Verdict) -> str:
    return "promote" if verdict.promote else "stop"


def _metrics(record: Mapping[str, Any]) -> dict[str, float]:
    """Every figure that is a number: ``model.log_loss``, and those of segments likewise.

    A figure with its interval, three numbers, is also ``model.log_loss.low`` and ``.high``.
    """
    found: dict[str, float] = {}
    figures = {**record.get("figures", {}), **record.get("by_segment", {})}
    for name, value in _flat("", figures).items():
        if isinstance(value, list | tuple) and len(value) == 3:
            found |= dict(zip((name, f"{name}.low", f"{name}.high"), value, strict=True))
        else:
            found[name] = value
    return {name: float(value) for name, value in found.items() if _is_number(value)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _key(text: str) -> str:
    """A name in the letters that MLflow allows."""
    return "".join(c if c.isalnum() or c in "_-./ " else "_" for c in text)


def _flat(prefix: str, value: Any) -> dict[str, Any]:
    """Nested values as dotted names."""
    if not isinstance(value, Mapping):
        return {_key(prefix): value}
    return {
        key: leaf
        for name, inner in value.items()
        for key, leaf in _flat(f"{prefix}.{name}" if prefix else str(name), inner).items()
    }
