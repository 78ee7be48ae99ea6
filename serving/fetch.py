"""``python -m serving.fetch URI FOLDER``: fetch a model from the MLflow of the environment.

Prints one JSON object: the folder, and the registered name and version where the URI has them; an
empty one when there is no such model. Anything else is a failure, with its reason on stderr.

Without arguments it stays, reads a URI a line, as JSON, and says which version that names now.
"""

from __future__ import annotations

import json
import re
import sys

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException

_REGISTERED = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))")


def fetch(uri: str, folder: str) -> dict[str, str | None]:
    """Download what a URI names; empty when it names nothing."""
    named = _REGISTERED.fullmatch(uri)
    name, version = (named["name"], named["version"]) if named else (None, None)
    try:
        if name and version is None:
            version = _version(name, uri)
            uri = f"models:/{name}/{version}"
        elif name and version:
            MlflowClient().get_model_version(name, version)
    except MlflowException as error:
        # An alias that nobody gave is an invalid parameter to MLflow.
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return {}
        raise
    return {"folder": download_artifacts(uri, dst_path=folder), "name": name, "version": version}


def _version(name: str, uri: str) -> str:
    alias = uri.rpartition("@")[2]
    return str(MlflowClient().get_model_version_by_alias(name, alias).version)


def which(uri: str) -> str | None:
    """The version that a URI names; None where it names none."""
    named = _REGISTERED.fullmatch(uri)
    if named is None or named["version"]:
        return named and named["version"]
    try:
        return _version(named["name"], uri)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def stay() -> None:
    """Answer line by line, until nobody asks any more."""
    for line in sys.stdin:
        try:
            said: dict[str, str | None] = {"version": which(json.loads(line))}
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {str(error).partition(chr(10))[0][:300]}"}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        stay()
        sys.exit()
    try:
        print(json.dumps(fetch(sys.argv[1], sys.argv[2])))
    except Exception as failure:
        sys.exit(f"{type(failure).__name__}: {str(failure).partition(chr(10))[0]}")
