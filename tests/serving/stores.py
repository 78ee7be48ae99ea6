"""A store of a test's own, on SQLite and on PostgreSQL, and a service that has no thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from features.instants import DAY, HOUR
from models.playbook import Playbook
from models.settings import Settings
from serving.chaos.postgres import Postgres
from serving.live import Live
from serving.registry import load_all
from serving.store.store import Store

NOW = 1_790_000_000_000_000
"""An instant in September 2026."""

__all__ = ["DAY", "HOUR", "NOW", "live_by_rules", "postgres", "settings", "store"]


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A PostgreSQL that the tests start; one that is not installed fails them."""
    with Postgres(tmp_path_factory.mktemp("postgres") / "log") as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """An empty home, with a database of each kind in turn."""
    if request.param == "sqlite":
        return Settings(home=tmp_path / "home")
    server: Postgres = request.getfixturevalue("postgres")
    # A schema of its own for each test.
    name = f"t{abs(hash(request.node.nodeid)):x}"[:31]
    return Settings(home=tmp_path / "home", instance=name, database_url=server.url)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = Store.open(settings)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def live_by_rules(tmp_path_factory: pytest.TempPathFactory) -> Live:
    """What answers before any model was trained."""
    playbook = Playbook.load()
    nothing = Settings(home=tmp_path_factory.mktemp("nothing"))
    return Live(playbook, load_all(nothing, playbook, playbook.tasks))
