"""Ten times as many events, from Parquet with `channel` and `event_id`: memory, and time per event."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from training.bench import fresh
from training.bench.logs import write
from training.bench.timing import Asked, Measure

_TIMES = 10
_SMALL = (10_000, 1000)
"""Events and leads with which a process gets ready."""


def measures(n_events: int, n_leads: int, repeats: int, threads: int) -> list[Measure]:
    """So many events and a tenth of them in turns, each time in a process of its own.

    The files, some 27 MB for a million events, are gone afterwards, whatever happens. The features
    of some leads are compared with those by Polars.
    """
    with tempfile.TemporaryDirectory(prefix="tegakari-bench-") as folder:
        small = _files(Path(folder, "small"), *_SMALL)
        sizes = ((n_events, n_leads), (n_events // _TIMES, n_leads // _TIMES))
        both = [_files(Path(folder, str(events)), events, leads) for events, leads in sizes]
        features = [str(Path(folder, f"{number}.npy")) for number in range(len(both))]

        def once(number: int) -> dict[str, float]:
            leads, events = both[number]
            of = {"leads": leads, "events": events, "features": features[number]}
            result: dict[str, float] = fresh.call("files", "once", threads, small=small, **of)
            return result

        turns = [[once(number) for number in range(len(both))] for _ in range(repeats)]
        agrees = all(
            fresh.call("files", "agrees", threads, leads=leads, events=events, features=file)
            for (leads, events), file in zip(both, features, strict=True)
        )
    seconds, gib = (
        np.median([[one[of] for one in turn] for turn in turns], axis=0)
        for of in ("seconds", "gib")
    )
    what, reference = f"{n_events:,} events", f"{n_events // _TIMES:,} events"
    of: dict[str, Any] = {
        "what": what,
        "reference": reference,
        "amount": n_events,
        "agrees": agrees,
    }
    return [
        Measure(
            unit="events",
            ours=float(seconds[0]),
            theirs=float(seconds[1]) * _TIMES,
            asked=Asked(1.5, "time"),
            **of,
        ),
        Measure(unit="GiB", ours=float(gib[0]), theirs=float(gib[1]), asked=Asked(8, "GiB"), **of),
    ]


def _files(folder: Path, n_events: int, n_leads: int) -> list[str]:
    folder.mkdir()
    return [str(path) for path in write(folder, n_events, n_leads, full=True)]
