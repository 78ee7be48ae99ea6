"""Requests that wait at the same moment are scored together, in a thread of their own.

Scoring one lead costs a few milliseconds whatever it did, and scoring fifty costs little more. So a
request that comes while others are being scored waits for these, and is then scored with all that
came meanwhile; one that comes alone waits for nobody, and no timer. The answer to a lead is the same
alone and together, bit for bit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, TypeVar

import msgspec
from prometheus_client import Counter, Histogram

from features.errors import InputError
from models.request import ScoreRequest
from models.scorer import Scorer
from serving.live import Live
from serving.problems import Problem

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

MOST = 64
"""Leads that are scored together."""
_LINGER = 0.002
"""Seconds that a group under load waits for those who are about to ask again."""
_USUAL = 0.05
"""Seconds that the event loop waits for a group before it goes on without."""

TOGETHER = Histogram(
    "tegakari_scored_together", "Requests scored together", buckets=(1, 2, 4, 8, 16, 32, 64)
)
FALLBACKS = Counter("tegakari_fallbacks_total", "Leads that rules answered, by why", ["reason"])


_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Asked:
    """What a request asks beside its lead; only what is equal here is scored together."""

    task: str | None
    reasons: int
    lang: str


@dataclass
class _Waiting:
    asked: Asked
    request: ScoreRequest
    done: asyncio.Future[bytes]
    since: float = field(default_factory=monotonic)


class Together:
    """Takes requests from the event loop and scores them in groups.

    Parameters
    ----------
    live : callable
        What answers now; a group is scored by what answered when it began.
    deadline : float
        Seconds after which rules answer instead.

    Notes
    -----
    The loop waits for the thread while a group takes no longer than groups do: two threads that both
    want the interpreter slow each other down far more than one that waits. What takes longer does
    not hold up the loop.
    """

    def __init__(self, live: Callable[[], Live], deadline: float) -> None:
        self._live, self._deadline = live, deadline
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._inside: deque[_Waiting] = deque()
        self._groups: SimpleQueue[tuple[Live, list[_Waiting]] | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[list[_Waiting], list[bytes | Exception]]] = SimpleQueue()
        self._planned = self._busy = self._unawaited = False
        self._seen = self._lately = 0
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._many, self._apart = ThreadPoolExecutor(1, "scoring-many"), 0
        self._thread = Thread(target=self._run, name="scoring", daemon=True)
        self._thread.start()

    def score(self, request: ScoreRequest, asked: Asked) -> asyncio.Future[bytes]:
        """The answer as JSON; the future raises Problem or InputError for a request that is wrong."""
        waiting = _Waiting(asked, request, self._loop.create_future())
        self._inside.append(waiting)
        self._waiting.append(waiting)
        if self._timer is None:
            self._timer = self._loop.call_later(self._deadline, self._look_at_the_clock)
        self._plan()
        return waiting.done

    async def apart(self, job: Callable[[Live], T]) -> T:
        """What a job makes of what answers now: the many leads of one request, scored by themselves.

        One job at a time: side by side they would only slow each other down. Each has the deadline
        to itself; after that it is done again, by rules.

        Raises
        ------
        Exception
            What the job raises.
        """
        self._apart += 1
        try:
            done = self._loop.run_in_executor(self._many, lambda: job(self._live()))
            await asyncio.wait([done], timeout=self._deadline * self._apart)
        finally:
            self._apart -= 1
        if done.done():
            return done.result()
        done.add_done_callback(_forget)
        self._warn()
        return await self._loop.run_in_executor(None, lambda: job(_by_rules(self._live())))

    def close(self) -> None:
        """End; whoever still waits has gone."""
        self._groups.put(None)
        self._many.shutdown(wait=False, cancel_futures=True)
        self._thread.join(self._deadline)

    def _plan(self) -> None:
        """Score what waits once the loop has read what came at the same moment."""
        if self._waiting and not (self._planned or self._busy):
            self._planned, self._seen, self._since = True, 0, monotonic()
            self._loop.call_soon(self._score_group)

    def _score_group(self) -> None:
        if self._more_to_come():
            self._loop.call_soon(self._score_group)
            return
        self._planned = False
        group: list[_Waiting] = []
        others: deque[_Waiting] = deque()
        while self._waiting and len(group) < MOST:
            waiting = self._waiting.popleft()
            if not waiting.done.done():
                (others if group and waiting.asked != group[0].asked else group).append(waiting)
        self._waiting.extendleft(reversed(others))
        if not group:
            return
        TOGETHER.observe(len(group))
        self._lately = max(len(group), (self._lately + len(group)) // 2)
        self._groups.put((self._live(), group))
        self._busy = True
        try:
            self._told(*self._answers.get(timeout=_USUAL))
        except Empty:
            # The thread tells the loop when it has them, unless it has them by now.
            self._unawaited = True
            self._collect()

    def _more_to_come(self) -> bool:
        """Whether the loop had better read on: whoever comes too late waits for a whole group.

        While requests keep coming, and under load for as many as lately were together, but never
        for long.
        """
        n = len(self._waiting)
        if n >= MOST:
            return False
        if n > self._seen:
            self._seen = n
            return True
        return n < self._lately and monotonic() - self._since < _LINGER

    def _collect(self) -> None:
        with contextlib.suppress(Empty):
            self._told(*self._answers.get_nowait())

    def _told(self, group: list[_Waiting], answers: list[bytes | Exception]) -> None:
        self._busy = self._unawaited = False
        _tell(group, answers)
        self._plan()

    def _run(self) -> None:
        while (task := self._groups.get()) is not None:
            live, group = task
            requests = [waiting.request for waiting in group]
            self._answers.put((group, answers_to(live, requests, group[0].asked)))
            if self._unawaited:
                self._in_loop(self._collect)

    def _look_at_the_clock(self) -> None:
        """Let rules answer whoever waits for too long, and come back when the next one would."""
        self._timer = None
        now, late = monotonic(), []
        while self._inside:
            if not self._inside[0].done.done():
                if now - self._inside[0].since < self._deadline:
                    break
                late.append(self._inside[0])
            self._inside.popleft()
        if late:
            self._loop.run_in_executor(None, self._answer_by_rules, late)
        if self._inside:
            wait = self._inside[0].since + self._deadline - now
            self._timer = self._loop.call_later(max(wait, 0.001), self._look_at_the_clock)

    def _answer_by_rules(self, late: list[_Waiting]) -> None:
        self._warn()
        live = _by_rules(self._live())
        for waiting in late:
            self._in_loop(_tell, [waiting], answers_to(live, [waiting.request], waiting.asked))

    def _warn(self) -> None:
        _LOG.warning("the deadline of %g s passed: rules answer", self._deadline)

    def _in_loop(self, call: Callable[..., None], *arguments: Any) -> None:
        """Let the event loop call something, unless it has ended, and with it whoever waits."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, *arguments)


def _by_rules(live: Live) -> Live:
    """What answers where a model takes too long."""
    loaded = {}
    for task, one in live.loaded.items():
        scorer = Scorer(one.scorer.playbook, None, one.scorer.points_map, "deadline_passed")
        loaded[task] = replace(one, scorer=scorer)
    return replace(live, loaded=loaded)


def _forget(scored: asyncio.Future[T]) -> None:
    """Take what came too late, so that nobody complains that it was not taken."""
    if not scored.cancelled():
        scored.exception()


def _tell(group: Sequence[_Waiting], answers: Sequence[bytes | Exception]) -> None:
    for waiting, answer in zip(group, answers, strict=True):
        if waiting.done.done():
            continue
        if isinstance(answer, Exception):
            waiting.done.set_exception(answer)
        else:
            waiting.done.set_result(answer)


def answers_to(
    live: Live, requests: Sequence[ScoreRequest], asked: Asked
) -> list[bytes | Exception]:
    """The answer to each request as JSON, or what is wrong with it."""
    try:
        scores = live.score(requests, asked.task, asked.reasons, asked.lang)
        for reason in scores.fallback_reason:
            if reason is not None and reason != "task_without_model":
                FALLBACKS.labels(reason).inc()
        return list(map(_encode, scores.records()))
    except (InputError, Problem) as error:
        if len(requests) == 1:
            return [error]
    except Exception as error:
        if len(requests) == 1:
            _LOG.error("scoring failed (%s)", type(error).__name__)
            return [error]
    return _apart(live, requests, asked)


def _apart(live: Live, requests: Sequence[ScoreRequest], asked: Asked) -> list[bytes | Exception]:
    """The answers where something is wrong with some requests, which is told to these alone."""
    wrong: dict[int, Exception] = {}
    for place, request in enumerate(requests):
        try:
            live.read([request], asked.task)
        except (InputError, Problem) as error:
            wrong[place] = error
    good = [place for place in range(len(requests)) if place not in wrong]
    if not wrong:
        # It is not the reading: each is asked alone.
        return [answers_to(live, [request], asked)[0] for request in requests]
    answers = answers_to(live, [requests[place] for place in good], asked) if good else []
    told: dict[int, bytes | Exception] = {**wrong, **dict(zip(good, answers, strict=True))}
    return [told[place] for place in range(len(requests))]
