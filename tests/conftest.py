"""One invented company, trained once, and the command and the service that answer for it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest
from fastapi.testclient import TestClient

import tegakari
from models.settings import Settings
from serving.app import create_app
from training.command import run_train
from training.simulate import simulate
from training.sources import Sources
from training.trees import PARAMETERS

# A busy machine may take longer for a lead than a company waits: rules would answer then, as they should.
PATIENT = "60"
os.environ["TEGAKARI_DEADLINE"] = PATIENT

END = datetime(2025, 6, 1, tzinfo=UTC)
"""The world's last midnight: past on any clock, or its events would be refused as future ones."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--world-seed", type=int, default=7, help="seed of the world of the end-to-end tests"
    )


@dataclass(frozen=True)
class World:
    """An invented company, and the home in which its model was trained.

    Attributes
    ----------
    leads, events, changes : Path
    ends : str
        The moment at which the events end, ISO 8601 with offset.
    home : Path
    said : mapping
        What ``train --json`` printed.
    """

    leads: Path
    events: Path
    changes: Path
    ends: str
    home: Path
    said: Mapping[str, Any]

    @property
    def settings(self) -> Settings:
        """The settings under which its model answers."""
        return Settings(home=self.home)

    @property
    def artefact(self) -> Path:
        """The folder of its model."""
        return Path(self.said["artefact"])


@contextlib.contextmanager
def environment(home: Path) -> Iterator[pytest.MonkeyPatch]:
    """An environment in which nothing is set but the home, and which is as before afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        # MLflow writes this one itself when a store is chosen; set first, so that it is undone.
        patch.setenv("MLFLOW_TRACKING_URI", "")
        for name in list(os.environ):
            if name.startswith(("TEGAKARI_", "MLFLOW_")):
                patch.delenv(name)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("TEGAKARI_HOME", str(home))
        patch.setenv("TEGAKARI_DEADLINE", PATIENT)
        yield patch


Environment = Callable[[Path], contextlib.AbstractContextManager[pytest.MonkeyPatch]]


@pytest.fixture(scope="session", name="environment")
def environment_fixture() -> Environment:
    """An environment in which nothing is set but a home."""
    return environment


def fit_quickly(patch: pytest.MonkeyPatch) -> None:
    """Fit a sound model instead of the best: few trees, and one thread, which waits for no other."""
    patch.setattr("training.trees.MOST_TREES", 40)
    patch.setitem(PARAMETERS, "num_threads", 1)
    patch.setattr("training.command._seconds", lambda text: 0.0)


@pytest.fixture
def quick_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are fitted quickly, not well."""
    fit_quickly(monkeypatch)


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    """An invented company of 3,000 leads, its model trained; tests only read it."""
    folder, home = tmp_path_factory.mktemp("world"), tmp_path_factory.mktemp("trained")
    seed = request.config.getoption("--world-seed")
    made = simulate(folder, leads=3000, days=400, seed=seed, end=END)
    files = folder / "leads.csv", folder / "events.parquet", folder / "changes.parquet"
    printed = io.StringIO()
    with environment(home) as patch, contextlib.redirect_stdout(printed):
        fit_quickly(patch)
        sources = Sources(*files, timezone=made.timezone)
        assert run_train(sources, Settings(), "qualification", as_json=True) == 0
    return World(*files, made.ends, home, json.loads(printed.getvalue()))


@pytest.fixture(scope="session")
def service(world: World) -> Iterator[TestClient]:
    """The service, answering with the world's champion."""
    with environment(world.home), TestClient(create_app(Settings())) as client:
        yield client


@pytest.fixture(scope="session")
def by_rules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The service where nothing was ever trained."""
    home = tmp_path_factory.mktemp("untrained")
    with environment(home), TestClient(create_app(Settings())) as client:
        yield client


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are not checked again in a process of their own: seconds, and tested elsewhere."""
    monkeypatch.setattr("serving.registry.check", lambda folder: None)


@dataclass(frozen=True)
class Ran:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        return dict(json.loads(self.out))


class Run(Protocol):
    """Runs ``tegakari`` with some words; by default where no model was ever trained."""

    def __call__(self, *words: object, home: Path | None = None) -> Ran: ...


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command, in this process."""

    def run(*words: object, home: Path | None = None) -> Ran:
        capsys.readouterr()
        code: object = 0
        with environment(home or tmp_path / "home") as patch:
            patch.setattr(sys, "argv", ["tegakari", *map(str, words)])
            try:
                tegakari.main()
            except SystemExit as end:
                code = end.code or 0
        captured = capsys.readouterr()
        if isinstance(code, str):
            return Ran(1, captured.out, captured.err + code)
        assert isinstance(code, int)
        return Ran(code, captured.out, captured.err)

    return run


Rows = Sequence[Mapping[str, object]]
WriteCsv = Callable[..., Path]


@pytest.fixture
def write_csv(tmp_path: Path) -> WriteCsv:
    """Writes rows as CSV into the test's folder; the first row's keys, or `header`, are the header."""

    def write_csv(
        name: str, rows: Rows, *, header: Sequence[str] = (), encoding: str = "utf-8"
    ) -> Path:
        path = tmp_path / name
        with path.open("w", encoding=encoding, newline="") as file:
            writer = csv.DictWriter(file, list(header or rows[0]), restval="")
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write_csv


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(name="read_csv")
def read_csv_fixture() -> Callable[[Path], list[dict[str, str]]]:
    """Reads a CSV file into rows of texts."""
    return read_csv
