"""The simulator: leads, events and changes of an invented reseller, and the best possible answer.

The four files follow the contract. Two of its traps are in them: `lead_status` in leads.csv is a
photograph at the export, and leads.csv gives changing attributes as they are then. There is no
`recorded_at`: everything is known when it happens, so that p_bayes is the best answer to what a
feature can see. The world is `training.simulation.world` with the numbers of
`training.simulation.reseller`, and if asked for one signal of `training.simulation.signals`; this
file runs it and writes it down.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import UsageError
from features.instants import zone
from features.writing import write_whole
from training.simulation import export
from training.simulation.behaviour import Day, live
from training.simulation.diary import Entries, entries
from training.simulation.population import populate
from training.simulation.register import Register
from training.simulation.signals import companies, known, nature
from training.simulation.truth import forecasts

FILES = ("leads.csv", "events.parquet", "changes.parquet", "truth.parquet")


@dataclass(frozen=True)
class Simulated:
    """What was written.

    Attributes
    ----------
    leads, events, changes, truth : numbers of rows.
    begins, ends : the world's days are [begins, ends), ISO 8601 with offset.
    files : name of each file to its path.
    signal : what was planted.
    """

    leads: int
    events: int
    changes: int
    truth: int
    begins: str
    ends: str
    timezone: str
    files: dict[str, str]
    signal: str | None


def simulate(
    out: Path,
    *,
    leads: int = 20_000,
    days: int = 540,
    seed: int = 7,
    end: datetime | None = None,
    timezone: str = "Asia/Tokyo",
    signal: str | None = None,
) -> Simulated:
    """Run the default world and write leads.csv, events.parquet, changes.parquet, truth.parquet.

    The same (leads, days, seed, end, timezone, signal) give the same bytes.

    Parameters
    ----------
    out : directory, made if need be; files of these names in it are replaced, each at once.
    leads : how many arrive, evenly over the days.
    days : how many days of `timezone` the world runs, ending with the one before `end`.
    end : the last midnight; a later hour of its day counts as that midnight, and a time without a
        zone is one of `timezone`. By default today's.
    signal : one of `training.simulation.signals.SIGNALS` to plant. truth.parquet then has
        `p_without` too, the best answer of who sees everything but the signal.

    Raises
    ------
    UsageError
        If `leads` or `days` is below 1, `seed` below 0, `timezone` or `signal` unknown, or `out` a
        file.
    """
    _check(out, leads, days, seed)
    if signal is not None:
        known(signal)
    midnights = _midnights(days, end, zone(timezone))
    dates = [midnight.date() for midnight in midnights[:-1]]
    for_population, for_life, for_diary, for_register, for_accounts, for_paces = (
        np.random.SeedSequence(seed).spawn(6)
    )
    account = companies(leads, for_accounts) if signal == "accounts" else None
    population = populate(leads, days, for_population, account)
    hidden = nature(signal, population.traits, account, for_paces)
    register = Register(population.seats, for_register)
    diary_rng = np.random.default_rng(for_diary)
    diary: list[Entries] = []

    def noted() -> Iterator[Day]:
        for day, _ in live(hidden.world, hidden.traits, dates, for_life, hidden.plant):
            register.note(day)
            week = (dates[day.number].toordinal() - 1) // 7
            diary.append(entries(day, population, week, diary_rng))
            yield day

    truth = [
        (f.midnight, f.leads, {"p_bayes": f.p_bayes, "p_without": f.p_without})
        for f in forecasts(hidden.world, population.traits, noted(), prior=hidden.prior)
    ]
    answers = ("p_bayes",) if signal is None else ("p_bayes", "p_without")
    clock, ids = export.Clock(midnights), population.columns["lead_id"].tolist()
    events = export.events_table(diary, ids, clock)
    changes = export.changes_table(register.changes, ids, clock)
    truths = export.truth_table(truth, answers, ids, clock)
    out.mkdir(parents=True, exist_ok=True)
    photograph = export.leads_frame(population, register, clock)
    write_whole(out / "leads.csv", lambda file: photograph.to_csv(file, index=False))
    for name, table in (("events", events), ("changes", changes), ("truth", truths)):
        write_whole(out / f"{name}.parquet", partial(_write_parquet, table))
    return Simulated(
        leads=leads,
        events=events.num_rows,
        changes=changes.num_rows,
        truth=truths.num_rows,
        begins=midnights[0].isoformat(),
        ends=midnights[-1].isoformat(),
        timezone=timezone,
        files={name: str(out / name) for name in FILES},
        signal=signal,
    )


def _check(out: Path, leads: int, days: int, seed: int) -> None:
    for option, value, least in (("leads", leads, 1), ("days", days, 1), ("seed", seed, 0)):
        if value < least:
            raise UsageError(f"--{option} is {value}; give {least} or more.")
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is a file; give a directory to write the tables to.")


def _midnights(days: int, end: datetime | None, tz: ZoneInfo) -> list[datetime]:
    """The days + 1 midnights of the world in its zone."""
    if end is None:
        last = datetime.now(tz).date()
    else:
        last = (end if end.tzinfo is None else end.astimezone(tz)).date()
    try:
        first = last - timedelta(days=days)
    except OverflowError as error:
        raise UsageError(f"--days {days} before {last} is outside the calendar.") from error
    return [datetime.combine(first + timedelta(days=i), time(), tz) for i in range(days + 1)]


def _write_parquet(table: pa.Table, file: IO[bytes]) -> None:
    """Dictionaries of text are stored as plain text columns, which is what a reader expects."""
    pq.write_table(table, file, compression="zstd", store_schema=False)
