"""MLflow within reach: asked with little patience, and leaving the environment as it was."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from features.errors import ArtefactError, TegakariError
from models.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "tegakari"
_MANNERS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # Stdout may belong to one JSON object.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # A company's figures are nobody else's.
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
"""Where the environment does not say otherwise; MLflow itself would try for minutes, and talk."""
_LOG = logging.getLogger(__name__)


class RegistryAway(ArtefactError):
    """MLflow cannot be reached, or does not do what it is asked."""


@contextmanager
def reached(settings: Settings) -> Iterator[MlflowClient]:
    """MLflow's client for the store of the settings, while the block runs.

    Raises
    ------
    RegistryAway
        When anything of MLflow fails inside the block; refusals of our own pass as they are.
    """
    # MLflow keeps the store it was given in the environment, for whatever the process does next.
    names = ("MLFLOW_TRACKING_URI", *_MANNERS)
    before = {name: os.environ.get(name) for name in names}
    try:
        for name, value in _MANNERS.items():
            os.environ.setdefault(name, value)
        with warnings.catch_warnings():
            # Deprecations inside MLflow and what it imports are not the user's to mend.
            warnings.simplefilter("ignore")
            yield _client(settings)
    except TegakariError:
        raise
    except Exception as error:
        _LOG.debug("MLflow failed", exc_info=True)
        store, name = settings.tracking_uri, shown(settings.tracking_uri)
        first = (str(error).splitlines() or [type(error).__name__])[0].replace(store, name)
        raise RegistryAway(f"MLflow at {name} could not be used: {first}") from error
    finally:
        for name, was in before.items():
            os.environ.pop(name, None)
            if was is not None:
                os.environ[name] = was


def _client(settings: Settings) -> MlflowClient:
    import mlflow
    from mlflow import MlflowClient

    for talkative in ("mlflow", "mlflow.store.db.utils", "alembic"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
    settings.home.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(settings.tracking_uri)
    return MlflowClient()


def experiment(client: MlflowClient, settings: Settings) -> str:
    """The id of the experiment of every run; it is made where there is none.

    A server knows where it keeps files. A database does not: they go beside it, under `home`.
    """
    name = f"{settings.instance}-{EXPERIMENT}" if settings.instance else EXPERIMENT
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    database = settings.tracking_uri.partition("://")[0] not in ("http", "https", "file")
    place = (settings.home.absolute() / "mlartifacts").as_uri() if database else None
    return str(client.create_experiment(name, artifact_location=place))


def nothing_yet(settings: Settings) -> bool:
    """Whether the store is an SQLite file that is not there; MLflow would make it by looking."""
    if not settings.tracking_uri.startswith("sqlite:"):
        return False
    try:
        database = make_url(settings.tracking_uri).database
    except ArgumentError:
        return False
    return database is not None and not Path(database).is_file()


def shown(uri: str) -> str:
    """A store's address without its password.

    Examples
    --------
    >>> shown("postgresql://anna:secret@db/mlflow")
    'postgresql://anna:***@db/mlflow'
    """
    try:
        return make_url(uri).render_as_string(hide_password=True)
    except ArgumentError:
        return uri
