"""How jobs are done that are committed together: at once where they can be, else one by one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import Any, Generic, Self, TypeVar

from sqlalchemy.exc import DBAPIError

from features.errors import TegakariError
from serving.store.commit import Commit, StoreError, failure

T = TypeVar("T")

Outcome = tuple[Any, BaseException | None]
"""What a job gave, or raised."""


class Shared(ABC, Generic[T]):
    """A job that can be done together with others of its class, in fewer statements."""

    @abstractmethod
    def __call__(self, commit: Commit) -> T:
        """Do this one alone."""

    @classmethod
    @abstractmethod
    def together(cls, commit: Commit, jobs: Sequence[Self]) -> list[T]:
        """Do several at once; what each gives.

        Raises
        ------
        Apart
            When they have to be done one after the other; nothing of them is kept then.
        """


class Apart(TegakariError):
    """Jobs cannot be done at once."""


def run_all(jobs: Sequence[Callable[[Commit], Any]], commit: Commit) -> list[Outcome]:
    """What each job gave or raised."""
    outcomes: dict[int, Outcome] = {}
    kinds: dict[type[Shared[Any]], list[int]] = {}
    for place, job in enumerate(jobs):
        if isinstance(job, Shared):
            kinds.setdefault(type(job), []).append(place)
    for kind, places in kinds.items():
        if len(places) > 1:
            shared: list[Any] = [jobs[place] for place in places]
            answers, error = _run(partial(kind.together, jobs=shared), commit)
            if error is None:
                outcomes |= {p: (one, None) for p, one in zip(places, answers, strict=True)}
    for place, job in enumerate(jobs):
        if place not in outcomes:
            outcomes[place] = _run(job, commit)
    return [outcomes[place] for place in range(len(jobs))]


def _run(job: Callable[[Commit], Any], commit: Commit) -> Outcome:
    """What a job gave or raised; an error of the database itself ends the whole commit."""
    connection, before = commit.connection, len(commit.leads)
    connection.exec_driver_sql("SAVEPOINT job")
    try:
        answer = job(commit)
    except Exception as error:
        if isinstance(error, DBAPIError) and isinstance(failure(error), StoreError):
            raise
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT job")
        # They are in order, so that those of this job are the last ones.
        commit.leads = dict(islice(commit.leads.items(), before))
        return None, error
    connection.exec_driver_sql("RELEASE SAVEPOINT job")
    return answer, None
