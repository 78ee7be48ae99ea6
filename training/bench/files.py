"""The 70 features from Parquet files with text ids and rows in no order, beside Polars streaming."""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet

from features.kernel import behaviour
from features.program import compile_plan
from features.spine import Spine
from features.tables import take_in
from models.intake import form_of
from models.playbook import Playbook
from training.bench import polars_
from training.bench.logs import CUTOFF
from training.bench.seventy import plan_of, same
from training.bench.timing import Asked, Measure, fastest, in_turns

_COMPARED = 500
"""Leads whose features are compared where there are too many to compare all."""


def matrix(leads: Path, events: Path) -> npt.NDArray[np.float32]:
    """The features of every lead of the list as of `CUTOFF`, in the order of the list."""
    taken = take_in(leads, events, None, form_of(Playbook.load()))
    spine, program = Spine.at(len(taken.leads), CUTOFF), compile_plan(plan_of())
    return behaviour(program, taken.log, taken.leads.created_at, spine.lead, spine.cutoff)


def measures(leads: str, events: str, repeats: int) -> list[Measure]:
    """From files to the matrix, on as many threads as Numba has."""
    paths = Path(leads), Path(events)
    forms = polars_.from_files(*paths)
    expected = matrix(*paths)
    agrees = all(same(expected, form()) for form in forms.values())
    name, tried = fastest(forms)
    n_events = pyarrow.parquet.read_metadata(events).num_rows
    ours, theirs = in_turns(repeats, lambda: matrix(*paths), forms[name])
    return [
        Measure(
            "from Parquet",
            "Polars streaming",
            n_events,
            "events",
            ours,
            theirs,
            agrees,
            Asked(2.5, "speed"),
            tried,
        )
    ]


def once(small: list[str], leads: str, events: str, features: str) -> dict[str, float]:
    """Seconds and peak memory (GiB, resident) of one way from files to the matrix.

    What Numba loads from its cache is loaded before, with the `small` list and its events. The first
    rows of the matrix are left in `features`, a file of NumPy's.
    """
    matrix(*map(Path, small))
    start = time.perf_counter()
    found = matrix(Path(leads), Path(events))
    seconds = time.perf_counter() - start
    in_bytes = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * in_bytes
    np.save(features, found[:_COMPARED])
    return {"seconds": seconds, "gib": peak / 2**30}


def agrees(leads: str, events: str, features: str) -> bool:
    """Whether the rows that `once` left are those that Polars computes."""
    with tempfile.TemporaryDirectory() as folder:
        some = Path(folder, "some.parquet")
        pyarrow.parquet.write_table(pyarrow.parquet.read_table(leads)[:_COMPARED], some)
        form = polars_.from_files(some, Path(events))["join, then group"]
        return same(np.load(features), form())
