"""Nobody's address is in what training keeps and tells MLflow, wherever a company has written it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from models.settings import Settings
from training.command import run_train
from training.sources import Sources

WHO, OTHER = "taro.yamada@example.com", "sato@example.co.jp"


def planted(small: Sources, folder: Path) -> Sources:
    """A company with addresses among its ids, attributes and channels, contents and event types."""
    assert small.events is not None
    leads, events = pd.read_csv(small.leads), pd.read_parquet(small.events)
    leads["rep"] = [WHO if n % 3 else OTHER for n in range(len(leads))]
    leads["source"] = [WHO if n % 4 == 0 else "web" for n in range(len(leads))]
    leads["memo"] = [f"ask {WHO}" if n % 2 else "" for n in range(len(leads))]
    new = {one: f"{n}-{WHO}" for n, one in enumerate(leads["lead_id"]) if n % 5 == 0}
    leads["lead_id"] = leads["lead_id"].replace(new)
    events["lead_id"] = events["lead_id"].replace(new)
    events["channel"] = [WHO if n % 4 == 0 else "web" for n in range(len(events))]
    events["content"] = [WHO if n % 2 else "pricing" for n in range(len(events))]
    also = events.iloc[::10].assign(event_type=f"mail to {WHO}")
    files = folder / "leads.csv", folder / "events.parquet"
    leads.to_csv(files[0], index=False)
    pd.concat([events, also]).to_parquet(files[1], index=False)
    return replace(small, leads=files[0], events=files[1], changes=None)


@pytest.mark.usefixtures("few_trees")
def test_an_address_is_in_no_artefact_report_or_run(
    small: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    home = tmp_path / "var"
    sources = planted(small, tmp_path)
    assert run_train(sources, Settings(home=home), "qualification", as_json=True, seed=3) == 0
    files = [path for path in home.rglob("*") if path.is_file()]
    assert {"mlflow.db", "report.html", "report.json", "plan.json"} <= {path.name for path in files}
    for path in files:
        content = path.read_bytes()
        assert not any(who.encode() in content for who in (WHO, OTHER)), path
