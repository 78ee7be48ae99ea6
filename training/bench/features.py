"""Reading events and computing features of many leads, beside pandas."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet

from features.instants import DAY
from features.kernel import behaviour, compile_plan
from features.plan import Plan, expand
from features.spine import Spine
from features.tables import Intake, take_in
from models.intake import form_of
from models.playbook import Playbook
from training.bench.references import CUTOFF, by_pandas, invented_log, log_by_pandas
from training.bench.timing import Measure, in_turns

TYPES = tuple(f"type_{letter}" for letter in "abcdefghij")
CATALOGUE = (
    "count 7d",
    "count 30d",
    "count 90d",
    "count ever",
    "decay 14d",
    "decay 45d",
    "recency",
)


def in_memory(n_events: int, n_leads: int, repeats: int) -> list[Measure]:
    """70 features of every lead as of one cutoff: on one thread, as pandas works, then on all.

    Counts and recency are compared bit for bit, decays to one part in a million.
    """
    plan = Plan(TYPES, (), (), expand(CATALOGUE, TYPES), (), "UTC", {}, {})
    program, log = compile_plan(plan), invented_log(n_events, n_leads, TYPES, seed=0)
    spine = Spine.at(n_leads, CUTOFF)

    def ours() -> npt.NDArray[np.float32]:
        return behaviour(program, log, np.zeros(n_leads, np.int64), spine.lead, spine.cutoff)

    def reference() -> npt.NDArray[np.float32]:
        return by_pandas(plan, log, CUTOFF)

    measures = []
    threads_before = numba.get_num_threads()
    for threads in dict.fromkeys((1, threads_before)):
        numba.set_num_threads(threads)
        measures.append(
            Measure(
                f"features, {threads} thread{'s' * (threads > 1)}",
                "pandas",
                n_events,
                "events",
                *in_turns(repeats, ours, reference),
                agrees=same(plan, ours(), reference()),
            )
        )
    numba.set_num_threads(threads_before)
    return measures


def same(plan: Plan, ours: npt.NDArray[np.float32], reference: npt.NDArray[np.float32]) -> bool:
    """Bit for bit; decays, whose sums are rounded on the way, to one part in a million."""
    decays = np.array([f.kind == "decay" for f in plan.features])
    exact = np.array_equal(ours[..., ~decays], reference[..., ~decays], equal_nan=True)
    return exact and np.allclose(ours[..., decays], reference[..., decays], rtol=1e-6, atol=0)


def reading(n_events: int, n_leads: int, repeats: int) -> Measure:
    """From Parquet with ids as text and rows in no order to a log.

    Lead, time and type of every event are compared.
    """
    with tempfile.TemporaryDirectory() as folder:
        leads, events = Path(folder, "leads.parquet"), Path(folder, "events.parquet")
        _write(n_events, n_leads, leads, events)
        form = form_of(Playbook.load())

        def ours() -> Intake:
            return take_in(leads, events, None, form)

        def reference() -> tuple[npt.NDArray[Any], ...]:
            return log_by_pandas(leads, events)

        log, theirs = ours().log, reference()
        mine: list[npt.NDArray[Any]] = [log.offsets, log.occurred_at, log.event_type]
        agrees = all(map(np.array_equal, mine, theirs))
        times = in_turns(repeats, ours, reference)
    return Measure(
        "Parquet to log",
        "pandas",
        n_events,
        "events",
        *times,
        agrees=agrees,
    )


def _write(n_events: int, n_leads: int, leads: Path, events: Path) -> None:
    log = invented_log(n_events, n_leads, TYPES, seed=1)
    ids = np.array([f"L{lead:07}" for lead in range(n_leads)], dtype=object)
    shuffled = np.random.default_rng(2).permutation(n_events)
    columns = {
        "lead_id": pa.array(ids[log.lead_of_event()[shuffled]]),
        "event_type": pa.array(np.array(TYPES, dtype=object)[log.event_type[shuffled]]),
        "occurred_at": pa.array(log.occurred_at[shuffled], pa.timestamp("us", tz="UTC")),
    }
    created_at = pa.array(np.full(n_leads, CUTOFF - 365 * DAY), pa.timestamp("us", tz="UTC"))
    pa.parquet.write_table(pa.table({"lead_id": pa.array(ids), "created_at": created_at}), leads)
    pa.parquet.write_table(pa.table(columns), events)
