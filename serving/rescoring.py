"""Keeps the ranked list fresh, in a thread of the one process that holds the lease for it.

A lead is scored again

    when something of it was committed        within moments of the commit; while there is more than
                                              can be done at once, the newest have every other turn
    when time alone may have changed it       after a day at most, sooner near a line, and when an
                                              event that was ahead of the clock has come
    when something else answers               after a swap of models or a published playbook, every
                                              lead, those near a line first
"""

from __future__ import annotations

import json
import logging
import os
import secrets
from collections.abc import Callable
from threading import Event, Thread
from time import monotonic, thread_time

from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Connection

from features.instants import DAY, SECOND, now
from features.task import Task
from serving.live import Live
from serving.store.leases import hold, release
from serving.store.ranking import put
from serving.store.statements import marked, select_in
from serving.store.store import Store
from serving.store.writer import Commit, StoreError
from serving.stored import look, rows_of

_LOG = logging.getLogger(__name__)

LEASE = "rescoring"
CHUNK = 512
"""Leads that are scored together."""
KEPT_PAST_HORIZON = 180 * DAY
"""Scores are kept for the longest horizon and this long."""

_MOST_NEWS = 4 * CHUNK
"""Leads of one step, so that the lease is renewed in between."""
_TURNS = 4
"""Every so manieth step begins with what else is due, so that no stream of news keeps it waiting."""
_SHARED, _RESTS = 1.5, 3.0
"""Computing that takes so many times its own time shares the processor with requests. Then it rests
so many times as long as it worked: a list that is a moment older harms less than requests that wait.
"""
_QUEUE, _RESTS_LONG, _LONGEST = 2, 12.0, 2.0
"""Where so many requests wait to be written before and after, it rests so much longer, up to so many
seconds: what it writes itself keeps them waiting most.
"""
_BEHIND = SECOND // 2
"""From this age of the oldest news on, the newest have every other turn: what somebody does now is
listed at once, whatever was imported before it.
"""
_COUNTED = 10 * SECOND
"""How often what is left to do after a swap is counted, which takes longer than a chunk of it."""
_POLL = 0.2
_RENEWED = 3 * SECOND
_NEWS_KEPT = 1_000
"""So many commits are kept after their news are dealt with."""

RESCORED = Counter("tegakari_rescored_leads_total", "Leads scored again, by why", ["why"])
STALE = Gauge(
    "tegakari_stale_leads",
    "Leads whose listed score is not by what answers now",
    multiprocess_mode="livemax",
)
BEHIND = Gauge(
    "tegakari_rescoring_behind_seconds",
    "Age of the oldest commit whose leads are not scored again",
    multiprocess_mode="livemax",
)
FRESH_AFTER = Histogram(
    "tegakari_fresh_after_seconds",
    "From a commit to the changed rows in the ranked list",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 60, 600),
)


class Rescoring:
    """The work in the background.

    Parameters
    ----------
    store : Store
    live : callable
        What answers now.
    """

    def __init__(self, store: Store, live: Callable[[], Live]) -> None:
        self._store, self._live = store, live
        self._holder = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._held_until, self._stop, self._news = 0, Event(), Event()
        self._swept = self._counted = self._turn = 0
        self._thread = Thread(target=self._run, name="rescoring", daemon=True)

    def start(self) -> None:
        """Begin, where the lease is free."""
        self._thread.start()

    def wake(self) -> None:
        """Something was committed."""
        self._news.set()

    def close(self) -> None:
        """End after the present chunk, and let another process take over."""
        self._stop.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                busy = self._holds() and self.step()
            except StoreError as error:
                _LOG.warning("the ranked list waits: %s", error)
                busy = self._stop.wait(1.0)
            except Exception as error:
                # Only the kind of error is logged: its text may quote a lead.
                _LOG.error("rescoring failed (%s), and goes on", type(error).__name__)
                busy = self._stop.wait(1.0)
            if not busy:
                self._news.wait(_POLL)
                self._news.clear()
        if self._held_until:
            try:
                self._store.write(lambda commit: release(commit, LEASE, self._holder))
            except StoreError:
                _LOG.warning("the lease could not be let go; it ends by itself")

    def _holds(self) -> bool:
        """Whether the lease is ours, taken or renewed where it has to be."""
        if now() < self._held_until:
            return True
        mine = self._store.write(lambda commit: hold(commit, LEASE, self._holder))
        self._held_until = now() + _RENEWED if mine else 0
        if not mine:
            self._stop.wait(1.0)
        return mine

    def step(self) -> bool:
        """Score the leads of the next news, or one chunk of what else is due; whether there were any."""
        live = self._live()
        self._turn += 1
        # However much news there is, what else is due has its turn.
        if self._turn % _TURNS == 0:
            return self._score_others(live) or self._score_news(live)
        if self._score_news(live) or self._score_others(live):
            return True
        self._sweep(live)
        return False

    def _score_news(self, live: Live) -> bool:
        with self._store.reading() as connection:
            news = _news(connection)
        if news is None:
            BEHIND.set(0)
            return False
        place, at, ids = news
        BEHIND.set(max(0, now() - at) / SECOND)
        for begin in range(0, len(ids), CHUNK):
            if now() - at > _BEHIND:
                self._score_newest(live)
            done = place if begin + CHUNK >= len(ids) else None
            self._score(live, ids[begin : begin + CHUNK], "news", done)
        if not ids:
            self._store.write(lambda commit: _reached(commit, place))
        FRESH_AFTER.observe(max(0, now() - at) / SECOND)
        return True

    def _score_newest(self, live: Live) -> None:
        with self._store.reading() as connection:
            ids = _newest(connection)
        if ids:
            self._score(live, ids, "news", None)

    def _score_others(self, live: Live) -> bool:
        with self._store.reading() as connection:
            why, ids = "time", _due(connection, now())
            if not ids:
                why, ids = "swap", _by_others(connection, live.signature)
                if not ids:
                    STALE.set(0)
                elif now() - self._counted > _COUNTED:
                    self._counted = now()
                    STALE.set(_count_stale(connection, live.signature))
        if ids:
            self._score(live, ids, why, None)
        return bool(ids)

    def _score(self, live: Live, ids: list[str], why: str, place: int | None) -> None:
        """Score leads and list them; `place` is the commit up to which the news are dealt with."""
        moment, begin, queue = now(), monotonic(), self._store.waiting
        with self._store.reading() as connection:
            seen = look(connection, live, ids, moment)
        computing, own = monotonic(), thread_time()
        rows = rows_of(live, seen, moment)
        shared = monotonic() - computing > _SHARED * (thread_time() - own)

        def job(commit: Commit) -> None:
            put(commit, rows)
            if place is not None:
                _reached(commit, place)

        self._store.write(job)
        RESCORED.labels(why).inc(len(rows))
        if min(queue, self._store.waiting) >= _QUEUE:
            self._stop.wait(min(_LONGEST, _RESTS_LONG * (monotonic() - begin)))
        elif shared:
            self._stop.wait(min(_LONGEST, _RESTS * (monotonic() - begin)))

    def _sweep(self, live: Live) -> None:
        """Once an hour, let go of scores that are older than they have to be kept."""
        if now() - self._swept < DAY // 24:
            return
        self._swept = now()
        longest = max((_horizon(live.playbook.task(name)) for name in live.loaded), default=0)
        before = now() - longest - KEPT_PAST_HORIZON
        self._store.write(
            lambda commit: (
                commit.connection.exec_driver_sql(
                    marked(commit.connection, "DELETE FROM scores WHERE scored_at < ?"), (before,)
                ).rowcount
            )
        )


def _horizon(task: Task) -> int:
    return task.horizon or 0


def _news(connection: Connection) -> tuple[int, int, list[str]] | None:
    """The last of the next commits to deal with, when the first of them was, and whose leads.

    A lead that was scored after a commit need not be again for it: however far behind the list is,
    each lead is scored once.
    """
    select = (
        "SELECT id, at, leads FROM commits WHERE id > "
        "coalesce((SELECT place FROM progress WHERE name = 'ranked'), 0) ORDER BY id LIMIT 500"
    )
    rows = connection.exec_driver_sql(select).fetchall()
    if not rows:
        return None
    last, told = 0, dict[str, int]()
    for number, at, leads in rows:
        told |= dict.fromkeys(json.loads(leads), at)
        last = number
        if len(told) >= _MOST_NEWS:
            break
    return last, rows[0][1], _unseen(connection, told)


def _newest(connection: Connection) -> list[str]:
    """The leads of the last commits that the list does not know of yet, a chunk at most."""
    select = (
        "SELECT at, leads FROM commits WHERE id > "
        "coalesce((SELECT place FROM progress WHERE name = 'ranked'), 0) ORDER BY id DESC LIMIT 50"
    )
    told: dict[str, int] = {}
    for at, leads in connection.exec_driver_sql(select):
        for lead in json.loads(leads):
            told.setdefault(lead, at)
        if len(told) >= CHUNK:
            break
    return _unseen(connection, told)[:CHUNK]


def _unseen(connection: Connection, told: dict[str, int]) -> list[str]:
    """Of leads with the moments of their commits, those whose rows know less."""
    select = "SELECT lead_id, known_at FROM ranked WHERE lead_id"
    seen = {row[0]: row[1] for row in select_in(connection, select, list(told))}
    return [one for one, at in told.items() if seen.get(one, 0) < at]


def _reached(commit: Commit, place: int) -> None:
    """Write down up to which commit the news are dealt with, and let go of old ones."""
    connection = commit.connection
    statement = (
        "INSERT INTO progress (name, place) VALUES ('ranked', ?) "
        "ON CONFLICT (name) DO UPDATE SET place = excluded.place"
    )
    connection.exec_driver_sql(marked(connection, statement), (place,))
    connection.exec_driver_sql(
        marked(connection, "DELETE FROM commits WHERE id < ?"), (place - _NEWS_KEPT,)
    )


def _due(connection: Connection, at: int) -> list[str]:
    select = f"SELECT lead_id FROM ranked WHERE due_at <= ? ORDER BY due_at LIMIT {CHUNK}"
    return [row[0] for row in connection.exec_driver_sql(marked(connection, select), (at,))]


def _by_others(connection: Connection, signature: str) -> list[str]:
    """Leads of the list that something else than what answers now has scored, near a line first."""
    for compared in ("<", ">"):
        select = f"SELECT signature FROM ranked WHERE signature {compared} ? LIMIT 1"
        other = connection.exec_driver_sql(marked(connection, select), (signature,)).scalar()
        if other is not None:
            select = f"SELECT lead_id FROM ranked WHERE signature = ? ORDER BY margin LIMIT {CHUNK}"
            found = connection.exec_driver_sql(marked(connection, select), (other,))
            return [row[0] for row in found]
    return []


def _count_stale(connection: Connection, signature: str) -> int:
    """How many leads of the list are not scored by what answers now."""
    count = "SELECT count(*) FROM ranked WHERE signature <> ?"
    return connection.exec_driver_sql(marked(connection, count), (signature,)).scalar() or 0
