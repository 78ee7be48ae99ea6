"""The one thread that writes: what waits at the same moment is committed together.

A commit is what costs (the disk has to have it), not what is in it. So a job that comes while
another group is being committed waits for that, and then shares the next commit with all others
that came meanwhile: nobody waits for a timer. Jobs of a kind that can be done at once are; any other,
and each of those where that failed, has a savepoint of its own, so that one which fails takes
nothing of the others with it. A caller hears of success only after the commit.
"""

from __future__ import annotations

import logging
import queue
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any, TypeVar

from prometheus_client import Counter, Histogram
from sqlalchemy import Engine

from serving.store.commit import (
    Commit,
    StoreBusy,
    StoreDown,
    StoreError,
    StoreFull,
    failure,
    writing,
)
from serving.store.grouping import Outcome, run_all

__all__ = [
    "MOST_WAITING",
    "Commit",
    "StoreBusy",
    "StoreDown",
    "StoreError",
    "StoreFull",
    "Writer",
    "failure",
    "writing",
]

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

MOST_WAITING = 64
"""More jobs than this are not taken: whoever has one is told to come back."""
_MOST_TOGETHER = 64

_GROUPS = Histogram(
    "tegakari_commit_jobs",
    "Jobs committed together",
    buckets=(1, 2, 4, 8, 16, 32, 64),
)
_FAILED = Counter("tegakari_commits_failed_total", "Commits that failed", ["why"])


@dataclass(frozen=True)
class _Waiting:
    job: Callable[[Commit], Any]
    done: Future[Any]


class Writer:
    """Takes jobs from any thread and commits them in groups.

    Parameters
    ----------
    engine : Engine
    committed : callable, optional
        Called after each commit that touched leads, in the writer's thread.
    most : int
        Jobs that are taken while they wait or are committed.
    """

    def __init__(
        self,
        engine: Engine,
        committed: Callable[[], None] | None = None,
        most: int = MOST_WAITING,
    ) -> None:
        self._engine, self._committed, self._most = engine, committed, most
        self._inside, self._failing = 0, False
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._lock, self._closed = Lock(), False
        self._thread = Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[Commit], T]) -> Future[T]:
        """What a job gives back, once it is committed.

        The future raises what the job raised, or `StoreDown` or `StoreFull` where nothing was
        committed.

        Raises
        ------
        StoreBusy
            When too much waits already.
        StoreDown
            After `close`.
        """
        done: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise StoreDown("The store is being closed.")
            if self._inside >= self._most:
                raise StoreBusy(
                    f"More than {self._most} requests wait to be written. Send this again later."
                )
            self._inside += 1
            self._waiting.put(_Waiting(job, done))
        return done

    @property
    def waiting(self) -> int:
        """How many jobs wait or are being committed."""
        return self._inside

    def write(self, job: Callable[[Commit], T]) -> T:
        """Run a job and wait for its commit."""
        return self.submit(job).result()

    def close(self) -> None:
        """Commit what waits, and end."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        more = True
        while more:
            group = [self._waiting.get()]
            while len(group) < _MOST_TOGETHER:
                try:
                    group.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            jobs = [waiting for waiting in group if waiting is not None]
            more = len(jobs) == len(group)
            if jobs:
                self._commit(jobs)

    def _commit(self, jobs: list[_Waiting]) -> None:
        outcomes, touched = self._outcomes([waiting.job for waiting in jobs])
        with self._lock:
            self._inside -= len(jobs)
        for waiting, (answer, error) in zip(jobs, outcomes, strict=True):
            if error is None:
                waiting.done.set_result(answer)
            else:
                waiting.done.set_exception(error)
        if touched and self._committed:
            self._committed()

    def _outcomes(self, jobs: list[Callable[[Commit], Any]]) -> tuple[list[Outcome], bool]:
        """What the jobs of one commit gave or raised, and whether it touched leads."""
        try:
            with writing(self._engine) as commit:
                outcomes = run_all(jobs, commit)
        except BaseException as failed:
            said = failure(failed)
            _FAILED.labels(type(said).__name__).inc()
            # Told once: clients come again all the time, and a disk that is full has no room for it.
            if not self._failing:
                _LOG.error("nothing is committed (%s)", type(failed).__name__)
            self._failing = True
            return [(None, said)] * len(jobs), False
        if self._failing:
            _LOG.warning("commits go on")
        self._failing = False
        _GROUPS.observe(len(jobs))
        return outcomes, bool(commit.leads)
