"""Deployment settings: from the environment and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import UsageError
from models.settings import Settings


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TEGAKARI_HOME", "TEGAKARI_MODEL", "TEGAKARI_PLAYBOOK", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)


def test_without_an_environment_everything_is_under_var() -> None:
    found = Settings()
    assert (found.home, found.playbook) == (Path("var"), None)
    assert found.model is None
    assert found.points_maps == Path("var/points")
    assert found.tracking_uri == f"sqlite:///{Path('var').absolute()}/mlflow.db"


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TEGAKARI_HOME", str(tmp_path))
    monkeypatch.setenv("TEGAKARI_MODEL", "var/artefacts/abc")
    assert Settings().points_maps == tmp_path / "points"
    assert Settings().model == "var/artefacts/abc"
    assert Settings().tracking_uri == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
    assert Settings().tracking_uri == "http://tracking:5000"


def test_each_task_has_a_registered_name_of_its_own() -> None:
    assert Settings().registered_name("qualification") == "lead-conversion"
    assert Settings().registered_name("recycling") == "lead-recycling"


def test_an_instance_is_a_prefix_of_names_and_paths(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TEGAKARI_HOME", str(tmp_path))
    monkeypatch.setenv("TEGAKARI_INSTANCE", "acme")
    settings = Settings()
    assert settings.home == tmp_path / "acme"
    assert settings.registered_name("qualification") == "acme-lead-conversion"
    assert settings.model_copy().home == tmp_path / "acme"


def test_an_instance_has_to_be_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEGAKARI_INSTANCE", "../other")
    with pytest.raises(UsageError, match="TEGAKARI_INSTANCE"):
        Settings()
