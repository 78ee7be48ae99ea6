"""Durable ingest over HTTP, beside the same rows put into SQLite by nothing but ``executemany``."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import time
from pathlib import Path
from statistics import median

from models.settings import Settings
from serving.bench.figure import Figure
from serving.bench.wrk import Load, load
from serving.process import Service, Unwell
from serving.store.engine import open_engine
from serving.store.schema import events

SIZE, CLIENTS, LEADS = 50, 8, 20_000
ASKED = 0.7
_ROWS = 2_000
"""Batches of a turn of the reference."""

SCRIPT = Path(__file__).with_name("ingest.lua")
"""What wrk sends."""


def durable(home: Path, folder: Path, *, seconds: float, turns: int) -> list[Figure]:
    """Batches of 50 events from 8 clients, each answered after its commit."""
    with Service(home, folder / "log") as service:
        path, url = home / "bare.db", f"http://127.0.0.1:{service.port}/v1/events"
        # Leads are made, files grow to their size, code is warm.
        loads, theirs = [load(url, SCRIPT, connections=CLIENTS, seconds=seconds / 2)], []
        for turn in range(turns):
            # The reference has the machine to itself: what the service still lists waits.
            os.kill(service.pid, signal.SIGSTOP)
            try:
                theirs.append(bare(home / "store.db", path, turn))
            finally:
                os.kill(service.pid, signal.SIGCONT)
            loads.append(load(url, SCRIPT, connections=CLIENTS, seconds=seconds))
        service.stop()
    _check(home, loads)
    ours = median(one.rate for one in loads[1:]) * SIZE
    p99 = median(one.p99 for one in loads[1:])
    reference = median(theirs)
    return [
        Figure(
            f"durable ingest, batches of {SIZE}, {CLIENTS} clients",
            f"{ours:,.0f} events/s, p99 {p99 * 1e3:.1f} ms, {ours / reference:.2f}x",
            f"{reference:,.0f} events/s, bare executemany and commit, as full a store",
            f"at least {ASKED}x",
            ours / reference >= ASKED,
        )
    ]


def bare(store: Path, path: Path, seed: int) -> float:
    """Events in a second that one thread puts into a copy of the store, a commit for every batch."""
    path.unlink(missing_ok=True)
    seeded = random.Random(seed)
    columns = [column.name for column in events.columns if column.name != "id"]
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO events ({', '.join(columns)}) VALUES ({marks})"
    now = time.time_ns() // 1_000
    batches = [
        [
            (
                f"L{seeded.randrange(LEADS):05}",
                "price_page_view",
                now - seeded.randrange(10**9),
                None,
                now,
                False,
                "web",
                "pricing",
                None,
                f"{seed}-{number}-{place}",
                None,
            )
            for place in range(SIZE)
        ]
        for number in range(_ROWS)
    ]
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # As full as the store is: rows go into trees of the same size.
        with contextlib.closing(sqlite3.connect(store)) as full:
            full.backup(connection)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("SELECT count(*) FROM events").fetchone()
        begin = time.perf_counter()
        for rows in batches:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(statement, rows)
            connection.execute("COMMIT")
        took = time.perf_counter() - begin
    path.unlink()
    return _ROWS * SIZE / took


def _check(home: Path, loads: list[Load]) -> None:
    """What was answered has to be there."""
    engine = open_engine(Settings(home=home, database_url=None))
    try:
        with engine.connect() as connection:
            there = connection.exec_driver_sql("SELECT count(*) FROM events").scalar() or 0
    finally:
        engine.dispose()
    sent, failed = sum(one.requests for one in loads) * SIZE, sum(one.failed for one in loads)
    if there < sent or failed:
        raise Unwell(
            f"{failed} requests failed; {sent:,} events were acknowledged, {there:,} are there."
        )
