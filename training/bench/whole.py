"""A whole training run on a million rows: features, fit without tuning, and report."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from features.instants import zone
from models.families import FAMILIES, lines_of
from models.playbook import Playbook
from models.playbook.schema import FeaturesSection
from training.bench import fresh
from training.report.making import report_of_training
from training.report.page import files_of
from training.simulate import simulate
from training.sources import Sources, gather
from training.train import train

_ZONE = "Asia/Tokyo"
_END = datetime(2026, 7, 1, tzinfo=zone(_ZONE))
_SEED = 7
N_LEADS = 50_000
"""So many have about a million rows."""
_FEW, _MANY = 10, 64
HEADER = (
    "",
    "rows",
    "columns",
    "reading",
    "features",
    "fit",
    "report",
    "the last three, s",
    "peak GiB",
    "asked:",
    "met:",
)
"""Of `lines`."""


def lines(n_leads: int, threads: int) -> list[list[str]]:
    """Rows under `HEADER`: the run with 10 event types, and with 64, each in a process of its own."""
    found = []
    for n_types, seconds, gib in ((_FEW, 300.0, 8.0), (_MANY, None, 16.0)):
        with tempfile.TemporaryDirectory(prefix="tegakari-bench-") as folder:
            fresh.call("whole", "write", threads, folder=folder, n_leads=n_leads, n_types=n_types)
            took = fresh.call("whole", "once", threads, folder=folder)
        parts = [took[name] for name in ("features", "fit", "report")]
        asked = "-" if seconds is None else f"{seconds:.0f} s"
        met = (seconds is None or sum(parts) <= seconds) and took["gib"] <= gib
        found.append(
            [
                f"{n_types} event types",
                f"{took['rows']:,}",
                str(took["columns"]),
                *(f"{part:.0f}" for part in (took["reading"], *parts, sum(parts))),
                f"{took['gib']:.2f}",
                f"{asked}, {gib:.0f} GiB",
                "yes" if met else "NO",
            ]
        )
    return found


def write(folder: str, n_leads: int, n_types: int) -> None:
    """Simulate a company whose leads do so many types of things, outcomes aside.

    The most frequent types stay, the others become the last of them; where there are too few, events
    of a type are dealt out to several in turn.
    """
    here = Path(folder)
    simulate(here, leads=n_leads, seed=_SEED, end=_END, timezone=_ZONE)
    table = pyarrow.parquet.read_table(here / "events.parquet")
    types = pc.cast(table["event_type"], pa.string()).to_numpy(zero_copy_only=False)
    outcomes = Playbook.load().outcomes
    names, code, count = np.unique(types, return_inverse=True, return_counts=True)
    free = [c for c in np.argsort(-count) if names[c] not in outcomes]
    kept, each = free[:n_types], -(-n_types // len(free))
    turn = np.arange(len(types)) % each
    said = names[code].astype(object)
    for place, c in enumerate(free):
        mine = code == c
        stays = kept[min(place, len(kept) - 1)]
        if each == 1:
            said[mine] = names[stays]
        else:
            said[mine] = [f"{names[c]}_{n}" if n else str(names[c]) for n in turn[mine]]
    place = table.column_names.index("event_type")
    table = table.set_column(place, "event_type", pa.array(said, pa.string()))
    pyarrow.parquet.write_table(table, here / "events.parquet")


def once(folder: str) -> dict[str, float]:
    """Seconds of each part of a training run on these files, and the most memory it held, in GiB."""
    here = Path(folder)
    playbook = Playbook.load().altered(features=FeaturesSection(catalogue=lines_of(FAMILIES)))
    sources = Sources(
        here / "leads.csv", here / "events.parquet", here / "changes.parquet", timezone=_ZONE
    )
    begun = time.perf_counter()
    material = gather(sources, playbook, "qualification")
    read = time.perf_counter()
    fitting: list[float] = []

    def report(step: str) -> None:
        if step.startswith("trying") and not fitting:
            fitting.append(time.perf_counter())

    trained = train(material, playbook, report)
    fitted = time.perf_counter()
    made = report_of_training(material, trained.held_out, playbook, trained.artefact)
    files_of(made)
    ended = time.perf_counter()
    in_bytes = 1 if sys.platform == "darwin" else 1024
    return {
        "reading": read - begun,
        "features": fitting[0] - read,
        "fit": fitted - fitting[0],
        "report": ended - fitted,
        "rows": len(material.spine),
        "columns": len(trained.held_out.matrix.plan.names),
        "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * in_bytes / 2**30,
    }
