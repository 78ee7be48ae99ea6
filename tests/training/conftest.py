"""Two small invented companies, and what training makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import training.trees
from models.playbook import Playbook
from training.simulate import simulate
from training.sources import Material, Sources, gather
from training.train import Trained, train

CATALOGUE = 'catalogue = ["count 30d", "decay 14d", "recency", "age"]\n'


@pytest.fixture(scope="session")
def short_playbook() -> Playbook:
    """The default playbook with a horizon, cutoffs and a catalogue for small data."""
    text = Path("models/playbook.toml").read_text(encoding="utf-8")
    start = text.index("catalogue = [")
    end = text.index("]\n", start) + 2
    text = text[:start] + CATALOGUE + text[end:]
    text = text.replace('horizon = "90d"', 'horizon = "30d"')
    return Playbook.parse(text.replace('every = "7d"', 'every = "28d"'))


def _company(folder: Path, leads: int) -> Sources:
    simulate(folder, leads=leads, days=360, seed=5, end=datetime(2025, 6, 1, tzinfo=UTC))
    return Sources(
        folder / "leads.csv",
        folder / "events.parquet",
        folder / "changes.parquet",
        timezone="Asia/Tokyo",
    )


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """A company with leads enough for logistic regression."""
    return _company(tmp_path_factory.mktemp("small"), 800)


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """A company with leads enough for trees."""
    return _company(tmp_path_factory.mktemp("large"), 2000)


@pytest.fixture(scope="session", params=["lightgbm", "logistic"])
def material(request: pytest.FixtureRequest, short_playbook: Playbook) -> Material:
    """What each company gives to learn from, in turn."""
    name = "large" if request.param == "lightgbm" else "small"
    return gather(request.getfixturevalue(name), short_playbook, "qualification")


@pytest.fixture(scope="session")
def trained(material: Material, short_playbook: Playbook) -> Trained:
    with pytest.MonkeyPatch.context() as patch:
        quick(patch)
        return train(material, short_playbook, seed=3)


def quick(patch: pytest.MonkeyPatch) -> None:
    """Few trees, on one thread: what is tested does not depend on how many."""
    patch.setattr(training.trees, "MOST_TREES", 120)
    patch.setattr(training.trees, "PATIENCE", 20)
    patch.setitem(training.trees.PARAMETERS, "num_threads", 1)


@pytest.fixture
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees in this test are few, and grown on one thread."""
    quick(monkeypatch)


Export = Callable[[Mapping[str, Sequence[Any]]], Path]


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """Columns, written as a CSV file."""

    def write(columns: Mapping[str, Sequence[Any]]) -> Path:
        path = tmp_path / f"export-{len(list(tmp_path.iterdir()))}.csv"
        pd.DataFrame(columns).to_csv(path, index=False)
        return path

    return write


@pytest.fixture(scope="session")
def playbook() -> Playbook:
    return Playbook.load()
