"""Files of lead lists: read beside pandas, and scored with reasons beside the same without."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from features.instants import iso
from features.reading import read
from training.bench.logs import moments
from training.bench.scoring import REASONS, World, world
from training.bench.timing import Asked, Measure, in_turns

ROWS = 1_000_000
_FRONT_DOOR = Path(__file__).parents[2] / "tegakari.py"
_NAMES = ("髙橋 一郎", "佐藤花子", "㈱山田製作所", "鈴木①", "Smith, John", "田中「太郎」")
_NOTES = ("資料請求", "展示会で名刺交換。後日連絡希望", "")
_EVENTS_OF_A_LEAD = 10


def reading(rows: int, repeats: int) -> list[Measure]:
    """A CSV in cp932 to memory, strictly, beside pandas, which gets the encoding told; cells compared."""
    with tempfile.TemporaryDirectory(prefix="tegakari-bench-") as folder:
        path = Path(folder, "名簿.csv")
        _japanese_list(rows).to_csv(path, index=False, encoding="cp932")

        def pandas() -> pd.DataFrame:
            return pd.read_csv(path, dtype=str, encoding="cp932", keep_default_na=False)

        agrees = read(path).data.to_pandas().fillna("").equals(pandas())
        ours, theirs = in_turns(repeats, lambda: read(path), pandas)
    what = f"read {rows:,} rows in cp932"
    return [Measure(what, "pandas", rows, "leads", ours, theirs, agrees, Asked(1.5, "time"))]


def _japanese_list(rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "lead_id": [f"L{row:07d}" for row in range(rows)],
            "created_at": "2026-04-01 09:00",
            "会社名": np.array(_NAMES)[rng.integers(0, len(_NAMES), rows)],
            "氏名": np.array(_NAMES)[rng.integers(0, len(_NAMES), rows)],
            "都道府県": np.array(["東京都", "大阪府", "愛知県"])[rng.integers(0, 3, rows)],
            "従業員数": rng.integers(1, 9999, rows),
            "備考": np.array(_NOTES)[rng.integers(0, len(_NOTES), rows)],
        }
    )


def scoring(n_leads: int, repeats: int, trained_on: int) -> list[Measure]:
    """``tegakari score`` on a CSV of leads and ten times as many events in Parquet, to CSV.

    With three reasons, beside the same without; probabilities are compared.
    """
    trained = world(trained_on)
    with tempfile.TemporaryDirectory(prefix="tegakari-bench-") as name:
        folder = Path(name)
        trained.artefact.save(folder / "model")
        _list_of(trained, n_leads, folder)

        def scored(reasons: int) -> Path:
            out = folder / f"scores {reasons}.csv"
            files = ("--leads", folder / "leads.csv", "--events", folder / "events.parquet")
            how = ("--model", folder / "model", "--reasons", str(reasons), "--timezone", "UTC")
            at = ("--as-of", str(iso(trained.material.observed_until)))
            words = map(str, ["score", *files, *how, *at, "--out", out])
            subprocess.run(
                [sys.executable, str(_FRONT_DOOR), *words],
                env={**os.environ, "TEGAKARI_HOME": str(folder / "home")},
                stdout=subprocess.DEVNULL,
                check=True,
            )
            return out

        tables = [read_probabilities(scored(reasons)) for reasons in (REASONS, 0)]
        with_them, without = in_turns(repeats, lambda: scored(REASONS), lambda: scored(0))
    return [
        Measure(
            f"score {n_leads:,} leads, {REASONS} reasons",
            "without reasons",
            n_leads,
            "leads",
            with_them,
            without,
            tables[0].equals(tables[1]),
            Asked(2.0, "time"),
        )
    ]


def read_probabilities(path: Path) -> pa.Table:
    """The ids and probabilities that were written."""
    options = pa.csv.ConvertOptions(include_columns=["lead_id", "tegakari_probability"])
    return pa.csv.read_csv(path, convert_options=options)


def _list_of(trained: World, n_leads: int, folder: Path) -> None:
    """Leads like those of the world, with ten events each of its types."""
    material, rng = trained.material, np.random.default_rng(2)
    rows = pa.array(rng.integers(0, len(material.leads), n_leads))
    ids = pc.binary_join_element_wise("L", pa.array(np.arange(n_leads)).cast(pa.string()), "")
    created = pa.array(material.leads.created_at, pa.timestamp("us", tz="UTC")).take(rows)
    leads = material.leads.attributes.take(rows)
    leads = leads.add_column(0, "created_at", created).add_column(0, "lead_id", ids)
    pa.csv.write_csv(leads, folder / "leads.csv")
    n_events = _EVENTS_OF_A_LEAD * n_leads
    types = pa.array(material.log.types)
    events = pa.table(
        {
            "lead_id": ids.take(pa.array(rng.integers(0, n_leads, n_events))),
            "event_type": types.take(pa.array(rng.integers(0, len(types), n_events))),
            "occurred_at": pa.array(moments(rng, n_events), pa.timestamp("us", tz="UTC")),
        }
    )
    pa.parquet.write_table(events, folder / "events.parquet")
