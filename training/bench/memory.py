"""The 70 features of events in memory, beside Polars and DuckDB."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from features.kernel import behaviour
from features.program import compile_plan
from features.spine import Spine
from training.bench import duckdb_, polars_
from training.bench.logs import CUTOFF, TYPES, invented_log
from training.bench.seventy import plan_of, same
from training.bench.timing import Asked, Measure, all_in_turns, fastest


def measures(n_events: int, n_leads: int, repeats: int) -> list[Measure]:
    """Every lead as of one cutoff, on as many threads as Numba has.

    Each reference is timed in the form that is fastest here; all forms are compared with ours.
    """
    program, log = compile_plan(plan_of()), invented_log(n_events, n_leads, TYPES, seed=0)
    spine, created_at = Spine.at(n_leads, CUTOFF), np.zeros(n_leads, dtype=np.int64)

    def ours() -> npt.NDArray[np.float32]:
        return behaviour(program, log, created_at, spine.lead, spine.cutoff)

    expected = ours()
    threads = numba.get_num_threads()
    references = {
        "Polars": polars_.in_memory(log),
        "DuckDB": duckdb_.in_memory(log, threads),
    }
    agrees = {
        name: all(same(expected, form()) for form in forms.values())
        for name, forms in references.items()
    }
    chosen = {name: fastest(forms) for name, forms in references.items()}
    best = [forms[chosen[name][0]] for name, forms in references.items()]
    times = all_in_turns(repeats, [ours, *best])
    return [
        Measure(
            "in memory",
            name,
            n_events,
            "events",
            times[0],
            theirs,
            agrees[name],
            Asked(6, "speed") if name == "Polars" else None,
            chosen[name][1],
        )
        for name, theirs in zip(references, times[1:], strict=True)
    ]
